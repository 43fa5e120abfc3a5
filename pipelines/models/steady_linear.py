"""A linear model of what is measured again and again of the same people, and of what sets each of them apart for good.

Here: one fit, with a random intercept of people or without. Not here: variables of a period and how they are drawn (`g_formula`),
slopes of people's own (`mixed_trajectory`).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.errors import NotEstimable

_COLLINEAR = 1e-10
#: share of what is left unexplained that people's own level may make up, at most
_MOST_STEADY = 0.99


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A linear model: coefficients, intercept first, residual SD, and the SD of people's own level (0: they have none)."""

    coefficients: np.ndarray
    residual_sd: float
    person_sd: float = 0.0

    def mean(self, terms: np.ndarray) -> np.ndarray:
        """[n] expected values."""
        return self.coefficients[0] + terms @ self.coefficients[1:]


def fit_linear(terms: np.ndarray, values: np.ndarray, person: np.ndarray | None = None) -> Linear:
    """Least squares or, where rows are told to belong to people, maximum likelihood with a normal level of each person's own.

    Args:
        terms: [n, p] without intercept; values: [n]; person: [n] integers.

    Raises:
        NotEstimable: too few rows, a term that is 0 for everybody, or terms that tell each other.

    Source: Laird and Ware 1982 Biometrics 38:963; deviations from people's means are partial, by how many rows they have (Fuller
    and Battese 1973 J Am Stat Assoc 68:626).
    """
    x = np.column_stack([np.ones(values.size), terms])
    scale = np.abs(x).max(axis=0) if values.size else np.zeros(x.shape[1])
    if not np.all(scale > 0) or values.size <= x.shape[1]:
        raise NotEstimable("too few rows, or a term that is 0 for everybody")
    x = x / scale
    q, r = np.linalg.qr(x)
    size = np.abs(np.diag(r))
    if size.min() <= _COLLINEAR * size.max():
        raise NotEstimable("terms tell each other")
    beta = np.linalg.solve(r, q.T @ values)
    rest = values - x @ beta
    plain = Linear(beta / scale, float(np.sqrt(rest @ rest / (values.size - x.shape[1]))))
    if person is None or np.unique(person).size == person.size:
        return plain
    return _with_own_level(x, values, person, scale)


def fit_ridge(terms: np.ndarray, values: np.ndarray, penalty: float) -> Linear:
    """Least squares with a ridge on standardised terms, the intercept free: a term that few have, or none here, does no harm.

    Args:
        terms: [n, p] without intercept; values: [n]; penalty: lambda of lambda/2 |b|^2, above 0.

    Raises:
        NotEstimable: no more rows than terms.
    """
    n, p = terms.shape
    if n <= p + 1:
        raise NotEstimable("too few rows")
    center, spread = terms.mean(axis=0), terms.std(axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(center), 1.0)
    z = (terms - center) / np.where(varies, spread, 1.0) * varies
    slopes = np.linalg.solve(z.T @ z + penalty * np.eye(p), z.T @ (values - values.mean()))
    rest = values - values.mean() - z @ slopes
    coefficients = np.where(varies, slopes / np.where(varies, spread, 1.0), 0.0)
    intercept = float(values.mean() - center @ coefficients)
    return Linear(np.concatenate([[intercept], coefficients]), float(np.sqrt(rest @ rest / (n - p - 1))))


def _with_own_level(x: np.ndarray, y: np.ndarray, person: np.ndarray, scale: np.ndarray) -> Linear:
    from scipy.optimize import minimize_scalar

    codes = np.unique(person, return_inverse=True)[1]
    n, p = x.shape
    n_rows = np.bincount(codes)
    z = np.column_stack([x, y])
    sums = np.stack([np.bincount(codes, column) for column in z.T], axis=1)
    whole = z.T @ z
    # People with as many rows are shrunk alike: their sums of squares between people are needed once.
    sizes = np.unique(n_rows)
    between = np.stack([sums[n_rows == m].T @ sums[n_rows == m] / m for m in sizes])
    n_people = np.array([np.count_nonzero(n_rows == m) for m in sizes])

    def solved(share: float) -> tuple[float, np.ndarray, float]:
        """Negative log-likelihood, coefficients and residual variance, people's own level being a share of the variance."""
        ratio = sizes * share / (1.0 - share)
        moments = whole - np.tensordot(ratio / (1.0 + ratio), between, axes=1)
        beta = np.linalg.solve(moments[:p, :p], moments[:p, p])
        variance = float(moments[p, p] - beta @ moments[:p, p]) / n
        return 0.5 * (n * np.log(variance) + float(n_people @ np.log1p(ratio))), beta, variance

    best = minimize_scalar(
        lambda share: solved(share)[0], bounds=(0.0, _MOST_STEADY), method="bounded", options={"xatol": 1e-8}
    )
    share = float(best.x) if best.fun < solved(0.0)[0] else 0.0
    _, beta, variance = solved(share)
    variance *= n / (n - p)
    return Linear(beta / scale, float(np.sqrt(variance)), float(np.sqrt(variance * share / (1.0 - share))))
