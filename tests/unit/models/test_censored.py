"""Censored-normal regression: limits, refusals, imputation draws. Agreement with survreg is in tests/published."""

import numpy as np
import pytest

from pipelines.errors import BadInput
from pipelines.models.censored import draw_censored, fit_censored
from pipelines.models.errors import NotEstimable


@pytest.fixture
def rows():
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(300), rng.normal(size=300), rng.random(300) < 0.3])
    y = x @ [1.0, 0.6, -0.4] + 0.8 * rng.normal(size=300)
    return x, y


def left_censored(y, limit):
    return np.where(y < limit, -np.inf, y), np.maximum(y, limit)


def test_without_censoring_it_is_least_squares(rows):
    x, y = rows
    fit = fit_censored(x, y, y)
    beta, residual, *_ = np.linalg.lstsq(x, y, rcond=None)
    sigma2 = residual[0] / y.size
    assert np.allclose(fit.coefficients, beta)
    assert fit.log_sigma == pytest.approx(0.5 * np.log(sigma2))
    assert np.allclose(fit.covariance[:3, :3], sigma2 * np.linalg.inv(x.T @ x))
    assert fit.covariance[3, 3] == pytest.approx(1 / (2 * y.size))
    assert (fit.n, fit.n_censored, fit.converged) == (300, 0, True)


def test_units_of_outcome_and_covariates_do_not_matter(rows):
    x, y = rows
    lower, upper = left_censored(y, 0.8)
    fit = fit_censored(x, lower, upper)
    units = np.array([1.0, 1e6, 1e-4])
    scaled = fit_censored(x * units, 1e3 * lower, 1e3 * upper)
    assert np.allclose(scaled.coefficients * units, 1e3 * fit.coefficients, rtol=1e-8)
    assert np.allclose(np.diag(scaled.covariance)[:3] * units**2, 1e6 * np.diag(fit.covariance)[:3], rtol=1e-6)


def test_a_frequency_weight_is_a_repeated_row(rows):
    x, y = rows
    lower, upper = left_censored(y, 0.8)
    weights = np.where(np.arange(300) % 3 == 0, 2, 1)
    repeated = np.repeat(np.arange(300), weights)
    ours, theirs = fit_censored(x, lower, upper, weights), fit_censored(x[repeated], lower[repeated], upper[repeated])
    assert np.allclose(ours.coefficients, theirs.coefficients)
    assert np.allclose(ours.covariance, theirs.covariance)


def test_narrow_intervals_approach_the_exact_fit_and_rows_without_bounds_say_nothing(rows):
    x, y = rows
    exact, narrow = fit_censored(x, y, y), fit_censored(x, y - 1e-4, y + 1e-4)
    assert np.allclose(exact.coefficients, narrow.coefficients, atol=1e-6)
    empty = np.r_[x, x[:5]], np.r_[y, np.full(5, -np.inf)], np.r_[y, np.full(5, np.inf)]
    with_empty = fit_censored(*empty)
    assert with_empty.n == 300
    assert np.allclose(with_empty.coefficients, exact.coefficients)


def test_all_rows_censored_is_refused(rows):
    x, y = rows
    with pytest.raises(NotEstimable, match="all 300 rows are censored"):
        fit_censored(x, np.full(300, -np.inf), y)


def test_a_category_with_censored_rows_alone_is_refused_by_name_of_column(rows):
    x, y = rows
    lower, upper = np.where(x[:, 2] == 1, -np.inf, y), np.where(x[:, 2] == 1, 2.0, y)
    with pytest.raises(NotEstimable, match=r"only censored rows inform columns \[2\]") as error:
        fit_censored(x, lower, upper)
    assert error.value.columns == (2,)


def test_a_category_hemmed_in_from_both_sides_is_estimable(rows):
    """Left- and right-censored rows of one category bracket its level: a maximum exists."""
    x, y = rows
    category = np.flatnonzero(x[:, 2] == 1)
    lower, upper = y.copy(), y.copy()
    lower[category[::2]], upper[category[::2]] = -np.inf, 1.0
    lower[category[1::2]], upper[category[1::2]] = 0.2, np.inf
    assert fit_censored(x, lower, upper).converged


def test_a_perfect_fit_and_dependent_columns_are_refused(rows):
    x, y = rows
    with pytest.raises(NotEstimable, match="perfectly"):
        fit_censored(x, x @ [1.0, 2.0, 3.0], x @ [1.0, 2.0, 3.0])
    with pytest.raises(NotEstimable, match="depend"):
        fit_censored(np.column_stack([x, x[:, 0] + x[:, 1]]), y, y)
    with pytest.raises(NotEstimable, match=r"perfectly|depend"):
        fit_censored(x[:3], y[:3], y[:3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, lo, hi, w: x.__setitem__((0, 1), np.nan), r"columns \[1\] hold missing"),
        (lambda x, lo, hi, w: lo.__setitem__(0, np.nan), "bound is missing"),
        (lambda x, lo, hi, w: lo.__setitem__(0, hi[0] + 1), "exceeds"),
        (lambda x, lo, hi, w: hi.__setitem__(0, -np.inf), "exceeds"),
        (lambda x, lo, hi, w: w.__setitem__(0, 0.0), "weight"),
    ],
)
def test_refuses_bad_input(rows, change, message):
    x, y = rows
    lower, upper = left_censored(y, 0.8)
    weights = np.ones(300)
    change(x, lower, upper, weights)
    with pytest.raises(BadInput, match=message):
        fit_censored(x, lower, upper, weights)
    with pytest.raises(BadInput, match="same number of rows"):
        fit_censored(x[:-1], lower, upper)


def test_draws_keep_measured_values_and_respect_bounds(rows):
    x, y = rows
    lower, upper = left_censored(y, 0.8)
    lower[:20], upper[:20] = np.floor(y[:20]), np.floor(y[:20]) + 1
    fit = fit_censored(x, lower, upper)
    rng = np.random.default_rng(0)
    drawn = draw_censored(fit, x, lower, upper, rng.standard_normal(4), rng.random(300))
    exact = lower == upper
    assert np.array_equal(drawn[exact], lower[exact])
    assert np.all((drawn >= lower) & (drawn <= upper))
    assert np.all(drawn[~exact] != upper[~exact])
    with pytest.raises(ValueError, match="4 parameter normals"):
        draw_censored(fit, x, lower, upper, np.zeros(3), np.zeros(300))


def test_draws_carry_parameter_uncertainty(rows):
    """Over draws, the mean of an unbounded row varies by x' V x on top of sigma^2, as proper imputation must."""
    x, y = rows
    few = slice(0, 40)
    fit = fit_censored(x[few], y[few], y[few])
    row = np.array([[1.0, 3.0, 1.0]])
    rng = np.random.default_rng(1)
    inf = np.array([np.inf])
    drawn = [draw_censored(fit, row, -inf, inf, rng.standard_normal(4), rng.random(1))[0] for _ in range(20_000)]
    sigma2 = np.exp(2 * fit.log_sigma) * np.exp(2 * fit.covariance[3, 3])
    expected = sigma2 + (row @ fit.covariance[:3, :3] @ row.T)[0, 0]
    assert np.var(drawn) == pytest.approx(expected, rel=0.04)
    assert expected > 1.15 * sigma2
    assert np.mean(drawn) == pytest.approx((row @ fit.coefficients)[0], abs=0.03)
