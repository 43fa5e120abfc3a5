"""Deviations from a protocol: which end follow-up, of whom, and from which day."""

import datetime as dt
import runpy
from pathlib import Path

import pytest

made = runpy.run_path(str(Path(__file__).with_name("test_follow_up.py")))
follow, day, SPAN, CENSOR, ZERO, MET = (made[name] for name in ("follow", "day", "SPAN", "CENSOR", "ZERO", "MET"))
ARM = made["ARM"]
EVENT = made["EVENT"]
SUPPLY = "person_id | ingredient | drug_class | supplied_on | dose_mg_per_week | dose_source"
ADD = f"{ARM}\n s | c | 1 | add | starts | drug.ai |\n s | c | 2 | not | starts_none | |"
REASONS = f"""{CENSOR} | arm_code | share | is_deviation
    s | c | stopped | stops | drug.ai | 90 | add | | true
    s | c | begun | begins | drug.ai | | not | | true
    s | c | dose_changed | dose_changes | drug.t | | | 0.25 | true"""
HORIZON = ("2020-12-31", "horizon")


@pytest.fixture
def ended(run_sql, only):
    """End and reason of person 1: grace is over on 31 January 2020, the horizon on 31 December."""

    def run(ai=(), doses=(), observed_until="2021-12-31", **others):
        lines = [f"1 | drug.ai | {on} | {until}" for on, until in ai]
        supplies = [f"1 | testosterone | androgen | {on} | {dose}" for on, dose in doses]
        inputs = {
            "ref__study_arm": ADD,
            "ref__study_censor": REASONS,
            "staging__observation_period": f"{SPAN}\n1 | 1 | 2018-01-01 | {observed_until}",
            "cohort__event": "\n".join((EVENT, *lines)),
            "ref__study_set": "set_code | kind_code | code\ndrug.t | drug | testosterone",
            "features__drug_supply": "\n".join((SUPPLY, "1 | anastrozole | ai | 2020-06-01 | 1 | sig", *supplies)),
        }
        row = only(follow(run_sql, **inputs | others))
        return str(row["end_on"]), row["end_reason"], row["strategy_code"]

    return run


@pytest.mark.parametrize(
    ("supplies", "end"),
    [
        # Run out on 1 March, 90 days without: 30 May. A supply on that day fills it up, one of the day after does not.
        ([("2020-01-05", "2020-03-01")], ("2020-05-30", "stopped")),
        ([("2020-01-05", "2020-03-01"), ("2020-05-30", "2021-06-01")], HORIZON),
        ([("2020-01-05", "2020-03-01"), ("2020-05-31", "2021-06-01")], ("2020-05-30", "stopped")),
        # Kept up, with late refills; and run out so late that the gap has not passed by the horizon.
        ([("2020-01-05", "2020-03-01"), ("2020-04-01", "2020-06-01"), ("2020-07-01", "2021-06-01")], HORIZON),
        ([("2020-01-05", "2020-10-03")], HORIZON),
        # On the horizon itself it is a deviation.
        ([("2020-01-05", "2020-10-02")], ("2020-12-31", "stopped")),
        # A use that was over before time zero is no stop of the one begun.
        ([("2018-01-05", "2018-03-01"), ("2020-01-05", "2021-06-01")], HORIZON),
    ],
)
def test_who_adds_deviates_on_the_day_on_which_a_stop_is_known(ended, supplies, end):
    assert ended(supplies) == (*end, "add")


@pytest.mark.parametrize(
    ("gap", "supplies", "end"),
    [
        # A stop known within the grace period counts on the day after it, unless a supply came by its last day.
        (7, [("2020-01-02", "2020-01-10")], ("2020-02-01", "stopped")),
        (7, [("2020-01-02", "2020-01-10"), ("2020-01-31", "2021-06-01")], HORIZON),
        (7, [("2020-01-02", "2020-01-10"), ("2020-02-01", "2021-06-01")], ("2020-02-01", "stopped")),
        # Known on the last day of it, and on the day after.
        (7, [("2020-01-02", "2020-01-24")], ("2020-02-01", "stopped")),
        (7, [("2020-01-02", "2020-01-25")], ("2020-02-01", "stopped")),
        (7, [("2020-01-02", "2020-01-26")], ("2020-02-02", "stopped")),
    ],
)
def test_a_stop_within_the_grace_period_counts_where_it_stands_at_its_end(ended, gap, supplies, end):
    reasons = REASONS.replace("drug.ai | 90", f"drug.ai | {gap}")
    assert ended(supplies, ref__study_censor=reasons) == (*end, "add")


@pytest.mark.parametrize(
    ("ai_on", "end"),
    [
        ("2020-01-31", (*HORIZON, "add")),
        ("2020-02-01", ("2020-02-01", "begun", "not")),
        ("2020-12-31", ("2020-12-31", "begun", "not")),
        ("2021-01-01", (*HORIZON, "not")),
    ],
)
def test_who_adds_none_deviates_with_the_first_supply_after_the_grace_period(ended, ai_on, end):
    assert ended([(ai_on, "2021-12-01")]) == end


def told(on: str, dose: float) -> tuple[str, str]:
    """A supply whose instruction tells the dose."""
    return on, f"{dose} | sig"


BEFORE = told("2019-12-01", 100)
UNKNOWN = " | not_recorded"


