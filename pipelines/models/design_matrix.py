"""Covariates as a model takes them: splines, dummies, indicators of missing values; what carries nothing is left out.

Here: the matrix and why a column is not in it. Not here: balance, which looks at every covariate, in or out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.folded_matrix import FoldedMatrix
from pipelines.models.spline import restricted_cubic_spline
from pipelines.models.standardised import ROWS

#: Quantiles of the knots of a continuous covariate. Source: Harrell (2015), section 2.4.6, four knots.
KNOT_QUANTILES = (0.05, 0.35, 0.65, 0.95)
#: fewer different values than this are levels, not a scale
_LEAST_VALUES = 10
#: rows that nearly always tell whether there are as many: to count the values of all takes longer than the rest
_FIRST_ROWS = 500
_COLLINEAR = 1e-7


@dataclass(frozen=True, slots=True)
class DesignMatrix:
    """Covariates of a model, without intercept.

    Attributes:
        values: [n, p] finite, each column centred at 0 with SD 1.
        names: [p] of the columns: covariate, and after a colon the term.
        left_out: covariate or term, and why it is not a column: constant, rare, or told by other columns.
    """

    values: np.ndarray
    names: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """A term [n], as flags where it is one, with its mean and SD."""

    values: np.ndarray
    mean: float
    sd: float

    @property
    def is_flag(self) -> bool:
        return self.values.dtype == np.bool_

    def standardised(self, rows: slice) -> np.ndarray:
        return (self.values[rows] - self.mean) / self.sd


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The columns of a matrix before it is one: a flag takes a byte there and eight here.

    Attributes:
        n_rows: of the frame.
        columns: [p].
        names: [p], `left_out`: as of `DesignMatrix`.
    """

    n_rows: int
    columns: tuple[_Column, ...]
    names: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]

    def into(self, matrix: np.ndarray) -> np.ndarray:
        """Fills `matrix` [n, p], which may be part of a wider one, and returns it."""
        for rows in _blocks(self.n_rows):
            for place, column in enumerate(self.columns):
                matrix[rows, place] = column.standardised(rows)
        return matrix

    def folded(self, first: np.ndarray, most: float) -> FoldedMatrix:
        """[n, b + p] after flags [n, b] the columns, flags before others; beyond `most` SDs counts as so many."""
        flags = [column for column in self.columns if column.is_flag]
        others = [column for column in self.columns if not column.is_flag]
        of_two = np.empty((self.n_rows, first.shape[1] + len(flags)), dtype=np.uint8)
        of_two[:, : first.shape[1]] = first
        scales = np.empty((self.n_rows, len(others)))
        for rows in _blocks(self.n_rows):
            for place, column in enumerate(flags, first.shape[1]):
                of_two[rows, place] = column.values[rows]
            for place, column in enumerate(others):
                scales[rows, place] = column.standardised(rows)
        np.clip(scales, -most, most, out=scales)
        ends = np.array([[-column.mean / column.sd, (1.0 - column.mean) / column.sd] for column in flags]).reshape(
            -1, 2
        )
        low, high = np.concatenate([np.tile([0.0, 1.0], (first.shape[1], 1)), np.clip(ends, -most, most)]).T
        return FoldedMatrix(of_two, low, high, scales)


def design_matrix(
    covariates: pl.DataFrame, nominal: Iterable[str] = (), minimum_count: int = 10, splines: bool = True
) -> DesignMatrix:
    """The matrix of a frame of covariates.

    Continuous covariates become natural (restricted) cubic splines with knots at the 5th, 35th, 65th and 95th percentile
    of the known values; nominal ones a column a level. A missing value is put at the mean of the known ones and told by an
    indicator, which is right for treatment models that know no more than the clinician did (Blake et al. 2020, Stat Med
    39:1641; not for outcome models where the value itself confounds).

    Args:
        covariates: [n rows] numeric, NULL where missing.
        nominal: columns whose numbers are codes.
        minimum_count: a term that fewer people than this have, or lack, is left out as rare.
        splines: whether continuous covariates are curves; else straight lines.

    Raises:
        ValueError: a nominal column is not in the frame.
    """
    found = terms(covariates, nominal, minimum_count, splines)
    return DesignMatrix(found.into(np.empty((found.n_rows, len(found.names)))), found.names, found.left_out)


