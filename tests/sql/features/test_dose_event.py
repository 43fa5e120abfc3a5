"""Starts, switches, changes and stops, and the draws that may have led to them."""

import datetime as dt

import pytest

TABLE = "features.dose_event"
SUPPLY = "person_id | ingredient | drug_class | supplied_on | dose_number | dose_mg_per_week"
EPISODE = (
    "person_id | ingredient | drug_class | gap_days | is_primary | episode_number | starts_on | discontinued_on"
    " | end_reason | first_dose_mg_per_week | last_dose_mg_per_week"
)
DRAW = "person_id | specimen_id | analyte_code | drawn_on"


def events(run_sql, episodes: str, supplies: str = "", draws: str = "") -> list[dict]:
    return run_sql(
        TABLE,
        {
            "features.dosing_episode": f"{EPISODE}\n{episodes}",
            "features.drug_supply": f"{SUPPLY}\n{supplies}",
            "staging.lab_result": f"{DRAW}\n{draws}",
        },
    )


ONE = "1 | anastrozole | aromatase_inhibitor | 90 | true | 1 | 2020-01-01 | 2020-12-01 | supply_ran_out | 7 | 1"


def test_start_change_and_stop(run_sql):
    supplies = (
        "1 | anastrozole | aromatase_inhibitor | 2020-01-01 | 1 | 7\n"
        "1 | anastrozole | aromatase_inhibitor | 2020-03-01 | 1 | 7\n"
        "1 | anastrozole | aromatase_inhibitor | 2020-06-01 | 2 | 3.5\n"
        "1 | anastrozole | aromatase_inhibitor | 2020-07-01 | 3 | 7\n"
        "1 | anastrozole | aromatase_inhibitor | 2020-08-01 | 4 |\n"
        "1 | anastrozole | aromatase_inhibitor | 2020-09-01 | 5 | 1"
    )
    found = events(run_sql, ONE, supplies)
    columns = ("event_number", "event_code", "dose_before_mg_per_week", "dose_after_mg_per_week", "dose_change_pct")
    assert [tuple(r[c] for c in columns) for r in found] == [
        (1, "start", None, 7, None),
        (2, "dose_down", 7, 3.5, -50),
        (3, "dose_up", 3.5, 7, 100),
        (4, "dose_unknown", 7, None, None),
        (5, "dose_unknown", None, 1, None),
        (6, "stop", 1, None, None),
    ]


def test_what_is_stopped_on_its_first_day_started_before(run_sql):
    found = events(run_sql, ONE.replace("2020-12-01 | supply_ran_out", "2020-01-01 | recorded_stop"))
    assert [r["event_code"] for r in found] == ["start", "stop"]


def test_other_gaps_make_no_events(run_sql):
    assert events(run_sql, ONE.replace("90 | true", "60 | false")) == []


def test_an_end_that_was_not_seen_is_no_stop(run_sql):
    found = events(run_sql, ONE.replace("2020-12-01 | supply_ran_out", " | follow_up_ended"))
    assert [r["event_code"] for r in found] == ["start"]


def test_switch_and_restart(run_sql):
    rows = (
        "1 | anastrozole | aromatase_inhibitor | 90 | true | 1 | 2020-01-01 | 2020-06-01 | switch | 7 | 7\n"
        "1 | letrozole | aromatase_inhibitor | 90 | true | 1 | 2020-06-01 | 2021-01-01 | supply_ran_out | 17.5 | 17.5\n"
        "1 | letrozole | aromatase_inhibitor | 90 | true | 2 | 2022-01-01 | | follow_up_ended | 17.5 | 17.5\n"
        "1 | tamoxifen | serm | 90 | true | 1 | 2020-06-01 | | follow_up_ended | 140 | 140"
    )
    found = [(r["ingredient"], r["event_code"], r["from_ingredient"]) for r in events(run_sql, rows)]
    assert found == [
        ("anastrozole", "start", None),
        ("anastrozole", "stop", None),
        ("letrozole", "switch", "anastrozole"),
        ("letrozole", "stop", None),
        ("letrozole", "restart", None),
        ("tamoxifen", "start", None),
    ]


@pytest.mark.parametrize(
    ("day", "since", "triggered"),
    [("2020-01-01", 0, True), ("2019-12-02", 30, True), ("2019-12-01", 31, False), ("2020-01-02", None, False)],
)
def test_within_30_days_after_a_draw(run_sql, day, since, triggered):
    start = events(run_sql, ONE, draws=f"1 | a | estradiol | {day}\n1 | b | testosterone | 2019-12-31")[0]
    assert (start["days_since_e2_draw"], start["is_lab_triggered"]) == (since, triggered)
    assert start["event_on"] == dt.date(2020, 1, 1)


def test_a_change_at_the_start_of_an_episode_is_the_restart(run_sql):
    rows = (
        "1 | anastrozole | aromatase_inhibitor | 90 | true | 1 | 2020-01-01 | 2020-02-01 | supply_ran_out | 7 | 7\n"
        "1 | anastrozole | aromatase_inhibitor | 90 | true | 2 | 2021-01-01 | | follow_up_ended | 1 | 1"
    )
    supplies = (
        "1 | anastrozole | aromatase_inhibitor | 2020-01-01 | 1 | 7\n"
        "1 | anastrozole | aromatase_inhibitor | 2021-01-01 | 2 | 1"
    )
    assert [r["event_code"] for r in events(run_sql, rows, supplies)] == ["start", "stop", "restart"]


def test_it_says_of_which_drug(run_sql):
    assert {(row["ingredient"], row["drug_class"]) for row in events(run_sql, ONE)} == {
        ("anastrozole", "aromatase_inhibitor")
    }
