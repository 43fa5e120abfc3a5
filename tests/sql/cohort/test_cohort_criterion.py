"""Eligibility rules of cohorts one by one, at their edges; what is unknown is not met, what comes later is not seen."""

import pytest

TABLE = "cohort.criterion"
STEP = (
    "study_id | cohort_code | step_number | criterion_code | set_code | look_back_days | except_last_days | minimum | "
    "maximum | gap_days | word"
)
EVENT = "person_id | set_code | event_on | value_lo | value_hi | use_from_on | use_until_on"
ZERO = "study_id | person_id | trial_number | cohort_code | index_on | arm_code"
DAY_0 = "2020-03-01"


def is_met(run_sql, rule: str, parameters: str = "| | | | | |", **inputs: str) -> bool:
    """The verdict about person 1, 60 when entering on 1 January 2018, with time zero on 1 March 2020."""
    standard = {
        "ref.study_criterion": f"{STEP}\ns | c | 1 | {rule} | {parameters}",
        "cohort.time_zero": f"{ZERO}\ns | 1 | 1 | c | {DAY_0} | a",
        "staging.person": "person_id | sex_code | age_years | entered_on\n1 | female | 60 | 2018-01-01",
        "staging.observation_period": "person_id | span_number | starts_on | ends_on\n1 | 1 | 2018-01-01 | 2021-01-01",
    }
    (row,) = run_sql(TABLE, standard | {name.replace("__", "."): text for name, text in inputs.items()})
    assert (row["criterion_code"], row["cohort_code"], row["group_code"]) == (rule, "c", "a")
    return row["is_met"]


def events(*rows: str) -> str:
    return "\n".join((EVENT, *rows))


@pytest.mark.parametrize(("least", "met"), [("62.1", True), ("62.2", False)])
def test_age_is_that_of_time_zero(run_sql, least, met):
    """60 on 1 January 2018 is 60 + 790 / 365.25 = 62.16 on 1 March 2020."""
    assert is_met(run_sql, "minimum_age", f"| | | {least} | | |") is met


@pytest.mark.parametrize(("word", "met"), [("female", True), ("male", False)])
def test_sex(run_sql, word, met):
    assert is_met(run_sql, "sex", f"| | | | | | {word}") is met


@pytest.mark.parametrize(
    ("periods", "met"),
    [
        ("1 | 1 | | 2020-02-29 | premenopausal\n1 | 2 | 2020-03-01 | | postmenopausal", True),
        ("1 | 1 | | 2020-03-01 | premenopausal\n1 | 2 | 2020-03-02 | | postmenopausal", False),
        ("1 | 1 | | | unknown", False),
        ("2 | 1 | | | postmenopausal", False),
    ],
)
def test_menopause_is_what_was_known_on_the_day(run_sql, periods, met):
    status = f"person_id | period_number | known_on | known_until_on | status_code\n{periods}"
    assert is_met(run_sql, "menopause", "| | | | | | postmenopausal", features__menopausal_status=status) is met


@pytest.mark.parametrize(
    ("days", "spans", "died_on", "met"),
    [
        (790, "1 | 1 | 2018-01-01 | 2021-01-01", "", True),
        (791, "1 | 1 | 2018-01-01 | 2021-01-01", "", False),
        (0, "1 | 1 | 2018-01-01 | 2020-02-29", "", False),
        (60, "1 | 1 | 2018-01-01 | 2020-01-31\n1 | 2 | 2020-02-02 | 2021-01-01", "", False),
        (790, "1 | 1 | 2018-01-01 | 2020-03-01", "2020-03-01", True),
        (790, "1 | 1 | 2018-01-01 | 2021-01-01", "2020-02-29", False),
    ],
)
def test_observed_and_alive_without_a_break(run_sql, days, spans, died_on, met):
    inputs = {"staging__observation_period": f"person_id | span_number | starts_on | ends_on\n{spans}"}
    if died_on:
        inputs["staging__death"] = f"person_id | died_on\n1 | {died_on}"
    assert is_met(run_sql, "observed_before", f"| {days} | | | | |", **inputs) is met


@pytest.mark.parametrize(("arm", "met"), [("a", True), ("no_arm", False), ("more_than_one_arm", False)])
def test_one_arm(run_sql, arm, met):
    zero = f"{ZERO}\ns | 1 | 1 | c | {DAY_0} | {arm}"
    (row,) = run_sql(
        TABLE,
        {
            "ref.study_criterion": f"{STEP}\ns | c | 1 | one_arm | | | | | | |",
            "cohort.time_zero": zero,
            "staging.person": "person_id | sex_code\n1 | male",
        },
    )
    assert (row["is_met"], row["group_code"]) == (met, arm)


@pytest.mark.parametrize(
    ("listed", "met"), [("s | c | 1 | 2020", True), ("s | c | 1 | 2019", False), ("s | d | 1 | 2020", False)]
)
def test_overlap_years(run_sql, listed, met):
    year = f"study_id | cohort_code | step_number | index_year\n{listed}"
    assert is_met(run_sql, "overlap_years", "| | | 0.05 | | |", cohort__overlap_year=year) is met


@pytest.mark.parametrize(
    ("event_on", "free", "used"),
    [
        ("2020-03-02", True, False),
        ("2020-03-01", True, False),
        ("2020-02-29", False, True),
        ("2019-03-02", False, True),
        ("2019-03-01", True, False),
    ],
)
def test_no_use_and_prior_use_leave_out_the_supply_of_the_day(run_sql, event_on, free, used):
    """365 days before 1 March 2020 is 2 March 2019."""
    given = events(f"1 | drug.x | {event_on} | | | |")
    assert is_met(run_sql, "no_use", "drug.x | 365 | | | | |", cohort__event=given) is free
    assert is_met(run_sql, "prior_use", "drug.x | 365 | | | | |", cohort__event=given) is used


