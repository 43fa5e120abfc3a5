"""Episodes: three gaps in one pass, coverage, dose by agent, and how they ended."""

import datetime as dt

import pytest

TABLE = "features.dosing_episode"
HEADER = (
    "person_id | ingredient | drug_class | evidence_code | supplied_on | n_records | n_unknown_supply | supply_days"
    " | stock_days | cover_from_on | cover_days | dose_number | dose_mg_per_week | has_pellet | is_compounded | stopped_on"
)
FIRST = dt.date(2020, 1, 1)
FOLLOWED = "person_id | span_number | starts_on | ends_on\n1 | 1 | 2019-01-01 | 2024-12-31"


def on(day: int | str) -> dt.date | str:
    return FIRST + dt.timedelta(days=day) if isinstance(day, int) else day


def supply(day=0, days=30, dose: float | str = 7, *, ingredient="anastrozole", number=1, stock=0, unknown=0, stopped="",
           person=1) -> str:  # fmt: skip
    kind = "serm" if ingredient == "tamoxifen" else "aromatase_inhibitor"
    return (
        f"{person} | {ingredient} | {kind} | fill | {on(day)} | 1 | {unknown} | {days} | {stock} | {on(day + stock)}"
        f" | {days} | {number} | {dose} | false | false | {on(stopped)}"
    )


def episodes(run_sql, *rows: str, gap: int | None = 90, followed: str = FOLLOWED, died: str = "") -> list[dict]:
    found = run_sql(
        TABLE,
        {
            "features.drug_supply": "\n".join((HEADER, *rows)),
            "staging.observation_period": followed,
            "staging.death": f"person_id | died_on\n1 | {died}" if died else "person_id | died_on",
        },
    )
    return [row for row in found if gap is None or row["gap_days"] == gap]


def test_three_gaps_in_one_pass(run_sql):
    """Shelf empty on day 30; the next fill on day 120 is 90 days without: within 90 and 180, not within 60."""
    found = episodes(run_sql, supply(0), supply(120), gap=None)
    assert sorted((r["gap_days"], r["episode_number"], r["is_primary"]) for r in found) == [
        (60, 1, False), (60, 2, False), (90, 1, True), (180, 1, False),
    ]  # fmt: skip


@pytest.mark.parametrize(("day", "n"), [(119, 1), (120, 1), (121, 2)])
def test_the_edge_of_the_gap(run_sql, day, n):
    assert len(episodes(run_sql, supply(0), supply(day))) == n


def test_a_drug_with_a_gap_of_its_own(run_sql):
    found = episodes(run_sql, supply(0, ingredient="zoledronic acid"), gap=None)
    assert {r["gap_days"]: r["is_primary"] for r in found} == {60: False, 90: False, 180: True}


def test_coverage_and_dose_by_hand(run_sql, only):
    """30 + 30 + 30 days in 100; 60 days at 7 mg and 30 at 3.5 mg a week: 525 mg-days a week over 90 days."""
    row = only(episodes(run_sql, supply(0), supply(30), supply(70, dose=3.5, number=2)))
    assert (row["starts_on"], row["supply_ends_on"], row["length_days"]) == (FIRST, on(99), 100)
    assert (row["covered_days"], row["covered_pct"], row["n_gaps"], row["longest_gap_days"]) == (90, 90, 1, 10)
    assert row["dose_mg_per_week"] == pytest.approx((60 * 7 + 30 * 3.5) / 90)
    assert row["dose_mg_per_day"] == pytest.approx(525 / 90 / 7)
    assert row["label_dose_pct"] == pytest.approx(100 * 525 / 90 / 7)
    assert row["cumulative_mg"] == pytest.approx(75)
    assert (row["first_dose_mg_per_week"], row["last_dose_mg_per_week"], row["n_dose_changes"]) == (7, 3.5, 1)


def test_covered_days_never_exceed_the_episode(run_sql, only):
    """Three fills at once are a ratio of 3 (MPR) but a proportion of 100 % (PDC)."""
    row = only(episodes(run_sql, supply(0), supply(1, stock=29), supply(2, stock=58)))
    assert (row["covered_days"], row["length_days"], row["covered_pct"]) == (90, 90, 100)
    assert row["largest_stock_days"] == 58


@pytest.mark.parametrize(("ingredient", "weekly"), [("anastrozole", 7), ("letrozole", 17.5), ("exemestane", 175)])
def test_share_of_the_labelled_dose(run_sql, only, ingredient, weekly):
    """Labels: 1, 2.5 and 25 mg a day."""
    row = only(episodes(run_sql, supply(0, dose=weekly, ingredient=ingredient)))
    assert row["label_dose_pct"] == pytest.approx(100)


def test_agents_are_never_put_together(run_sql):
    found = episodes(run_sql, supply(0), supply(30, dose=17.5, ingredient="letrozole"))
    assert [(r["ingredient"], r["dose_mg_per_week"]) for r in found] == [("anastrozole", 7), ("letrozole", 17.5)]


