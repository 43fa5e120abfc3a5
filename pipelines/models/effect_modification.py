"""How an effect differs between strata of people: its augmented estimate averaged within each, and differences of these.

Nuisances are those of the whole population; here they are averaged by stratum. Not here: who belongs to which stratum, and
which questions are asked.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.augmented import AugmentedEstimate
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.wald import WaldTest, design_adjusted_wald
from pipelines.models.weighting import kish_effective_number

#: stratum of those of whom it is not known
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class StratifiedEffect:
    """The effect in each stratum [k], the last less the first, and a test that all are equal (k - 1 parameters).

    Of `difference` the two means are the effects in the last and in the first stratum, and its people those of all strata.
    """

    strata: tuple[ContrastEstimate, ...]
    difference: ContrastEstimate
    heterogeneity: WaldTest


def stratified_effect(
    outcome: np.ndarray,
    treated: np.ndarray,
    seen: np.ndarray,
    found: AugmentedEstimate,
    stratum: np.ndarray,
    person_id: np.ndarray,
) -> StratifiedEffect:
    """Effects by stratum from the nuisances of the whole population.

    Within a stratum the augmented values are averaged, weights of residuals normalised in each arm of it (Hajek): where
    the chance of the arm and the predictions are the same for everybody, that is the difference of the arms' means.

    Args:
        outcome: [n]; not read where not seen.
        treated: [n] true for the target arm.
        seen: [n] whether the outcome was measured.
        found: propensity, predictions and weights of these people.
        stratum: [n] 0 to k - 1, `UNKNOWN` for people of none.
        person_id: [n] clusters.

    Raises:
        NotEstimable: fewer than two strata, nobody seen in an arm of one, or effects without a variance.

    Source: Semenova and Chernozhukov (2021), Econometrics Journal 24:264, and Knaus (2022), Econometrics Journal 25:602:
    group average effects by means of the orthogonal score within groups.
    """
    n_strata = int(stratum.max(initial=UNKNOWN)) + 1
    if n_strata < 2:
        raise NotEstimable("effects are compared between at least two strata")
    within = [_within(outcome, treated, seen, found, stratum == number, person_id) for number in range(n_strata)]
    first, last = within[0], within[-1]
    known = stratum != UNKNOWN
    sizes = (int((seen & treated & known).sum()), int((seen & ~treated & known).sum()))
    effective = kish_effective_number(found.weight[seen & known])
    difference = normal_contrast(
        (last.estimate, first.estimate), last.influence - first.influence, person_id, sizes, effective
    )
    return StratifiedEffect(tuple(within), difference, _heterogeneity(within, person_id))


def _within(
    outcome: np.ndarray,
    treated: np.ndarray,
    seen: np.ndarray,
    found: AugmentedEstimate,
    inside: np.ndarray,
    person_id: np.ndarray,
) -> ContrastEstimate:
    """The effect among those inside; its influence [n] is that of a mean over everybody, 0 outside."""
    n, n_inside = inside.size, int(inside.sum())
    means, influences, sizes = [], [], []
    for arm, predictions in ((True, found.outcome_target), (False, found.outcome_comparator)):
        has = seen & inside & (treated == arm)
        if not has.any():
            raise NotEstimable("nobody of an arm of a stratum was measured")
        weight = np.where(has, found.weight, 0.0)
        weight *= n_inside / weight.sum()
        residuals = weight * np.where(has, outcome - predictions, 0.0)
        mean = float(predictions[inside].mean() + residuals.sum() / n_inside)
        # Normalised weights: their sum is estimated, too.
        own = predictions + residuals - mean - residuals.sum() / n_inside * (weight - 1.0)
        influences.append(np.where(inside, own * n / n_inside, 0.0))
        means.append(mean)
        sizes.append(int(has.sum()))
    target, comparator = influences
    effective = kish_effective_number(found.weight[seen & inside])
    return normal_contrast(
        (means[0], means[1]), target - comparator, person_id, (sizes[0], sizes[1]), effective, (target, comparator)
    )


def _heterogeneity(within: list[ContrastEstimate], person_id: np.ndarray) -> WaldTest:
    """Wald test that each stratum has the effect of the first."""
    gaps = np.array([each.estimate - within[0].estimate for each in within[1:]])
    influence = np.column_stack([each.influence - within[0].influence for each in within[1:]])
    _, place = np.unique(person_id, return_inverse=True)
    by_person = np.zeros((int(place.max()) + 1, influence.shape[1]))
    np.add.at(by_person, place, influence)
    centred = by_person - by_person.mean(axis=0)
    return design_adjusted_wald(gaps, centred.T @ centred / influence.shape[0] ** 2, np.inf)


def discoveries(p_value: np.ndarray, alpha: float = 0.05) -> tuple[np.ndarray, float]:
    """[m] p-values adjusted for the false discovery rate over all m tests, and the level at which each is tested.

    An interval at that level excludes 0 exactly where the adjusted p is at most alpha; of those that do, as many as alpha are
    expected not to cover.

    Source: Benjamini and Hochberg (1995), J R Stat Soc B 57:289; Benjamini and Yekutieli (2005), J Am Stat Assoc 100:71.
    """
    from scipy.stats import false_discovery_control

    if not p_value.size:
        return p_value, alpha
    adjusted = false_discovery_control(p_value, method="bh")
    return adjusted, alpha * max(int((adjusted <= alpha).sum()), 1) / p_value.size