@pytest.mark.parametrize(
    ("doses", "end"),
    [
        # By more than a quarter, up or down, of the last dose before time zero; not by a quarter.
        ([BEFORE, told("2020-06-01", 126)], ("2020-06-01", "dose_changed")),
        ([BEFORE, told("2020-06-01", 74)], ("2020-06-01", "dose_changed")),
        ([BEFORE, told("2020-06-01", 125)], HORIZON),
        ([BEFORE, told("2020-06-01", 75)], HORIZON),
        ([told("2019-06-01", 200), BEFORE, told("2020-06-01", 100)], HORIZON),
        # Small steps add up, since all are held against the dose before time zero.
        ([BEFORE, told("2020-04-01", 115), told("2020-07-01", 130)], ("2020-07-01", "dose_changed")),
        # An unknown dose is no change, and hides none that comes after it; with none known before there is nothing to change.
        ([BEFORE, ("2020-06-01", UNKNOWN)], HORIZON),
        ([BEFORE, ("2020-06-01", UNKNOWN), told("2020-07-01", 200)], ("2020-07-01", "dose_changed")),
        ([("2019-12-01", UNKNOWN), told("2020-06-01", 100), told("2020-07-01", 200)], HORIZON),
        ([BEFORE, ("2019-12-20", UNKNOWN), told("2020-06-01", 200)], ("2020-06-01", "dose_changed")),
        # Nor is a dose reckoned from quantity and days of supply.
        ([BEFORE, ("2020-06-01", "500 | quantity")], HORIZON),
        ([("2019-12-01", "500 | quantity"), told("2020-06-01", 100)], HORIZON),
        ([BEFORE, told("2020-01-10", 200), ("2020-01-20", "100 | quantity")], ("2020-02-01", "dose_changed")),
        # A refill that comes late, of the same dose, and use that is over change no dose.
        ([BEFORE, told("2020-03-20", 100), told("2020-09-01", 100)], HORIZON),
        ([BEFORE], HORIZON),
        # A supply of the day of time zero is not known on it: it is a change. To change back after the grace period is late.
        ([BEFORE, told("2020-01-01", 200)], ("2020-02-01", "dose_changed")),
        ([BEFORE, told("2020-01-10", 200), told("2020-02-01", 100)], ("2020-02-01", "dose_changed")),
        ([BEFORE, told("2020-06-01", 200), told("2020-06-20", 100)], ("2020-06-01", "dose_changed")),
        # Within it what stands on its last day counts.
        ([BEFORE, told("2020-01-31", 200)], ("2020-02-01", "dose_changed")),
        ([BEFORE, told("2020-01-10", 200), told("2020-01-31", 100)], HORIZON),
        # After the horizon nothing counts.
        ([BEFORE, told("2020-12-31", 200)], ("2020-12-31", "dose_changed")),
        ([BEFORE, told("2021-01-01", 200)], HORIZON),
    ],
)
@pytest.mark.parametrize(("ai", "strategy"), [([], "not"), ([("2020-01-05", "2021-06-01")], "add")])
def test_a_change_of_dose_ends_follow_up_of_either_arm(ended, ai, strategy, doses, end):
    assert ended(ai, doses) == (*end, strategy)


@pytest.mark.parametrize(
    ("observed_until", "died_on", "end"),
    [
        ("2020-05-31", "", ("2020-05-31", "observation_ended")),
        ("2020-06-01", "", ("2020-06-01", "dose_changed")),
        ("2021-12-31", "2020-06-01", ("2020-06-01", "death")),
        ("2021-12-31", "2020-06-02", ("2020-06-01", "dose_changed")),
    ],
)
def test_of_deviation_loss_and_death_the_first_counts_and_on_one_day_death(ended, observed_until, died_on, end):
    others = {"staging__death": f"person_id | died_on\n1 | {died_on}"} if died_on else {}
    assert ended((), [BEFORE, told("2020-06-01", 200)], observed_until, **others) == (*end, "not")


def test_a_reason_that_is_no_deviation_comes_first_on_one_day(ended):
    reasons = f"{REASONS}\n    s | c | cancer | event | condition.m | | | | false"
    events = f"{EVENT}\n1 | condition.m | 2020-06-01 |\n1 | drug.ai | 2020-06-01 | 2021-01-01"
    assert ended(ref__study_censor=reasons, cohort__event=events) == ("2020-06-01", "cancer", "not")


def test_who_leaves_before_anything_was_decided_deviates_from_nothing(ended):
    found = ended([("2020-03-01", "2020-03-02")], [BEFORE, told("2020-01-05", 200)], "2020-01-20")
    assert found == ("2020-01-20", "observation_ended", None)


def test_each_person_is_held_to_the_arm_that_was_begun(run_sql):
    """Three people with one supply: within the grace period, after it, and none; a second reason asks of another cohort."""
    people = range(1, 4)
    rows = follow(
        run_sql,
        ref__study_arm=ADD,
        ref__study_censor=f"{REASONS}\n    s | other | dose | dose_changes | drug.t | | | 0.01 | true",
        cohort__time_zero="\n".join((ZERO, *(f"s | {i} | 1 | c | 2020-01-01 | open" for i in people))),
        cohort__criterion="\n".join((MET, *(f"s | {i} | 1 | c | 1 | true" for i in people))),
        staging__observation_period="\n".join((SPAN, *(f"{i} | 1 | 2018-01-01 | 2021-12-31" for i in people))),
        cohort__event=f"{EVENT}\n1 | drug.ai | 2020-01-05 | 2020-02-05\n2 | drug.ai | 2020-03-05 | 2020-04-05",
    )
    assert [(row["end_on"], row["end_reason"]) for row in rows] == [
        (dt.date(2020, 5, 5), "stopped"),
        (dt.date(2020, 3, 5), "begun"),
        (day("2020-12-31"), "horizon"),
    ]
