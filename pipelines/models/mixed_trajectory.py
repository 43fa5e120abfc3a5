"""Trajectories that differ by person: a linear mixed model with random intercept and slope in time, by restricted likelihood.

Serves log bone density over years by dose or estradiol. Raw readings go in, never slopes of persons: those are shrunk, and
so would be the contrast. Not here: weights for informative timing of scans (`marginal_structural`), or censored outcomes.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from pipelines.models.errors import NotEstimable

_MOST_STEPS = 500
#: relative Cholesky factors below this are a variance of 0
_SINGULAR = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class MixedFit:
    """y = X beta + b0_person + b1_person time + error; (b0, b1) ~ N(0, D), error ~ N(0, sigma^2).

    Attributes:
        coefficients: [p] in the order of the design.
        covariance: [p, p] by the model; `robust_covariance` [p, p] by persons' scores (no small-sample factor).
        intercept_sd, slope_sd, correlation: of the persons' deviations; the correlation is NaN where an SD is 0.
        residual_sd: within a person.
        criterion: -2 times the restricted log-likelihood, as lme4 prints it.
        is_singular: a variance, or what the correlation leaves of one, is 0: the fit lies at the edge.
        n_rows, n_persons: readings and people.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    robust_covariance: np.ndarray
    intercept_sd: float
    slope_sd: float
    correlation: float
    residual_sd: float
    criterion: float
    is_singular: bool
    n_rows: int
    n_persons: int

    @property
    def standard_errors(self) -> np.ndarray:
        """[p] by the model."""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """All that the likelihood needs: by person Z'Z (three numbers, [k]), Z'[X y] [k, 2, p + 1]; in sum [X y]'[X y]."""

    zz: tuple[np.ndarray, np.ndarray, np.ndarray]
    zxy: np.ndarray
    xyxy: np.ndarray
    n: int


def fit_mixed(outcome: np.ndarray, design: np.ndarray, time: np.ndarray, person: np.ndarray) -> MixedFit:
    """Restricted maximum likelihood; columns and outcome are scaled within, so that changes of 0.01 are no trouble.

    Args:
        outcome: [n], for bone the log of g/cm2.
        design: [n, p] with its own intercept.
        time: [n] of the random slope, any unit (years).
        person: [n] integers.

    Raises:
        ValueError: shapes that differ, or values that are not finite.
        NotEstimable: collinear columns, fewer people than three, nobody with two times, or no convergence.

    Source: Laird and Ware (1982), Biometrics 38:963; profiled as in Bates et al. (2015), J Stat Softw 67(1), section 3.4.
    """
    y, x, t = (np.asarray(part, dtype=np.float64) for part in (outcome, design, time))
    codes, k = _checked(y, x, t, person)
    scale_y, scale_x = float(y.std()) or 1.0, np.sqrt((x**2).mean(axis=0))
    scale_t = float(np.sqrt((t**2).mean())) or 1.0
    z = np.column_stack([np.ones(y.size), t / scale_t])
    scaled = np.column_stack([x / scale_x, y / scale_y])
    sums = _sums(scaled, z, codes, k)
    theta, value = _best(sums)
    covered = _profile(sums, theta)
    if covered is None:
        raise NotEstimable("columns of the mixed model depend on each other")
    beta, inverse, variance, _ = covered
    p = x.shape[1]
    robust = _robust(sums, theta, scaled, z, codes, beta, inverse)
    factor = np.array([[theta[0], 0.0], [theta[1], theta[2]]])
    spread = factor @ factor.T * variance * scale_y**2
    spread[1] /= scale_t
    spread[:, 1] /= scale_t
    sds = np.sqrt(np.diag(spread))
    together = float(spread[0, 1] / (sds[0] * sds[1])) if np.all(sds > 0) else float("nan")
    unit = scale_y / scale_x
    # The determinant and the residuals were of scaled columns.
    criterion = value + 2 * (y.size - p) * np.log(scale_y) + 2 * np.log(scale_x).sum()
    return MixedFit(
        beta * unit,
        inverse * variance * np.outer(unit, unit),
        robust * np.outer(unit, unit),
        *(float(sd) for sd in sds),
        together,
        float(np.sqrt(variance)) * scale_y,
        float(criterion),
        bool(min(theta[0], theta[2]) < _SINGULAR),
        y.size,
        k,
    )


def _checked(y: np.ndarray, x: np.ndarray, t: np.ndarray, person: np.ndarray) -> tuple[np.ndarray, int]:
    if x.ndim != 2 or x.shape[0] != y.size or t.shape != y.shape or np.shape(person) != y.shape:
        raise ValueError("outcome, design, time and person must have one row a reading")
    if not (np.all(np.isfinite(y)) and np.all(np.isfinite(x)) and np.all(np.isfinite(t))):
        raise ValueError("outcome, design and time must be finite")
    people, codes = np.unique(person, return_inverse=True)
    if people.size < 3:
        raise NotEstimable(f"{people.size} people are too few to tell how people differ: at least 3")
    if x.shape[0] <= x.shape[1] or np.linalg.matrix_rank(x) < x.shape[1]:
        raise NotEstimable("columns of the mixed model depend on each other")
    low, high = np.full(people.size, np.inf), np.full(people.size, -np.inf)
    np.minimum.at(low, codes, t)
    np.maximum.at(high, codes, t)
    if not np.any(high > low):
        raise NotEstimable("nobody was read at two times: slopes of people cannot be told")
    return codes, people.size


