"""Who meets every rule, and in which arm."""

import pytest

TABLE = "cohort.trial_person"


def people(run_sql, arm_rule: str, sex: str, status: str = "", met: tuple[str, ...] = ("true", "true")) -> list[dict]:
    steps = "\n".join(f"s | survey | 1 | 1 | {number} | {value}" for number, value in enumerate(met, 1))
    inputs = {
        "ref.study": f"study_id | arm_rule\ns | {arm_rule}",
        "cohort.criterion": f"study_id | cohort_code | person_id | trial_number | step_number | is_met\n{steps}",
        "staging.person": f"person_id | sex_code\n1 | {sex}",
        "staging.survey_design": "person_id | cycle_label\n1 | 2013-2014",
    }
    if status:
        inputs["features.menopausal_status"] = f"person_id | status_code\n1 | {status}"
    return run_sql(TABLE, inputs)


@pytest.mark.parametrize(
    ("arm_rule", "sex", "status", "arm"),
    [
        ("sex", "male", "", "men"),
        ("sex", "female", "postmenopausal", "women"),
        ("sex_and_menopause", "male", "", "men"),
        ("sex_and_menopause", "female", "postmenopausal", "postmenopausal_women"),
        ("sex_and_menopause", "female", "premenopausal", "premenopausal_women"),
        ("sex_and_menopause", "female", "unknown", "women_of_unknown_status"),
        ("sex_and_menopause", "female", "", "women_of_unknown_status"),
    ],
)
def test_arms(run_sql, only, arm_rule, sex, status, arm):
    row = only(people(run_sql, arm_rule, sex, status))
    assert (row["arm_code"], row["trial_number"], row["index_on"], row["cycle_label"]) == (arm, 1, None, "2013-2014")


@pytest.mark.parametrize("met", [("true", "false"), ("false", "true"), ("false", "false")])
def test_one_rule_not_met_is_out(run_sql, met):
    assert people(run_sql, "sex", "male", met=met) == []
