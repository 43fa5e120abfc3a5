"""Slopes drawn towards their group: by hand, and the two ends."""

import math

import pytest

TABLE = "features.bmd_slope_shrunken"
SLOPE = (
    "person_id | site_code | side_code | series_id | sex_code | slope_pct_per_year | time_ss | inhibitor_days"
    " | is_artefact_suspect\n"
    "1 | total_hip | left | s | female | -3 | 4 | {days} | {suspect}"
)
NORM = (
    "sex_code | site_code | use_code | n | mean_pct_per_year | between_sd | residual_sd\n"
    "female | total_hip | none | 30 | -1 | {between} | {residual}"
)


def shrunken(run_sql, between=1.0, residual=2.0, days=0, suspect="false"):
    return run_sql(TABLE, {
        "features.bmd_slope": SLOPE.format(days=days, suspect=suspect),
        "features.bmd_slope_norm": NORM.format(between=between, residual=residual),
    })  # fmt: skip


def test_half_way_by_hand(run_sql, only):
    """Noise 2²/4 = 1, spread 1: half is the person's own, -3 becomes -2, with a standard deviation of sqrt(1/2)."""
    row = only(shrunken(run_sql))
    assert (row["reliability"], row["shrunken_pct_per_year"]) == (pytest.approx(0.5), pytest.approx(-2))
    assert row["shrunken_sd"] == pytest.approx(math.sqrt(0.5))


def test_the_ends(run_sql, only):
    alike = only(shrunken(run_sql, between=0))
    assert (alike["reliability"], alike["shrunken_pct_per_year"], alike["shrunken_sd"]) == (0, -1, 0)
    exact = only(shrunken(run_sql, residual=0))
    assert (exact["reliability"], exact["shrunken_pct_per_year"]) == (1, pytest.approx(-3))


def test_without_a_group_or_with_an_artefact_none(run_sql):
    assert shrunken(run_sql, days=100) == []
    assert shrunken(run_sql, suspect="true") == []


def test_it_says_of_which_line(run_sql, only):
    row = only(shrunken(run_sql))
    assert [row[name] for name in ("site_code", "side_code", "series_id")] == ["total_hip", "left", "s"]
