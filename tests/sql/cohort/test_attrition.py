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


COHORT = "study_id | cohort_code | title | time_zero_code | set_code | minimum | maximum | grace_days"


def test_arms_that_nobody_is_in_are_counted_as_nobody(run_sql):
    """A cohort without people in these data says so, step by step; with a grace period there is one group."""
    rows = run_sql(
        TABLE,
        {
            "ref.study": "study_id | arm_rule\ns | cohort",
            "ref.study_cohort": f"{COHORT}\ns | c | First fill | new_use | x | | |\ns | d | Surgery | procedure | y | | | 183",
            "ref.study_arm": """study_id | cohort_code | arm_number | arm_code
                s | c | 1 | a
                s | c | 2 | b
                s | d | 1 | a
                s | d | 2 | b""",
            "ref.study_criterion": "study_id | cohort_code | step_number | criterion_code | label\ns | c | 1 | sex | Women",
        },
    )
    assert [(r["cohort_code"], r["arm_code"], r["step_number"], r["n_after"], r["share_left"]) for r in rows] == [
        ("c", "a", 0, 0, None),
        ("c", "a", 1, 0, None),
        ("c", "b", 0, 0, None),
        ("c", "b", 1, 0, None),
        ("d", "open", 0, 0, None),
    ]
    assert [r["label"] for r in rows[:2]] == ["First fill", "Women"]
    assert {r["family_code"] for r in rows} == {"new_use/x", "procedure/y"}


def test_a_person_stays_as_long_as_one_of_the_time_zeros_does(run_sql):
    """Person 1 fails step 1 once and step 2 once; person 2 fails step 1 twice: 2, 1, 0."""
    rows = run_sql(
        TABLE,
        {
            "ref.study": "study_id | arm_rule\ns | cohort",
            "ref.study_cohort": f"{COHORT}\ns | c | Draw | lab_draw | x | 30 | 80 | 30",
            "ref.study_criterion": """study_id | cohort_code | step_number | criterion_code | label
                s | c | 1 | sex | Men
                s | c | 2 | in_use | In use""",
            "cohort.criterion": f"""{HEADER}
                s | c | 1 | 1 | 1 | open | false
                s | c | 1 | 2 | 1 | open | true
                s | c | 1 | 2 | 2 | open | false
                s | c | 2 | 1 | 1 | open | false
                s | c | 2 | 2 | 1 | open | false""",
        },
    )
    assert [(r["step_number"], r["n_before"], r["n_after"], r["share_left"]) for r in rows] == [
        (0, 2, 2, 1.0),
        (1, 2, 1, 0.5),
        (2, 1, 0, 0.0),
    ]
