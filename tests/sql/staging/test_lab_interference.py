"""Drugs and inflammation that mislead immunoassays of estradiol: values set missing, or flagged, and only those."""

import pytest

TABLE = "staging.lab_result"
PERSON = "person_id | sex_code\n1 | male"
DRUG = "person_id | source_row | record_number | ingredient | started_on | ended_on | days_supply"


def estradiol(run_sql, drug: str, day: str, method: str | None = "ECLIA", analyte: str = "estradiol") -> dict:
    row = {
        "person_id": 1, "source_id": "flat", "drop_id": "d", "drop_sequence": 1, "source_file": "lab.csv",
        "source_row": 1, "record_number": 1, "name_text": analyte, "value_text": "20", "unit_text": "pg/mL",
        "drawn_on": day, "method_text": method,
    }  # fmt: skip
    given = {"raw.flat_lab": [row], "staging.person": PERSON, "staging.drug_exposure": f"{DRUG}\n{drug}"}
    (found,) = run_sql(TABLE, given)
    return found


@pytest.mark.parametrize(
    ("drug", "day", "is_missing"),
    [
        ("1 | 1 | 1 | exemestane | 2020-01-01 | 2020-06-30 |", "2020-01-01", True),
        ("1 | 1 | 1 | exemestane | 2020-01-01 | 2020-06-30 |", "2020-06-30", True),
        ("1 | 1 | 1 | exemestane | 2020-01-01 | 2020-06-30 |", "2020-07-01", False),
        ("1 | 1 | 1 | exemestane | 2020-01-01 | 2020-06-30 |", "2019-12-31", False),
        ("1 | 1 | 1 | exemestane | 2020-01-01 | | 30", "2020-01-31", True),
        ("1 | 1 | 1 | exemestane | 2020-01-01 | | 30", "2020-02-01", False),
        ("1 | 1 | 1 | exemestane | 2020-01-01 | |", "2020-03-31", True),
        ("1 | 1 | 1 | exemestane | 2020-01-01 | |", "2020-04-01", False),
        ("1 | 1 | 1 | fulvestrant | 2020-01-01 | |", "2020-06-29", True),
        ("1 | 1 | 1 | fulvestrant | 2020-01-01 | |", "2020-06-30", False),
        ("1 | 1 | 1 | fulvestrant | 2020-01-01 | 2020-02-01 |", "2020-07-30", True),
        ("1 | 1 | 1 | anastrozole | 2020-01-01 | 2020-06-30 |", "2020-02-01", False),
        ("1 | 1 | 1 | exemestane | | |", "2020-02-01", False),
    ],
)
def test_when_a_steroidal_drug_hides_estradiol(run_sql, drug, day, is_missing):
    row = estradiol(run_sql, drug, day)
    assert (row["value"] is None) == is_missing
    assert row["missing_reason"] == ("steroidal_drug_interference" if is_missing else None)
    assert (row["operator"], row["is_censored"], row["source_value"]) == ("=", False, 20)


EXEMESTANE = "1 | 1 | 1 | exemestane | 2020-01-01 | 2020-06-30 |"


def test_mass_spectrometry_is_not_misled(run_sql):
    row = estradiol(run_sql, EXEMESTANE, "2020-02-01", "LC-MS/MS")
    assert (row["value"], row["missing_reason"], row["result_flags"]) == (20, None, None)


def test_an_unknown_class_of_assay_keeps_its_value_and_a_flag(run_sql):
    row = estradiol(run_sql, EXEMESTANE, "2020-02-01", None)
    assert (row["value"], row["missing_reason"], row["result_flags"]) == (20, None, "steroidal_drug")


def test_other_analytes_are_not_misled(run_sql):
    assert estradiol(run_sql, EXEMESTANE, "2020-02-01", analyte="estrone")["value"] == 20


def test_many_fills_meet_a_result_once(run_sql):
    fills = "\n".join(f"1 | {n} | 1 | exemestane | 2020-01-{n:02} | 2020-02-{n:02} |" for n in range(1, 29))
    assert estradiol(run_sql, fills, "2020-01-30")["missing_reason"] == "steroidal_drug_interference"


@pytest.mark.parametrize(
    ("day", "method", "flag"),
    [("2020-02-01", "ECLIA", "biotin"), ("2020-08-01", "ECLIA", None), ("2020-02-01", "LC-MS/MS", None)],
)
def test_biotin_is_flagged(run_sql, day, method, flag):
    row = estradiol(run_sql, "1 | 1 | 1 | biotin | 2020-01-01 | 2020-06-30 |", day, method)
    assert (row["value"], row["result_flags"]) == (20, flag)
