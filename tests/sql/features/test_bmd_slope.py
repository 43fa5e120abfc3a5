"""Straight lines through a person's scans: slope and standard error by hand, and which scans make a line."""

import datetime as dt
import math

import pytest

TABLE = "features.bmd_slope"
HEADER = (
    "person_id | scan_id | site_code | side_code | imputation_number | is_valid | bmd_g_cm2 | device_id | series_id | scanned_on"
    " | is_artefact_suspect"
)
FIRST = dt.date(2016, 1, 1)


def scan(day: float, log_pct: float, **other) -> str:
    """A scan `day` days after the first, its BMD such that 100 ln(BMD) is `log_pct`."""
    cells = {
        "site": "total_hip",
        "side": "left",
        "imputation": 0,
        "valid": "true",
        "series": "s",
        "suspect": "false",
    } | other
    return (
        f"1 | {day}{log_pct}{cells['series']} | {cells['site']} | {cells['side']} | {cells['imputation']} | {cells['valid']}"
        f" | {math.exp(log_pct / 100)!r} | d | {cells['series']} | {FIRST + dt.timedelta(day)} | {cells['suspect']}"
    )


@pytest.fixture
def slopes(run_sql):
    def run(*scans, regimens=()):
        header = "person_id | ingredient | regimen_number | starts_on | ends_on"
        lines = [
            f"1 | anastrozole | {n} | {FIRST + dt.timedelta(a)} | {FIRST + dt.timedelta(b)}"
            for n, (a, b) in enumerate(regimens, 1)
        ]
        return run_sql(TABLE, {
            "staging.dxa_scan": "\n".join((HEADER, *scans)),
            "staging.person": "person_id | sex_code\n1 | female",
            "features.ai_regimen": "\n".join((header, *lines)),
        })  # fmt: skip

    return run


def test_three_scans_by_hand(slopes, only):
    """Every four years, 0, -12, -16: slope -2, about the line 4/3, -8/3, 4/3; standard error sqrt(32/3 / 1 / 32)."""
    row = only(slopes(scan(0, 0), scan(1461, -12), scan(2922, -16)))
    assert row["slope_pct_per_year"] == pytest.approx(-2)
    assert row["slope_se"] == pytest.approx(math.sqrt(32 / 3 / 1 / 32))
    assert (row["residual_ss"], row["time_ss"]) == (pytest.approx(32 / 3), pytest.approx(32))
    assert (row["n_days"], row["last_scanned_on"]) == (3, FIRST + dt.timedelta(2922))
    assert row["first_scanned_on"] == FIRST


def test_a_perfect_line_has_no_error(slopes, only):
    row = only(slopes(scan(0, 2), scan(1461, -2), scan(2922, -6), scan(4383, -10)))
    assert row["slope_pct_per_year"] == pytest.approx(-1)
    assert row["slope_se"] == pytest.approx(0, abs=1e-5)


def test_two_days_are_no_line_and_repeats_of_a_day_are_one(slopes, only):
    assert slopes(scan(0, 0), scan(1461, -4)) == []
    assert slopes(scan(0, 0), scan(1461, -4), scan(1461, -5)) == []
    row = only(slopes(scan(0, 0), scan(1461, -4), scan(2922, -7.5), scan(2922, -8.5)))
    assert row["n_days"] == 3
    assert row["slope_pct_per_year"] == pytest.approx(-1, abs=1e-3)


def test_series_and_sides_are_apart_and_imputed_values_are_none(slopes):
    assert slopes(scan(0, 0), scan(1461, -4), scan(2922, -8, series="other")) == []
    assert slopes(scan(0, 0), scan(1461, -4), scan(2922, -8, side="right")) == []
    assert slopes(scan(0, 0), scan(1461, -4), scan(2922, -8, imputation=1)) == []
    assert slopes(scan(0, 0), scan(1461, -4), scan(2922, -8, valid="false")) == []
    assert slopes(scan(0, 0, series=""), scan(1461, -4, series=""), scan(2922, -8, series="")) == []


def test_under_half_a_year_there_is_no_slope(slopes, only):
    assert only(slopes(scan(0, 0), scan(90, -1), scan(179, -2)))["slope_pct_per_year"] is None
    assert only(slopes(scan(0, 0), scan(90, -1), scan(180, -2)))["slope_pct_per_year"] is not None


def test_days_of_inhibitor_between_first_and_last(slopes, only):
    row = only(slopes(scan(0, 0), scan(400, -1), scan(800, -2), regimens=[(-100, 9), (700, 900), (1000, 1100)]))
    assert row["inhibitor_days"] == 10 + 100
    assert only(slopes(scan(0, 0), scan(400, -1), scan(800, -2)))["inhibitor_days"] == 0


def test_an_artefact_is_told(slopes, only):
    assert only(slopes(scan(0, 0), scan(400, -1), scan(800, -2, suspect="true")))["is_artefact_suspect"]


def test_it_says_of_whom_and_where(slopes, only):
    row = only(slopes(scan(0, 0), scan(1461, -12), scan(2922, -16)))
    told = [row[name] for name in ("site_code", "side_code", "series_id", "device_id", "sex_code")]
    assert told == ["total_hip", "left", "s", "d", "female"]
