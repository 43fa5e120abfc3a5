"""Setting and place of an OMOP diagnosis: from its visit, its status, its type."""

import pytest

VIEW = "source.condition_record"
PERSON = "person_id | sex_code | birth_year\n1 | female | 1950"
HEADER = (
    "person_id | condition_occurrence_id | condition_source_value | condition_type_concept_id"
    " | condition_status_concept_id | condition_status_source_value | visit_occurrence_id | condition_start_date"
)
VISIT = "person_id | visit_occurrence_id | visit_concept_id\n"


def condition(run_sql, cells: str, visits: str = "") -> dict:
    inputs = {
        "staging.person": PERSON,
        "raw.omop_condition_occurrence": f"{HEADER}\n1 | 5 | M81.0 | {cells} | 2020-01-05",
    }
    if visits:
        inputs["raw.omop_visit_occurrence"] = VISIT + visits
    (row,) = run_sql(VIEW, inputs)
    return row


@pytest.mark.parametrize(
    ("kind", "status", "word", "primary", "history"),
    [
        ("", "32902", "", True, False),
        ("", "32908", "", False, False),
        ("38000183", "", "", True, False),
        ("", "", "PRIMARY", True, False),
        ("", "", "history of", None, True),
        ("", "", "", None, False),
    ],
)
def test_position(run_sql, kind, status, word, primary, history):
    row = condition(run_sql, f"{kind} | {status} | {word} |")
    assert (row["is_primary"], row["is_history"]) == (primary, history)


@pytest.mark.parametrize(
    ("visits", "setting"),
    [
        ("1 | 9 | 9201", "inpatient"),
        ("1 | 9 | 9203", "emergency"),
        ("1 | 9 | 9201\n1 | 9 | 9202", "unknown"),
        ("2 | 9 | 9201", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_setting_is_that_of_the_visit(run_sql, visits, setting):
    """A visit id that two visits of a person share, or that is another person's, says nothing."""
    assert condition(run_sql, "| | | 9", visits)["setting_code"] == setting


def test_a_row_without_code_or_concept(run_sql):
    text = f"{HEADER}\n1 | 5 | | | | | | 2020-01-05"
    (row,) = run_sql(VIEW, {"staging.person": PERSON, "raw.omop_condition_occurrence": text})
    assert (row["disposition"], row["reason"]) == ("quarantined", "no_code")
