"""What respondents were ever told: yes, no, and nothing where they did not say."""

import pytest

TABLE = "staging.condition"


def conditions(run_sql, **raw: str) -> dict[str, bool]:
    inputs = {f"raw.nhanes_{name}": text for name, text in raw.items()}
    rows = run_sql(TABLE, {"staging.person": "person_id | sex_code\n1 | female", **inputs})
    return {row["condition_code"]: row["is_present"] for row in rows}


def test_one_is_yes_two_is_no(run_sql):
    found = conditions(
        run_sql, mcq="person_id | MCQ160B | MCQ160F\n1 | 1 | 2", osq="person_id | OSQ010A | OSQ060\n1 | 2 | 1"
    )
    assert found == {"heart_failure": True, "stroke": False, "hip_fracture": False, "osteoporosis": True}


@pytest.mark.parametrize("answer", ["7", "9", ""])
def test_refused_unknown_and_unasked_are_no_row(run_sql, answer):
    assert conditions(run_sql, mcq=f"person_id | MCQ160C | MCQ220\n1 | {answer} | {answer}") == {}


@pytest.mark.parametrize(
    ("kinds", "is_breast"), [("14 | | ", True), ("30 | 14 | ", True), ("| | 14", True), ("30 | | ", False)]
)
def test_breast_cancer_is_kind_14_of_any_of_three(run_sql, kinds, is_breast):
    found = conditions(run_sql, mcq=f"person_id | MCQ220 | MCQ230A | MCQ230B | MCQ230C\n1 | 1 | {kinds}")
    assert found == {"cancer": True, "breast_cancer": is_breast}


def test_no_cancer_is_no_breast_cancer(run_sql):
    assert conditions(run_sql, mcq="person_id | MCQ220\n1 | 2") == {"cancer": False, "breast_cancer": False}


@pytest.mark.parametrize("kind", ["77", "99", ""])
def test_a_cancer_of_untold_kind_is_no_stated_no(run_sql, kind):
    assert "breast_cancer" not in conditions(run_sql, mcq=f"person_id | MCQ220 | MCQ230A\n1 | 1 | {kind}")


def test_respondent_not_in_demo_is_not_staged(run_sql):
    assert conditions(run_sql, mcq="person_id | MCQ160B\n2 | 1") == {}
