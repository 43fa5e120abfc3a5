"""Scans ordered because bone was lost: the primary answer is off, and told how strongly, the moved one is right."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from pipelines.models.augmented import AugmentedSpec, augmented_contrast
from pipelines.models.observation import Stage
from pipelines.models.selective_observation import selective_contrast

_replication = runpy.run_path(str(Path(__file__).with_name("replication.py")))
summarised, FEW, MANY = (_replication[name] for name in ("summarised", "FEW", "MANY"))
TRUTH, ODDS, PEOPLE = -3.0, 1.3, 3000


def answers(seed: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Estimate and standard error: the primary, and moved by the true strength."""
    rng = np.random.default_rng([seed, 14])
    x = rng.normal(size=(PEOPLE, 3))
    treated = rng.random(PEOPLE) < 1 / (1 + np.exp(-0.5 * x[:, 0]))
    # The target arm spreads twice as much: who loses fast is found there.
    y = x @ [0.8, -0.5, 0.3] + np.where(treated, TRUTH, 0.0) + rng.normal(size=PEOPLE) * np.where(treated, 2.4, 1.2)
    odds = -0.4 + 0.4 * x[:, 1] - np.log(ODDS) * np.minimum(y, 0.0)
    passed = rng.random(PEOPLE) < 1 / (1 + np.exp(-odds))
    measured = Stage("measured", np.ones(PEOPLE, dtype=bool), passed)
    person = np.arange(PEOPLE)
    found = augmented_contrast(y, treated, x, person, AugmentedSpec(seed, 1e-3, 1e-3), (measured,))
    moved = selective_contrast(found, y, treated, measured, person, ODDS)
    return tuple((each.estimate, each.standard_error) for each in (found.contrast, moved))


def replicated(n: int):
    """Figures of either over n replications."""
    both = np.array([answers(seed) for seed in range(n)])
    return tuple(summarised(list(both[:, which, 0]), list(both[:, which, 1]), TRUTH) for which in (0, 1))


def test_told_how_strongly_it_is_right_and_the_primary_alone_is_not() -> None:
    primary, moved = replicated(100)
    assert moved.lies_within(FEW), moved
    assert not primary.lies_within(FEW), primary
    assert primary.bias < -1


@pytest.mark.slow
def test_the_truth_is_given_back_a_thousand_times() -> None:
    primary, moved = replicated(1000)
    assert moved.lies_within(MANY), moved
    assert not primary.lies_within(MANY), primary
