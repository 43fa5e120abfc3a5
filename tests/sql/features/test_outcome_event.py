"""Outcomes by study: first event after time zero, what was known before, follow-up and why it ended."""

import datetime as dt

import pytest

TABLE = "features.outcome_event"
EVENT = "person_id | phenotype_code | event_on | certainty_code | is_new_event | is_possible_event"
PERIOD = "person_id | span_number | starts_on | ends_on | basis_code\n1 | 1 | 2018-01-01 | 2022-12-31 | enrolment"


def definite(code: str, day: str) -> str:
    return f"1 | {code} | {day} | definite | true | true"


@pytest.fixture
def outcome(run_sql):
    """The row of one outcome of the one person, time zero 15 June 2020."""

    def run(code: str, *events: str, end="", reason="horizon", period=PERIOD, died: str = "", counts_from: int = 0):
        inputs = {
            "cohort.trial_person": "study_id | person_id | trial_number | cohort_code | arm_code | index_on | end_on | end_reason"
            f"\ns | 1 | 2 | c | a | 2020-06-15 | {end} | {reason}",
            "ref.study_outcome": f"study_id | outcome_code | is_primary\ns | {code} | true\ns | lumbar_spine_bmd | false",
            "features.clinical_event": "\n".join((EVENT, *events)),
            "staging.observation_period": period,
        }
        if counts_from:
            inputs["ref.study_cohort"] = (
                "study_id | cohort_code | follow_up_from_days\n"
                f"s | c | {counts_from}\ns | another | 400\nanother | c | 400"
            )
        if died:
            inputs["staging.death"] = f"person_id | died_on | source_file\n1 | {died} | d"
        rows = {row["outcome_code"]: row for row in run_sql(TABLE, inputs)}
        assert "lumbar_spine_bmd" not in rows
        return rows[code] | {"n_controls": sum(row["role_code"] == "negative_control" for row in rows.values())}

    return run


def test_the_first_new_event_after_time_zero(outcome):
    row = outcome(
        "hip_fracture",
        definite("hip_fracture", "2019-01-01"),
        "1 | hip_fracture | 2020-07-01 | history | false | false",
        "1 | hip_fracture | 2020-08-01 | possible | false | true",
        definite("hip_fracture", "2021-06-15"),
        definite("hip_fracture", "2022-06-15"),
    )
    assert (row["is_event"], row["event_on"], row["event_days"]) == (True, dt.date(2021, 6, 15), 365)
    assert (row["is_possible_event"], row["possible_event_on"]) == (True, dt.date(2020, 8, 1))
    assert (row["trial_number"], row["role_code"]) == (2, "primary")
    assert row["n_controls"] >= 30


@pytest.mark.parametrize(
    ("code", "day", "prevalent", "days"),
    [
        ("heart_failure", "2010-06-15", True, 3653),
        ("heart_failure", "2020-06-15", True, 0),
        ("heart_failure", "2020-06-16", False, None),
        ("hip_fracture", "2019-12-18", True, 180),
        ("hip_fracture", "2019-12-17", False, 181),
    ],
)
def test_prevalent_on_the_day_itself_and_within_the_days_of_the_phenotype(outcome, code, day, prevalent, days):
    row = outcome(code, f"1 | {code} | {day} | elsewhere | false | false")
    assert (row["is_prevalent"], row["days_since_last_before"], row["is_event"]) == (prevalent, days, False)


def test_an_event_on_the_day_of_time_zero_is_no_outcome_but_one_on_the_last_day_is(outcome):
    assert not outcome("heart_failure", definite("heart_failure", "2020-06-15"))["is_event"]
    assert outcome("heart_failure", definite("heart_failure", "2022-12-31"))["is_event"]
    row = outcome("heart_failure", definite("heart_failure", "2023-01-01"))
    assert (row["is_event"], row["event_on"], row["follow_up_days"]) == (False, None, 929)