def terms(
    covariates: pl.DataFrame, nominal: Iterable[str] = (), minimum_count: int = 10, splines: bool = True
) -> Terms:
    """The columns of `design_matrix`, for whoever puts them beside others.

    Raises:
        ValueError: as there.
    """
    codes = set(nominal)
    if absent := codes - set(covariates.columns):
        raise ValueError(f"no covariate {', '.join(sorted(absent))} to take as nominal")
    columns: list[_Column] = []
    names: list[str] = []
    left_out: list[tuple[str, str]] = []
    for name in covariates.columns:
        given = covariates[name].cast(pl.Float64).to_numpy()
        missing = np.isnan(given)
        found = _levels(name, given) if name in codes else _numeric(name, given, missing, splines)
        for term, values in [*found, *_missing(name, missing)]:
            reason = _why_useless(values, minimum_count)
            if reason:
                left_out.append((term, reason))
            else:
                columns.append(_column(values))
                names.append(term)
    keep = _independent(columns, covariates.height)
    left_out += [(names[place], "told by other columns") for place in np.flatnonzero(~keep)]
    kept = [place for place, stays in enumerate(keep) if stays]
    chosen = tuple(columns[place] for place in kept)
    return Terms(covariates.height, chosen, tuple(names[place] for place in kept), tuple(left_out))


def _column(values: np.ndarray) -> _Column:
    is_one = values == 1.0
    is_flag = bool(np.all(is_one | (values == 0.0)))
    return _Column(is_one if is_flag else values, float(values.mean()), float(values.std()))


def _blocks(n_rows: int) -> Iterator[slice]:
    return (slice(start, min(start + ROWS, n_rows)) for start in range(0, n_rows, ROWS))


# On arrays throughout: each operation on a series of Polars is a query of its own, and there are hundreds of columns.
def _levels(name: str, given: np.ndarray) -> list[tuple[str, np.ndarray]]:
    levels = np.unique(given[~np.isnan(given)])
    return [(f"{name}: {level:g}", (given == level).astype(np.float64)) for level in levels]


def _numeric(name: str, given: np.ndarray, missing: np.ndarray, splines: bool) -> list[tuple[str, np.ndarray]]:
    known, values = given, given
    if missing.any():
        known = given[~missing]
        if not known.size:
            return [(name, np.zeros(given.size))]
        values = np.where(missing, known.mean(), given)
    if not splines or not _has_many(known):
        return [(name, values)]
    knots = np.quantile(known, KNOT_QUANTILES)
    if not np.all(np.diff(knots) > 1e-9 * (knots[-1] - knots[0] + 1e-300)):
        return [(name, values)]
    basis = restricted_cubic_spline(values, knots)
    curved = [(f"{name}: curve {number}", basis[:, number]) for number in range(1, basis.shape[1])]
    return [(name, values), *curved]


def _has_many(known: np.ndarray) -> bool:
    """Whether there are values enough for a curve; the first rows nearly always tell."""
    return np.unique(known[:_FIRST_ROWS]).size >= _LEAST_VALUES or pl.Series(known).n_unique() >= _LEAST_VALUES


def _missing(name: str, missing: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [(f"{name}: missing", missing.astype(np.float64))] if missing.any() else []


def _why_useless(values: np.ndarray, minimum_count: int) -> str:
    if not values.size or np.ptp(values) == 0:
        return "constant"
    # The median is the commoner of two values; on a scale almost everybody differs from it.
    different = int(np.count_nonzero(values != np.median(values)))
    return "rare" if different < minimum_count else ""


def _independent(columns: Sequence[_Column], n_rows: int) -> np.ndarray:
    """[p] columns that those before them do not tell: Cholesky of the correlations, in order."""
    from scipy.linalg import solve_triangular

    p = len(columns)
    products = np.zeros((p, p))
    for rows in _blocks(n_rows):
        block = np.column_stack([column.standardised(rows) for column in columns]) if p else np.empty((0, 0))
        products += block.T @ block
    correlation = products / max(n_rows, 1)
    factor = np.zeros_like(correlation)
    kept: list[int] = []
    for place in range(p):
        known = len(kept)
        row = solve_triangular(factor[:known, :known], correlation[kept, place], lower=True) if known else np.empty(0)
        rest = correlation[place, place] - row @ row
        if rest > _COLLINEAR:
            factor[known, :known], factor[known, known] = row, np.sqrt(rest)
            kept.append(place)
    keep = np.zeros(p, dtype=bool)
    keep[kept] = True
    return keep
