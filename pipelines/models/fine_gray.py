"""Regression of the subdistribution hazard (Fine and Gray): rows expanded and weighted for `cox`. Descriptive only.

Those whom another cause took stay at risk, with the chance that they would still be followed. Not here: late entry.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.cox import CoxFit, Ties, fit_cox
from pipelines.models.errors import NotEstimable
from pipelines.models.survival_curve import FollowUp, fit_curve, follow_up


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """Rows for `fit_cox` with cause 1, and the row [m] of the person each comes from."""

    rows: FollowUp
    origin: np.ndarray


def expanded(rows: FollowUp, cause: int = 1) -> Expansion:
    """People as they are, and those of other causes again after their event, by events of the cause to come.

    Args:
        rows: a row a person, everybody seen from the origin on.
        cause: of interest.

    Raises:
        NotEstimable: no event of the cause.
        ValueError: rows with entries.

    Source: Fine and Gray (1999), JASA 94:496; Geskus (2011), Biometrics 67:39; as finegray() of R survival: the chance of
    still being followed by Kaplan-Meier, events before censoring.
    """
    if np.any(np.isfinite(rows.entry)):
        raise ValueError("late entry is not for this regression")
    mine = (rows.event == cause) & (rows.weights > 0)
    if not mine.any():
        raise NotEstimable(f"no event of cause {cause}")
    moments = np.unique(rows.exit[mine])
    # Events come first at a tied time: they leave the risk set of censoring just before it.
    ranks = np.unique(rows.exit, return_inverse=True)[1] * 2.0 + (rows.event == 0)
    censoring = fit_curve(follow_up(ranks, (rows.event == 0).astype(np.int64), None, rows.weights))
    steps = np.r_[1.0, censoring.survival]
    stays = steps[np.searchsorted(censoring.times, ranks, side="left")]
    first = np.searchsorted(np.unique(rows.exit), moments) * 2.0
    at_moment = steps[np.searchsorted(censoring.times, first, side="left")]
    other = np.flatnonzero((rows.event > 0) & (rows.event != cause) & (rows.weights > 0))
    begins = np.searchsorted(moments, rows.exit[other], side="right")
    again = moments.size - begins
    origin = np.repeat(other, again)
    place = np.arange(origin.size) - np.repeat(np.cumsum(again) - again, again) + np.repeat(begins, again)
    previous = np.maximum(np.r_[-np.inf, moments[:-1]][place], rows.exit[origin])
    n = rows.exit.size
    whole = FollowUp(
        np.r_[rows.entry, previous],
        np.r_[rows.exit, moments[place]],
        np.r_[mine.astype(np.int64), np.zeros(origin.size, dtype=np.int64)],
        np.r_[rows.weights, rows.weights[origin] * at_moment[place] / stays[origin]],
        1,
    )
    return Expansion(whole, np.r_[np.arange(n), origin])


def fit_fine_gray(rows: FollowUp, design: np.ndarray, cause: int = 1, ties: Ties = "efron") -> CoxFit:
    """Log subdistribution hazard ratios; errors by person, the weights of censoring as known.

    Args:
        rows: [n] people; design: [n, p]; cause, ties: as `fit_cox`.

    Raises:
        NotEstimable: as `fit_cox`.
    """
    found = expanded(rows, cause)
    return fit_cox(found.rows, np.asarray(design, dtype=np.float64)[found.origin], person_id=found.origin, ties=ties)
