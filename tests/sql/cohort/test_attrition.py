"""People before and after each step, by arm."""

TABLE = "cohort.attrition"
RULES = """study_id | cohort_code | step_number | criterion_code | label
s | survey | 1 | examined | Examined
s | survey | 2 | minimum_age | Old enough"""
HEADER = "study_id | cohort_code | person_id | trial_number | step_number | group_code | is_met"
VERDICTS = {1: "tt", 2: "tf", 3: "ft", 4: "ff", 5: "tt", 6: "ft"}


def test_people_leave_at_the_first_rule_that_does_not_hold(run_sql):
    """Women 1-4: all 4, examined 2, old enough 1. Men 5-6: 2, 1, 1."""
    met = {"t": "true", "f": "false"}
    verdicts = "\n".join(
        f"s | survey | {person} | 1 | {step} | {'female' if person < 5 else 'male'} | {met[letter]}"
        for person, letters in VERDICTS.items()
        for step, letter in enumerate(letters, 1)
    )
    rows = run_sql(
        TABLE,
        {
            "ref.study": "study_id | arm_rule\ns | sex",
            "ref.study_criterion": RULES,
            "cohort.criterion": f"{HEADER}\n{verdicts}",
        },
    )
    assert [(r["arm_code"], r["step_number"], r["n_before"], r["n_after"], r["share_left"]) for r in rows] == [
        ("men", 0, 2, 2, 1),
        ("men", 1, 2, 1, 0.5),
        ("men", 2, 1, 1, 0.5),
        ("women", 0, 4, 4, 1),
        ("women", 1, 4, 2, 0.5),
        ("women", 2, 2, 1, 0.25),
    ]
    assert [r["criterion_code"] for r in rows[:3]] == ["everybody", "examined", "minimum_age"]
