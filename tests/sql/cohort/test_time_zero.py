"""Candidate time zeros and the arm that the day itself tells; hand-calculated."""

import datetime as dt

import pytest

TABLE = "cohort.time_zero"
COHORT = "study_id | cohort_code | time_zero_code | set_code | is_first | minimum | maximum | free_days | after_days | grace_days"
ARM = "study_id | cohort_code | arm_number | arm_code | rule_code | set_code | above | up_to"
EVENT = "person_id | set_code | event_on | value_lo | value_hi | use_from_on"
AI_TAM = f"""{ARM}
    s | c | 1 | inhibitor | starts | ai  | |
    s | c | 2 | tamoxifen | starts | tam | |"""


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(("is_first", "days"), [("true", ["2020-01-01"]), ("false", ["2020-01-01", "2021-12-31"])])
def test_new_use_is_a_supply_after_more_than_the_days_without(run_sql, is_first, days):
    """365 days after the last supply is not yet new; 366 days are."""
    rows = run_sql(
        TABLE,
        {
            "ref.study_cohort": f"{COHORT}\ns | c | new_use | x | {is_first} | | | 365 | |",
            "ref.study_arm": f"{ARM}\ns | c | 1 | all | everybody | | |",
            "cohort.event": f"{EVENT}\n1 | x | 2020-01-01 | | |\n1 | x | 2020-12-30 | | |\n1 | x | 2021-12-31 | | |",
        },
    )
    assert [r["index_on"] for r in rows] == [day(text) for text in days]
    assert [r["trial_number"] for r in rows] == list(range(1, len(days) + 1))


def test_a_draw_opens_a_trial_where_all_of_its_range_lies_within_the_bounds(run_sql):
    rows = run_sql(
        TABLE,
        {
            "ref.study_cohort": f"{COHORT}\ns | c | lab_draw | x | false | 30 | 80 | | |",
            "ref.study_arm": f"{ARM}\ns | c | 1 | all | everybody | | |",
            "cohort.event": f"""{EVENT}
                1 | x | 2020-01-01 | 30 | 30 |
                1 | x | 2020-01-02 | 80 | 80 |
                1 | x | 2020-01-03 | 29 | 40 |
                1 | x | 2020-01-04 | 40 | 81 |
                1 | x | 2020-01-05 | 40 |    |
                1 | x | 2020-01-06 | 0  | 20 |""",
        },
    )
    assert [r["index_on"].day for r in rows] == [1, 2]


def test_use_reached_counts_from_the_start_of_each_use(run_sql):
    rows = run_sql(
        TABLE,
        {
            "ref.study_cohort": f"{COHORT}\ns | c | use_reached | x | false | | | | 1826 | 183",
            "ref.study_arm": f"{ARM}\ns | c | 1 | stop | stops | x | |",
            "cohort.event": f"""{EVENT}
                1 | x | 2010-01-01 | | | 2010-01-01
                1 | x | 2010-02-01 | | | 2010-01-01
                1 | x | 2012-01-01 | | | 2012-01-01""",
        },
    )
    assert [r["index_on"] for r in rows] == [day("2015-01-01"), day("2016-12-31")]
    assert {r["arm_code"] for r in rows} == {"open"}


@pytest.mark.parametrize(
    ("ai_on", "tam_on", "arm"),
    [
        ("2020-01-01", "2020-01-02", "inhibitor"),
        ("2020-01-02", "2020-01-01", "tamoxifen"),
        ("2020-01-01", "2020-01-01", "more_than_one_arm"),
    ],
)
def test_the_arm_is_what_is_supplied_on_the_day(run_sql, only, ai_on, tam_on, arm):
    row = only(
        run_sql(
            TABLE,
            {
                "ref.study_cohort": f"{COHORT}\ns | c | new_use | both | true | | | 365 | |",
                "ref.study_arm": AI_TAM,
                "cohort.event": f"""{EVENT}
                    1 | both | 2020-01-01 | | |
                    1 | ai | {ai_on} | | |
                    1 | tam | {tam_on} | | |""",
            },
        )
    )
    assert row["arm_code"] == arm


@pytest.mark.parametrize(
    ("dose", "arm"),
    [("0", "no_arm"), ("1", "low"), ("1.01", "high"), ("7", "high"), ("", "no_arm")],
)
def test_bands_of_dose_hold_their_upper_end_and_an_unknown_dose_is_no_arm(run_sql, only, dose, arm):
    row = only(
        run_sql(
            TABLE,
            {
                "ref.study_cohort": f"{COHORT}\ns | c | new_use | x | true | | | 365 | |",
                "ref.study_arm": f"{ARM}\ns | c | 1 | low | dose | x | 0 | 1\ns | c | 2 | high | dose | x | 1 |",
                "cohort.event": f"{EVENT}\n1 | x | 2020-01-01 | {dose} | {dose} | 2020-01-01",
            },
        )
    )
    assert row["arm_code"] == arm


def test_who_starts_none_of_the_others_is_in_the_arm_without(run_sql, only):
    row = only(
        run_sql(
            TABLE,
            {
                "ref.study_cohort": f"{COHORT}\ns | c | procedure | op | true | | | | |",
                "ref.study_arm": f"{AI_TAM}\n    s | c | 3 | none | starts_none | | |",
                "cohort.event": f"{EVENT}\n1 | op | 2020-01-01 | | |\n1 | ai | 2020-01-02 | | |",
            },
        )
    )
    assert row["arm_code"] == "none"


def test_time_zeros_are_numbered_over_the_cohorts_of_a_study_and_per_person(run_sql):
    rows = run_sql(
        TABLE,
        {
            "ref.study_cohort": f"""{COHORT}
                s | a | lab_draw | x | false | | | | | 30
                s | b | lab_draw | y | false | | | | | 30
                t | a | lab_draw | y | false | | | | | 30""",
            "cohort.event": f"""{EVENT}
                1 | x | 2020-01-01 | 1 | 1 |
                1 | y | 2020-01-01 | 1 | 1 |
                1 | x | 2020-02-01 | 1 | 1 |
                2 | y | 2020-03-01 | 1 | 1 |""",
        },
    )
    assert [(r["study_id"], r["person_id"], r["trial_number"], r["cohort_code"]) for r in rows] == [
        ("s", 1, 1, "a"),
        ("s", 1, 2, "b"),
        ("s", 1, 3, "a"),
        ("s", 2, 1, "b"),
        ("t", 1, 1, "a"),
        ("t", 2, 1, "a"),
    ]
