"""A smooth curve along one exposure beside linear covariates, its smoothness by generalised cross-validation.

Here: the cubic regression spline with ten knots that `two_lines` looks at to place its break. Not here: curves that are told
as results (`spline`), and tests: the errors of this curve are those of a posterior, not robust.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.least_squares import Beside, triangle

_MOST_KNOTS = 10
_LEAST_KNOTS = 4
#: log10 of the penalty over the size of the information, from a free curve to a straight line
_LOG_PENALTY = (-9.0, 9.0)


@dataclass(frozen=True, slots=True, eq=False)
class SmoothCurve:
    """A fitted curve at the rows' own exposure [n], covariates at their mean, with its standard error [n].

    `effective_df` counts curve and covariates, the mean included.
    """

    fitted: np.ndarray
    standard_error: np.ndarray
    effective_df: float


def smooth_curve(x: np.ndarray, y: np.ndarray, covariates: Beside, weights: np.ndarray) -> SmoothCurve:
    """Penalised least squares of y on a cubic regression spline of x and linear covariates.

    Args:
        x: [n] exposure, any unit; y: [n] outcome; weights: [n] positive.
        covariates: [n, p] that do not tell each other; asked for once.

    Raises:
        NotEstimable: fewer than four different values of x, or covariates that tell each other.

    Source: Wood (2017), Generalized Additive Models, 2nd ed., sections 5.3.1 and 6.2.1; equals mgcv::gam with
    s(x, bs = "cr", k = 10), method "GCV.Cp".
    """
    different = np.unique(x)
    k = min(_MOST_KNOTS, different.size)
    if k < _LEAST_KNOTS:
        raise NotEstimable(f"the exposure has {different.size} different values: no curve can be drawn")
    basis, penalty = cubic_basis(x, np.quantile(different, np.linspace(0, 1, k)))
    root = np.sqrt(weights / weights.mean())
    weighted = covariates(k)
    weighted[:, :k] = basis
    weighted[:, k:] -= weighted[:, k:].mean(axis=0)
    weighted *= root[:, None]
    r = triangle(weighted)
    size = np.abs(np.diag(r))
    if size.min() <= 1e-10 * size.max():
        raise NotEstimable("covariates of a curve tell each other")
    # In the coordinates of the triangle the information is the identity, and one eigenbasis serves every penalty.
    inverse = np.linalg.inv(r)
    full = np.zeros(r.shape)
    full[:k, :k] = penalty
    values, vectors = np.linalg.eigh(inverse.T @ full @ inverse)
    values = np.maximum(values, 0.0)
    z = y * root
    along = vectors.T @ (inverse.T @ (weighted.T @ z))
    rest = float(z @ z - along @ along)
    chosen = _least(lambda log: _cross_validation(10.0**log, values, along, rest, x.size), _centre(values))
    shrunk = 1.0 / (1.0 + chosen * values)
    df = float(shrunk.sum())
    coefficients = inverse @ (vectors @ (along * shrunk))
    noise = (rest + float(((1.0 - shrunk) * along) @ ((1.0 - shrunk) * along))) / (x.size - df)
    of_curve = (inverse @ (vectors * np.sqrt(shrunk)))[:k]
    spread = np.einsum("ij,ij->i", basis @ (of_curve @ of_curve.T), basis)
    error = np.sqrt(np.maximum(noise * spread, 0.0))
    return SmoothCurve(basis @ coefficients[:k], error, df)


def cubic_basis(x: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cubic regression spline by its values at the knots: basis [n, k], and penalty [k, k], integral of f''^2.

    Source: Wood (2017), section 5.3.1.
    """
    k, h = knots.size, np.diff(knots)
    rises, bends = np.zeros((k - 2, k)), np.zeros((k - 2, k - 2))
    for i in range(k - 2):
        rises[i, i : i + 3] = 1 / h[i], -1 / h[i] - 1 / h[i + 1], 1 / h[i + 1]
        bends[i, i] = (h[i] + h[i + 1]) / 3
        if i + 1 < k - 2:
            bends[i, i + 1] = bends[i + 1, i] = h[i + 1] / 6
    inner = np.linalg.solve(bends, rises)
    second = np.vstack([np.zeros(k), inner, np.zeros(k)])
    place = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, k - 2)
    width, below, above = h[place], x - knots[place], knots[place + 1] - x
    rows = np.arange(x.size)
    basis = np.zeros((x.size, k))
    basis[rows, place] = above / width
    basis[rows, place + 1] += below / width
    basis += ((above**3 / width - width * above) / 6)[:, None] * second[place]
    basis += ((below**3 / width - width * below) / 6)[:, None] * second[place + 1]
    return basis, rises.T @ inner


def _centre(values: np.ndarray) -> float:
    told = values[values > 1e-12 * values.max(initial=0.0)]
    return -float(np.log10(np.median(told))) if told.size else 0.0


def _cross_validation(penalty: float, values: np.ndarray, along: np.ndarray, rest: float, n: int) -> float:
    """n RSS / (n - df)^2."""
    lost = penalty * values / (1.0 + penalty * values)
    residual = rest + float((lost * along) @ (lost * along))
    free = n - float((1.0 - lost).sum())
    return n * residual / free**2


def _least(score: Callable[[float], float], centre: float) -> float:
    """10 to the argument of the least score: a grid, then golden sections around its best place."""
    grid = centre + np.linspace(*_LOG_PENALTY, 73)
    found = [score(each) for each in grid]
    best = int(np.argmin(found))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    ratio = (5**0.5 - 1) / 2
    while high - low > 1e-8:
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if score(a) <= score(b):
            high = b
        else:
            low = a
    return 10.0 ** ((low + high) / 2)
