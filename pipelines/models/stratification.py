"""Effect by strata of the propensity, a sensitivity analysis: means within strata, averaged over the population."""

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.weighting import kish_effective_number


def stratified_contrast(
    outcome: np.ndarray,
    treated: np.ndarray,
    propensity: np.ndarray,
    is_observed: np.ndarray,
    n_strata: int = 10,
    observation_weights: np.ndarray | None = None,
    person_id: np.ndarray | None = None,
) -> ContrastEstimate:
    """Mean difference, strata by quantiles of the propensity, weighted by their people (Rosenbaum and Rubin 1984).

    The standard error takes strata and weights as given.

    Args:
        outcome: [n]; not read where not observed.
        treated: [n] true for the target arm.
        propensity: [n].
        is_observed: [n].
        n_strata: quantile groups.
        observation_weights: [n] inverse chance of being observed; None: 1.
        person_id: [n] for clustering.

    Raises:
        NotEstimable: a stratum where an arm has nobody observed.
    """
    n = treated.size
    edges = np.quantile(propensity, np.linspace(0, 1, n_strata + 1)[1:-1])
    stratum = np.searchsorted(edges, propensity, side="right")
    weights = np.ones(n) if observation_weights is None else observation_weights
    weights = np.where(is_observed, weights, 0.0)
    y = np.where(is_observed, outcome, 0.0)
    people = np.bincount(stratum, minlength=n_strata)
    means, influence, total = [], np.zeros(n), np.zeros(n)
    by_arm = []
    for sign, arm in ((1.0, treated), (-1.0, ~treated)):
        inside = np.where(arm, weights, 0.0)
        mass = np.bincount(stratum, weights=inside, minlength=n_strata)
        if np.any((mass == 0) & (people > 0)):
            raise NotEstimable("a stratum of the propensity has nobody of one arm")
        mean = np.bincount(stratum, weights=inside * y, minlength=n_strata) / np.where(mass > 0, mass, 1.0)
        by_arm.append(mean)
        means.append(float(people @ mean) / n)
        scaled = inside * (people / np.where(mass > 0, mass, 1.0))[stratum]
        influence += sign * scaled * (y - mean[stratum])
        total += scaled
    influence += (by_arm[0] - by_arm[1])[stratum] - (means[0] - means[1])
    sizes = (int((is_observed & treated).sum()), int((is_observed & ~treated).sum()))
    return normal_contrast((means[0], means[1]), influence, person_id, sizes, kish_effective_number(total))
