"""A cohort without an effect and with the strongest confounder an E-value names: its ratio is what the E-value explains."""

import numpy as np
import pytest

from pipelines.models.unmeasured import bounding_factor, confounding_ratio, required_strength, tipping_strength

RATIO, PEOPLE = 2.0, 400_000


def test_a_confounder_of_the_e_values_strength_is_enough() -> None:
    """Everybody in the target arm has it, one in E of the others; it multiplies risk by E: the crude ratio is 2, the true 1."""
    strength = required_strength(RATIO)
    rng = np.random.default_rng(8)
    treated = rng.random(PEOPLE) < 0.5
    confounder = treated | (rng.random(PEOPLE) < 1 / strength)
    event = rng.random(PEOPLE) < 0.05 * np.where(confounder, strength, 1.0)
    crude = event[treated].mean() / event[~treated].mean()
    assert crude == pytest.approx(RATIO, rel=0.03)
    with_it = event[~treated & confounder].mean()
    assert event[treated].mean() / with_it == pytest.approx(1.0, abs=0.03)
    assert tipping_strength(crude, 1.0, 1 / strength) == pytest.approx(strength, rel=0.05)


def test_no_weaker_confounder_is_enough() -> None:
    """Of a hundred thousand confounders with both strengths below the E-value none reaches; each keeps within its bound."""
    strength = required_strength(RATIO)
    rng = np.random.default_rng(9)
    shares = rng.random((100_000, 2))
    with_outcome = 1 + rng.random(100_000) * (strength - 1)
    with_treatment = np.maximum(shares[:, 0] / shares[:, 1], (1 - shares[:, 0]) / (1 - shares[:, 1]))
    weaker = with_treatment < strength
    assert weaker.sum() > 30_000
    bias = [confounding_ratio(*share, risk) for share, risk in zip(shares[weaker], with_outcome[weaker], strict=True)]
    bound = [bounding_factor(max(a, 1.0), b) for a, b in zip(with_treatment[weaker], with_outcome[weaker], strict=True)]
    assert np.all(np.array(bias) <= np.array(bound) + 1e-12)
    assert max(bias) < RATIO
    assert max(bias) > 0.9 * RATIO
