"""Shares and means of straight pieces by hand, and against many points on random ones."""

import numpy as np
import pytest

from pipelines.domain.straight_line import mean, share_above, share_below, share_within, value_at


@pytest.mark.parametrize(
    ("first", "last", "below", "above"),
    [
        (0, 40, 0.5, 0.5),
        (40, 0, 0.5, 0.5),
        (10, 15, 1, 0),
        (25, 60, 0, 1),
        (20, 20, 0, 0),
        (20, 40, 0, 1),
        (20, 0, 1, 0),
        (30, 10, 0.5, 0.5),
    ],
)
def test_shares_about_20(first, last, below, above):
    assert share_below(first, last, 20) == below
    assert share_above(first, last, 20) == above


def test_within_of_one_line():
    assert share_within(10, 40, 10, 40, 20, 30) == pytest.approx(1 / 3)
    assert share_within(40, 10, 40, 10, 20, 30) == pytest.approx(1 / 3)
    assert share_within(20, 30, 20, 30, 20, 30) == 1
    assert share_within(5, 10, 5, 10, 20, 30) == 0


def test_within_of_bounds_is_sure_only_where_both_are():
    """From a censored 0-20 to a measured 30: surely inside for the third in which the lower bound is above 20."""
    assert share_within(0, 30, 20, 30, 20, 30) == pytest.approx(1 / 3)


def test_an_unbounded_end():
    assert value_at(100, np.inf, 0.5) == np.inf
    assert mean(100, np.inf) == np.inf
    assert share_below(np.inf, np.inf, 20) == 0
    assert share_above(50, np.inf, 20) == 1


def test_against_many_points():
    rng = np.random.default_rng(20262)
    points = np.linspace(0, 1, 20_001)[:, None]
    first, width, last = rng.uniform(0, 60, 300), rng.uniform(0, 30, 300), rng.uniform(0, 60, 300)
    line = value_at(first, last, points)
    assert share_below(first, last, 20) == pytest.approx((line < 20).mean(axis=0), abs=1e-3)
    assert share_above(first, last, 40) == pytest.approx((line > 40).mean(axis=0), abs=1e-3)
    upper = line + width
    sure = ((line >= 20) & (upper <= 45)).mean(axis=0)
    assert share_within(first, last, first + width, last + width, 20, 45) == pytest.approx(sure, abs=1e-3)
    assert mean(first, last) == pytest.approx(line.mean(axis=0), abs=1e-3)
