"""Means of two arms under inverse-probability weights, and their difference, with the weights' own uncertainty.

Weights of treatment (`weighting`) times those of being observed (`observation`). The sandwich is stacked: it knows that
propensity and chance of observation were estimated. Taking them as known is there to reproduce published numbers only.
"""

from collections.abc import Sequence

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.logistic import LogisticFit
from pipelines.models.observation import FittedStage, inverse_probability, observed
from pipelines.models.weighting import TreatmentWeights, kish_effective_number


def weighted_contrast(
    outcome: np.ndarray,
    treated: np.ndarray,
    weights: TreatmentWeights,
    design: np.ndarray,
    fit: LogisticFit | None,
    stages: Sequence[FittedStage] = (),
    person_id: np.ndarray | None = None,
) -> ContrastEstimate:
    """Hajek estimate of target less comparator: difference of weighted means of those observed.

    Args:
        outcome: [n]; not read where not observed.
        treated: [n] true for the target arm.
        weights: of treatment.
        design: [n, p] of the propensity fit.
        fit: the propensity; None takes the weights, of treatment and observation alike, as known.
        stages: to being observed, fitted on the same rows; none: everybody is.
        person_id: [n] for clustering; None where every row is a person.

    Raises:
        NotEstimable: an arm without an observed outcome.

    Source: Lunceford and Davidian (2004), Stat Med 23:2937 (stacked estimating equations).
    """
    n = treated.size
    seen = observed([each.stage for each in stages], n)
    y = np.where(seen, outcome, 0.0)
    if not np.all(np.isfinite(y)):
        raise ValueError("an outcome that counts as observed is missing")
    total = np.where(seen, weights.values * inverse_probability(stages, n), 0.0)
    means, influence = [], np.zeros(n)
    for sign, arm in ((1.0, treated), (-1.0, ~treated)):
        mass = float(total[arm].sum())
        if not mass > 0:
            raise NotEstimable("an arm has nobody with an outcome")
        mean = float(total[arm] @ y[arm]) / mass
        means.append(mean)
        term = np.where(arm, total * (y - mean), 0.0)
        gap = np.where(weights.values > 0, term / np.where(weights.values > 0, weights.values, 1.0), 0.0)
        if fit is not None:
            term = term + fit.correction(design, treated.astype(np.float64), gap * weights.slope)
            for each in stages:
                derivative = np.where(arm, total * (y - mean), 0.0) * each.slope
                term = term + each.correction(derivative)
        influence += sign * term * (n / mass)
    sizes = (int((seen & treated).sum()), int((seen & ~treated).sum()))
    return normal_contrast((means[0], means[1]), influence, person_id, sizes, kish_effective_number(total))
