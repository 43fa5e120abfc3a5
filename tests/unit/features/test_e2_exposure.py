"""Estradiol as bounds: windows by hand, censoring, gaps, assay changes, companions of the specimen, surveys."""

import datetime as dt
import math
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from pipelines import plan
from pipelines.domain.free_hormone import sodergard
from pipelines.domain.free_hormone import testosterone_vermeulen as vermeulen
from pipelines.features.e2_exposure import _neighbours, e2_exposure

FIRST = dt.date(2020, 1, 1)


def e2(day: int | None, value: float | None, operator="=", assay="lc_ms_ms", specimen=None, person=1, lloq=3.0) -> dict:
    return {
        "person_id": person, "specimen_id": specimen or f"s{day}", "analyte_code": "estradiol", "value": value,
        "operator": operator, "is_censored": operator != "=", "assay_class": assay, "lloq": lloq,
        "drawn_on": None if day is None else FIRST + dt.timedelta(day),
    }  # fmt: skip


def beside(specimen: str, analyte: str, value: float, *, censored=False) -> dict:
    return {
        "person_id": 1, "specimen_id": specimen, "analyte_code": analyte, "value": value, "assay_class": "unknown",
        "operator": "<" if censored else "=", "is_censored": censored,
    }  # fmt: skip


@pytest.fixture
def windows(step_inputs):
    def run(*results, sex="male", code=None, **tables):
        step = plan.step("features.e2_exposure")
        people = [{"person_id": p, "sex_code": sex} for p in sorted({r["person_id"] for r in results})]
        inputs = step_inputs(step.inputs, staging__lab_result=list(results), staging__person=people, **tables)
        rows = (
            e2_exposure(inputs, None)
            .collect()
            .sort("person_id", "assay_class", "window_code", "window_number")
            .to_dicts()
        )
        assert not rows or set(rows[0]) == {column.name for column in step.contract.columns}
        return [row for row in rows if code in (None, row["window_code"])]

    return run


def test_a_straight_line_from_10_to_50_over_a_window(windows):
    """Mean 30; below 20 for a quarter, 20 to 30 for a quarter, above 30 for half, above 40 for a quarter."""
    row = windows(e2(0, 10), e2(90, 50), code="days_90")[0]
    assert (row["starts_on"], row["ends_on"]) == (FIRST, FIRST + dt.timedelta(89))
    assert row["covered_pct"] == 100
    assert row["e2_lo_pg_ml"] == row["e2_hi_pg_ml"] == row["e2_fill_pg_ml"] == pytest.approx(30)
    assert row["auc_lo_pg_d_ml"] == pytest.approx(2700)
    expected = {"below_10": 0, "below_16": 15, "below_20": 25, "within_20_30": 25, "above_30": 50, "above_40": 25}
    for name, share in expected.items():
        assert row[f"{name}_least_pct"] == row[f"{name}_most_pct"] == pytest.approx(share), name
    assert (row["n_draws"], row["n_uncensored"], row["nadir_lo_pg_ml"]) == (1, 1, 10)
    assert row["severe_months_least"] == 0


@pytest.mark.parametrize("people", [1, 2, 5])
def test_people_cut_up_at_a_time_change_nothing(windows, monkeypatch, people):
    draws = [e2(day, 10 + person, person=person) for person in range(1, 6) for day in (0, 90, 200 * person)]
    together = windows(*draws)
    assert {row["person_id"] for row in together} == {1, 2, 3, 4, 5}
    monkeypatch.setattr("pipelines.features.e2_exposure.PEOPLE_AT_ONCE", people)
    assert windows(*draws) == together


def test_windows_tile_the_series_and_the_last_is_carried_90_days(windows):
    rows = windows(e2(0, 10), e2(90, 50), code="days_90")
    assert [(r["window_number"], (r["starts_on"] - FIRST).days, r["covered_pct"]) for r in rows] == [
        (1, 0, 100),
        (2, 90, 100),
    ]
    assert rows[1]["e2_lo_pg_ml"] == 50
    year = windows(e2(0, 10), e2(90, 50), code="days_365")[0]
    assert year["covered_pct"] == pytest.approx(100 * 180 / 365)
    assert (year["e2_lo_pg_ml"], year["below_10_most_pct"], year["n_draws"]) == (None, None, 2)
    half = windows(e2(0, 10), e2(90, 50), code="days_180")[0]
    assert half["e2_lo_pg_ml"] == pytest.approx((30 + 50) / 2)


