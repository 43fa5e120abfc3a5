"""Empirical calibration: what estimates of effects that do not exist say of the error in one that may.

Negative controls are estimates whose truth is 0 (log ratio or difference). Their spread beyond chance is systematic error,
taken as normal and the same for the estimate of interest: exchangeable. That is an assumption, and leaving each control out in
turn does not test it. Not here: how error changes with a true effect (`systematic_error`), or statements about confounders that
were not looked for (`unmeasured`).
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy.special import ndtr

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975

#: fewest negative controls with an estimate; estimands of the first studies
LEAST_CONTROLS = 30
#: below this the spread of the error has no proper distribution
_FEWEST = 5
_PLACES = 401
#: grid of the SD ends at this many SDs of the estimates; what lies beyond weighs less than 1e-9 of ten controls
_REACH = 6.0
_HALVINGS = 80
#: log weight below the largest at which an SD is left out
_NEGLIGIBLE = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class EmpiricalNull:
    """Systematic error ~ Normal(mean, sd^2), on the scale of the estimates.

    Attributes:
        mean, sd: by maximum likelihood, each control with its own standard error.
        mean_standard_error: of the mean at that sd.
        sd_low, sd_high: 95 % of the weight of the sd.
        expected_absolute_error: mean of |error|; 0 where there is none. In log ratios 0.1 is about 10 % off, either way.
        log_likelihood: at the maximum.
        n_controls: with an estimate; n_without: without one.
        sd_grid, weight: [m] values of the sd and how likely each is (flat prior on mean and sd).
        centre, centre_variance: [m] the mean, given each.
    """

    mean: float
    sd: float
    mean_standard_error: float
    sd_low: float
    sd_high: float
    expected_absolute_error: float
    log_likelihood: float
    n_controls: int
    n_without: int
    sd_grid: np.ndarray
    weight: np.ndarray
    centre: np.ndarray
    centre_variance: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """Estimates less systematic error; arrays [n], in the unit given.

    Attributes:
        estimate: half of what is compatible lies on either side.
        standard_error: width of the interval over 2 x 1.96.
        ci_low, ci_high: 95 %, of chance and systematic error together.
        p_value: two-sided, that there is no effect.
    """

    estimate: np.ndarray
    standard_error: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    p_value: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Each control calibrated by all others.

    Attributes:
        calibrated: [k] of the controls that have an estimate.
        coverage, coverage_uncalibrated: share of 95 % intervals that hold 0.
        coverage_low, coverage_high: between which 95 % of studies with a true coverage of 95 % would lie.
    """

    calibrated: Calibrated
    coverage: float
    coverage_uncalibrated: float
    coverage_low: float
    coverage_high: float


def fit_null(estimate: np.ndarray, standard_error: np.ndarray, least: int = LEAST_CONTROLS) -> EmpiricalNull:
    """Mean and SD of systematic error from negative controls.

    Args:
        estimate: [k] log ratios, or differences over the SD of their outcome, so that controls share a scale; NaN: none.
        standard_error: [k] each above 0; NaN: none.
        least: fewest controls with an estimate, 5 or more.

    Raises:
        ValueError: shapes that differ, a standard error that is not positive, or `least` below 5.
        NotEstimable: fewer controls than asked for.

    Source: Schuemie et al. (2014), Stat Med 33:209 (OHDSI's EmpiricalCalibration, fitNull).
    """
    y, error = np.asarray(estimate, dtype=np.float64), np.asarray(standard_error, dtype=np.float64)
    if y.ndim != 1 or y.shape != error.shape:
        raise ValueError("every negative control needs an estimate and a standard error")
    if least < _FEWEST:
        raise ValueError(f"the spread of systematic error cannot be told from fewer than {_FEWEST} controls")
    known = np.isfinite(y) & np.isfinite(error)
    if not np.all(error[known] > 0):
        raise ValueError("standard errors of negative controls must be above 0")
    if known.sum() < least:
        raise NotEstimable(f"{int(known.sum())} negative controls have an estimate, fewer than {least}")
    return _fitted(y[known], error[known], int((~known).sum()))


def calibrate(
    null: EmpiricalNull,
    estimate: np.ndarray,
    standard_error: np.ndarray,
    *,
    unit: float = 1.0,
    are_parameters_known: bool = False,
) -> Calibrated:
    """Estimates, intervals and p-values with systematic error taken off and counted.

    By default mean and SD of the error are uncertain, and the interval says so: errors given each SD are mixed by how likely it
    is. Taking them as known is there to reproduce published numbers; with 30 controls it holds 93 % where 95 % are asked for.

    Args:
        null: from negative controls.
        estimate, standard_error: [n] on the null's scale times `unit`.
        unit: what 1 on the null's scale is; SD of the outcome for differences.
        are_parameters_known: as EmpiricalCalibration does.

    Raises:
        ValueError: shapes that differ, estimates that are not finite, errors that are not positive, or a unit that is not.

    Source: Schuemie et al. (2014), Stat Med 33:209; Schuemie et al. (2018), PNAS 115:2571, with error independent of the effect.
    """
    if not unit > 0:
        raise ValueError("the unit of the null must be above 0")
    y = np.atleast_1d(np.asarray(estimate, dtype=np.float64)) / unit
    error = np.atleast_1d(np.asarray(standard_error, dtype=np.float64)) / unit
    if y.ndim != 1 or y.shape != error.shape or not np.all(np.isfinite(y)) or not np.all(error > 0):
        raise ValueError("an estimate to be calibrated must be finite and have a standard error above 0")
    if are_parameters_known:
        weight, centre, spread = np.ones(1), np.array([null.mean]), np.array([null.sd**2])
    else:
        weight, centre, spread = null.weight, null.centre, null.sd_grid**2 + null.centre_variance
    middles, sds = y[:, None] - centre, np.sqrt(spread + error[:, None] ** 2)
    below = ndtr(-middles / sds) @ weight
    above = ndtr(middles / sds) @ weight
    low, middle, high = (_quantile(share, middles, sds, weight) * unit for share in (0.025, 0.5, 0.975))
    return Calibrated(middle, (high - low) / (2 * Z975), low, high, np.minimum(1.0, 2 * np.minimum(below, above)))


