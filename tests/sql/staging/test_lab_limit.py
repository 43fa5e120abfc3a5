"""The limit a laboratory states by habit, for each class of assay, and only where it is stated often and nearly always alike."""

import pytest

COUNTS = "staging.lab_limit_count"
TABLE = "staging.lab_limit"


def limits(run_sql, *groups: tuple[int, str, str | None], **more: str) -> list[dict]:
    """Groups of results of one laboratory: how many, result text, stated limit."""
    rows, number = [], 0
    for count, value, lloq in groups:
        for _ in range(count):
            number += 1
            row = {"person_id": number, "source_id": "flat", "drop_id": "d", "drop_sequence": 1, "record_number": 1}
            place = {"source_file": "lab.csv", "source_row": number, "lab_id": "L1", "name_text": "estradiol"}
            rows.append({**row, **place, "value_text": value, "unit_text": "pg/mL", "lloq_text": lloq, **more})
    return run_sql(TABLE, {COUNTS: run_sql(COUNTS, {"raw.flat_lab": rows})})


def test_a_limit_stated_with_most_results_below_it(run_sql, only):
    row = only(limits(run_sql, (38, "<5", None), (2, "<10", None), (200, "20", None)))
    assert (row["lab_key"], row["analyte_code"], row["assay_class"], row["lloq"]) == ("L1", "estradiol", "unknown", 5)


def test_a_limit_in_a_column_of_its_own(run_sql, only):
    assert only(limits(run_sql, (35, "20", "2.5"), (5, "ND", "2.5")))["lloq"] == 2.5


def test_a_comparator_in_a_column_of_its_own(run_sql, only):
    assert only(limits(run_sql, (30, "5", None), operator_text="<"))["lloq"] == 5


def test_each_class_of_assay_has_its_own_limit(run_sql):
    count = {"raw.flat_lab": []}
    number = 0
    for method, text in (("LC-MS/MS", "<1"), ("ECLIA", "<5")):
        for _ in range(30):
            number += 1
            place = {"source_file": "lab.csv", "source_row": number, "record_number": 1, "person_id": number}
            drop = {"source_id": "flat", "drop_id": "d", "drop_sequence": 1}
            said = {"lab_id": "L1", "name_text": "estradiol", "value_text": text, "unit_text": "pg/mL"}
            count["raw.flat_lab"].append({**place, **drop, **said, "method_text": method})
    found = run_sql(TABLE, {COUNTS: run_sql(COUNTS, count)})
    assert {row["assay_class"]: row["lloq"] for row in found} == {"lc_ms_ms": 1, "immunoassay": 5}


@pytest.mark.parametrize(("count", "basis"), [(5, "unanimous"), (29, "unanimous"), (30, "habit")])
def test_few_statements_that_all_agree_serve_for_fill_values_only(run_sql, only, count, basis):
    row = only(limits(run_sql, (count, "<5", None), (50, "20", None)))
    assert (row["lloq"], row["basis_code"]) == (5, basis)


@pytest.mark.parametrize(
    "groups",
    [[(4, "<5", None)], [(28, "<5", None), (1, "<10", None)], [(30, "<5", None), (5, "<10", None)], [(50, "20", None)]],
)
def test_no_habit_no_limit(run_sql, groups):
    assert limits(run_sql, *groups) == []


def test_words_and_limits_of_nothing_state_no_limit(run_sql):
    assert limits(run_sql, (40, "ND", None), (40, "<0", None), (40, "pending", None)) == []
