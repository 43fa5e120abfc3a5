"""Empirical calibration: closed forms, edges and refusals."""

import numpy as np
import pytest
from scipy import optimize, stats

from pipelines.models.empirical_null import calibrate, expected_absolute_error, fit_null, leave_one_out
from pipelines.models.errors import NotEstimable


def controls(n: int, mean: float, sd: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    error = rng.uniform(0.05, 0.4, n)
    return mean + sd * rng.normal(size=n) + error * rng.normal(size=n), error


def test_equal_errors_have_a_closed_form() -> None:
    """Mean and variance of the estimates, the latter less that of chance."""
    y, _ = controls(40, 0.2, 0.3)
    null = fit_null(y, np.full(40, 0.1))
    assert null.mean == pytest.approx(y.mean())
    assert null.sd == pytest.approx(np.sqrt(y.var() - 0.01), abs=1e-6)
    assert null.mean_standard_error == pytest.approx(np.sqrt(y.var() / 40))
    assert null.sd_low < null.sd < null.sd_high
    assert (null.n_controls, null.n_without) == (40, 0)


def test_the_maximum_is_what_another_search_finds() -> None:
    y, error = controls(50, -0.1, 0.2)

    def minus(theta: np.ndarray) -> float:
        return -stats.norm.logpdf(y, theta[0], np.sqrt(error**2 + np.exp(2 * theta[1]))).sum()

    found = optimize.minimize(minus, [0.0, -1.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12})
    null = fit_null(y, error)
    assert [null.mean, null.sd] == pytest.approx([found.x[0], np.exp(found.x[1])], abs=1e-6)
    assert null.log_likelihood == pytest.approx(-found.fun, abs=1e-9)


def test_no_more_spread_than_chance_is_an_sd_of_nothing() -> None:
    y, error = np.tile([0.1, -0.1], 20), np.full(40, 0.3)
    null = fit_null(y, error)
    assert null.sd == 0.0
    assert null.mean == pytest.approx(0.0, abs=1e-12)
    assert null.sd_high > 0
    known = calibrate(null, np.array([0.5]), np.array([0.2]), are_parameters_known=True)
    assert known.ci_low[0] == pytest.approx(0.5 - 1.959964 * 0.2, abs=1e-6)
    assert known.p_value[0] == pytest.approx(2 * stats.norm.sf(2.5))
    # That the SD may be more than 0 after all widens the interval.
    assert calibrate(null, np.array([0.5]), np.array([0.2])).ci_low[0] < known.ci_low[0]


def test_parameters_known_by_hand() -> None:
    null = fit_null(*controls(60, 0.3, 0.2))
    found = calibrate(null, np.array([0.7]), np.array([0.15]), are_parameters_known=True)
    wide = np.sqrt(null.sd**2 + 0.15**2)
    assert found.estimate[0] == pytest.approx(0.7 - null.mean)
    assert found.ci_high[0] == pytest.approx(0.7 - null.mean + 1.959963984540054 * wide)
    assert found.standard_error[0] == pytest.approx(wide)
    assert found.p_value[0] == pytest.approx(2 * stats.norm.sf(abs(0.7 - null.mean) / wide))


def test_uncertain_parameters_give_the_predictive_t() -> None:
    """With hardly any chance error and a flat prior on mean and SD, the next error is a t with k - 2 degrees of freedom."""
    y = np.random.default_rng(3).normal(0.1, 0.25, 30)
    null = fit_null(y, np.full(30, 1e-4))
    found = calibrate(null, np.array([0.6]), np.array([1e-4]))
    scale = np.sqrt(((y - y.mean()) ** 2).sum() / 28 * (1 + 1 / 30))
    expected = 0.6 - y.mean() + stats.t.ppf([0.025, 0.5, 0.975], 28) * scale
    assert [found.ci_low[0], found.estimate[0], found.ci_high[0]] == pytest.approx(expected, abs=2e-3 * scale)
    assert found.p_value[0] == pytest.approx(2 * stats.t.sf((0.6 - y.mean()) / scale, 28), rel=5e-3)


def test_many_controls_make_the_parameters_known() -> None:
    null = fit_null(*controls(20_000, 0.2, 0.25))
    uncertain, known = (
        calibrate(null, np.array([0.1, 0.9]), np.array([0.1, 0.3]), are_parameters_known=known)
        for known in (False, True)
    )
    assert uncertain.ci_low == pytest.approx(known.ci_low, abs=2e-3)
    assert uncertain.p_value == pytest.approx(known.p_value, abs=2e-3)


def test_interval_and_p_value_agree() -> None:
    null = fit_null(*controls(35, 0.2, 0.2))
    estimates = np.linspace(-1, 1.5, 60)
    found = calibrate(null, estimates, np.full(60, 0.15))
    outside = (found.ci_low > 0) | (found.ci_high < 0)
    assert np.array_equal(outside, found.p_value < 0.05)
    assert 0 < outside.sum() < 60
    # Estimate of the error itself: nothing is left, and nothing speaks against no effect.
    nothing = calibrate(null, np.array([null.mean]), np.array([0.15]))
    assert nothing.p_value[0] > 0.95


def test_differences_do_not_hang_on_their_unit() -> None:
    """Controls over the SD of their outcomes; the estimate of interest in its own unit."""
    null = fit_null(*controls(40, 0.05, 0.1))
    plain = calibrate(null, np.array([0.4]), np.array([0.1]))
    percent = calibrate(null, np.array([1.2]), np.array([0.3]), unit=3.0)
    assert percent.ci_low == pytest.approx(plain.ci_low * 3)
    assert percent.estimate == pytest.approx(plain.estimate * 3)
    assert percent.standard_error == pytest.approx(plain.standard_error * 3)
    assert percent.p_value == pytest.approx(plain.p_value)


def test_scale_of_everything_at_once() -> None:
    y, error = controls(40, 0.05, 0.1)
    null, small = fit_null(y, error), fit_null(y / 1000, error / 1000)
    assert [small.mean, small.sd] == pytest.approx([null.mean / 1000, null.sd / 1000], rel=1e-4)


def test_expected_absolute_error() -> None:
    """Half-normal about 0; hardly anything but the mean where the sd is small; a mean of draws in between."""
    assert expected_absolute_error(0.0, 0.2) == pytest.approx(0.2 * np.sqrt(2 / np.pi))
    assert expected_absolute_error(-0.3, 0.0) == 0.3
    assert expected_absolute_error(0.0, 0.0) == 0.0
    assert expected_absolute_error(-0.79, 0.1) == pytest.approx(0.79)
    draws = np.random.default_rng(4).normal(0.1, 0.2, 400_000)
    assert expected_absolute_error(0.1, 0.2) == pytest.approx(np.abs(draws).mean(), abs=1e-3)
    null = fit_null(*controls(40, 0.1, 0.2))
    assert null.expected_absolute_error == expected_absolute_error(null.mean, null.sd)


def test_leaving_one_out_uses_the_others_alone() -> None:
    y, error = controls(31, 0.2, 0.2)
    found = leave_one_out(y, error)
    by_hand = calibrate(fit_null(y[1:], error[1:]), y[:1], error[:1])
    assert found.calibrated.ci_low[0] == pytest.approx(by_hand.ci_low[0])
    assert found.coverage == np.mean((found.calibrated.ci_low <= 0) & (found.calibrated.ci_high >= 0))
    assert found.coverage_uncalibrated == np.mean(np.abs(y) <= 1.959963984540054 * error)
    assert found.coverage_low < 0.95 < found.coverage_high


def test_controls_without_an_estimate_do_not_count() -> None:
    y, error = controls(34, 0.2, 0.2)
    y[:2], error[2:4] = np.nan, np.inf
    null = fit_null(y, error)
    assert (null.n_controls, null.n_without) == (30, 4)
    assert null.mean == fit_null(y[4:], error[4:]).mean
    assert leave_one_out(y, error).calibrated.estimate.size == 30


def test_too_few_controls_are_refused() -> None:
    y, error = controls(29, 0.0, 0.1)
    for ask in (fit_null, leave_one_out):
        with pytest.raises(NotEstimable, match="29 negative controls have an estimate, fewer than 30"):
            ask(y, error)
    assert fit_null(y, error, least=29).n_controls == 29
    with pytest.raises(ValueError, match="fewer than 5"):
        fit_null(y, error, least=4)


@pytest.mark.parametrize(
    "call",
    [
        lambda null: fit_null(np.zeros(30), np.zeros(30)),
        lambda null: fit_null(np.zeros(30), np.ones(31)),
        lambda null: calibrate(null, np.array([np.nan]), np.array([0.1])),
        lambda null: calibrate(null, np.array([0.1]), np.array([0.0])),
        lambda null: calibrate(null, np.array([0.1]), np.array([0.1, 0.2])),
        lambda null: calibrate(null, np.array([0.1]), np.array([0.1]), unit=0.0),
    ],
)
def test_nonsense_is_refused(call) -> None:
    null = fit_null(*controls(30, 0.0, 0.1))
    with pytest.raises(ValueError, match=r"must|needs"):
        call(null)
