"""Systematic error that changes with the size of the effect, from negative and positive controls, and intervals less it.

Positive controls are estimates whose true effect is known and not 0. With negative controls alone: `empirical_null`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from pipelines.models.empirical_null import LEAST_CONTROLS, Calibrated
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975

_HALVINGS = 100
_LEAST_EFFECTS = 3


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """Estimate ~ Normal(mean_intercept + mean_slope effect, (sd_intercept + sd_slope |effect|)^2) but for chance."""

    mean_intercept: float
    mean_slope: float
    sd_intercept: float
    sd_slope: float


def fit_error_model(
    estimate: np.ndarray, standard_error: np.ndarray, effect: np.ndarray, least: int = LEAST_CONTROLS
) -> ErrorModel:
    """Maximum likelihood; the mean's line is weighted least squares given the SDs, which are searched.

    Controls count as independent; positive ones made from a negative one are not.

    Args:
        estimate, standard_error: [k] on the log scale.
        effect: [k] true effects, 0 for negative controls.
        least: fewest controls.

    Raises:
        ValueError: shapes that differ, numbers that are not finite, or errors that are not positive.
        NotEstimable: fewer controls than asked for, fewer than three sizes of effect, or no convergence.

    Source: Schuemie et al. (2018), PNAS 115:2571 (OHDSI's EmpiricalCalibration, fitSystematicErrorModel).
    """
    y, error, x = (np.asarray(each, dtype=np.float64) for each in (estimate, standard_error, effect))
    if y.ndim != 1 or y.shape != error.shape or y.shape != x.shape or not np.all(np.isfinite([y, error, x])):
        raise ValueError("every control needs a finite estimate, standard error and true effect")
    if not np.all(error > 0):
        raise ValueError("standard errors of controls must be above 0")
    if y.size < least:
        raise NotEstimable(f"{y.size} controls, fewer than {least}")
    if np.unique(x).size < _LEAST_EFFECTS:
        raise NotEstimable(f"controls of fewer than {_LEAST_EFFECTS} sizes of effect tell no line of the spread")
    terms = np.column_stack([np.ones(y.size), x])

    def fitted(theta: np.ndarray) -> tuple[np.ndarray, float]:
        sd = theta[0] + theta[1] * np.abs(x)
        if np.any(sd < 0) or theta[0] < 0:
            return np.zeros(2), np.inf
        variance = error**2 + sd**2
        line = np.linalg.lstsq(terms / np.sqrt(variance)[:, None], y / np.sqrt(variance), rcond=None)[0]
        return line, float((np.log(variance) + (y - terms @ line) ** 2 / variance).sum())

    size = max(float((y - x).std()), 1e-3)
    simplex = np.array([[size, 0.0], [1.5 * size, 0.0], [size, size / 2]])
    found = optimize.minimize(
        lambda theta: fitted(theta)[1],
        simplex[0],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000, "initial_simplex": simplex},
    )
    if not found.success or not np.isfinite(found.fun):
        raise NotEstimable("the model of systematic error did not converge")
    line, _ = fitted(found.x)
    return ErrorModel(float(line[0]), float(line[1]), float(found.x[0]), float(found.x[1]))


def calibrate_by_model(model: ErrorModel, estimate: np.ndarray, standard_error: np.ndarray) -> Calibrated:
    """Effects at which the estimate would lie at a quantile of its distribution; parameters are taken as known, as published.

    Args:
        model: of systematic error.
        estimate, standard_error: [n] on the log scale.

    Raises:
        ValueError: shapes that differ, estimates that are not finite, or errors that are not positive.
        NotEstimable: estimates do not grow with the effect, or its spread grows faster: no interval ends.

    Source: Schuemie et al. (2018), PNAS 115:2571.
    """
    from scipy.special import ndtr

    y, error = (np.atleast_1d(np.asarray(each, dtype=np.float64)) for each in (estimate, standard_error))
    if y.ndim != 1 or y.shape != error.shape or not np.all(np.isfinite(y)) or not np.all(error > 0):
        raise ValueError("an estimate to be calibrated must be finite and have a standard error above 0")
    if not model.mean_slope > Z975 * abs(model.sd_slope):
        raise NotEstimable("systematic error grows with the effect faster than the estimate: no interval ends")

    def score(effect: np.ndarray) -> np.ndarray:
        sd = np.maximum(model.sd_intercept + model.sd_slope * np.abs(effect), 0.0)
        return (model.mean_intercept + model.mean_slope * effect - y) / np.sqrt(sd**2 + error**2)

    def at(z: float) -> np.ndarray:
        low, high = np.full(y.size, -1.0), np.full(y.size, 1.0)
        while np.any(score(low) > z) or np.any(score(high) < z):
            low, high = low * 2, high * 2
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            is_below = score(middle) < z
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return (low + high) / 2

    low, middle, high = (at(z) for z in (-Z975, 0.0, Z975))
    p_value = 2 * ndtr(-np.abs(score(np.zeros(y.size))))
    return Calibrated(middle, (high - low) / (2 * Z975), low, high, p_value)