@pytest.mark.parametrize(
    ("given", "reason", "last"),
    [
        ({}, "observation_ended", "2022-12-31"),
        ({"end": "2021-06-15"}, "study_end", "2021-06-15"),
        ({"end": "2022-12-31", "reason": "observation_ended"}, "observation_ended", "2022-12-31"),
        ({"died": "2021-01-01"}, "death", "2021-01-01"),
        ({"died": "2021-01-01", "end": "2021-01-01", "reason": "death"}, "death", "2021-01-01"),
        ({"died": "2024-01-01"}, "observation_ended", "2022-12-31"),
        ({"period": PERIOD.replace("2018-01-01", "2020-06-16")}, "not_observed", None),
    ],
)
def test_why_follow_up_ended(outcome, given, reason, last):
    row = outcome("heart_failure", **given)
    assert (row["end_reason"], row["follow_up_ends_on"]) == (reason, last and dt.date.fromisoformat(last))


@pytest.mark.parametrize(
    ("days", "event_days", "is_early"),
    [
        ((29,), None, True),
        ((30,), 30, False),
        ((31,), 31, False),
        ((29, 60), 60, True),
        ((0, 30), 30, False),
        ((), None, False),
    ],
)
def test_outcomes_count_from_the_day_that_the_study_names(outcome, days, event_days, is_early):
    """Time zero 15 June 2020 and 30 days: 15 July is the first day that counts."""
    on = [dt.date(2020, 6, 15) + dt.timedelta(days=n) for n in days]
    row = outcome("heart_failure", *(definite("heart_failure", str(day)) for day in on), counts_from=30)
    assert row["counts_from_on"] == dt.date(2020, 7, 15)
    assert (row["is_event"], row["event_days"], row["is_early_event"]) == (event_days is not None, event_days, is_early)
    assert row["possible_event_on"] == row["event_on"]


def test_without_such_a_day_outcomes_count_from_the_day_after_time_zero(outcome):
    row = outcome("heart_failure", definite("heart_failure", "2020-06-16"))
    assert (row["counts_from_on"], row["event_days"]) == (dt.date(2020, 6, 16), 1)
    assert row["is_early_event"] is False


def test_metastasis_ends_follow_up_for_fractures_only(outcome):
    events = (
        definite("metastatic_disease", "2021-01-01"),
        definite("hip_fracture", "2021-03-01"),
        definite("heart_failure", "2021-03-01"),
    )
    row = outcome("hip_fracture", *events)
    assert (row["is_event"], row["end_reason"], row["follow_up_ends_on"]) == (False, "censored", dt.date(2021, 1, 1))
    assert outcome("heart_failure", *events)["is_event"]


def test_a_death_is_an_event_of_its_own_last_day(outcome):
    row = outcome("cardiovascular_death", definite("cardiovascular_death", "2021-01-01"), died="2021-01-01")
    assert (row["is_event"], row["event_days"], row["end_reason"]) == (True, 200, "death")


def test_moving_what_comes_after_time_zero_changes_outcomes_but_not_what_was_known(outcome):
    before = "1 | heart_failure | 2019-01-01 | elsewhere | false | false"
    rows = [outcome("heart_failure", before, definite("heart_failure", day)) for day in ("2020-07-01", "2021-07-01")]
    assert {(row["is_prevalent"], row["days_since_last_before"]) for row in rows} == {(True, 531)}
    assert [row["event_days"] for row in rows] == [16, 381]


def test_a_survey_has_no_outcomes(run_sql):
    rows = run_sql(
        TABLE,
        {
            "cohort.trial_person": "study_id | person_id | trial_number | cohort_code | arm_code | end_reason\n"
            "s | 1 | 1 | survey | men | cross_sectional",
            "ref.study_outcome": "study_id | outcome_code | is_primary\ns | death | true",
        },
    )
    assert rows == []


def test_it_says_for_which_study_and_from_when(outcome):
    row = outcome("hip_fracture", definite("hip_fracture", "2021-06-15"))
    assert (row["study_id"], row["index_on"]) == ("s", dt.date(2020, 6, 15))
