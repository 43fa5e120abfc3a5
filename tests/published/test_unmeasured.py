"""E-values as printed by VanderWeele and Ding (2017) and the EValue package; bias arrays of Schneeweiss (2006)."""

import pytest

from pipelines.models.unmeasured import (
    as_risk_ratio,
    confounding_ratio,
    e_value,
    e_value_of_difference,
    required_strength,
    tipping_strength,
)


def test_smoking_and_lung_cancer(value_of) -> None:
    """Hammond and Horn (1958), row E01: 10.73 (8.02 to 14.36)."""
    found = e_value(10.73, 8.02, 14.36)
    assert [found.of_estimate, found.of_limit] == pytest.approx(value_of("E01"), abs=1e-5)


def test_examples_of_the_annals_paper() -> None:
    """Formula against breast milk and death of infants; breast milk and leukaemia (vignette of EValue)."""
    formula = e_value(3.9, 1.8, 8.7, "odds_ratio_rare")
    assert [formula.of_estimate, formula.of_limit] == pytest.approx([7.263034, 3.0], abs=1e-6)
    leukaemia = e_value(0.80, 0.71, 0.91)
    assert [leukaemia.of_estimate, leukaemia.of_limit] == pytest.approx([1.809017, 1.428571], abs=1e-6)
    assert leukaemia.limit == 0.91


def test_moved_elsewhere_than_to_no_effect() -> None:
    """2.5 to 1.5 (vignette of EValue); 0.80 (0.71 to 0.91) to 1.2 (tests of episensr)."""
    assert required_strength(2.5, 1.5) == pytest.approx(2.720759, abs=1e-6)
    moved = e_value(0.80, 0.71, 0.91, target=1.2)
    assert [moved.of_estimate, moved.of_limit] == pytest.approx([2.366, 1.967], abs=1e-3)


def test_common_outcome_and_difference_of_means() -> None:
    """Odds ratio 1.47 (1.12 to 1.93); standardised difference -0.42 (standard error 0.14) (tests of episensr)."""
    common = e_value(1.47, 1.12, 1.93, "odds_ratio_common")
    assert [common.risk_ratio, common.limit] == pytest.approx([1.212, 1.058], abs=1e-3)
    assert [common.of_estimate, common.of_limit] == pytest.approx([1.720, 1.307], abs=1e-3)
    difference = e_value_of_difference(-0.42, 0.14, 1.0)
    assert [difference.risk_ratio, difference.limit] == pytest.approx([0.682, 0.875], abs=1e-3)
    assert [difference.of_estimate, difference.of_limit] == pytest.approx([2.292, 1.545], abs=1e-3)


def test_hazard_ratio_of_a_common_outcome() -> None:
    """Hazard ratio 1.3 moved to 1.1 (tests of EValue give the formula, not digits): risk ratios 1.19927 and 1.06829 by hand."""
    assert as_risk_ratio(1.3, "hazard_ratio_common") == pytest.approx(1.19927, abs=1e-5)
    assert as_risk_ratio(1.1, "hazard_ratio_common") == pytest.approx(1.06829, abs=1e-5)
    found = e_value(1.3, 1.2, 1.4, "hazard_ratio_common", target=1.1)
    ratio = 1.19927 / 1.06829
    assert found.of_estimate == pytest.approx(ratio + (ratio * (ratio - 1)) ** 0.5, abs=1e-4)


@pytest.mark.parametrize(
    ("observed", "confounder", "adjusted", "off_pct"),
    [(1.5, (0.5, 0.1, 5.5), 0.6692, 124.1379), (0.3479, (0.8, 0.05, 0.63), 0.4851, -28.27)],
)
def test_array_of_a_binary_confounder(observed, confounder, adjusted, off_pct) -> None:
    """Tests of episensr: the array approach of Schneeweiss; circumcision and HIV (Lash, Fox and Fink 2009, Tyndall 1996)."""
    target, comparator, strength = confounder
    bias = confounding_ratio(target, comparator, strength)
    assert observed / bias == pytest.approx(adjusted, abs=1e-4)
    assert 100 * (bias - 1) == pytest.approx(off_pct, abs=6e-3)
    assert tipping_strength(bias, target, comparator) == pytest.approx(strength)
