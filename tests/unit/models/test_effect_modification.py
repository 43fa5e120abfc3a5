"""Effects by stratum in closed form: differences of means where nothing has to be modelled, and errors by hand."""

import numpy as np
import pytest
from scipy import special

from pipelines.models.augmented import AugmentedEstimate, AugmentedSpec, augmented_contrast
from pipelines.models.effect_modification import UNKNOWN, discoveries, stratified_effect
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import normal_contrast

NOBODY = normal_contrast((0.0, 0.0), np.zeros(2), None, (0, 0), 0.0)


def nuisances(
    n: int, propensity: float | np.ndarray = 0.5, target: float = 0.0, comparator: float = 0.0
) -> AugmentedEstimate:
    chance = np.broadcast_to(np.asarray(propensity, dtype=float), n)
    return AugmentedEstimate(NOBODY, chance, np.full(n, target), np.full(n, comparator), np.ones(n), 0)


def trial(seed: int = 1, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, arm by a coin and stratum of n people; the effect is 1, 2, 3 in strata 0, 1, 2."""
    rng = np.random.default_rng(seed)
    stratum, treated = rng.integers(0, 3, n), rng.random(n) < 0.5
    return rng.normal(0, 1 + stratum, n) + treated * (1.0 + stratum), treated, stratum


def means_apart(y: np.ndarray, treated: np.ndarray) -> tuple[float, float]:
    """Difference of the arms' means and its variance without a small-sample factor."""
    one, zero = y[treated], y[~treated]
    return one.mean() - zero.mean(), one.var() / one.size + zero.var() / zero.size


@pytest.mark.parametrize("predicted", [(0.0, 0.0), (7.0, -3.0)])
def test_where_nothing_is_modelled_it_is_the_difference_of_means(predicted: tuple[float, float]) -> None:
    y, treated, stratum = trial()
    found = stratified_effect(
        y, treated, np.ones(y.size, bool), nuisances(y.size, 0.5, *predicted), stratum, np.arange(y.size)
    )
    by_hand = [means_apart(y[stratum == k], treated[stratum == k]) for k in range(3)]
    assert [each.estimate for each in found.strata] == pytest.approx([each for each, _ in by_hand], abs=1e-12)
    assert [each.standard_error**2 for each in found.strata] == pytest.approx([v for _, v in by_hand], rel=1e-12)
    assert found.difference.estimate == pytest.approx(by_hand[2][0] - by_hand[0][0], abs=1e-12)
    assert found.difference.standard_error**2 == pytest.approx(by_hand[0][1] + by_hand[2][1], rel=1e-12)
    # Independent strata: the Wald statistic is the weighted sum of squares about the weighted mean (Cochran's Q).
    effects, weights = np.array([e for e, _ in by_hand]), 1 / np.array([v for _, v in by_hand])
    q = weights @ (effects - weights @ effects / weights.sum()) ** 2
    assert found.heterogeneity.p_value == pytest.approx(special.chdtrc(2, q), rel=1e-9)


def test_eight_people_by_hand() -> None:
    """Effects 2 and 6; the variance of each arm of two is that of the two, halved."""
    y = np.array([4.0, 2.0, 2.0, 0.0, 11.0, 9.0, 4.0, 4.0])
    treated = np.array([True, True, False, False] * 2)
    stratum = np.array([0] * 4 + [1] * 4)
    found = stratified_effect(y, treated, np.ones(8, bool), nuisances(8), stratum, np.arange(8))
    assert [each.estimate for each in found.strata] == [2.0, 6.0]
    assert [each.standard_error**2 for each in found.strata] == pytest.approx([1.0, 0.5])
    assert (found.difference.estimate, found.difference.standard_error) == (4.0, pytest.approx(1.5**0.5))
    assert (found.difference.mean_target, found.difference.mean_comparator) == (6.0, 2.0)
    assert (found.difference.n_target, found.difference.n_comparator) == (4, 4)


def test_two_strata_are_tested_by_their_difference() -> None:
    y, treated, stratum = trial()
    stratum = np.minimum(stratum, 1)
    found = stratified_effect(y, treated, np.ones(y.size, bool), nuisances(y.size), stratum, np.arange(y.size))
    assert found.heterogeneity.p_value == pytest.approx(found.difference.p_value, rel=1e-9)


def test_everybody_twice_is_no_more_certain() -> None:
    y, treated, stratum = trial()
    once = stratified_effect(y, treated, np.ones(y.size, bool), nuisances(y.size), stratum, np.arange(y.size))
    twice = np.tile(np.arange(y.size), 2)
    everybody = np.ones(twice.size, bool)
    found = stratified_effect(y[twice], treated[twice], everybody, nuisances(twice.size), stratum[twice], twice)
    assert found.difference.standard_error == pytest.approx(once.difference.standard_error, rel=1e-12)
    assert found.heterogeneity.p_value == pytest.approx(once.heterogeneity.p_value, rel=1e-9)


def test_people_of_no_stratum_and_outcomes_not_seen_are_not_read() -> None:
    y, treated, stratum = trial()
    stratum = np.where(np.arange(y.size) % 5 == 0, UNKNOWN, stratum)
    seen = np.arange(y.size) % 7 != 0
    holes = np.where(seen, y, np.nan)
    found = stratified_effect(holes, treated, seen, nuisances(y.size), stratum, np.arange(y.size))
    other = np.where(stratum == UNKNOWN, 1e9, holes)
    again = stratified_effect(other, treated, seen, nuisances(y.size), stratum, np.arange(y.size))
    assert found.difference.estimate == again.difference.estimate
    assert sum(each.n_target + each.n_comparator for each in found.strata) == int((seen & (stratum != UNKNOWN)).sum())


def test_effects_of_strata_add_up_to_that_of_all() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2000, 2))
    treated = rng.random(2000) < 1 / (1 + np.exp(-x[:, 0]))
    y = x @ [2.0, 1.0] + treated * (1 + x[:, 1]) + rng.normal(size=2000)
    person = np.arange(2000)
    whole = augmented_contrast(y, treated, x, person, AugmentedSpec(1, 1.0, 1.0))
    stratum = (x[:, 1] > 0.5).astype(int)
    found = stratified_effect(y, treated, np.ones(2000, bool), whole, stratum, person)
    share = stratum.mean()
    total = (1 - share) * found.strata[0].estimate + share * found.strata[1].estimate
    # Weights are normalised by stratum here, and over everybody there.
    assert total == pytest.approx(whole.contrast.estimate, abs=0.2 * whole.contrast.standard_error)
    assert found.difference.estimate > 1.0


