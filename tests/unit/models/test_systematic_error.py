"""Error that changes with the effect: known truth, agreement with the empirical null, refusals."""

import numpy as np
import pytest

from pipelines.models.empirical_null import calibrate, fit_null
from pipelines.models.errors import NotEstimable
from pipelines.models.systematic_error import ErrorModel, calibrate_by_model, fit_error_model


def controls(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimates are 0.1 + 0.9 of the effect; their spread is 0.1 + 0.15 of its size."""
    rng = np.random.default_rng(seed)
    effect = np.tile(np.log([1.0, 1.5, 2.0, 4.0]), n // 4)
    error = rng.uniform(0.03, 0.2, n)
    spread = 0.1 + 0.15 * effect
    return 0.1 + 0.9 * effect + spread * rng.normal(size=n) + error * rng.normal(size=n), error, effect


def test_known_truth_is_given_back_and_held() -> None:
    y, error, effect = controls(4000, 1)
    model = fit_error_model(y, error, effect)
    found = [model.mean_intercept, model.mean_slope, model.sd_intercept, model.sd_slope]
    assert found == pytest.approx([0.1, 0.9, 0.1, 0.15], abs=0.02)
    fresh, fresh_error, truth = controls(4000, 2)
    calibrated = calibrate_by_model(model, fresh, fresh_error)
    held = (calibrated.ci_low <= truth) & (truth <= calibrated.ci_high)
    assert 0.94 <= held.mean() <= 0.96
    assert np.mean(np.abs(fresh - truth) <= 1.96 * fresh_error) < 0.7
    assert calibrated.estimate.mean() == pytest.approx(truth.mean(), abs=0.02)


def test_error_that_does_not_change_is_the_empirical_null() -> None:
    rng = np.random.default_rng(3)
    null = fit_null(0.2 + 0.3 * rng.normal(size=50), np.full(50, 0.1))
    y, error = np.array([-0.4, 0.1, 0.9]), np.array([0.1, 0.2, 0.3])
    plain = calibrate(null, y, error, are_parameters_known=True)
    found = calibrate_by_model(ErrorModel(null.mean, 1.0, null.sd, 0.0), y, error)
    for name in ("estimate", "ci_low", "ci_high", "p_value", "standard_error"):
        assert getattr(found, name) == pytest.approx(getattr(plain, name), abs=1e-9)


def test_refusals() -> None:
    y, error, effect = controls(40, 4)
    with pytest.raises(NotEstimable, match="28 controls, fewer than 30"):
        fit_error_model(y[:28], error[:28], effect[:28])
    with pytest.raises(NotEstimable, match="sizes of effect"):
        fit_error_model(y, error, np.zeros(40))
    with pytest.raises(NotEstimable, match="no interval ends"):
        calibrate_by_model(ErrorModel(0.0, 0.3, 0.1, 0.2), y, error)
    with pytest.raises(ValueError, match="above 0"):
        fit_error_model(y, error * 0, effect)
    with pytest.raises(ValueError, match="finite"):
        calibrate_by_model(ErrorModel(0.0, 1.0, 0.1, 0.0), y * np.nan, error)
