"""Rows that meet: duplicates, replicates, preliminary and corrected results, later deliveries, retractions."""

import pytest

VIEW = "source.lab_record"
PERSON = "person_id | sex_code | birth_year\n1 | female | 1950\n2 | male | 1950"
LATEST = "source_id | latest_on\nflat | 2024-01-31\nomop | 2024-01-31"
E2 = {"name_text": "estradiol", "unit_text": "pg/mL", "status_text": "F", "drawn_at": "2020-03-04 08:00:00"}


def records(run_sql, *rows: dict, omop: tuple[dict, ...] = (), **inputs) -> list[dict]:
    usual = {"person_id": 1, "drop_id": "d", "drop_sequence": 1}
    flat = [
        {**usual, "source_id": "flat", "source_file": "lab.csv", "source_row": n, "record_number": 1, **E2, **row}
        for n, row in enumerate(rows, start=1)
    ]
    measured = [
        {**usual, "source_id": "omop", "source_file": "m", "source_row": n, "measurement_date": "2020-03-04", **row}
        for n, row in enumerate(omop, start=1)
    ]
    given = {"raw.flat_lab": flat, "raw.omop_measurement": measured, "staging.person": PERSON}
    found = run_sql(VIEW, given | {"staging.latest_day": LATEST} | inputs)
    return sorted(found, key=lambda row: (row["source_file"], row["source_row"]))


def fates(rows: list[dict]) -> list[tuple[str, str | None]]:
    return [(row["disposition"], row["reason"]) for row in rows]


def test_the_same_value_of_one_tube_counts_once(run_sql):
    rows = records(run_sql, {"value_text": "20", "record_id": "a"}, {"value_text": "20.0", "record_id": "b"})
    assert fates(rows) == [("staged", None), ("duplicate", "repeated_row")]
    assert (rows[0]["value"], rows[0]["n_replicates"]) == (20, 1)


def test_two_values_of_one_tube_are_averaged(run_sql):
    rows = records(run_sql, {"value_text": "20"}, {"value_text": "22"}, {"value_text": "24"})
    assert fates(rows) == [("staged", None), *[("duplicate", "averaged_replicate")] * 2]
    assert (rows[0]["value"], rows[0]["n_replicates"]) == (22, 3)


def test_two_classes_of_assay_are_two_results(run_sql):
    rows = records(
        run_sql, {"value_text": "20", "method_text": "ECLIA"}, {"value_text": "12", "method_text": "LC-MS/MS"}
    )
    assert fates(rows) == [("staged", None)] * 2
    assert len({row["specimen_id"] for row in rows}) == 2
    assert {row["value"] for row in rows} == {20, 12}


def test_values_that_share_only_a_day_are_not_averaged(run_sql):
    day = {"drawn_at": None, "drawn_on": "2020-03-04"}
    rows = records(run_sql, {"value_text": "20", **day}, {"value_text": "22", **day}, {"value_text": "20", **day})
    assert fates(rows) == [("staged", None), ("staged", None), ("duplicate", "repeated_row")]
    assert [row["specimen_id"] for row in rows[:2]] == ["2020-03-04", "2020-03-04/2"] or len(
        {row["specimen_id"] for row in rows[:2]}
    ) == 2


def test_final_replaces_preliminary(run_sql):
    rows = records(run_sql, {"value_text": "20", "status_text": "P"}, {"value_text": "21"})
    assert fates(rows) == [("duplicate", "superseded_by_final"), ("staged", None)]
    assert rows[1]["status_code"] == "final"


def test_a_preliminary_result_alone_stands_and_says_so(run_sql, only):
    row = only(records(run_sql, {"value_text": "20", "status_text": "preliminary"}))
    assert (row["disposition"], row["status_code"]) == ("staged", "preliminary")


def test_a_correction_replaces_what_it_corrects(run_sql):
    rows = records(run_sql, {"value_text": "200"}, {"value_text": "20", "status_text": "C"})
    assert fates(rows) == [("duplicate", "superseded_by_correction"), ("staged", None)]
    assert (rows[1]["value"], rows[1]["status_code"]) == (20, "corrected")


def test_of_two_corrections_the_later_one_stands(run_sql):
    rows = records(
        run_sql,
        {"value_text": "25", "status_text": "C", "resulted_at": "2020-03-06 09:00:00"},
        {"value_text": "20", "status_text": "C", "resulted_at": "2020-03-05 09:00:00"},
    )
    assert fates(rows) == [("staged", None), ("duplicate", "superseded_by_correction")]


@pytest.mark.parametrize(
    ("texts", "operator", "value"),
    [
        (("<5", "<5.5"), "<", 5),
        (("<5", "7"), "<", 6),
        ((">4300", ">4500"), ">", 4500),
    ],
)
def test_replicates_beyond_a_limit_stay_bounds(run_sql, texts, operator, value):
    rows = records(run_sql, *({"value_text": text} for text in texts))
    assert (rows[0]["disposition"], rows[0]["operator"], rows[0]["value"]) == ("staged", operator, value)


def test_replicates_below_one_limit_and_above_another_say_nothing(run_sql):
    rows = records(run_sql, {"value_text": "<5"}, {"value_text": ">4300"})
    assert fates(rows)[0] == ("quarantined", "replicates_disagree")
    assert "staged" not in {row["disposition"] for row in rows}