def test_the_whole_series(windows, only):
    row = only(windows(e2(0, 10), e2(90, 50), code="series"))
    assert ((row["ends_on"] - FIRST).days, row["n_draws"], row["e2_hi_pg_ml"]) == (179, 2, pytest.approx(40))


def test_censored_draws_are_bounds_and_never_a_mean(windows):
    row = windows(e2(0, 20, "<"), e2(90, 20, "<"), code="days_90")[0]
    assert (row["e2_lo_pg_ml"], row["e2_hi_pg_ml"]) == (0, 20)
    assert row["e2_fill_pg_ml"] == pytest.approx(20 / math.sqrt(2))
    assert (row["below_10_least_pct"], row["below_10_most_pct"]) == (0, 100)
    assert (row["below_20_least_pct"], row["below_20_most_pct"]) == (0, 100)
    assert (row["within_20_30_least_pct"], row["within_20_30_most_pct"]) == (0, 100)
    assert (row["n_uncensored"], row["censored_share"], row["nadir_lo_pg_ml"], row["nadir_hi_pg_ml"]) == (0, 1, 0, 20)
    assert row["severe_months_least"] == 0
    assert row["severe_months_most"] == pytest.approx(90 / (365.25 / 12))


def test_one_bound_censored(windows):
    """From <20 to 40 in 90 days: the lower curve from 0, the upper from 20."""
    row = windows(e2(0, 20, "<"), e2(90, 40), code="days_90")[0]
    assert (row["e2_lo_pg_ml"], row["e2_hi_pg_ml"]) == (pytest.approx(20), pytest.approx(30))
    assert (row["below_20_least_pct"], row["below_20_most_pct"]) == (0, pytest.approx(50))
    assert (row["above_30_least_pct"], row["above_30_most_pct"]) == (pytest.approx(25), pytest.approx(50))
    assert row["within_20_30_least_pct"] == 0
    assert row["within_20_30_most_pct"] == pytest.approx(75)


def test_above_an_upper_limit_there_is_no_upper_bound(windows):
    row = windows(e2(0, 4300, ">"), e2(90, 300), code="days_90")[0]
    assert (row["e2_lo_pg_ml"], row["e2_hi_pg_ml"], row["nadir_hi_pg_ml"]) == (pytest.approx(2300), None, None)
    assert (row["above_40_least_pct"], row["above_40_most_pct"]) == (100, 100)


def test_no_line_over_more_than_180_days(windows):
    near = windows(e2(0, 10), e2(180, 50), code="days_180")[0]
    far = windows(e2(0, 10), e2(181, 50), code="days_180")[0]
    assert (near["covered_pct"], near["e2_lo_pg_ml"]) == (100, pytest.approx(30))
    assert (far["covered_pct"], far["e2_lo_pg_ml"]) == (50, 10)
    alone = windows(e2(0, 10), code="days_180")[0]
    assert (alone["covered_pct"], alone["e2_lo_pg_ml"]) == (50, 10)


def test_half_a_window_is_the_least(windows):
    """89 days of 180 are too few."""
    row = windows(e2(0, 10), e2(89, 12, assay="immunoassay"), code="days_180")[1]
    assert (row["assay_class"], row["covered_pct"], row["e2_lo_pg_ml"]) == (
        "lc_ms_ms",
        pytest.approx(100 * 89 / 180),
        None,
    )


def test_a_switch_of_assay_splits_the_series(windows):
    rows = windows(e2(0, 10), e2(30, 40, assay="immunoassay"), e2(60, 12), e2(90, 14), code="series")
    lc = [r for r in rows if r["assay_class"] == "lc_ms_ms"]
    assert [(r["window_number"], r["n_draws"], (r["starts_on"] - FIRST).days) for r in lc] == [(1, 1, 0), (2, 2, 60)]
    assert [(r["ends_on"] - FIRST).days for r in rows if r["assay_class"] == "immunoassay"] == [59]
    assert [r["e2_lo_pg_ml"] for r in rows if r["assay_class"] == "immunoassay"] == [40]


