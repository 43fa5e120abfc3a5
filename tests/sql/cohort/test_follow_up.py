"""Follow-up and strategies of cohorts: when it ends and why, and what was begun within the grace period."""

import datetime as dt

import pytest

TABLE = "cohort.trial_person"
COHORT = "study_id | cohort_code | is_first_eligible | follow_up_days | grace_days | grace_before_days"
ARM = "study_id | cohort_code | arm_number | arm_code | rule_code | set_code | gap_days"
ZERO = "study_id | person_id | trial_number | cohort_code | index_on | arm_code"
MET = "study_id | person_id | trial_number | cohort_code | step_number | is_met"
SPAN = "person_id | span_number | starts_on | ends_on"
EVENT = "person_id | set_code | event_on | use_until_on"
CENSOR = "study_id | cohort_code | reason_code | rule_code | set_code | gap_days"
THREE = f"""{ARM}
    s | c | 1 | inhibitor | starts | drug.ai |
    s | c | 2 | tamoxifen | starts | drug.tam |
    s | c | 3 | none | starts_none | |"""


def day(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def follow(run_sql, **inputs: str) -> list[dict]:
    """Person 1 from 1 January 2020 for 365 days, grace 30 days, observed until the end of 2021."""
    standard = {
        "ref.study": "study_id | arm_rule\ns | cohort",
        "ref.study_cohort": f"{COHORT}\ns | c | false | 365 | 30 | 0",
        "ref.study_arm": THREE,
        "cohort.time_zero": f"{ZERO}\ns | 1 | 1 | c | 2020-01-01 | open",
        "cohort.criterion": f"{MET}\ns | 1 | 1 | c | 1 | true",
        "staging.observation_period": f"{SPAN}\n1 | 1 | 2018-01-01 | 2021-12-31",
    }
    return run_sql(TABLE, standard | {name.replace("__", "."): text for name, text in inputs.items()})


@pytest.mark.parametrize(
    ("observed_until", "died_on", "censored_on", "end_on", "reason"),
    [
        ("2021-12-31", "", "", "2020-12-31", "horizon"),
        ("2020-12-31", "", "", "2020-12-31", "horizon"),
        ("2020-12-30", "", "", "2020-12-30", "observation_ended"),
        ("2020-06-30", "2020-06-30", "", "2020-06-30", "death"),
        ("2021-12-31", "2020-12-31", "", "2020-12-31", "death"),
        ("2021-12-31", "2021-01-01", "", "2020-12-31", "horizon"),
        ("2021-12-31", "", "2020-03-01", "2020-03-01", "recurrence"),
        ("2021-12-31", "2020-03-01", "2020-03-01", "2020-03-01", "death"),
        ("2021-12-31", "", "2020-01-01", "2020-12-31", "horizon"),
    ],
)
def test_follow_up_ends_with_what_comes_first(run_sql, only, observed_until, died_on, censored_on, end_on, reason):
    inputs = {"staging__observation_period": f"{SPAN}\n1 | 1 | 2018-01-01 | {observed_until}"}
    inputs["ref__study_censor"] = f"{CENSOR}\ns | c | recurrence | event | condition.m |"
    if died_on:
        inputs["staging__death"] = f"person_id | died_on\n1 | {died_on}"
    if censored_on:
        inputs["cohort__event"] = f"{EVENT}\n1 | condition.m | {censored_on} |"
    row = only(follow(run_sql, **inputs))
    assert (row["end_on"], row["end_reason"]) == (day(end_on), reason)


@pytest.mark.parametrize(
    ("supplies", "observed_until", "end_on", "reason"),
    [
        # Run out on 1 March, 30 days without: 31 March. A supply on that day still fills it up, one of the day after does not.
        ([("2019-12-01", "2020-03-01")], "2021-12-31", "2020-03-31", "stopped"),
        ([("2019-12-01", "2020-03-01"), ("2020-03-31", "2021-06-01")], "2021-12-31", "2020-12-31", "horizon"),
        ([("2019-12-01", "2020-03-01"), ("2020-04-01", "2021-06-01")], "2021-12-31", "2020-03-31", "stopped"),
        # Use that ended and began again before time zero is no stop after it.
        (
            [("2019-01-01", "2019-03-01"), ("2019-11-01", "2020-05-01")],
            "2021-12-31",
            "2020-05-31",
            "stopped",
        ),
        # Run out before time zero: the gap passes after it, on it, or had passed.
        ([("2019-11-01", "2019-12-15")], "2021-12-31", "2020-01-14", "stopped"),
        ([("2019-11-01", "2019-12-02")], "2021-12-31", "2020-01-01", "stopped"),
        ([("2019-09-01", "2019-10-01"), ("2020-01-05", "2021-06-01")], "2021-12-31", "2020-01-01", "stopped"),
        # Not known before the gap has passed, nor where follow-up ends before.
        ([("2019-12-01", "2020-03-01")], "2020-03-30", "2020-03-30", "observation_ended"),
        ([("2019-12-01", "2020-12-02")], "2021-12-31", "2020-12-31", "horizon"),
        # Nobody who was never supplied stops.
        ([], "2021-12-31", "2020-12-31", "horizon"),
    ],
)
def test_follow_up_ends_on_the_day_on_which_a_stop_is_known(run_sql, only, supplies, observed_until, end_on, reason):
    lines = [f"1 | drug.ai | {on} | {until}" for on, until in supplies]
    row = only(
        follow(
            run_sql,
            ref__study_censor=f"{CENSOR}\ns | c | stopped | stops | drug.ai | 30",
            staging__observation_period=f"{SPAN}\n1 | 1 | 2018-01-01 | {observed_until}",
            cohort__event="\n".join((EVENT, *lines)),
        )
    )
    assert (row["end_on"], row["end_reason"]) == (day(end_on), reason)


def test_of_a_stop_and_an_event_the_first_ends_follow_up(run_sql):
    """Two people with the same stop; a drug for bone comes before that of the first, and after that of the second."""
    rows = follow(
        run_sql,
        cohort__time_zero=f"{ZERO}\ns | 1 | 1 | c | 2020-01-01 | open\ns | 2 | 1 | c | 2020-01-01 | open",
        cohort__criterion=f"{MET}\ns | 1 | 1 | c | 1 | true\ns | 2 | 1 | c | 1 | true",
        staging__observation_period=f"{SPAN}\n1 | 1 | 2018-01-01 | 2021-12-31\n2 | 1 | 2018-01-01 | 2021-12-31",
        ref__study_censor=f"""{CENSOR}
            s | c | bone_drug | event | drug.bone |
            s | c | stopped | stops | drug.ai | 30""",
        cohort__event=f"""{EVENT}
            1 | drug.ai | 2019-12-01 | 2020-03-01
            1 | drug.bone | 2020-03-30 | 2020-06-30
            2 | drug.ai | 2019-12-01 | 2020-03-01
            2 | drug.bone | 2020-04-01 | 2020-06-30""",
    )
    assert [(row["end_on"], row["end_reason"]) for row in rows] == [
        (dt.date(2020, 3, 30), "bone_drug"),
        (dt.date(2020, 3, 31), "stopped"),
    ]


@pytest.mark.parametrize(
    ("ai_on", "tam_on", "observed_until", "strategy", "begun_on"),
    [
        ("2020-01-01", "", "2021-12-31", "inhibitor", "2020-01-01"),
        ("2020-01-31", "", "2021-12-31", "inhibitor", "2020-01-31"),
        ("2020-02-01", "", "2021-12-31", "none", ""),
        ("2019-12-31", "", "2021-12-31", "none", ""),
        ("2020-01-20", "2020-01-10", "2021-12-31", "tamoxifen", "2020-01-10"),
        ("2020-01-10", "2020-01-10", "2021-12-31", None, "2020-01-10"),
        ("", "", "2020-01-30", None, ""),
        ("", "", "2020-01-31", "none", ""),
        ("2020-01-05", "", "2020-01-30", "inhibitor", "2020-01-05"),
    ],
)
def test_the_strategy_begun_first_within_grace(run_sql, only, ai_on, tam_on, observed_until, strategy, begun_on):
    """Who leaves before grace is over without having begun anything follows no strategy yet."""
    lines = [f"1 | drug.ai | {ai_on} |"] * bool(ai_on) + [f"1 | drug.tam | {tam_on} |"] * bool(tam_on)
    row = only(
        follow(
            run_sql,
            staging__observation_period=f"{SPAN}\n1 | 1 | 2018-01-01 | {observed_until}",
            cohort__event="\n".join((EVENT, *lines)),
        )
    )
    assert (row["strategy_code"], row["strategy_on"]) == (strategy, day(begun_on))
    assert (row["arm_code"], row["grace_ends_on"]) == ("open", dt.date(2020, 1, 31))


@pytest.mark.parametrize(("ai_on", "strategy"), [("2019-12-18", "inhibitor"), ("2019-12-17", "none")])
def test_a_strategy_may_have_been_begun_some_days_before(run_sql, only, ai_on, strategy):
    row = only(
        follow(
            run_sql,
            ref__study_cohort=f"{COHORT}\ns | c | false | 365 | 14 | 14",
            cohort__event=f"{EVENT}\n1 | drug.ai | {ai_on} |",
        )
    )
    assert row["strategy_code"] == strategy


@pytest.mark.parametrize(
    ("supplies", "observed_until", "strategy", "stopped_on"),
    [
        ([("2019-12-01", "2020-03-01")], "2021-12-31", "stop", "2020-03-01"),
        ([("2019-12-01", "2020-03-01"), ("2020-05-30", "2020-08-30")], "2021-12-31", "continue", ""),
        ([("2019-12-01", "2020-03-01"), ("2020-05-31", "2020-08-30")], "2021-12-31", "stop", "2020-03-01"),
        ([("2019-09-01", "2019-11-01")], "2021-12-31", "stop", "2019-11-01"),
        ([("2019-12-01", "2020-07-02")], "2021-12-31", "stop", "2020-07-02"),
        ([("2019-12-01", "2020-07-03")], "2021-12-31", "continue", ""),
        ([("2019-12-01", "2020-03-01")], "2020-05-29", None, ""),
    ],
)
def test_a_stop_is_stock_run_out_within_grace_and_90_days_without(
    run_sql, only, supplies, observed_until, strategy, stopped_on
):
    """Grace of 183 days from 1 January 2020 ends on 2 July. 90 days after 1 March is 30 May."""
    lines = [f"1 | drug.ai | {on} | {until}" for on, until in supplies]
    row = only(
        follow(
            run_sql,
            ref__study_cohort=f"{COHORT}\ns | c | false | 365 | 183 | 0",
            ref__study_arm=f"{ARM}\ns | c | 1 | stop | stops | drug.ai | 90\ns | c | 2 | continue | continues | |",
            staging__observation_period=f"{SPAN}\n1 | 1 | 2018-01-01 | {observed_until}",
            cohort__event="\n".join((EVENT, *lines)),
        )
    )
    assert (row["strategy_code"], row["strategy_on"]) == (strategy, day(stopped_on))


@pytest.mark.parametrize(("first_only", "trials"), [("false", [2, 3]), ("true", [2])])
def test_every_eligible_time_zero_or_the_first_one(run_sql, first_only, trials):
    rows = follow(
        run_sql,
        ref__study_cohort=f"{COHORT}\ns | c | {first_only} | 365 | | 0",
        cohort__time_zero=f"""{ZERO}
            s | 1 | 1 | c | 2020-01-01 | a
            s | 1 | 2 | c | 2020-02-01 | a
            s | 1 | 3 | c | 2020-03-01 | a""",
        cohort__criterion=f"{MET}\ns | 1 | 1 | c | 1 | false\ns | 1 | 2 | c | 1 | true\ns | 1 | 3 | c | 1 | true",
    )
    assert [r["trial_number"] for r in rows] == trials
    assert {(r["arm_code"], r["strategy_code"], r["grace_ends_on"]) for r in rows} == {("a", None, None)}


def test_one_rule_not_met_is_out(run_sql):
    assert follow(run_sql, cohort__criterion=f"{MET}\ns | 1 | 1 | c | 1 | true\ns | 1 | 1 | c | 2 | false") == []
