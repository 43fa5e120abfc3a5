"""Restricted cubic splines: linear beyond the outer knots, smooth in between."""

import numpy as np
import pytest

from pipelines.models.spline import restricted_cubic_spline

KNOTS = (1.0, 2.0, 4.0, 7.0)


def test_value_by_hand():
    """Harrell 2.4.5 with knots 1, 2, 4, 7 at x = 5: ((4^3 - 1^3 * 6/3) / 36, (3^3 - 1^3 * 5/3) / 36)."""
    assert restricted_cubic_spline(np.array([5.0]), KNOTS)[0] == pytest.approx([5, 62 / 36, (27 - 5 / 3) / 36])


def test_one_term_fewer_than_knots_and_the_first_is_the_value():
    x = np.linspace(0, 9, 11)
    basis = restricted_cubic_spline(x, KNOTS)
    assert basis.shape == (11, 3)
    assert basis[:, 0].tolist() == x.tolist()


def test_linear_beyond_the_outer_knots_even_far_out():
    for x in (np.linspace(-1e3, 1, 9), np.linspace(7, 1e3, 9)):
        second_differences = np.diff(restricted_cubic_spline(x, KNOTS), n=2, axis=0)
        assert np.abs(second_differences).max() < 1e-7


def test_second_derivative_is_continuous_at_every_knot():
    h = 1e-3
    for knot in KNOTS:
        x = knot + h * np.array([-2, -1, 0, 1, 2])
        basis = restricted_cubic_spline(x, KNOTS)
        left, right = np.diff(basis[:3], n=2, axis=0) / h**2, np.diff(basis[2:], n=2, axis=0) / h**2
        assert np.abs(left - right).max() < 1e-2


@pytest.mark.parametrize("knots", [(1, 2), (1, 1, 2), (3, 2, 1), (1, 2, np.nan), (1, 2, np.inf)])
def test_refuses_knots_that_make_no_spline(knots):
    with pytest.raises(ValueError, match="knots"):
        restricted_cubic_spline(np.array([1.0]), knots)
