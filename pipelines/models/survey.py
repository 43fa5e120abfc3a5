"""Estimates from a complex survey: strata, clusters and weights, with-replacement Taylor linearization.

Holds the design, means, totals, quantiles and linear regression of a domain. Tests of several parameters are in `wald`,
missing exposure values in `censored` and `imputation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg, special

from pipelines.errors import BadInput
from pipelines.models.errors import NotEstimable


@dataclass(frozen=True, slots=True, eq=False)
class SurveyDesign:
    """A stratified, clustered, weighted sample; PSU codes are nested in strata.

    Args:
        strata: [n] integer stratum codes.
        psu: [n] integer primary sampling unit codes; code 1 of two strata are two units.
        weights: [n] sampling weights. A zero or NaN weight marks a respondent outside the sample of the weight (in
            NHANES: interviewed, not examined). Such a row adds nothing to any estimate, n or df, but its PSU stays in
            the variance, as a PSU whose total is zero. NaN is stored as 0.

    Give every respondent of the cycle, never the domain alone: a PSU without domain members is information.

    Raises:
        BadInput: lengths differ, a code is not an integer, a weight is negative or infinite, or a stratum has one PSU
            (its variance cannot be estimated and is never taken as zero).

    Source: Binder (1983), International Statistical Review 51:279; Korn and Graubard (1999), Analysis of Health
    Surveys.
    """

    strata: np.ndarray
    psu: np.ndarray
    weights: np.ndarray
    psu_of_row: np.ndarray = field(init=False, repr=False)
    stratum_of_psu: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        strata, psu = np.asarray(self.strata), np.asarray(self.psu)
        weights = np.asarray(self.weights, dtype=np.float64)
        if not strata.shape == psu.shape == weights.shape or weights.ndim != 1 or weights.size == 0:
            raise BadInput("survey design: strata, PSU and weights must be non-empty columns of one length")
        if strata.dtype.kind not in "iu" or psu.dtype.kind not in "iu":
            raise BadInput("survey design: stratum and PSU codes must be integers without nulls")
        weights = np.where(np.isnan(weights), 0.0, weights)
        if np.any(weights < 0) or np.any(np.isinf(weights)):
            raise BadInput("survey design: a weight is negative or infinite; set rows outside the sample to 0 or null")
        units, psu_of_row = np.unique(np.stack([strata, psu], axis=1), axis=0, return_inverse=True)
        codes, stratum_of_psu, n_psu = np.unique(units[:, 0], return_inverse=True, return_counts=True)
        if np.any(n_psu == 1):
            lonely = ", ".join(str(code) for code in codes[n_psu == 1])
            raise BadInput(
                f"survey design: stratum {lonely} has a single PSU, so its variance cannot be estimated; "
                "give all respondents of the cycle, or merge the stratum with its neighbor as the survey advises"
            )
        values = (strata, psu, weights, psu_of_row.reshape(-1), stratum_of_psu)
        for name, value in zip(("strata", "psu", "weights", "psu_of_row", "stratum_of_psu"), values, strict=True):
            object.__setattr__(self, name, value)

    @property
    def df(self) -> int:
        """Design degrees of freedom: PSUs minus strata, among rows with weight."""
        return self.domain_df(np.ones(self.weights.size, dtype=bool))

    def domain_df(self, domain: np.ndarray) -> int:
        """PSUs minus strata among those with a weighted domain row (Korn and Graubard 1999, section 5.2)."""
        units = np.unique(self.psu_of_row[domain & (self.weights > 0)])
        return int(units.size - np.unique(self.stratum_of_psu[units]).size)

    def total_covariance(self, contributions: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Covariance of the sample total of weighted influence values: sum over strata of n_h / (n_h - 1) * scatter.

        Args:
            contributions: [rows, p] weighted influence values, for the rows named alone; all others are zero.
            rows: positions of these rows in the design.
        """
        totals = np.zeros((self.stratum_of_psu.size, contributions.shape[1]))
        np.add.at(totals, self.psu_of_row[rows], contributions)
        n_psu = np.bincount(self.stratum_of_psu)
        means = np.zeros((n_psu.size, totals.shape[1]))
        np.add.at(means, self.stratum_of_psu, totals)
        deviations = totals - (means / n_psu[:, None])[self.stratum_of_psu]
        factor = (n_psu / (n_psu - 1))[self.stratum_of_psu]
        return (deviations * factor[:, None]).T @ deviations


@dataclass(frozen=True, slots=True)
class SurveyEstimate:
    """A mean, proportion or total of a domain; `standard_error` in the unit of the estimate."""

    estimate: float
    standard_error: float
    df: int
    n: int
    n_effective_kish: float

    @property
    def relative_standard_error(self) -> float:
        """Standard error over the absolute estimate (0.3 = 30 %); infinite where the estimate is zero."""
        return self.standard_error / abs(self.estimate) if self.estimate else np.inf


@dataclass(frozen=True, slots=True, eq=False)
class SurveyFit:
    """A weighted least-squares fit: `coefficients` [p], linearized `covariance` [p, p], domain `df` and sizes."""

    coefficients: np.ndarray
    covariance: np.ndarray
    df: int
    n: int
    n_effective_kish: float

    @property
    def standard_errors(self) -> np.ndarray:
        """[p]"""
        return np.sqrt(np.diag(self.covariance))

    def confidence_interval(self, level: float = 0.95) -> np.ndarray:
        """[p, 2] t intervals with the design degrees of freedom."""
        margin = special.stdtrit(self.df, 0.5 + level / 2) * self.standard_errors
        return np.stack([self.coefficients - margin, self.coefficients + margin], axis=1)


