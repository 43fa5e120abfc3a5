"""E-values, bounding factor and tipping points: by hand, at the edges, and what is refused."""

import numpy as np
import pytest

from pipelines.models.errors import NotEstimable
from pipelines.models.unmeasured import (
    as_risk_ratio,
    bounding_factor,
    confounding_ratio,
    e_value,
    e_value_of_difference,
    required_strength,
    strength_needed,
    tipping_difference,
    tipping_prevalence,
    tipping_strength,
)


def test_by_hand() -> None:
    """R = 2: 2 + sqrt(2); both strengths of that size reach exactly 2."""
    assert required_strength(2.0) == pytest.approx(2 + np.sqrt(2))
    assert bounding_factor(2 + np.sqrt(2), 2 + np.sqrt(2)) == pytest.approx(2.0)
    assert bounding_factor(3.0, 2.0) == pytest.approx(1.5)


def test_harm_and_protection_are_alike() -> None:
    assert required_strength(0.8) == pytest.approx(required_strength(1.25))
    up, down = e_value(3.9, 1.8, 8.7), e_value(1 / 3.9, 1 / 8.7, 1 / 1.8)
    assert down.of_estimate == pytest.approx(up.of_estimate)
    assert down.of_limit == pytest.approx(up.of_limit) == pytest.approx(3.0)
    assert down.limit == pytest.approx(1 / 1.8)


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.9), (1.0, 1.9)])
def test_an_interval_with_the_target_needs_nothing(low: float, high: float) -> None:
    found = e_value(1.3, low, high)
    assert found.of_limit == 1.0
    assert np.isnan(found.limit)
    assert found.of_estimate > 1


def test_no_effect_needs_nothing() -> None:
    assert required_strength(1.0) == 1.0
    assert strength_needed(1.0, 5.0) == 1.0
    assert tipping_strength(1.0, 0.3, 0.1) == 1.0
    assert tipping_prevalence(1.0, 2.0, 0.1) == 0.1


def test_a_target_beyond_the_interval_moves_the_far_limit() -> None:
    """Estimate 0.6 (0.5 to 0.7): to 0.4 the lower limit is nearer, to 0.75 the upper."""
    assert e_value(0.6, 0.5, 0.7, target=0.4).of_limit == pytest.approx(required_strength(0.5 / 0.4))
    assert e_value(0.6, 0.5, 0.7, target=0.75).of_limit == pytest.approx(required_strength(0.75 / 0.7))
    assert e_value(0.6, 0.5, 0.7, target=0.65).of_limit == 1.0


def test_scales() -> None:
    assert as_risk_ratio(4.0, "odds_ratio_common") == pytest.approx(2.0)
    assert as_risk_ratio(4.0, "odds_ratio_rare") == as_risk_ratio(4.0, "hazard_ratio_rare") == 4.0
    assert as_risk_ratio(1.0, "hazard_ratio_common") == pytest.approx(1.0)
    assert as_risk_ratio(4.0, "hazard_ratio_common") == pytest.approx(0.75 / (1 - 0.5**0.5))
    assert as_risk_ratio(0.25, "hazard_ratio_common") == pytest.approx(1 / as_risk_ratio(4.0, "hazard_ratio_common"))
    # The target is on the same scale as the estimate.
    moved = e_value(5.0, 3.0, 8.0, "odds_ratio_common", target=2.0)
    assert moved.of_estimate == pytest.approx(required_strength(np.sqrt(5 / 2)))
    assert moved.of_limit == pytest.approx(required_strength(np.sqrt(3 / 2)))


def test_differences_do_not_hang_on_the_unit() -> None:
    percent = e_value_of_difference(-1.2, 0.4, 3.0)
    share = e_value_of_difference(-0.012, 0.004, 0.03)
    assert percent.of_estimate == pytest.approx(share.of_estimate)
    assert percent.of_limit == pytest.approx(share.of_limit)
    assert percent.risk_ratio == pytest.approx(np.exp(-0.91 * 0.4))
    assert percent.limit == pytest.approx(np.exp(-0.91 * 0.4 + 1.78 * 0.4 / 3))
    assert e_value_of_difference(0.5, 0.4, 1.0).of_limit == 1.0
    assert e_value_of_difference(-1.2, 0.4, 3.0, target=-1.2).of_estimate == pytest.approx(1.0)


def test_one_strength_from_the_other() -> None:
    needed = strength_needed(10.73, 15.0)
    assert needed == pytest.approx(10.73 * 14 / 4.27)
    assert bounding_factor(15.0, needed) == pytest.approx(10.73)
    assert strength_needed(1 / 10.73, 15.0) == pytest.approx(needed)
    with pytest.raises(NotEstimable, match="no confounder explains"):
        strength_needed(10.73, 10.73)


@pytest.mark.parametrize(("target", "comparator", "ratio"), [(0.6, 0.2, 1.8), (0.2, 0.6, 0.5), (0.1, 0.5, 1.5)])
def test_a_tipping_point_leaves_nothing(target: float, comparator: float, ratio: float) -> None:
    strength = tipping_strength(ratio, target, comparator)
    assert confounding_ratio(target, comparator, strength) == pytest.approx(ratio)
    assert tipping_prevalence(ratio, strength, comparator) == pytest.approx(target)


def test_what_no_confounder_does() -> None:
    with pytest.raises(NotEstimable, match="no strength"):
        tipping_strength(2.0, 0.3, 0.2)
    with pytest.raises(NotEstimable, match="no strength"):
        tipping_strength(2.0, 0.4, 0.2)
    with pytest.raises(NotEstimable, match="at no prevalence"):
        tipping_prevalence(2.0, 1.5, 0.2)
    with pytest.raises(NotEstimable, match="at no prevalence"):
        tipping_prevalence(2.0, 1.0, 0.2)
    with pytest.raises(NotEstimable, match="do not differ"):
        tipping_difference(1.0, 0.0)
    assert tipping_difference(-1.5, 0.25) == -6.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: required_strength(-0.1),
        lambda: required_strength(np.nan),
        lambda: e_value(1.2, 1.3, 1.4),
        lambda: e_value(0.8, 0.3, 0.7),
        lambda: e_value_of_difference(1.0, 0.1, 0.0),
        lambda: e_value_of_difference(1.0, -0.1, 1.0),
        lambda: bounding_factor(0.5, 2.0),
        lambda: strength_needed(2.0, 0.9),
        lambda: confounding_ratio(1.1, 0.2, 2.0),
        lambda: confounding_ratio(0.5, 0.2, 0.0),
        lambda: tipping_strength(0.0, 0.5, 0.2),
        lambda: tipping_prevalence(2.0, 3.0, -0.1),
    ],
)
def test_nonsense_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"must|needs|strengths"):
        call()