def _sums(scaled: np.ndarray, z: np.ndarray, codes: np.ndarray, k: int) -> _Sums:
    counts = np.bincount(codes, minlength=k).astype(np.float64)
    zz = counts, np.bincount(codes, z[:, 1], k), np.bincount(codes, z[:, 1] ** 2, k)
    zxy = np.empty((k, 2, scaled.shape[1]))
    for place, column in enumerate(scaled.T):
        zxy[:, 0, place] = np.bincount(codes, column, k)
        zxy[:, 1, place] = np.bincount(codes, column * z[:, 1], k)
    return _Sums(zz, zxy, scaled.T @ scaled, scaled.shape[0])


def _middle(sums: _Sums, theta: np.ndarray) -> tuple[np.ndarray, float]:
    """M = L (I + L'Z'ZL)^-1 L' of every person [k, 2, 2], and the sum of log|I + L'Z'ZL|; inverses in closed form."""
    a, b, c = theta
    n, s, q = sums.zz
    g11 = 1 + a * a * n + 2 * a * b * s + b * b * q
    g12 = c * (a * s + b * q)
    g22 = 1 + c * c * q
    determinant = g11 * g22 - g12**2
    i11, i12, i22 = g22 / determinant, -g12 / determinant, g11 / determinant
    m = np.empty((n.size, 2, 2))
    m[:, 0, 0] = a * a * i11
    m[:, 0, 1] = m[:, 1, 0] = a * (b * i11 + c * i12)
    m[:, 1, 1] = b * b * i11 + 2 * b * c * i12 + c * c * i22
    return m, float(np.log(determinant).sum())


def _profile(sums: _Sums, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float] | None:
    """Coefficients [p], (X'V^-1 X)^-1 in units of sigma^2, sigma^2, criterion; None where a matrix is singular."""
    middle, log_determinant = _middle(sums, theta)
    width = sums.zxy.shape[2]
    whole = sums.xyxy - sums.zxy.reshape(-1, width).T @ (middle @ sums.zxy).reshape(-1, width)
    p = width - 1
    try:
        factor = np.linalg.cholesky(whole[:p, :p])
    except np.linalg.LinAlgError:
        return None
    root = np.linalg.inv(factor)
    inverse = root.T @ root
    beta = inverse @ whole[:p, p]
    rest = float(whole[p, p] - whole[:p, p] @ beta)
    free = sums.n - p
    if not rest > 0:
        return None
    variance = rest / free
    value = free * (np.log(2 * np.pi * variance) + 1) + log_determinant + 2 * float(np.log(np.diag(factor)).sum())
    return beta, inverse, variance, value


def _best(sums: _Sums) -> tuple[np.ndarray, float]:
    """Relative Cholesky factor (l11, l21, l22) at the smallest criterion, and the criterion."""

    def criterion(theta: np.ndarray) -> float:
        found = _profile(sums, theta)
        return 1e300 if found is None else found[3]

    bounds = [(0.0, None), (None, None), (0.0, None)]
    best = None
    # The factor's size is not known: readings far apart, or far alike, each have a start near.
    for start in ((1.0, 0.0, 1.0), (8.0, 0.0, 1.0), (0.2, 0.0, 0.2)):
        found = optimize.minimize(
            criterion,
            np.array(start),
            method="L-BFGS-B",
            jac="3-point",
            bounds=bounds,
            options={"maxiter": _MOST_STEPS, "ftol": 1e-13, "gtol": 1e-4},
        )
        if best is None or found.fun < best.fun - 1e-9:
            best = found
        # A start is enough where its gradient vanishes; the criterion has rounding noise that a tighter rule would chase.
        if np.abs(np.where(best.x > 0, best.jac, 0.0)).max() < 1e-3 and np.isfinite(best.fun) and best.fun < 1e299:
            break
    if best is None or best.fun >= 1e299:
        raise NotEstimable("the mixed model did not converge")
    return best.x, float(best.fun)


def _robust(
    sums: _Sums,
    theta: np.ndarray,
    scaled: np.ndarray,
    z: np.ndarray,
    codes: np.ndarray,
    beta: np.ndarray,
    inverse: np.ndarray,
) -> np.ndarray:
    """[p, p] sandwich of persons' scores X'V^-1 r."""
    middle, _ = _middle(sums, theta)
    p = beta.size
    left = scaled[:, p] - scaled[:, :p] @ beta
    k = sums.zxy.shape[0]
    zr = sums.zxy[:, :, p] - sums.zxy[:, :, :p] @ beta
    scores = np.stack([np.bincount(codes, column * left, k) for column in scaled[:, :p].T], axis=1)
    scores -= np.einsum("kap,kab,kb->kp", sums.zxy[:, :, :p], middle, zr)
    return inverse @ (scores.T @ scores) @ inverse
