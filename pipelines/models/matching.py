"""Nearest neighbours on the logit of the propensity, a sensitivity analysis: the effect in the target arm.

With replacement, one or several neighbours, within a caliper; standard error of Abadie and Imbens (2006).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975


@dataclass(frozen=True, slots=True)
class MatchedEstimate:
    """Effect in the matched people of the target arm, with its interval.

    `n_matched` of them found a neighbour, `n_used` people of the comparator were one, `n_unmatched` lie beyond the caliper.
    """

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    n_matched: int
    n_used: int
    n_unmatched: int


def matched_contrast(
    outcome: np.ndarray, treated: np.ndarray, propensity: np.ndarray, n_neighbours: int = 1, caliper: float = 0.2
) -> MatchedEstimate:
    """Mean difference of the target arm and its neighbours among the comparator; everybody given has an outcome.

    Args:
        outcome: [n].
        treated: [n] true for the target arm.
        propensity: [n] inside (0, 1).
        n_neighbours: of each, nearest first; ties by row.
        caliper: greatest distance in SDs of the logit (Austin 2011, Pharmaceutical Statistics 10:150).

    Raises:
        NotEstimable: nobody within the caliper, or an arm with fewer than two people or than the neighbours asked for.
    """
    logit = np.log(propensity) - np.log1p(-propensity)
    target, other = np.flatnonzero(treated), np.flatnonzero(~treated)
    if min(target.size, other.size) < max(2, n_neighbours):
        raise NotEstimable("an arm has too few people to match")
    near, distance = _nearest(logit[target], logit[other], n_neighbours)
    is_within = distance[:, -1] <= caliper * float(logit.std())
    if not is_within.any():
        raise NotEstimable("nobody of the target arm has a neighbour within the caliper")
    target, near = target[is_within], other[near[is_within]]
    gap = outcome[target] - outcome[near].mean(axis=1)
    estimate = float(gap.mean())
    used, times = np.unique(near, return_counts=True)
    share = times / n_neighbours
    spread_other = _conditional_variance(outcome, logit, other)[np.searchsorted(other, used)]
    variance = float(np.sum((gap - estimate) ** 2))
    # Each comparator serves several: the part of its variance that the spread of the gaps does not see.
    variance += float(np.sum((share**2 - times / n_neighbours**2) * spread_other))
    error = float(np.sqrt(variance)) / target.size
    return MatchedEstimate(
        estimate,
        error,
        estimate - Z975 * error,
        estimate + Z975 * error,
        target.size,
        used.size,
        int((~is_within).sum()),
    )


def _nearest(points: np.ndarray, among: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """[m, k] places in `among` nearest to each point, nearest first, and their distances."""
    order = np.argsort(among, kind="stable")
    sorted_among = among[order]
    middle = np.searchsorted(sorted_among, points)
    window = np.clip(middle[:, None] + np.arange(-k, k), 0, among.size - 1)
    distance = np.abs(sorted_among[window] - points[:, None])
    # A place that the clipping repeats must not be taken twice.
    repeated = np.zeros_like(window, dtype=bool)
    repeated[:, 1:] = window[:, 1:] == window[:, :-1]
    distance = np.where(repeated, np.inf, distance)
    first = np.argsort(distance, axis=1, kind="stable")[:, :k]
    rows = np.arange(points.size)[:, None]
    return order[window[rows, first]], distance[rows, first]


def _conditional_variance(outcome: np.ndarray, logit: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """[m] variance of the outcome given the score: half the squared gap to the next in the own arm."""
    order = np.argsort(logit[arm], kind="stable")
    ordered = outcome[arm][order]
    score = logit[arm][order]
    left = np.append(np.inf, np.diff(score))
    right = np.append(np.diff(score), np.inf)
    neighbour = np.where(left <= right, np.arange(arm.size) - 1, np.arange(arm.size) + 1)
    found = np.empty(arm.size)
    found[order] = (ordered - ordered[neighbour]) ** 2 / 2
    return found
