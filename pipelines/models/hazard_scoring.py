"""A hazard's link and its Fisher scoring, whoever walks over the rows: `discrete_hazard` or, for a population, `person_time`.

Not here: designs, rows, weights, risks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.models.errors import NotEstimable

Link = Literal["logit", "cloglog"]
#: a linear predictor beyond this is a chance of 0 or 1: there is no finite fit
SEPARATED = 40.0
#: no row's predictor may move by more in the last step but one
NEAR = 1e-4
_MOST_STEPS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """At some coefficients: score [p], information [p, p], and the largest size of a row's predictor."""

    score: np.ndarray
    information: np.ndarray
    largest: float


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Coefficients [p] and the inverse of their observed information [p, p]."""

    coefficients: np.ndarray
    inverse: np.ndarray


def hazard_of(predictor: np.ndarray, link: Link) -> tuple[np.ndarray, np.ndarray]:
    """Chance of the event, and its derivative by the predictor; any shape."""
    if link == "logit":
        with np.errstate(over="ignore"):
            mean = 1 / (1 + np.exp(-predictor))
        return mean, mean * (1 - mean)
    rate = np.exp(np.minimum(predictor, SEPARATED))
    return -np.expm1(-rate), rate * np.exp(-rate)


def pull_of(mean: np.ndarray, slope: np.ndarray, link: Link) -> np.ndarray | float:
    """What a unit of outcome less chance adds to the score, by unit of weight: 1 where the link is canonical."""
    return 1.0 if link == "logit" else slope / np.maximum(mean * (1 - mean), 1e-300)


def spread_of(
    pull: np.ndarray | float, pulled: np.ndarray, mean: np.ndarray, slope: np.ndarray, link: Link, *, is_observed: bool
) -> np.ndarray:
    """What a row adds to the information, but for its terms: expected, or observed.

    Args:
        pull: as `pull_of`, times the weight if there is one.
        pulled: pull times outcome less chance.
        mean, slope: as `hazard_of`.
        link: of the hazard.
        is_observed: minus the derivative of the score, which the error of a wrong model needs; else its mean.
    """
    expected = pull * slope
    return expected - pulled * (1 - slope / mean) if is_observed and link != "logit" else expected


def intercept_at(share: float, link: Link) -> float:
    """Predictor of a share.

    Raises:
        NotEstimable: nobody or everybody has the event.
    """
    if not 0 < share < 1:
        raise NotEstimable("a hazard has no event, or nothing else")
    return float(np.log(share / (1 - share)) if link == "logit" else np.log(-np.log1p(-share)))


def score_hazard(
    start: np.ndarray, derivatives: Callable[[np.ndarray, bool], Derivatives], distance: Callable[[np.ndarray], float]
) -> Scored:
    """Fisher scoring until far within a standard error.

    Args:
        start: [p] coefficients, intercept first.
        derivatives: at coefficients, with expected information, or observed if true.
        distance: from a move [p] of the coefficients to the largest move of a row's predictor.

    Raises:
        NotEstimable: a term that is 0 for everybody, collinear terms, or no convergence (separation).
        ValueError: terms that are not finite.
    """
    beta, is_settled = start, False
    for _ in range(_MOST_STEPS):
        at = derivatives(beta, is_settled)
        if at.largest > SEPARATED:
            raise NotEstimable("separation: terms of a hazard tell the event without error")
        if not (np.all(np.isfinite(at.score)) and np.all(np.isfinite(at.information))):
            raise ValueError("terms of a hazard must be finite")
        size = np.sqrt(np.diag(at.information))
        if not np.all(size > 0):
            raise NotEstimable("a term of a hazard is 0 for everybody", (np.flatnonzero(~(size > 0)) - 1).tolist())
        values, vectors = np.linalg.eigh(at.information / np.outer(size, size))
        if not values[0] > 1e-12 * values[-1]:
            raise NotEstimable("terms of a hazard tell each other")
        inverse = (vectors / values) @ vectors.T / np.outer(size, size)
        if is_settled:
            return Scored(beta, inverse)
        move = inverse @ at.score
        # Far within a standard error, whatever the columns' correlation; and nobody runs off. One step more, then out.
        is_settled = float(at.score @ move) < 1e-14 and distance(move) < NEAR
        beta = beta + move
    raise NotEstimable("a hazard did not converge")