def test_a_later_delivery_replaces_the_record(run_sql):
    rows = records(
        run_sql, {"value_text": "20", "record_id": "a"}, {"value_text": "30", "record_id": "a", "drop_sequence": 2}
    )
    assert fates(rows) == [("duplicate", "superseded"), ("staged", None)]


def test_a_retracted_record_is_no_result(run_sql, only):
    retraction = {"person_id": 1, "source_id": "flat", "drop_id": "e", "drop_sequence": 2, "source_file": "r"}
    withdrawn = [{**retraction, "source_row": 1, "record_number": 1, "record_id": "a", "kind": "lab"}]
    row = only(records(run_sql, {"value_text": "20", "record_id": "a"}, **{"raw.flat_retraction": withdrawn}))
    assert (row["disposition"], row["reason"]) == ("out_of_scope", "retracted")


def test_a_record_after_the_death_is_set_aside(run_sql, only):
    death = "person_id | died_on\n1 | 2019-01-01"
    assert only(records(run_sql, {"value_text": "20"}, **{"staging.death": death}))["reason"] == "after_death"


def test_the_five_parts_of_an_omop_source_value(run_sql, only):
    row = only(
        records(
            run_sql,
            omop=(
                {
                    "measurement_concept_id": 0, "measurement_source_value": "2243-4|Estradiol|LC-MS/MS|C|FASTING",
                    "value_as_number": 10, "value_source_value": "10", "unit_source_value": "pmol/L", "provider_id": 20001,
                },
            ),
        )
    )  # fmt: skip
    assert (row["analyte_code"], row["assay_class"], row["assay_basis"]) == ("estradiol", "lc_ms_ms", "method_text")
    assert (row["status_code"], row["is_fasting"], row["lab_id"]) == ("corrected", True, "provider-20001")
    assert (row["value"], row["source_variable"]) == (pytest.approx(2.7238), "2243-4")


def test_the_name_part_is_read_where_the_code_is_not(run_sql, only):
    row = only(records(run_sql, omop=({
        "measurement_source_value": "LOCAL-7|Estradiol|||", "value_as_number": 10, "unit_source_value": "pg/mL",
    },)))  # fmt: skip
    assert (row["analyte_code"], row["disposition"]) == ("estradiol", "staged")


def test_a_result_keeps_the_visit_it_names_and_averaged_ones_that_of_the_first_row(run_sql):
    row = {
        "measurement_concept_id": 0, "measurement_source_value": "2243-4", "unit_source_value": "pg/mL",
        "measurement_datetime": "2020-03-04 08:00:00",
    }  # fmt: skip
    given = ({"value_as_number": 20, "visit_occurrence_id": 7}, {"value_as_number": 22, "visit_occurrence_id": 8})
    rows = records(run_sql, {"person_id": 2, "value_text": "20"}, omop=tuple(row | visit for visit in given))
    assert fates(rows) == [("staged", None), ("staged", None), ("duplicate", "averaged_replicate")]
    assert [row["visit_occurrence_id"] for row in rows[:2]] == [None, 7], "flat files name no visit"


@pytest.mark.parametrize(
    ("concept", "text", "operator", "value"),
    [
        (4171756, "5", "<", 5),
        (4171754, "5", "<", 5),
        (4172704, "4300", ">", 4300),
        (4171755, "4300", ">", 4300),
        (4172703, "20", "=", 20),
        (0, "20", "=", 20),
        (4171756, "<5", "<", 5),
    ],
)
def test_operator_concepts(run_sql, only, concept, text, operator, value):
    row = only(records(run_sql, omop=({
        "measurement_source_value": "2243-4", "operator_concept_id": concept, "value_source_value": text,
        "value_as_number": float(text.strip("<")), "unit_concept_id": 8845,
    },)))  # fmt: skip
    assert (row["operator"], row["value"], row["unit_basis"]) == (operator, value, "given")


@pytest.mark.parametrize(
    ("sex", "value", "flag"),
    [
        (2, "40", None),
        (2, "400", "unit_suspect"),
        (1, "400", None),
        (2, "160", "unit_suspect"),
        (2, "0.9", "unit_suspect"),
    ],
)
def test_an_unusual_number_that_fits_another_unit_is_flagged_and_stays(run_sql, only, sex, value, flag):
    row = only(records(run_sql, {"person_id": sex, "value_text": value}))
    assert (row["disposition"], row["value"], row["value_flag"]) == ("staged", float(value), flag)


def test_inflammation_marks_estradiol_of_the_same_day(run_sql):
    crp = {"name_text": "crp", "unit_text": "mg/L"}
    rows = records(
        run_sql,
        {"value_text": "40", "person_id": 2, "method_text": "ECLIA"},
        {"value_text": "12", "person_id": 2, **crp},
        {"value_text": "40", "person_id": 2, "method_text": "LC-MS/MS", "specimen_id": "S2"},
        {"value_text": "40", "person_id": 1, "method_text": "ECLIA"},
        {"value_text": "9", "person_id": 1, **crp},
    )
    assert [row["is_inflamed"] for row in rows] == [True, False, False, False, False]
