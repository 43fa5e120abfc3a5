"""Menopausal status: the rules, and their order."""

import pytest

TABLE = "features.menopausal_status"
CODES = {
    "ovaries": "both_ovaries_removed",
    "reason": "no_menses_reason",
    "menses": "menses_past_year",
    "hyst": "hysterectomy",
}


def status(run_sql, age: int | str, sex: str = "female", **answers: int) -> list[tuple[str, str]]:
    observed = "\n".join(f"1 | {CODES[name]} | 1 | {value}" for name, value in answers.items())
    inputs = {
        "staging.person": f"person_id | sex_code | age_years\n1 | {sex} | {age}",
        "staging.observation": f"person_id | observation_code | reading_number | value\n{observed}",
    }
    return [(row["status_code"], row["rule_code"]) for row in run_sql(TABLE, inputs)]


@pytest.mark.parametrize(
    ("age", "answers", "expected"),
    [
        (60, {}, ("postmenopausal", "age_60")),
        (59, {}, ("unknown", "no_answer")),
        ("", {}, ("unknown", "no_answer")),
        (60, {"menses": 1}, ("postmenopausal", "age_60")),
        (45, {"ovaries": 1, "menses": 1}, ("postmenopausal", "both_ovaries_removed")),
        (45, {"ovaries": 1, "hyst": 1}, ("postmenopausal", "both_ovaries_removed")),
        (52, {"reason": 7, "menses": 2}, ("postmenopausal", "natural_menopause")),
        (52, {"reason": 7, "hyst": 1}, ("postmenopausal", "natural_menopause")),
        (48, {"menses": 1}, ("premenopausal", "menses_past_year")),
        (30, {"menses": 2, "reason": 1}, ("premenopausal", "pregnant_or_breast_feeding")),
        (30, {"menses": 2, "reason": 2}, ("premenopausal", "pregnant_or_breast_feeding")),
        (59, {"hyst": 1}, ("unknown", "hysterectomy_alone")),
        (59, {"menses": 2, "reason": 3}, ("unknown", "hysterectomy_alone")),
        (59, {"hyst": 1, "ovaries": 2}, ("unknown", "hysterectomy_alone")),
        (60, {"hyst": 1}, ("postmenopausal", "age_60")),
        (50, {"menses": 2, "reason": 9}, ("unknown", "no_answer")),
    ],
)
def test_rules_in_order(run_sql, age, answers, expected):
    assert status(run_sql, age, **answers) == [expected]


def test_men_have_no_row(run_sql):
    assert status(run_sql, 70, sex="male") == []
