"""From influence functions to standard errors: clustered by person, normal intervals; and the person bootstrap.

Every estimator of an effect gives a `ContrastEstimate`; here is how its uncertainty is counted, whatever the estimator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.domain.randomness import uniforms
from pipelines.models.errors import NotEstimable

#: half width of a 95 % interval in standard errors
Z975 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class ContrastEstimate:
    """Target less comparator, in the unit of the outcome, with its standard error and two-sided 95 % interval.

    Attributes:
        estimate, standard_error, ci_low, ci_high, p_value: of the difference.
        mean_target, mean_comparator: the two means behind it.
        n_target, n_comparator: people of either arm with an outcome.
        n_effective: Kish number of those people under the weights used.
        influence: [n] influence function of the difference; its sum over n is 0.
        error_target, error_comparator: standard errors of the two means; NaN where the estimator does not tell them apart.
    """

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    mean_target: float
    mean_comparator: float
    n_target: int
    n_comparator: int
    n_effective: float
    influence: np.ndarray
    error_target: float = float("nan")
    error_comparator: float = float("nan")


def clustered_standard_error(influence: np.ndarray, person_id: np.ndarray | None) -> float:
    """Root of the sum of squares of each person's summed influence, over n; no small-sample factor (HC0, as R's geeglm).

    Args:
        influence: [n] of a mean over n rows.
        person_id: [n] integers; None where every row is a person.

    Raises:
        NotEstimable: fewer than two people.
    """
    if person_id is None:
        by_person = influence
    else:
        _, place = np.unique(person_id, return_inverse=True)
        by_person = np.bincount(place, weights=influence)
    if by_person.size < 2:
        raise NotEstimable("a standard error needs two people")
    centred = by_person - by_person.mean()
    return float(np.sqrt(np.sum(centred**2))) / influence.size


def normal_contrast(
    means: tuple[float, float],
    influence: np.ndarray,
    person_id: np.ndarray | None,
    sizes: tuple[int, int],
    n_effective: float,
    by_arm: tuple[np.ndarray, np.ndarray] | None = None,
) -> ContrastEstimate:
    """A contrast with a normal interval from its influence function [n]; `by_arm` are those [n] of the two means."""
    from scipy.special import ndtr

    estimate = means[0] - means[1]
    error = clustered_standard_error(influence, person_id)
    p_value = float(2 * ndtr(-abs(estimate) / error)) if error > 0 else float("nan")
    low, high = estimate - Z975 * error, estimate + Z975 * error
    errors = () if by_arm is None else tuple(clustered_standard_error(each, person_id) for each in by_arm)
    return ContrastEstimate(estimate, error, low, high, p_value, *means, *sizes, n_effective, influence, *errors)


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Replicates [b] of an estimate and their SD; `n_failed` resamples had no estimate."""

    replicates: np.ndarray
    standard_error: float
    ci_low: float
    ci_high: float
    n_failed: int


def resampled_rows(person_id: np.ndarray, seed: int, draw: int) -> np.ndarray:
    """Row numbers of one resample of people: each person with all rows, as often as a Poisson(1) draw of theirs says.

    The draw is a function of seed, person and `draw`, so that row order and runner cannot change it.
    """
    from scipy.stats import poisson

    times = poisson.ppf(uniforms(seed, person_id, "person bootstrap", draw), 1.0).astype(np.int64)
    return np.repeat(np.arange(person_id.size), times)


def person_bootstrap(
    person_id: np.ndarray, estimate: Callable[[np.ndarray], float], n_resamples: int, seed: int
) -> Bootstrap:
    """Standard error and percentile interval by resampling people, everything estimated anew in each resample.

    Args:
        person_id: [n] integers.
        estimate: the estimate from row numbers (with repeats).
        n_resamples: at least 2.
        seed: of the draws.

    Raises:
        NotEstimable: more than a tenth of the resamples had no estimate.
    """
    replicates = []
    for draw in range(n_resamples):
        try:
            replicates.append(estimate(resampled_rows(person_id, seed, draw)))
        except NotEstimable:
            continue
    failed = n_resamples - len(replicates)
    if failed > n_resamples / 10 or len(replicates) < 2:
        raise NotEstimable(f"{failed} of {n_resamples} resamples of people had no estimate")
    found = np.array(replicates)
    low, high = np.quantile(found, [0.025, 0.975])
    return Bootstrap(found, float(found.std(ddof=1)), float(low), float(high), failed)
