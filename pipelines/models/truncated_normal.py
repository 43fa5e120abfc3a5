"""The standard normal between two bounds: log probability, its derivatives, and draws, safe far out in either tail.

Nothing here knows what is being modeled; `censored` uses it for values known only to lie between two limits.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, slots=True, eq=False)
class IntervalProbability:
    """log P(a < Z < b) with its first and second derivatives in a and b, each [n]."""

    log_probability: np.ndarray
    slope_lower: np.ndarray
    slope_upper: np.ndarray
    curvature_lower: np.ndarray
    curvature_upper: np.ndarray
    curvature_mixed: np.ndarray


def log_interval_probability(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """log(Phi(upper) - Phi(lower)) for lower < upper, either of which may be infinite; [n] in, [n] out.

    The interval is mirrored into the lower tail first, so that no digit is lost to 1 - Phi.
    """
    mirrored = lower > 0
    a, b = np.where(mirrored, -upper, lower), np.where(mirrored, -lower, upper)
    log_a, log_b = special.log_ndtr(a), special.log_ndtr(b)
    return log_b + np.log(-np.expm1(log_a - log_b))


def interval_probability(lower: np.ndarray, upper: np.ndarray) -> IntervalProbability:
    """Log probability of the interval and its derivatives, [n] each, for the score and information of a fit."""
    log_p = log_interval_probability(lower, upper)
    finite_a, finite_b = np.isfinite(lower), np.isfinite(upper)
    a, b = np.where(finite_a, lower, 0.0), np.where(finite_b, upper, 0.0)
    density_a = np.exp(np.where(finite_a, -0.5 * a**2 - _LOG_SQRT_2PI - log_p, -np.inf))
    density_b = np.exp(np.where(finite_b, -0.5 * b**2 - _LOG_SQRT_2PI - log_p, -np.inf))
    return IntervalProbability(
        log_probability=log_p,
        slope_lower=-density_a,
        slope_upper=density_b,
        curvature_lower=density_a * (a - density_a),
        curvature_upper=-density_b * (b + density_b),
        curvature_mixed=density_a * density_b,
    )


def draw_between(lower: np.ndarray, upper: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Standard normals truncated to (lower, upper) by inversion on the log scale; [n] in, [n] out.

    Args:
        lower, upper: bounds in standard deviations, lower < upper, either may be infinite.
        uniforms: numbers in (0, 1).

    Source: inverse CDF with log Phi and its inverse (scipy.special.log_ndtr, ndtri_exp), mirrored so that the mass of
    the interval lies in the lower tail, where both keep their relative precision.
    """
    with np.errstate(invalid="ignore"):
        mirrored = lower + upper > 0
    a, b = np.where(mirrored, -upper, lower), np.where(mirrored, -lower, upper)
    u = np.where(mirrored, 1 - uniforms, uniforms)
    log_a = special.log_ndtr(a)
    log_cdf = np.logaddexp(log_a, np.log(u) + log_interval_probability(a, b))
    drawn = np.clip(special.ndtri_exp(np.minimum(log_cdf, 0.0)), a, b)
    return np.where(mirrored, -drawn, drawn)
