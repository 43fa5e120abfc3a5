"""Is a relation U-shaped: two lines that may both turn out steep, one on either side of a break, with opposite signs.

Simonsohn's test. A quadratic term is no such test: it is found wherever a line flattens. Here: the break, the two slopes and
their robust errors. Not here: a bend without a turn (`bent_line`), which people and covariates enter (callers).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975
from pipelines.models.least_squares import Beside, beside, coefficients, triangle
from pipelines.models.penalised_spline import smooth_curve
from pipelines.models.standardised import ROWS

Shape = Literal["u", "inverted_u", "none"]
ALPHA = 0.05
#: the break is looked for among the middle four fifths of the exposure
_MIDDLE = (0.1, 0.9)
#: rows on either side of a break, below which its line says nothing
LEAST_SIDE = 10


@dataclass(frozen=True, slots=True)
class Line:
    """Slope per unit of exposure on one side of the break, robust, with its normal 95 % interval and two-sided p."""

    slope: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    n_rows: int


@dataclass(frozen=True, slots=True)
class TwoLines:
    """What the two lines say.

    Attributes:
        place: the break, in the unit of the exposure.
        first_place: the middle of the flat region, before the weaker line was given more rows (Robin Hood).
        below, above: the two lines.
        p_value: of a U or an inverted U: the greater of the two where the slopes have opposite signs, else 1.
        shape: found at 5 %.
    """

    place: float
    first_place: float
    below: Line
    above: Line

    @property
    def p_value(self) -> float:
        """Both lines have to be there: an intersection-union test, of level 5 % without correction."""
        turns = self.below.slope * self.above.slope < 0
        return max(self.below.p_value, self.above.p_value) if turns else 1.0

    @property
    def shape(self) -> Shape:
        """U or inverted U at 5 %."""
        if not self.p_value < ALPHA:
            return "none"
        return "u" if self.below.slope < 0 else "inverted_u"


def two_lines(
    x: np.ndarray,
    y: np.ndarray,
    covariates: np.ndarray | Beside | None = None,
    weights: np.ndarray | None = None,
    person_id: np.ndarray | None = None,
) -> TwoLines:
    """Two-lines test with the Robin Hood break; of an outcome 0 or 1 slopes are differences of chances.

    A smooth curve tells the flat region around its lowest (or highest) place; a first break in its middle tells how strong
    either line is; the break is then moved so that the weaker line gets more of the flat region.

    Args:
        x: [n] exposure; y: [n] outcome.
        covariates: [n, p] beside it, linear, or what makes them anew for each fit; None: none.
        weights: [n] positive, as known; None: ones.
        person_id: [n] whose rows count as one in the errors; None: every row is a person.

    Raises:
        NotEstimable: an outcome or exposure without variation, a tail with fewer than ten rows or one outcome only, or
            covariates that tell each other.

    Source: Simonsohn (2018), Adv Methods Pract Psychol Sci 1:538. Errors: HC3 (MacKinnon and White 1985, J Econom 29:305);
    with several rows a person, the scores of HC3 summed by person.
    """
    if x.size == 0 or np.ptp(y) == 0:
        raise NotEstimable("everybody, or nobody, has the outcome")
    given = np.zeros((x.size, 0)) if covariates is None else covariates
    z = beside(given) if isinstance(given, np.ndarray) else given
    w = np.ones(x.size) if weights is None else weights
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y)) and np.all(w > 0)):
        raise ValueError("exposure and outcome must be known, weights positive")
    flat = _flat_region(x, y, z, w)
    middle = float(np.median(flat))
    first = _lines(x, y, z, w, person_id, middle)
    strength = [abs(line.slope) / line.standard_error for line in first]
    place = float(np.quantile(flat, strength[1] / sum(strength))) if sum(strength) > 0 else middle
    return TwoLines(place, middle, *_lines(x, y, z, w, person_id, place))


def _flat_region(x: np.ndarray, y: np.ndarray, z: Beside, w: np.ndarray) -> np.ndarray:
    """Exposures of the middle rows where the curve is within one standard error of its lowest or highest place."""
    curve = smooth_curve(x, y, z, w)
    low, high = np.quantile(x, _MIDDLE)
    inside = (x > low) & (x < high)
    if not inside.any():
        raise NotEstimable("no exposure lies between its 10th and 90th percentile")
    centred = x - x.mean()
    root = np.sqrt(w)
    weighted = z(3)
    weighted[:, 0], weighted[:, 1], weighted[:, 2] = 1.0, centred, centred**2
    weighted *= root[:, None]
    falls = coefficients(weighted, y * root, np.linalg.inv(triangle(weighted)))
    is_falling = falls[1] + 2 * falls[2] * centred.min() <= 0
    fitted, error = curve.fitted[inside], curve.standard_error[inside]
    if is_falling:
        return x[inside][fitted - error < fitted.min()] if error.max() > 0 else x[inside][[int(fitted.argmin())]]
    return x[inside][fitted + error > fitted.max()] if error.max() > 0 else x[inside][[int(fitted.argmax())]]


def _lines(
    x: np.ndarray, y: np.ndarray, z: Beside, w: np.ndarray, person_id: np.ndarray | None, place: float
) -> tuple[Line, Line]:
    """The slopes below and above: rows at the break belong to the line that is looked at."""
    is_high = (x > place, x >= place)
    own = (~is_high[0], is_high[1])
    for word, rows in zip(("below", "above"), own, strict=True):
        if rows.sum() < LEAST_SIDE or np.ptp(x[rows]) == 0:
            raise NotEstimable(f"the tail {word} the break is empty: {LEAST_SIDE} rows of different exposure are asked")
        if np.ptp(y[rows]) == 0:
            raise NotEstimable(f"everybody, or nobody, in the tail {word} the break has the outcome")
    # Where nobody lies at the break, one fit tells both slopes.
    asked = ((is_high[0], (1, 2)),) if np.array_equal(*is_high) else ((is_high[0], (1,)), (is_high[1], (2,)))
    told = [each for rows, terms in asked for each in _robust(_design(x, z, place, rows), y, w, person_id, terms)]
    below, above = (_line(*each, int(rows.sum())) for each, rows in zip(told, own, strict=True))
    return below, above


def _design(x: np.ndarray, z: Beside, place: float, is_high: np.ndarray) -> np.ndarray:
    """[n, 4 + p] intercept, distance below and above the break, a step there, covariates."""
    distance = x - place
    design = z(4)
    design[:, 0], design[:, 3] = 1.0, is_high
    design[:, 1], design[:, 2] = np.where(is_high, 0.0, distance), np.where(is_high, distance, 0.0)
    return design


def _line(slope: float, error: float, n_rows: int) -> Line:
    from scipy.special import ndtr

    p_value = float(2 * ndtr(-abs(slope) / error))
    return Line(slope, error, slope - Z975 * error, slope + Z975 * error, p_value, n_rows)


def _robust(
    design: np.ndarray, y: np.ndarray, w: np.ndarray, person_id: np.ndarray | None, terms: tuple[int, ...]
) -> list[tuple[float, float]]:
    """Coefficients of weighted least squares and their HC3 errors, scores summed by person; `design` is weighted in its place."""
    root = np.sqrt(w)
    scale = np.maximum(design.max(axis=0), -design.min(axis=0))
    if not np.all(scale > 0):
        raise NotEstimable("a term of the two lines is 0 for everybody", np.flatnonzero(scale == 0).tolist())
    design /= scale
    design *= root[:, None]
    r = triangle(design)
    size = np.abs(np.diag(r))
    if size.min() <= 1e-10 * size.max():
        raise NotEstimable("terms of the two lines tell each other")
    inverse = np.linalg.inv(r)
    beta = coefficients(design, y * root, inverse)
    left, along = np.empty(y.size), np.empty((y.size, len(terms)))
    for start in range(0, y.size, ROWS):
        rows = slice(start, start + ROWS)
        q = design[rows] @ inverse
        left[rows] = 1.0 - np.einsum("ij,ij->i", q, q)
        # One row of the inverse of r turns scores in q into the influence on the coefficient.
        along[rows] = q @ inverse[list(terms)].T
    if left.min() < 1e-8:
        raise NotEstimable("a row of the two lines stands alone and tells its own fit")
    residual = (root * y - design @ beta) / left
    person = None if person_id is None else np.unique(person_id, return_inverse=True)[1]
    found = []
    for place, number in enumerate(terms):
        influence = along[:, place] * residual
        if person is not None:
            influence = np.bincount(person, influence)
        error = float(np.sqrt(np.sum(influence**2)))
        if not error > 0:
            raise NotEstimable("the two lines fit without error")
        found.append((float(beta[number] / scale[number]), error / float(scale[number])))
    return found