@pytest.mark.parametrize(
    ("stratum", "said"),
    [
        ([0] * 6, "at least two strata"),
        ([0, 0, 0, 0, 2, 2], "nobody of an arm"),
        ([0, 0, 0, 0, 0, 1], "nobody of an arm"),
    ],
)
def test_what_cannot_be_compared_is_said(stratum: list[int], said: str) -> None:
    treated = np.array([True, False, True, False, True, False])
    with pytest.raises(NotEstimable, match=said):
        stratified_effect(np.arange(6.0), treated, np.ones(6, bool), nuisances(6), np.array(stratum), np.arange(6))


def test_discoveries_of_benjamini_and_hochberg() -> None:
    """The fifteen p-values of their paper, section 3: four are rejected at 5 %, where Bonferroni rejects three."""
    p = np.array([
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528),
        *(0.7590, 1.0),
    ])  # fmt: skip
    adjusted, level = discoveries(p)
    assert int((adjusted <= 0.05).sum()) == 4
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)
    # Four of fifteen are tested at 4 / 15 of 5 %, and their p lies below it.
    assert level == pytest.approx(0.05 * 4 / 15) and ((p <= level) == (adjusted <= 0.05)).all()
    assert discoveries(np.array([0.5, 0.9]))[1] == 0.025
    assert discoveries(np.zeros(0))[0].size == 0
