"""Rubin's rules: limits worked out by hand. Agreement with mice, mitools and mitml is in tests/published."""

import numpy as np
import pytest
from scipy import stats

from pipelines.models.errors import NotEstimable
from pipelines.models.imputation import pool, reiter_df, wald_d1
from pipelines.models.wald import design_adjusted_wald


@pytest.fixture
def imputations():
    rng = np.random.default_rng(8)
    estimates = np.array([0.4, -0.2, 0.3]) + 0.05 * rng.normal(size=(40, 3))
    base = np.array([[0.04, 0.01, 0.0], [0.01, 0.05, 0.02], [0.0, 0.02, 0.06]])
    return estimates, base * rng.uniform(0.9, 1.1, 40)[:, None, None]


def test_by_hand():
    """q = 1, 3; u = 2, 4; m = 2: b = 2, u = 3, t = 3 + 1.5 * 2 = 6, r = 1, lambda = 1/2, df_old = 4."""
    pooled = pool(np.array([[1.0], [3.0]]), np.array([[[2.0]], [[4.0]]]), 15)
    observed = 16 / 18 * 15 / 2
    df = 1 / (1 / 4 + 1 / observed)
    assert (pooled.estimates[0], pooled.covariance[0, 0], pooled.relative_increase[0]) == (2, 6, 1)
    assert pooled.df[0] == pytest.approx(df)
    assert pooled.fraction_missing_information[0] == pytest.approx((1 + 2 / (df + 3)) / 2)
    assert pooled.p_values[0] == pytest.approx(2 * stats.t.sf(2 / np.sqrt(6), df))
    assert pooled.confidence_interval(0.9)[0] == pytest.approx(2 + stats.t.ppf([0.05, 0.95], df) * np.sqrt(6))


def test_identical_imputations_leave_the_complete_data_answer():
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    estimates = np.tile([0.3, -0.1], (20, 1))
    pooled = pool(estimates, np.tile(covariance, (20, 1, 1)), 15)
    assert np.allclose(pooled.covariance, covariance)
    assert np.allclose(pooled.df, 16 / 18 * 15)
    assert np.allclose(
        pool(estimates, np.tile(covariance, (20, 1, 1)), np.inf).confidence_interval()[0, 1], 0.3 + 1.959964 * 0.2
    )
    test = wald_d1(estimates, np.tile(covariance, (20, 1, 1)), 15)
    survey = design_adjusted_wald(np.array([0.3, -0.1]), covariance, 15)
    assert (test.statistic, test.df_denominator) == (pytest.approx(survey.statistic), pytest.approx(14))
    assert test.p_value == pytest.approx(survey.p_value)


def test_a_contrast_with_no_variance_is_certain():
    pooled = pool(np.zeros((20, 1)), np.zeros((20, 1, 1)), 15)
    assert pooled.confidence_interval()[0].tolist() == [0, 0]
    assert pooled.relative_increase[0] == 0


def test_df_never_exceeds_the_design_and_falls_with_missing_information(imputations):
    estimates, covariances = imputations
    center = estimates.mean(axis=0)
    dfs = [pool(center + spread * (estimates - center), covariances, 15).df[0] for spread in (0.1, 1, 5)]
    assert 15 > dfs[0] > dfs[1] > dfs[2] > 0


def test_large_design_df_tend_to_li_raghunathan_rubin(imputations):
    limit, large = wald_d1(*imputations, np.inf), wald_d1(*imputations, 1e9)
    assert large.statistic == pytest.approx(limit.statistic, rel=1e-6)
    assert large.df_denominator == pytest.approx(limit.df_denominator, rel=1e-3)
    assert large.p_value == pytest.approx(limit.p_value, rel=1e-5)


def test_joint_test_does_not_depend_on_the_coding_of_the_terms(imputations):
    estimates, covariances = imputations
    a = np.array([[1.0, 2, 0], [0, 1, -1], [3, 0, 1]])
    ours, recoded = wald_d1(estimates, covariances, 15), wald_d1(estimates @ a.T, a @ covariances @ a.T, 15)
    assert recoded.p_value == pytest.approx(ours.p_value)
    assert recoded.df_denominator == pytest.approx(ours.df_denominator)


def test_refuses_what_cannot_be_pooled(imputations):
    estimates, covariances = imputations
    with pytest.raises(ValueError, match="two imputations"):
        pool(estimates[:1], covariances[:1], 15)
    with pytest.raises(ValueError, match="two imputations"):
        pool(estimates, covariances, 0)
    with pytest.raises(ValueError, match="shape"):
        pool(estimates, covariances[:, :2, :2], 15)
    holed = estimates.copy()
    holed[3, 1] = np.nan
    with pytest.raises(NotEstimable, match="not finite"):
        pool(holed, covariances, 15)
    with pytest.raises(NotEstimable, match="degrees of freedom"):
        wald_d1(estimates, covariances, 2)
    with pytest.raises(ValueError, match="more imputations"):
        reiter_df(1, 4, 0.2, 15)


def test_refuses_a_joint_test_with_too_much_missing(imputations):
    estimates, covariances = imputations
    wild = estimates.mean(axis=0) + 10 * (estimates - estimates.mean(axis=0))
    with pytest.raises(NotEstimable, match="too much information is missing"):
        wald_d1(wild, covariances, 15)
