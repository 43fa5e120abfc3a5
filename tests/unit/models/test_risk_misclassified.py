"""False records taken off: golden numbers by hand, nothing moves without them, and what cannot be is refused."""

import numpy as np
import pytest

from pipelines.models.arm_risk import ArmValue, RiskContrast
from pipelines.models.errors import NotEstimable
from pipelines.models.risk_misclassified import without_false_records


def recorded(target: float, comparator: float) -> RiskContrast:
    arms = (ArmValue(each, 0.005, np.nan, np.nan) for each in (target, comparator))
    return RiskContrast(1826.0, 1, *arms, None, None, None, None)  # type: ignore[arg-type]


def test_by_hand() -> None:
    # Of 5 % recorded in the comparator a fifth is false: 1 % of all, 0.01 / 0.96 of those without the event.
    found = without_false_records(recorded(0.08, 0.05), 0.8)
    false = 0.01 / 0.96
    assert found.estimate == pytest.approx((0.08 - false) / (0.05 - false))
    assert (0.05 - false) / (1 - false) == pytest.approx(0.04)
    assert found.log_standard_error == pytest.approx(np.hypot(0.005 / (0.08 - false), 0.005 / (0.05 - false)))
    assert found.ci_low < found.estimate < found.ci_high


def test_false_records_pull_a_ratio_towards_no_effect() -> None:
    for target in (0.08, 0.03):
        found = without_false_records(recorded(target, 0.05), 0.7).estimate
        assert abs(np.log(found)) > abs(np.log(target / 0.05))
    assert without_false_records(recorded(0.05, 0.05), 0.7).estimate == pytest.approx(1.0)
    assert without_false_records(recorded(0.08, 0.05), 1 - 1e-9).estimate == pytest.approx(1.6, rel=1e-6)


def test_refuses_what_cannot_be() -> None:
    with pytest.raises(NotEstimable):
        without_false_records(recorded(0.005, 0.05), 0.7)
    with pytest.raises(NotEstimable):
        without_false_records(recorded(0.0, 0.05), 0.7)
    for wrong in (0.0, 1.0, 1.2):
        with pytest.raises(ValueError, match="inside 0 to 1"):
            without_false_records(recorded(0.08, 0.05), wrong)