def leave_one_out(estimate: np.ndarray, standard_error: np.ndarray, least: int = LEAST_CONTROLS) -> LeftOut:
    """Calibrate every negative control by the others, and count how often its interval holds 0.

    Args and refusals as of `fit_null`. Good coverage says that the controls are alike; whether the estimate of interest is
    like them it cannot say.

    Source: Schuemie et al. (2014), section 2.4.
    """
    from scipy.stats import binom

    fit_null(estimate, standard_error, least)
    y, error = np.asarray(estimate, dtype=np.float64), np.asarray(standard_error, dtype=np.float64)
    known = np.isfinite(y) & np.isfinite(error)
    y, error = y[known], error[known]
    k = y.size
    others = ~np.eye(k, dtype=bool)
    found = [
        calibrate(_fitted(y[rest], error[rest], 0), y[i : i + 1], error[i : i + 1]) for i, rest in enumerate(others)
    ]
    parts = (
        np.concatenate([getattr(each, name) for each in found])
        for name in ("estimate", "standard_error", "ci_low", "ci_high", "p_value")
    )
    calibrated = Calibrated(*parts)
    holds = (calibrated.ci_low <= 0) & (calibrated.ci_high >= 0)
    low, high = binom.ppf([0.025, 0.975], k, 0.95) / k
    return LeftOut(calibrated, float(holds.mean()), float((np.abs(y) <= Z975 * error).mean()), float(low), float(high))


def expected_absolute_error(mean: float, sd: float) -> float:
    """Mean of |e| for e ~ Normal(mean, sd^2): OHDSI's EASE; |mean| where the sd is 0.

    Source: EmpiricalCalibration, computeExpectedAbsoluteSystematicError; Leone et al. (1961), Technometrics 3:543.
    """
    if sd == 0:
        return abs(mean)
    ratio = mean / sd
    return float(sd * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + mean * (1 - 2 * ndtr(-ratio)))


def _fitted(y: np.ndarray, error: np.ndarray, n_without: int) -> EmpiricalNull:
    reach = _REACH * float(np.sqrt(y.var() + (error**2).mean()))
    coarse = np.linspace(0.0, reach, _PLACES)
    # Many controls tell the SD more finely than this grid does: a second lies where the weight is.
    bulk = np.flatnonzero(_log_weight(*_profile(y, error, coarse)[1:]) > -_NEGLIGIBLE)
    grid = np.linspace(coarse[max(bulk[0] - 1, 0)], coarse[min(bulk[-1] + 1, _PLACES - 1)], _PLACES)
    centre, centre_variance, height = _profile(y, error, grid)
    best = int(np.argmax(height))
    found = optimize.minimize_scalar(
        lambda sd: -_profile(y, error, np.array([sd]))[2][0],
        bounds=(grid[max(best - 1, 0)], grid[min(best + 1, _PLACES - 1)]),
        method="bounded",
        options={"xatol": 1e-10},
    )
    # The bounded search never tries its ends, and no spread at all is a common answer.
    sd = 0.0 if best == 0 and height[0] >= -found.fun - 1e-12 else float(found.x)
    mean, variance, value = (float(part[0]) for part in _profile(y, error, np.array([sd])))
    weight = np.exp(_log_weight(centre_variance, height))
    weight[[0, -1]] /= 2
    weight /= weight.sum()
    sd_low, sd_high = np.interp([0.025, 0.975], np.cumsum(weight) - weight / 2, grid)
    return EmpiricalNull(
        mean,
        sd,
        float(np.sqrt(variance)),
        float(sd_low),
        float(sd_high),
        expected_absolute_error(mean, sd),
        value,
        y.size,
        n_without,
        grid,
        weight,
        centre,
        centre_variance,
    )


def _log_weight(centre_variance: np.ndarray, height: np.ndarray) -> np.ndarray:
    """[m] log of how likely each SD is, the mean integrated out; 0 at the likeliest."""
    found = height + 0.5 * np.log(centre_variance)
    return found - found.max()


def _profile(y: np.ndarray, error: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each SD [m]: most likely mean, its variance, log-likelihood there."""
    variance = error**2 + sd[:, None] ** 2
    precision = (1 / variance).sum(axis=1)
    mean = (y / variance).sum(axis=1) / precision
    squares = (y - mean[:, None]) ** 2 / variance
    height = -0.5 * (np.log(2 * np.pi * variance) + squares).sum(axis=1)
    return mean, 1 / precision, height


def _quantile(share: float, middles: np.ndarray, sds: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[n] where the mixture of normals [n, m] has `share` below it, by halving."""
    low, high = (middles - 40 * sds).min(axis=1), (middles + 40 * sds).max(axis=1)
    if weight.size == 1:
        from scipy.special import ndtri

        return middles[:, 0] + float(ndtri(share)) * sds[:, 0]
    for _ in range(_HALVINGS):
        at = (low + high) / 2
        is_below = ndtr((at[:, None] - middles) / sds) @ weight < share
        low, high = np.where(is_below, at, low), np.where(is_below, high, at)
    return (low + high) / 2