def kish_effective_n(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2; 0 where no weight is positive. Source: Kish (1965), Survey Sampling, section 11.7."""
    squares = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / squares if squares > 0 else 0.0


def survey_mean(design: SurveyDesign, values: np.ndarray, domain: np.ndarray | None = None) -> SurveyEstimate:
    """Weighted mean of a domain, or a proportion where the values are 0 and 1.

    Args:
        values: [n] of the whole design; rows outside the domain may be NaN.
        domain: [n] bool; the whole design where None.

    Raises:
        BadInput: a value inside the domain is not finite.
        NotEstimable: no weighted row in the domain, or no degree of freedom.
    """
    rows, df = _domain_rows(design, domain, [values])
    weights, inside = design.weights[rows], values[rows]
    mean = float(np.average(inside, weights=weights))
    influence = weights * (inside - mean) / weights.sum()
    return _estimate(design, rows, df, mean, influence)


def survey_total(design: SurveyDesign, values: np.ndarray, domain: np.ndarray | None = None) -> SurveyEstimate:
    """Weighted total of a domain; arguments and errors as `survey_mean`."""
    rows, df = _domain_rows(design, domain, [values])
    influence = design.weights[rows] * values[rows]
    return _estimate(design, rows, df, float(influence.sum()), influence)


def survey_quantile(
    design: SurveyDesign, values: np.ndarray, probabilities: Sequence[float], domain: np.ndarray | None = None
) -> np.ndarray:
    """Smallest values whose weighted distribution function reaches each probability; point estimates alone.

    Args and errors as `survey_mean`; returns [len(probabilities)]. Equals svyquantile(qrule="math") of R survey 4.
    """
    rows, _ = _domain_rows(design, domain, [values])
    order = np.argsort(values[rows], kind="stable")
    ordered = values[rows][order]
    cumulative = np.cumsum(design.weights[rows][order])
    # A share reached up to rounding counts as reached, or equal weights would miss exact quantiles.
    targets = np.asarray(probabilities, dtype=np.float64) * cumulative[-1] * (1 - 1e-12)
    return ordered[np.minimum(np.searchsorted(cumulative, targets), ordered.size - 1)]


def survey_regression(
    design: SurveyDesign, design_matrix: np.ndarray, outcome: np.ndarray, domain: np.ndarray | None = None
) -> SurveyFit:
    """Weighted linear regression in a domain of the full design, with linearized (sandwich) covariance.

    Args:
        design_matrix: [n, p] with its own intercept column; rows outside the domain may be NaN.
        outcome: [n]; rows outside the domain may be NaN.
        domain: [n] bool; the whole design where None.

    Raises:
        BadInput: a value inside the domain is not finite (names the column number).
        NotEstimable: no weighted row, no degree of freedom, or linearly dependent columns.

    Source: Fuller (1975), Sankhya C 37:117; equals svyglm(family = gaussian) of R survey on a subset design.
    """
    rows, df = _domain_rows(design, domain, [outcome, *design_matrix.T])
    weights, x, y = design.weights[rows], design_matrix[rows], outcome[rows]
    root = np.sqrt(weights)
    scale = np.sqrt(np.sum(weights[:, None] * x**2, axis=0))
    scale[scale == 0] = 1.0
    q, r, pivots = linalg.qr(root[:, None] * x / scale, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(r))
    dependent = np.flatnonzero(diagonal <= 1e-9 * diagonal[0]) if len(y) >= x.shape[1] else np.array([0])
    if dependent.size:
        columns = pivots[dependent].tolist()
        raise NotEstimable(f"regression columns {columns} depend on the others in this domain", columns)
    inverse = np.empty((x.shape[1], x.shape[1]))
    inverse[pivots] = linalg.solve_triangular(r, np.eye(x.shape[1]))
    inverse /= scale[:, None]
    coefficients = inverse @ (q.T @ (root * y))
    scores = x * (weights * (y - x @ coefficients))[:, None]
    covariance = design.total_covariance(scores @ (inverse @ inverse.T), rows)
    return SurveyFit(coefficients, covariance, df, rows.size, kish_effective_n(weights))


def _domain_rows(
    design: SurveyDesign, domain: np.ndarray | None, columns: Sequence[np.ndarray]
) -> tuple[np.ndarray, int]:
    """Positions of the weighted domain rows, and their df; refuses values that are not finite there."""
    inside = np.ones(design.weights.size, dtype=bool) if domain is None else np.asarray(domain)
    if inside.dtype != np.bool_ or inside.shape != design.weights.shape:
        raise BadInput("survey domain: one true or false per row of the design is needed")
    if any(column.shape != design.weights.shape for column in columns):
        raise BadInput("survey estimate: every column needs one value per row of the design")
    rows = np.flatnonzero(inside & (design.weights > 0))
    for number, column in enumerate(columns):
        n_bad = int(np.sum(~np.isfinite(column[rows])))
        if n_bad:
            name = "the outcome" if number == 0 else f"design-matrix column {number - 1}"
            raise BadInput(f"survey estimate: {n_bad} domain rows have no value in {name}; take them out of the domain")
    if rows.size == 0:
        raise NotEstimable("no respondent with a positive weight in this domain")
    df = design.domain_df(inside)
    if df < 1:
        raise NotEstimable("the domain leaves no design degree of freedom: it must hold two PSUs of one stratum")
    return rows, df


def _estimate(design: SurveyDesign, rows: np.ndarray, df: int, value: float, influence: np.ndarray) -> SurveyEstimate:
    variance = design.total_covariance(influence[:, None], rows)[0, 0]
    return SurveyEstimate(value, float(np.sqrt(variance)), df, rows.size, kish_effective_n(design.weights[rows]))
