"""Bias analysis of recorded events: by hand, what is refused, and what draws do."""

import numpy as np
import pytest

from pipelines.models.errors import NotEstimable
from pipelines.models.misclassified_outcome import (
    Accuracy,
    AccuracyPrior,
    ArmCounts,
    corrected_risks,
    probabilistic_correction,
)

COUNTS = ArmCounts(120, 1000, 70, 1000)


def test_by_hand() -> None:
    """Recorded 0.12 and 0.07; sensitivity 0.8, specificity 0.98: (0.10, 0.05) / 0.78."""
    found = corrected_risks(COUNTS, Accuracy(0.8, 0.98))
    assert found.risk_target == pytest.approx(0.10 / 0.78)
    assert found.risk_comparator == pytest.approx(0.05 / 0.78)
    assert found.risk_ratio == pytest.approx(2.0)
    assert found.risk_difference == pytest.approx(0.05 / 0.78)
    assert found.odds_ratio == pytest.approx((0.10 / 0.68) / (0.05 / 0.73))


def test_a_right_record_stays() -> None:
    found = corrected_risks(COUNTS, Accuracy(1.0, 1.0))
    assert (found.risk_target, found.risk_comparator) == (0.12, 0.07)


def test_specificity_one_leaves_the_ratio_and_not_the_difference() -> None:
    found = corrected_risks(COUNTS, Accuracy(0.5, 1.0))
    assert found.risk_ratio == pytest.approx(12 / 7)
    assert found.risk_difference == pytest.approx(0.1)


def test_arms_may_differ() -> None:
    found = corrected_risks(COUNTS, Accuracy(0.8, 0.98), Accuracy(0.7, 0.99))
    assert found.risk_target == pytest.approx(0.10 / 0.78)
    assert found.risk_comparator == pytest.approx(0.06 / 0.69)


@pytest.mark.parametrize(
    ("accuracy", "reason"),
    [
        (Accuracy(0.5, 0.5), "says nothing"),
        (Accuracy(0.9, 0.90), "no true risk of the comparator"),
        (Accuracy(0.1, 0.99), "no true risk of the target"),
        (Accuracy(0.9, 0.93), "no ratio"),
    ],
)
def test_impossible_corrections_are_refused(accuracy: Accuracy, reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        corrected_risks(ArmCounts(120, 1000, 70, 1000), accuracy)


@pytest.mark.parametrize("counts", [ArmCounts(5, 4, 1, 10), ArmCounts(-1, 4, 1, 10), ArmCounts(1, 4, 0, 0)])
def test_impossible_counts_are_refused(counts: ArmCounts) -> None:
    with pytest.raises(ValueError, match="events"):
        corrected_risks(counts, Accuracy(0.9, 0.9))
    with pytest.raises(ValueError, match="events"):
        probabilistic_correction(counts, AccuracyPrior((9, 1), (9, 1)), seed=1)


def test_accuracies_and_priors_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        corrected_risks(COUNTS, Accuracy(1.1, 0.9))
    with pytest.raises(ValueError, match="above 0"):
        probabilistic_correction(COUNTS, AccuracyPrior((0, 1), (9, 1)), seed=1)
    with pytest.raises(ValueError, match="draws"):
        probabilistic_correction(COUNTS, AccuracyPrior((9, 1), (9, 1)), seed=1, n_draws=10)


def test_sharp_priors_give_the_simple_correction() -> None:
    sharp = AccuracyPrior((8e6, 2e6), (98e6, 2e6))
    found = probabilistic_correction(ArmCounts(120e6, 1e9, 70e6, 1e9), sharp, seed=3)
    assert found.risk_ratio_bias_only.median == pytest.approx(2.0, rel=1e-3)
    assert found.risk_ratio.high - found.risk_ratio.low < 0.01
    assert found.n_impossible == 0


def test_chance_widens_and_the_seed_alone_decides() -> None:
    prior = AccuracyPrior((80, 20), (980, 20))
    first, again = (probabilistic_correction(COUNTS, prior, seed=5) for _ in range(2))
    other = probabilistic_correction(COUNTS, prior, seed=6)
    assert first == again
    assert first.risk_ratio != other.risk_ratio
    whole, bias = first.risk_ratio, first.risk_ratio_bias_only
    assert whole.high - whole.low > bias.high - bias.low > 0
    # Chance alone, in a record without error: the usual interval of a risk ratio.
    right = probabilistic_correction(COUNTS, AccuracyPrior((1e9, 1), (1e9, 1)), seed=5)
    reach = 1.96 * np.sqrt(1 / 120 - 1 / 1000 + 1 / 70 - 1 / 1000)
    assert np.log(right.risk_ratio.high / right.risk_ratio.low) == pytest.approx(2 * reach, rel=0.03)


def test_one_draw_serves_both_arms_unless_they_differ() -> None:
    """A shared sensitivity leaves the ratio of a record without false events as it is; one for each arm does not."""
    prior = AccuracyPrior((8, 2), (1e12, 1))
    shared = probabilistic_correction(COUNTS, prior, seed=7)
    apart = probabilistic_correction(COUNTS, prior, prior, seed=7)
    assert shared.risk_ratio_bias_only.high == pytest.approx(shared.risk_ratio_bias_only.low, rel=1e-6)
    assert apart.risk_ratio_bias_only.high > 1.3 * apart.risk_ratio_bias_only.low


def test_priors_that_disagree_with_the_data_are_refused() -> None:
    with pytest.raises(NotEstimable, match="priors and data disagree"):
        probabilistic_correction(COUNTS, AccuracyPrior((80, 20), (93, 7)), seed=1)
