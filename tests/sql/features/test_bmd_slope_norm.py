"""Spread of slopes between people: the method of moments by hand."""

import math

import pytest

TABLE = "features.bmd_slope_norm"
HEADER = (
    "person_id | site_code | side_code | series_id | sex_code | n_days | slope_pct_per_year | residual_ss | time_ss"
    " | inhibitor_days | is_artefact_suspect"
)


def people(slopes, *, residual=1.0, first=1, days=0, time=4.0, suspect="false") -> list[str]:
    return [
        f"{number} | total_hip | left | s | female | 3 | {slope} | {residual} | {time} | {days} | {suspect}"
        for number, slope in enumerate(slopes, first)
    ]


def norm(run_sql, *rows: str):
    return run_sql(TABLE, {"features.bmd_slope": "\n".join((HEADER, *rows))})


def test_thirty_slopes_by_hand(run_sql, only):
    """15 of -2, 15 of 0; scatter 1, so a variance of 1/4 each: Q = 30/0.25 = 120, (120 - 29) / (120 - 4) = 91/116."""
    row = only(norm(run_sql, *people([-2, 0] * 15)))
    assert (row["n"], row["use_code"]) == (30, "none")
    assert row["mean_pct_per_year"] == pytest.approx(-1)
    assert row["residual_sd"] == pytest.approx(1)
    assert row["between_sd"] == pytest.approx(math.sqrt(91 / 116))


def test_slopes_that_differ_by_less_than_noise_do_not_differ(run_sql, only):
    """Q = 30 * 0.01 / 0.25 = 1.2, far below 29."""
    row = only(norm(run_sql, *people([-1.1, -0.9] * 15)))
    assert row["between_sd"] == 0
    assert row["mean_pct_per_year"] == pytest.approx(-1)


def test_longer_lines_count_more_where_nothing_else_differs(run_sql, only):
    """Equal scatter, weights 4 and 12 to 1 to 3: mean of 0 and -1 at the fixed end is -0.75."""
    row = only(norm(run_sql, *people([0] * 15, residual=5), *people([-1] * 15, first=16, time=12, residual=5)))
    assert row["between_sd"] == 0
    assert row["mean_pct_per_year"] == pytest.approx(-0.75)


def test_fewer_than_thirty_are_no_norm_and_users_stand_apart(run_sql):
    assert norm(run_sql, *people([-2, 0] * 14, first=1), *people([1], first=50)) == []
    assert norm(run_sql, *people([-2, 0] * 14), *people([1, 2], first=50, days=10)) == []
    assert norm(run_sql, *people([-2, 0] * 14), *people([1, 2], first=50, suspect="true")) == []
    rows = norm(run_sql, *people([-2, 0] * 15), *people([1, 2] * 15, first=50, days=10))
    assert [row["use_code"] for row in rows] == ["none", "some"]


def test_it_says_of_whom_and_where(run_sql, only):
    row = only(norm(run_sql, *people([-2, 0] * 15)))
    assert (row["sex_code"], row["site_code"]) == ("female", "total_hip")
