"""Sex and recorded death by infarction: the outcome example of Lash, Fox and Fink (2009), as the tests of episensr have it."""

import pytest

from pipelines.models.misclassified_outcome import Accuracy, ArmCounts, corrected_risks

#: deaths recorded and the others: 4,558 and 46,305 men, 3,428 and 46,085 women
COUNTS = ArmCounts(4558, 4558 + 46305, 3428, 3428 + 46085)


def test_as_recorded() -> None:
    found = corrected_risks(COUNTS, Accuracy(1.0, 1.0))
    assert [found.risk_ratio, found.odds_ratio] == pytest.approx([1.2944, 1.3233], abs=1e-4)


def test_sensitivity_053_specificity_099_in_both() -> None:
    """By hand: (0.089613 - 0.01) / 0.52 = 0.153102 over (0.069234 - 0.01) / 0.52 = 0.113912."""
    found = corrected_risks(COUNTS, Accuracy(0.53, 0.99))
    assert [found.risk_target, found.risk_comparator] == pytest.approx([0.153102, 0.113912], abs=2e-6)
    assert [found.risk_ratio, found.odds_ratio] == pytest.approx([1.3440, 1.4062], abs=1e-4)


def test_accuracy_differs_by_arm() -> None:
    found = corrected_risks(COUNTS, Accuracy(0.78, 0.92), Accuracy(0.75, 0.97))
    assert [found.risk_ratio, found.odds_ratio] == pytest.approx([0.2520, 0.2416], abs=1e-4)
