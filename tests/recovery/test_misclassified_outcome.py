"""Events recorded with error: the corrected interval holds the true ratio as often as it says, the recorded one does not."""

import numpy as np
import pytest

from pipelines.models.misclassified_outcome import AccuracyPrior, ArmCounts, probabilistic_correction

PRIOR = AccuracyPrior((60, 40), (970, 30))
PEOPLE, RISKS = 5000, (0.16, 0.08)


def coverage(n: int, seed: int) -> tuple[float, float]:
    """Share of n studies whose interval holds the true ratio of 2: corrected, and as recorded."""
    rng = np.random.default_rng(seed)
    held = np.zeros(2)
    for study in range(n):
        sensitivity, specificity = rng.beta(*PRIOR.sensitivity), rng.beta(*PRIOR.specificity)
        events = [rng.binomial(PEOPLE, p * sensitivity + (1 - p) * (1 - specificity)) for p in RISKS]
        found = probabilistic_correction(
            ArmCounts(events[0], PEOPLE, events[1], PEOPLE), PRIOR, seed=study, n_draws=2000
        )
        held[0] += found.risk_ratio.low <= 2.0 <= found.risk_ratio.high
        reach = 1.96 * np.sqrt(sum(1 / e - 1 / PEOPLE for e in events))
        held[1] += abs(np.log(events[0] / events[1] / 2.0)) <= reach
    return tuple(held / n)


def test_corrected_intervals_hold_the_truth() -> None:
    corrected, recorded = coverage(200, 1)
    assert 0.90 <= corrected <= 0.99
    assert recorded < 0.2


@pytest.mark.slow
def test_two_thousand_studies() -> None:
    corrected, recorded = coverage(2000, 2)
    assert 0.935 <= corrected <= 0.965
    assert recorded < 0.2
