"""Symptoms are coded diagnoses that a list names; a listed code stands for all below it."""

import pytest

TABLE = "staging.symptom"
HEADER = (
    "person_id | record_number | condition_code | vocabulary_code | record_type | is_history | setting_code | is_present"
    " | source_variable | recorded_on"
)


def symptoms(run_sql, code: str, vocabulary: str, kind: str = "coded_diagnosis", history: str = "false") -> list[str]:
    text = f"{HEADER}\n1 | 1 | {code} | {vocabulary} | {kind} | {history} | outpatient | true | x | 2020-01-05"
    return [row["symptom_code"] for row in run_sql(TABLE, {"staging.condition": text})]


@pytest.mark.parametrize(
    ("code", "vocabulary", "found"),
    [
        ("M25.50", "icd10cm", ["arthralgia"]),
        ("M25.511", "icd10cm", ["arthralgia"]),
        ("M25.60", "icd10cm", ["stiffness"]),
        ("M25", "icd10cm", []),
        ("N95.1", "icd10cm", ["hot_flush"]),
        ("627.2", "icd9cm", ["hot_flush"]),
        ("627.2", "icd10cm", []),
        ("57676002", "snomed", ["arthralgia"]),
        ("576760021", "snomed", []),
        ("F41.9", "ambiguous", []),
        ("I10", "icd10cm", []),
    ],
)
def test_codes(run_sql, code, vocabulary, found):
    assert symptoms(run_sql, code, vocabulary) == found


def test_the_past_and_what_was_told_are_no_symptom(run_sql):
    assert symptoms(run_sql, "M25.50", "icd10cm", history="true") == []
    assert symptoms(run_sql, "M25.50", "icd10cm", kind="self_report") == []
