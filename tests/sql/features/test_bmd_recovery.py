"""Bone after a stop: two lines that meet there, the pair around it, and what is no stop."""

import datetime as dt
import math

import numpy as np
import pytest

TABLE = "features.bmd_recovery"
STOP = dt.date(2018, 1, 1)
HEADER = (
    "person_id | scan_id | site_code | side_code | imputation_number | is_valid | bmd_g_cm2 | device_id | series_id | scanned_on"
    " | is_artefact_suspect"
)
YEAR = 365.25


def scan(day: int, log_pct: float, series="s", suspect="false") -> str:
    """`day` counts from the last day with stock."""
    bmd = math.exp(log_pct / 100)
    return f"1 | {day} | total_hip | left | 0 | true | {bmd!r} | d | {series} | {STOP + dt.timedelta(day)} | {suspect}"


@pytest.fixture
def recovery(run_sql):
    def run(*scans, regimens=((-1461, 0),), supplies=()):
        lines = [
            f"1 | {ingredient} | {n} | {STOP + dt.timedelta(a)} | {STOP + dt.timedelta(b)}"
            for n, (a, b, ingredient) in enumerate([(*r, "anastrozole")[:3] for r in regimens], 1)
        ]
        drugs = [f"1 | x | {name} | {STOP + dt.timedelta(day)}" for name, day in supplies]
        return run_sql(TABLE, {
            "staging.dxa_scan": "\n".join((HEADER, *scans)),
            "features.ai_regimen": "\n".join(("person_id | ingredient | regimen_number | starts_on | ends_on", *lines)),
            "features.drug_supply": "\n".join(("person_id | ingredient | drug_class | supplied_on", *drugs)),
        })  # fmt: skip

    return run


def test_two_exact_lines(recovery, only):
    """Loss of 2 % a year for four years, gain of 1 % a year after: the knot lies at the stop, seen by no scan."""
    row = only(recovery(scan(-1461, 0), scan(-400, -2 * 1061 / YEAR), scan(1461, -4), scan(731, -8 + 731 / YEAR)))
    assert (row["on_pct_per_year"], row["after_pct_per_year"]) == (pytest.approx(-2), pytest.approx(1))
    assert (row["on_se"], row["after_se"]) == (pytest.approx(0, abs=1e-4), pytest.approx(0, abs=1e-4))
    assert (row["n_days_on"], row["n_days_after"], row["stop_number"], row["stopped_on"]) == (2, 2, 1, STOP)
    assert row["last_on_scanned_on"] is None
    assert row["treated_from_on"] == STOP - dt.timedelta(1461)
    assert row["last_after_scanned_on"] == STOP + dt.timedelta(1461)


def test_as_least_squares_by_numpy(recovery, only):
    days, values = [-1400, -700, -30, 300, 700, 1200], [1.0, -4.0, -6.5, -5.0, -5.5, -2.0]
    row = only(recovery(*(scan(day, value) for day, value in zip(days, values, strict=True))))
    years = np.array(days) / YEAR
    design = np.column_stack([np.ones(6), np.minimum(years, 0), np.maximum(years, 0)])
    found, residual, *_ = np.linalg.lstsq(design, np.array(values), rcond=None)
    errors = np.sqrt(residual[0] / 3 * np.diag(np.linalg.inv(design.T @ design)))
    assert [row["on_pct_per_year"], row["after_pct_per_year"]] == pytest.approx(found[1:].tolist())
    assert [row["on_se"], row["after_se"]] == pytest.approx(errors[1:].tolist())


def test_the_pair_around_the_stop(recovery, only):
    row = only(recovery(scan(-300, -5), scan(430, -3)))
    assert (row["on_pct_per_year"], row["after_se"]) == (None, None)
    assert row["pair_change_pct"] == pytest.approx(2)
    assert row["pair_pct_per_year"] == pytest.approx(2 * YEAR / 730)
    assert only(recovery(scan(-366, -5), scan(430, -3)))["pair_change_pct"] is None
    assert only(recovery(scan(-10, -5), scan(100, -3)))["pair_pct_per_year"] is None


def test_a_scan_before_treatment_stands_at_its_first_day(recovery, only):
    """Only the last of them, and none older than a year."""
    late = recovery(
        scan(-1461 - 365, 9), scan(-1461 - 100, 0), scan(-30, -2 * 1431 / YEAR), scan(731, -6), scan(1461, -4)
    )
    row = only(late)
    assert (row["n_days_on"], row["on_pct_per_year"]) == (2, pytest.approx(-2, abs=1e-2))
    assert only(recovery(scan(-1461 - 366, 0), scan(-30, -8), scan(731, -6)))["n_days_on"] == 1


def test_a_switch_or_a_short_gap_is_no_stop(recovery, only):
    scans = (scan(-1000, 0), scan(-100, -4), scan(400, -4), scan(900, -3))
    assert recovery(*scans, regimens=((-1461, -600), (-590, 0, "letrozole")))[0]["stop_number"] == 1
    assert recovery(*scans, regimens=((-1461, 0), (180, 1000))) == []
    rows = recovery(*scans, regimens=((-1461, 0), (181, 800)))
    assert [(row["stop_number"], row["n_days_after"]) for row in rows] == [(2, 1)]
    assert only(rows)["stopped_on"] == STOP + dt.timedelta(800)


def test_a_treatment_under_half_a_year_and_another_series_do_not_count(recovery):
    scans = (scan(-100, 0), scan(400, -4))
    assert recovery(*scans, regimens=((-178, 0),)) == []
    assert len(recovery(*scans, regimens=((-179, 0),))) == 1
    assert recovery(scan(-100, 0), scan(400, -4, series="other")) == []
    assert recovery(scan(-100, 0), scan(400, -4, suspect="true")) == []


@pytest.mark.parametrize(
    ("drug", "day", "expected"),
    [("bisphosphonate", 0, True), ("denosumab", -365, True), ("bisphosphonate", -366, False), ("statin", 0, False),
     ("anabolic_bone", 400, True), ("anabolic_bone", 401, False)],
)  # fmt: skip
def test_a_drug_for_bone_is_told(recovery, only, drug, day, expected):
    assert only(recovery(scan(-100, 0), scan(400, -4), supplies=[(drug, day)]))["has_antiresorptive"] is expected


def test_it_says_where_and_when_the_last_scan_on_the_drug_was(recovery, only):
    row = only(recovery(scan(-1461, 0), scan(-731, -4), scan(-10, -8), scan(731, -7), scan(1461, -6)))
    assert [row[name] for name in ("site_code", "side_code", "series_id", "device_id")] == [
        "total_hip",
        "left",
        "s",
        "d",
    ]
    assert row["last_on_scanned_on"] == STOP - dt.timedelta(10)