def test_a_class_that_comes_back_ends_the_last_window_before(windows):
    """Another class between, and the first again within the year: no day lies in two windows of one length and class."""
    draws = [
        e2(0, 20, assay="immunoassay"),
        e2(100, 20, assay="immunoassay"),
        e2(150, 18),
        e2(200, 40, assay="immunoassay"),
    ]
    first, second = [row for row in windows(*draws, code="days_365") if row["assay_class"] == "immunoassay"]
    assert (first["starts_on"], first["ends_on"]) == (FIRST, FIRST + dt.timedelta(199))
    assert (second["window_number"], second["starts_on"]) == (2, FIRST + dt.timedelta(200))
    assert (first["n_draws"], second["n_draws"]) == (2, 1)
    assert first["e2_lo_pg_ml"] == pytest.approx(20)


def test_nothing_is_carried_beyond_death(windows, only):
    death = [{"person_id": 1, "died_on": FIRST + dt.timedelta(40)}]
    row = only(windows(e2(0, 10), code="days_90", staging__death=death))
    assert (row["covered_pct"], row["e2_lo_pg_ml"]) == (pytest.approx(100 * 40 / 90), None)


def test_windows_of_an_episode(windows, only):
    episode = {
        "person_id": 1, "ingredient": "anastrozole", "drug_class": "aromatase_inhibitor", "is_primary": True,
        "starts_on": FIRST + dt.timedelta(30), "supply_ends_on": FIRST + dt.timedelta(59),
    }  # fmt: skip
    other = episode | {"is_primary": False, "supply_ends_on": FIRST + dt.timedelta(80)}
    rows = windows(e2(0, 0.0), e2(90, 90), code="episode", features__dosing_episode=[episode, other])
    row = only(rows)
    assert (row["e2_lo_pg_ml"], row["covered_pct"], row["n_draws"]) == (pytest.approx(45), 100, 0)
    assert row["censored_share"] is None


def test_severe_deprivation_by_sex_and_menopause(windows):
    draws = (e2(0, 8), e2(90, 8))
    months = pytest.approx(90 / (365.25 / 12))
    assert windows(*draws, code="days_90")[0]["severe_months_least"] == months
    after = [{"person_id": 1, "status_code": "postmenopausal", "rule_code": "age_60"}]
    assert (
        windows(*draws, code="days_90", sex="female", features__menopausal_status=after)[0]["severe_months_most"] == 0
    )
    before = [{"person_id": 1, "status_code": "premenopausal", "rule_code": "menses_past_year"}]
    row = windows(*draws, code="days_90", sex="female", features__menopausal_status=before)[0]
    assert (row["severe_months_least"], row["severe_months_most"]) == (None, None)


def test_a_window_is_judged_by_what_was_known_on_its_last_day(windows):
    periods = [
        {"person_id": 1, "period_number": 1, "status_code": "unknown"},
        {"person_id": 1, "period_number": 2, "known_on": FIRST + dt.timedelta(90), "status_code": "postmenopausal"},
    ]
    rows = windows(e2(0, 2), e2(90, 2), e2(180, 2), code="days_90", sex="female", features__menopausal_status=periods)
    assert [row["severe_months_least"] is None for row in rows[:2]] == [True, False]


def test_variability_needs_three_measured_draws(windows, only):
    three = [e2(0, 10), e2(30, 20), e2(60, 40)]
    logs = [math.log(v) for v in (10, 20, 40)]
    spread = math.sqrt(sum((x - sum(logs) / 3) ** 2 for x in logs) / 2)
    assert only(windows(*three, code="series"))["log_sd"] == pytest.approx(spread)
    assert only(windows(*three[:2], code="series"))["log_sd"] is None
    assert only(windows(*three[:2], e2(60, 40, "<"), code="series"))["log_sd"] is None


def test_two_specimens_of_a_day_are_averaged(windows):
    row = windows(e2(0, 10, specimen="a"), e2(0, 30, specimen="b"), e2(90, 20), code="days_90")[0]
    assert (row["e2_lo_pg_ml"], row["n_draws"], row["nadir_lo_pg_ml"]) == (pytest.approx(20), 2, 10)


def test_ratio_and_free_hormones_of_the_same_specimen(windows, only):
    row = only(windows(
        e2(0, 25), beside("s0", "testosterone", 500), beside("s0", "shbg", 40), beside("s0", "albumin", 4.4), code="series",
    ))  # fmt: skip
    assert (row["t_e2_ratio"], row["testosterone_ng_dl"], row["shbg_nmol_l"]) == (20, 500, 40)
    both = sodergard(500 * 10 / 288.42, 25 / 272.38, 40, 44)
    alone = vermeulen(500 * 10 / 288.42, 40, 44)
    assert row["free_e2_pg_ml"] == pytest.approx(float(both.estradiol.free) * 272.38)
    assert row["free_testosterone_ng_dl"] == pytest.approx(float(alone.free) * 28.842)
    assert 0.4 < row["free_e2_pg_ml"] < 0.9
    assert row["bioavailable_e2_pg_ml"] == pytest.approx(float(both.estradiol.bioavailable) * 272.38)
    assert 15 < row["bioavailable_e2_pg_ml"] < 20


