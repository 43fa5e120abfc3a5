"""One number over several sites or sources, and how far they differ: random-effects summary of their estimates.

Only estimates and standard errors go in, never rows. Between-site variance by restricted maximum likelihood is primary; Paule
and Mandel's stands beside it. Not here: whether sites may be put together at all.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize

from pipelines.models.errors import NotEstimable

Method = Literal["reml", "paule_mandel"]
PRIMARY: Method = "reml"
_LEAST_SITES = 2
_LEAST_FOR_PREDICTION = 3
_PLACES = 400


@dataclass(frozen=True, slots=True, eq=False)
class MetaSummary:
    """Mean of the sites' effects ~ Normal(estimate, tau^2), with 95 % intervals.

    Attributes:
        estimate: weighted mean, in the unit of the sites' estimates.
        standard_error: Hartung and Knapp's.
        ci_low, ci_high, p_value: t with n_sites - 1 degrees of freedom.
        prediction_low, prediction_high: for the effect in one more site, t with n_sites - 2; NaN with two sites.
            With few sites it is too short: of eight unlike in size it holds 89 %.
        tau_squared, tau: variance and SD of the effects between sites.
        q, q_p_value: Cochran's test that all sites share one effect.
        i_squared: share of the sites' variance that is between them, 0 to 1.
        normal_standard_error: taking tau^2 as known.
        weight: [k] of each site, sum 1.
        method: of tau^2.
        n_sites: k.
    """

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    prediction_low: float
    prediction_high: float
    tau_squared: float
    tau: float
    q: float
    q_p_value: float
    i_squared: float
    normal_standard_error: float
    weight: np.ndarray
    method: Method
    n_sites: int


def summarise(
    estimate: np.ndarray, standard_error: np.ndarray, method: Method = PRIMARY, *, is_floored: bool = True
) -> MetaSummary:
    """Random-effects mean, its Hartung-Knapp-Sidik-Jonkman interval, prediction interval and heterogeneity.

    Args:
        estimate: [k] one a site, log ratios or differences.
        standard_error: [k] above 0.
        method: of the between-site variance.
        is_floored: the Hartung-Knapp error is never below the normal one, which happens by chance with few sites alike
            (Roever, Knapp and Friede 2015, BMC Med Res Methodol 15:99); False gives the original.

    Raises:
        ValueError: shapes that differ, numbers that are not finite, or errors that are not positive.
        NotEstimable: fewer than two sites.

    Source: Viechtbauer (2005), J Educ Behav Stat 30:261; Paule and Mandel (1982), J Res Natl Bur Stand 87:377; Hartung and
    Knapp (2001), Stat Med 20:3875; Sidik and Jonkman (2002), Stat Med 21:3153; Higgins, Thompson and Spiegelhalter (2009), JRSS A
    172:137; Higgins and Thompson (2002), Stat Med 21:1539, with tau^2 of the method.
    """
    from scipy.special import chdtrc, stdtr, stdtrit

    y, variance = np.asarray(estimate, dtype=np.float64), np.asarray(standard_error, dtype=np.float64) ** 2
    if y.ndim != 1 or y.shape != variance.shape or not (np.all(np.isfinite(y)) and np.all(np.isfinite(variance))):
        raise ValueError("every site needs a finite estimate and standard error")
    if not np.all(np.asarray(standard_error) > 0):
        raise ValueError("standard errors of sites must be above 0")
    k = y.size
    if k < _LEAST_SITES:
        raise NotEstimable(f"{k} site(s) with an estimate: a summary over sites needs {_LEAST_SITES}")
    tau_squared = _reml(y, variance) if method == "reml" else _paule_mandel(y, variance)
    precision = 1 / (variance + tau_squared)
    total = float(precision.sum())
    mean = float(precision @ y) / total
    factor = _spread(y, variance, tau_squared) / (k - 1)
    error = float(np.sqrt((max(factor, 1.0) if is_floored else factor) / total))
    reach = float(stdtrit(k - 1, 0.975)) * error
    ahead = float("nan")
    if k >= _LEAST_FOR_PREDICTION:
        ahead = float(stdtrit(k - 2, 0.975) * np.sqrt(tau_squared + error**2))
    q = _spread(y, variance, 0.0)
    fixed = 1 / variance
    typical = (k - 1) * fixed.sum() / (fixed.sum() ** 2 - (fixed**2).sum())
    return MetaSummary(
        mean,
        error,
        mean - reach,
        mean + reach,
        float(2 * stdtr(k - 1, -abs(mean) / error)) if error > 0 else float("nan"),
        mean - ahead,
        mean + ahead,
        tau_squared,
        float(np.sqrt(tau_squared)),
        q,
        float(chdtrc(k - 1, q)),
        float(tau_squared / (tau_squared + typical)),
        float(1 / np.sqrt(total)),
        precision / total,
        method,
        k,
    )


def _spread(y: np.ndarray, variance: np.ndarray, tau_squared: float) -> float:
    """Weighted squares about the weighted mean; k - 1 on average at the true tau^2."""
    precision = 1 / (variance + tau_squared)
    mean = precision @ y / precision.sum()
    return float(precision @ (y - mean) ** 2)


def _reml(y: np.ndarray, variance: np.ndarray) -> float:
    def minus(tau: np.ndarray) -> np.ndarray:
        whole = variance + np.square(tau)[:, None]
        precision = (1 / whole).sum(axis=1)
        mean = (y / whole).sum(axis=1) / precision
        return (np.log(whole) + (y - mean[:, None]) ** 2 / whole).sum(axis=1) + np.log(precision)

    grid = np.linspace(0.0, 4 * float(np.sqrt(y.var(ddof=1) + variance.mean())), _PLACES)
    best = int(np.argmin(minus(grid)))
    found = optimize.minimize_scalar(
        lambda tau: float(minus(np.array([tau]))[0]),
        bounds=(grid[max(best - 1, 0)], grid[min(best + 1, _PLACES - 1)]),
        method="bounded",
        options={"xatol": 1e-11},
    )
    # The bounded search never tries 0 itself, the usual answer where sites are alike.
    is_alike = best == 0 and minus(grid[:1])[0] <= found.fun + 1e-12
    return 0.0 if is_alike else float(found.x) ** 2


def _paule_mandel(y: np.ndarray, variance: np.ndarray) -> float:
    free = y.size - 1
    if _spread(y, variance, 0.0) <= free:
        return 0.0
    high = float(y.var(ddof=1))
    while _spread(y, variance, high) > free:
        high *= 2
    return float(optimize.brentq(lambda tau_squared: _spread(y, variance, tau_squared) - free, 0.0, high, xtol=1e-14))
