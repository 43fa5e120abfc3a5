"""The limit a laboratory states by habit, and the pile of equal numbers it writes in its place."""

import pytest

TABLE = "staging.lab_limit"


def limits(run_sql, *groups: tuple[int, str, str | None]) -> list[dict]:
    """Groups of results of one laboratory: how many, result text, stated limit."""
    rows, number = [], 0
    for count, value, lloq in groups:
        for _ in range(count):
            number += 1
            row = {"person_id": number, "source_id": "flat", "drop_id": "d", "drop_sequence": 1, "record_number": 1}
            place = {"source_file": "lab.csv", "source_row": number, "lab_id": "L1", "name_text": "estradiol"}
            rows.append({**row, **place, "value_text": value, "unit_text": "pg/mL", "lloq_text": lloq})
    return run_sql(TABLE, {"raw.flat_lab": rows})


def test_a_limit_stated_with_most_results_below_it(run_sql, only):
    row = only(limits(run_sql, (38, "<5", None), (2, "<10", None), (200, "20", None)))
    assert (row["lloq"], row["n_stated"], row["fill_value"], row["n_filled"]) == (5, 40, None, 0)


def test_a_limit_in_a_column_of_its_own(run_sql, only):
    assert only(limits(run_sql, (35, "20", "2.5"), (5, "ND", "2.5")))["lloq"] == 2.5


@pytest.mark.parametrize("groups", [[(29, "<5", None)], [(30, "<5", None), (5, "<10", None)], [(50, "20", None)]])
def test_no_habit_no_limit(run_sql, groups):
    assert limits(run_sql, *groups) == []


@pytest.mark.parametrize(("fill", "rule"), [("2.5", "half"), ("3.54", "over_square_root_of_two")])
def test_a_pile_at_half_or_at_the_root_is_a_fill_value(run_sql, only, fill, rule):
    row = only(limits(run_sql, (30, "<5", None), (9, fill, None), (1, "4.1", None), (50, "20", None)))
    assert (row["fill_value"], row["fill_rule"], row["n_filled"]) == (float(fill), rule, 9)


def test_results_measured_below_the_limit_are_no_pile(run_sql, only):
    measured = [(1, str(value / 10), None) for value in range(20, 50)]
    row = only(limits(run_sql, (30, "<5", None), *measured, (3, "2.5", None)))
    assert (row["fill_value"], row["n_filled"]) == (None, 0)