@pytest.mark.parametrize(("event_on", "met"), [("2020-02-16", True), ("2020-02-15", False), ("2019-02-28", True)])
def test_the_last_days_may_be_left_out(run_sql, event_on, met):
    """14 days before 1 March 2020 is 16 February: such a supply may be the start of the strategy."""
    given = events(f"1 | drug.x | {event_on} | | | |")
    assert is_met(run_sql, "no_use", "drug.x | 365 | 14 | | | |", cohort__event=given) is met


@pytest.mark.parametrize(
    ("from_on", "until_on", "met"),
    [
        ("2019-12-02", "2020-01-31", True),
        ("2019-12-03", "2020-01-31", False),
        ("2019-12-02", "2020-01-30", False),
        ("2019-12-02", "2020-05-01", True),
    ],
)
def test_in_use_for_at_least_90_days_and_run_out_for_at_most_30(run_sql, from_on, until_on, met):
    given = events(f"1 | drug.x | 2019-12-05 | | | {from_on} | {until_on}")
    assert is_met(run_sql, "in_use", "drug.x | | | 90 | | 30 |", cohort__event=given) is met


def test_use_begun_on_the_day_is_no_use_yet(run_sql):
    given = events("1 | drug.x | 2020-03-01 | | | 2020-03-01 | 2020-03-31")
    assert is_met(run_sql, "in_use", "drug.x | | | 0 | | 30 |", cohort__event=given) is False


@pytest.mark.parametrize(("event_on", "met"), [("2020-01-05", True), ("2020-01-06", False), ("2020-03-01", False)])
def test_use_ended_56_days_before(run_sql, event_on, met):
    given = events(f"1 | drug.x | {event_on} | | | |")
    assert is_met(run_sql, "use_ended", "drug.x | | | 56 | | |", cohort__event=given) is met


@pytest.mark.parametrize("rule", ["diagnosis", "procedure", "scan"])
@pytest.mark.parametrize(
    ("event_on", "met"),
    [("2020-03-02", False), ("2020-03-01", True), ("2019-03-02", True), ("2019-03-01", False)],
)
def test_what_is_recorded_on_the_day_counts(run_sql, rule, event_on, met):
    given = events(f"1 | condition.x | {event_on} | | | |")
    assert is_met(run_sql, rule, "condition.x | 365 | | | | |", cohort__event=given) is met
    if rule != "scan":
        assert is_met(run_sql, f"no_{rule}", "condition.x | 365 | | | | |", cohort__event=given) is not met


def test_without_days_all_of_the_past_counts(run_sql):
    given = events("1 | condition.x | 1990-01-01 | | | |")
    assert is_met(run_sql, "diagnosis", "condition.x | | | | | |", cohort__event=given) is True
    assert is_met(run_sql, "no_diagnosis", "condition.x | | | | | |", cohort__event=given) is False


@pytest.mark.parametrize(
    ("low", "high", "inside", "surely_outside"),
    [
        ("30", "30", True, False),
        ("80", "80", True, False),
        ("29", "29", False, True),
        ("81", "81", False, True),
        ("0", "40", False, False),
        ("40", "", False, False),
        ("0", "20", False, True),
    ],
)
def test_the_last_result_must_surely_lie_within_bounds(run_sql, low, high, inside, surely_outside):
    """`no_observation` is lost to any value that may lie inside; a result that only may is no result inside."""
    given = events("1 | analyte.x | 2020-01-01 | 1 | 1 | |", f"1 | analyte.x | 2020-03-01 | {low} | {high} | |")
    parameters = "analyte.x | 365 | | 30 | 80 | |"
    assert is_met(run_sql, "result", parameters, cohort__event=given) is inside
    assert is_met(run_sql, "observation", parameters, cohort__event=given) is inside
    assert is_met(run_sql, "no_observation", parameters, cohort__event=given) is surely_outside


def test_nobody_measured_has_no_result_and_no_observation(run_sql):
    assert is_met(run_sql, "result", "analyte.x | 365 | | | | |") is False
    assert is_met(run_sql, "no_observation", "analyte.x | | | 4 | | |") is True


def test_a_rule_that_sql_does_not_know_is_never_met(run_sql):
    assert is_met(run_sql, "full_moon") is False


def test_steps_end_with_the_first_that_is_not_met_each_trial_for_itself(run_sql):
    rows = run_sql(
        TABLE,
        {
            "ref.study_criterion": f"""{STEP}
                s | c | 1 | sex | | | | | | | male
                s | c | 2 | no_use | drug.x | 365 | | | | |
                s | c | 3 | sex | | | | | | | male""",
            "cohort.time_zero": f"{ZERO}\ns | 1 | 1 | c | 2020-01-01 | a\ns | 1 | 2 | c | 2020-03-01 | a",
            "staging.person": "person_id | sex_code\n1 | male",
            "cohort.event": events("1 | drug.x | 2020-02-01 | | | |"),
        },
    )
    assert [(r["trial_number"], r["step_number"], r["is_met"]) for r in rows] == [
        (1, 1, True),
        (1, 2, True),
        (1, 3, True),
        (2, 1, True),
        (2, 2, False),
    ]
