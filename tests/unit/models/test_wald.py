"""Wald tests with design degrees of freedom."""

import numpy as np
import pytest
from scipy import stats

from pipelines.models.errors import NotEstimable
from pipelines.models.wald import design_adjusted_wald, quadratic_form


def test_by_hand():
    """b = (2, 1), V = diag(4, 1), df 10: W = 2, F = (10 - 2 + 1) / (10 * 2) * 2 = 0.9 on (2, 9)."""
    test = design_adjusted_wald(np.array([2.0, 1.0]), np.diag([4.0, 1.0]), 10)
    assert (test.statistic, test.df_numerator, test.df_denominator) == (pytest.approx(0.9), 2, 9)
    assert test.p_value == pytest.approx(stats.f.sf(0.9, 2, 9))


def test_one_parameter_is_the_squared_t():
    test = design_adjusted_wald(np.array([0.5]), np.array([[0.04]]), 15)
    assert test.statistic == pytest.approx(6.25)
    assert test.p_value == pytest.approx(2 * stats.t.sf(2.5, 15))


def test_infinite_df_is_chi_square():
    test = design_adjusted_wald(np.array([2.0, 1.0]), np.diag([4.0, 1.0]), np.inf)
    assert test.p_value == pytest.approx(stats.chi2.sf(2, 2))


def test_units_of_the_parameters_do_not_matter():
    b, v = np.array([1.0, -2.0]), np.array([[1.0, 0.3], [0.3, 2.0]])
    units = np.diag([1e-8, 1e6])
    assert quadratic_form(units @ b, units @ v @ units) == pytest.approx(quadratic_form(b, v))


@pytest.mark.parametrize("covariance", [np.zeros((2, 2)), np.ones((2, 2)), np.full((2, 2), np.nan)])
def test_refuses_a_covariance_that_cannot_be_inverted(covariance):
    with pytest.raises(NotEstimable):
        design_adjusted_wald(np.array([1.0, 2.0]), covariance, 15)


def test_refuses_more_parameters_than_degrees_of_freedom():
    with pytest.raises(NotEstimable, match="degrees of freedom"):
        design_adjusted_wald(np.ones(3), np.eye(3), 2)
    with pytest.raises(NotEstimable, match="at least one"):
        design_adjusted_wald(np.ones(0), np.ones((0, 0)), 15)
