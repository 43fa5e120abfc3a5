"""Visits and stays: kind, first and last day."""

import pytest

TABLE = "staging.visit"
PERSON = "person_id | sex_code\n1 | female"
OMOP = "person_id | visit_occurrence_id | visit_concept_id | visit_source_value | visit_start_date | visit_end_date"


def visit(run_sql, row: str) -> dict:
    (found,) = run_sql(TABLE, {"staging.person": PERSON, "raw.omop_visit_occurrence": f"{OMOP}\n1 | 7 | {row}"})
    return found


@pytest.mark.parametrize(
    ("concept", "word", "kind"),
    [
        (9201, "", "inpatient"),
        (9202, "IP", "outpatient"),
        (0, "Hospital", "inpatient"),
        (0, "teleconference", "unknown"),
        (9203, "", "emergency"),
    ],
)
def test_the_concept_decides_and_the_word_where_it_says_nothing(run_sql, concept, word, kind):
    assert visit(run_sql, f"{concept} | {word} | 2020-01-01 | 2020-01-03")["visit_code"] == kind


@pytest.mark.parametrize(("end", "kept"), [("2020-01-03", "2020-01-03"), ("2019-12-31", None), ("", None)])
def test_an_end_before_the_start_is_no_end(run_sql, end, kept):
    found = visit(run_sql, f"9201 | | 2020-01-01 | {end}")
    assert (str(found["starts_on"]), str(found["ends_on"]) if found["ends_on"] else None) == ("2020-01-01", kept)


def test_a_visit_keeps_the_id_by_which_results_name_it(run_sql):
    assert visit(run_sql, "9201 | | 2020-01-01 |")["visit_occurrence_id"] == 7


def test_people_nobody_knows_have_no_visits(run_sql):
    text = f"{OMOP}\n2 | 7 | 9201 | | 2020-01-01 |"
    assert run_sql(TABLE, {"staging.person": PERSON, "raw.omop_visit_occurrence": text}) == []