@pytest.mark.parametrize(("e2_operator", "t_censored"), [("<", False), ("=", True)])
def test_no_ratio_where_one_is_censored(windows, only, e2_operator, t_censored):
    draws = (e2(0, 25, e2_operator), beside("s0", "testosterone", 500, censored=t_censored))
    assert only(windows(*draws, code="series"))["t_e2_ratio"] is None


def test_surveys_have_one_window_without_days(windows, only):
    row = only(windows(e2(None, 2.994, "<", specimen="H.tst", lloq=2.994)))
    assert (row["window_code"], row["window_number"], row["starts_on"], row["covered_pct"]) == (
        "single_draw",
        1,
        None,
        None,
    )
    assert (row["e2_lo_pg_ml"], row["e2_hi_pg_ml"], row["lloq_pg_ml"]) == (0, 2.994, 2.994)
    assert row["e2_fill_pg_ml"] == pytest.approx(2.117, abs=5e-4)
    row = only(windows(e2(None, 3, "<", specimen="a"), e2(None, 9, specimen="b")))
    assert (row["window_code"], row["e2_lo_pg_ml"], row["e2_hi_pg_ml"]) == ("undated", 4.5, 6)
    assert (row["n_draws"], row["n_uncensored"], row["censored_share"]) == (2, 1, 0.5)


def test_a_result_without_a_value_is_no_draw(windows):
    assert windows(e2(0, None), beside("s0", "testosterone", 500)) == []


def test_people_do_not_mix(windows):
    alone = windows(e2(0, 10), e2(90, 50))
    together = windows(e2(45, 200, person=2), e2(90, 50), e2(0, 10), e2(10, 3, "<", person=3))
    assert [r for r in together if r["person_id"] == 1] == alone


def test_a_censored_stretch_has_two_areas_and_two_shares_below_16(windows):
    """Below 20 all 90 days: area 0 to 1800; surely below 16 for no day, possibly for all."""
    row = windows(e2(0, 20, "<"), e2(90, 20, "<"), code="days_90")[0]
    assert (row["auc_lo_pg_d_ml"], row["auc_hi_pg_d_ml"]) == (0, pytest.approx(1800))
    assert (row["below_16_least_pct"], row["below_16_most_pct"]) == (0, 100)


def test_bioavailable_testosterone_of_the_specimen(windows, only):
    draws = (e2(0, 25), beside("s0", "testosterone", 500), beside("s0", "shbg", 30))
    row = only(windows(*draws, code="series"))
    alone = vermeulen(500 * 10 / 288.42, 30.0, 43.0)
    assert row["bioavailable_testosterone_ng_dl"] == pytest.approx(float(alone.bioavailable) * 28.842)
    assert row["bioavailable_testosterone_ng_dl"] > 10 * row["free_testosterone_ng_dl"]


@pytest.mark.parametrize("seed", range(20))
def test_neighbours_are_what_windows_meet(seed: int) -> None:
    """Against all pairs: nothing that a window meets is missing, and no window meets the next line."""
    rng = np.random.default_rng(seed)
    rows, windows = [], []
    for line in range(6):
        days = np.sort(rng.choice(np.arange(-500, 500), rng.integers(0, 8) + 1, replace=False))
        rows += [(line, day, rng.integers(day, after + 1)) for day, after in pairwise(days)]
        starts = rng.integers(-520, 520, 9)
        windows += [(line, day, day + rng.integers(0, 200)) for day in starts]
    held = pl.DataFrame(rows, ["line", "from_day", "to_day"], orient="row")
    asked = pl.DataFrame(windows, ["line", "start_day", "end_day"], orient="row")
    pairs = [
        (number, place)
        for number, (line, start, end) in enumerate(windows)
        for place, (other, first, after) in enumerate(rows)
        if line == other and max(start, first) < min(end, after)
    ]
    found = zip(*(each.tolist() for each in _neighbours(asked, held)), strict=True)
    met = [(w, p) for w, p in found if min(asked[w, 2], held[p, 2]) > max(asked[w, 1], held[p, 1])]
    assert met == pairs