def test_unknown_dose_and_supply_are_null_not_zero(run_sql, only):
    row = only(episodes(run_sql, supply(0), supply(30, dose="", number=2)))
    assert (row["dose_known_pct"], row["dose_mg_per_week"], row["cumulative_mg"]) == (50, 7, None)
    assert (row["first_dose_mg_per_week"], row["last_dose_mg_per_week"]) == (7, None)
    row = only(episodes(run_sql, supply(0), supply(30, 0, unknown=1), supply(50)))
    assert (row["covered_days"], row["covered_pct"], row["cumulative_mg"], row["n_unknown_supply"]) == (
        60,
        None,
        None,
        1,
    )
    row = only(episodes(run_sql, supply(0, 0, unknown=1)))
    assert (row["length_days"], row["supply_ends_on"], row["dose_mg_per_week"]) == (0, FIRST, None)


@pytest.mark.parametrize(
    ("rows", "reason", "day"),
    [
        ((supply(0), supply(400)), "supply_ran_out", 30),
        ((supply(0), supply(40, ingredient="letrozole", dose=17.5)), "switch", 40),
        ((supply(0), supply(120, ingredient="letrozole", dose=17.5)), "switch", 120),
        ((supply(0), supply(121, ingredient="letrozole", dose=17.5)), "supply_ran_out", 30),
        ((supply(0), supply(40, ingredient="tamoxifen", dose=140)), "supply_ran_out", 30),
        ((supply(0, 15, stopped=14),), "recorded_stop", 15),
        ((supply(0, 15, stopped=14), supply(300)), "recorded_stop", 15),
        ((supply(0),), "supply_ran_out", 30),
    ],
    ids=[
        "gap",
        "switch",
        "switch at the edge",
        "too late for a switch",
        "other class",
        "stop",
        "stop, then again",
        "end",
    ],
)
def test_how_it_ended(run_sql, rows, reason, day):
    first = min(episodes(run_sql, *rows), key=lambda r: (r["ingredient"], r["episode_number"]))
    assert (first["end_reason"], first["discontinued_on"]) == (reason, on(day))


@pytest.mark.parametrize(
    ("until", "reason", "day"), [("2020-04-29", "follow_up_ended", None), ("2020-04-30", "supply_ran_out", 30)]
)
def test_an_end_is_seen_only_after_the_whole_gap(run_sql, only, until, reason, day):
    """Shelf empty on 31 January; 90 days later is 30 April."""
    row = only(episodes(run_sql, supply(0), followed=FOLLOWED.replace("2024-12-31", until)))
    assert (row["end_reason"], row["discontinued_on"]) == (reason, day and on(day))


def test_the_end_of_an_unknown_supply_is_unknown(run_sql):
    """Neither a later episode nor the end of follow-up tells when a record without a supply was used up."""
    found = episodes(run_sql, supply(0, days=0), supply(400, days=0, number=2))
    assert [(r["end_reason"], r["discontinued_on"], r["length_days"]) for r in found] == [
        ("supply_unknown", None, 0)
    ] * 2


def test_death_and_unknown_follow_up_are_no_discontinuation(run_sql, only):
    row = only(episodes(run_sql, supply(0), died="2020-02-20"))
    assert (row["end_reason"], row["discontinued_on"]) == ("death", None)
    row = only(episodes(run_sql, supply(0), followed="person_id | span_number"))
    assert (row["end_reason"], row["discontinued_on"]) == ("follow_up_unknown", None)


def test_order_of_rows_and_other_people_change_nothing(run_sql):
    rows = [supply(0), supply(30), supply(200, dose=3.5, number=2)]
    alone = episodes(run_sql, *rows, gap=None)
    others = [supply(0, person=2), supply(5, 90, 1, person=3, ingredient="letrozole")]
    together = episodes(run_sql, *others, *reversed(rows), gap=None)
    assert [r for r in together if r["person_id"] == 1] == alone


def test_the_least_sure_supply_says_how_sure_the_dose_of_the_episode_is(run_sql):
    rows = "\n".join(f"{supply(day)} | {sure}" for day, sure in ((0, 0.9), (30, 0.6), (400, 0.8)))
    inputs = {"features.drug_supply": f"{HEADER} | dose_confidence\n{rows}", "staging.observation_period": FOLLOWED}
    found = [row["dose_confidence"] for row in run_sql(TABLE, inputs) if row["gap_days"] == 90]
    assert found == [0.6, 0.8]


def test_it_says_of_which_drug_and_from_how_many_records(run_sql, only):
    pellet = supply(30).replace("| false | false |", "| true | true |")
    row = only(episodes(run_sql, supply(0).replace("| fill |", "| order |"), pellet.replace("| fill |", "| order |")))
    assert (row["drug_class"], row["evidence_code"], row["n_records"]) == ("aromatase_inhibitor", "order", 2)
    assert (row["is_compounded"], row["has_pellet"]) == (True, True)
    row = only(episodes(run_sql, supply(0), supply(30)))
    assert (row["evidence_code"], row["is_compounded"], row["has_pellet"]) == ("fill", False, False)
