"""Numbers as text: signs, digits, units, and what stands for none."""

import pytest

from pipelines.report import numerals
from pipelines.report.numerals import NBSP

MINUS = "\u2212"


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (0.0148, 3, "0.015"),
        (-0.0148, 3, f"{MINUS}0.015"),
        (-0.0004, 3, "0.000"),
        (-0.0, 2, "0.00"),
        (1234.5, 1, "1,234.5"),
        (-3024, 0, f"{MINUS}3,024"),
        (None, 2, "\u2013"),
    ],
)
def test_decimal(value: float | None, digits: int, written: str) -> None:
    assert numerals.decimal(value, digits) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2.994, "2.99"),
        (23.64, "23.6"),
        (902.4, "902"),
        (1436.0, "1,436"),
        (0.00432, "0.00432"),
        (20.0, "20"),
        (0.0, "0"),
        (0.5, "0.5"),
        (None, "\u2013"),
    ],
)
def test_compact(value: float | None, written: str) -> None:
    assert numerals.compact(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "p < 0.001"),
        (0.00099, "p < 0.001"),
        (0.001, "p = 0.001"),
        (0.0496, "p = 0.050"),
        (0.0994, "p = 0.099"),
        (0.0996, "p = 0.10"),
        (0.74, "p = 0.74"),
        (1.0, "p = 1.00"),
        (None, "p not available"),
    ],
)
def test_p_value_is_never_zero_and_never_breaks(value: float | None, written: str) -> None:
    assert numerals.p_value(value).replace(NBSP, " ") == written
    assert " = " not in numerals.p_value(value)


def test_percent_and_interval_keep_together() -> None:
    assert numerals.percent(10.25) == f"10.2{NBSP}%"
    assert numerals.interval(-0.015, 0.011, 3) == f"{MINUS}0.015 to 0.011"
    assert numerals.interval(None, 0.011, 3) == "\u2013"
    assert numerals.with_unit("2.99", "pg/mL") == f"2.99{NBSP}pg/mL"
    assert numerals.with_unit("2.99", None) == "2.99"


@pytest.mark.parametrize(
    ("unit", "error", "digits"),
    [
        ("g/cm²", 0.0039, 3),
        ("g/cm²", 0.0008, 4),
        ("g/cm²", None, 3),
        (None, 0.039, 3),
        (None, 12.0, 0),
        (None, None, 3),
    ],
)
def test_digits_follow_the_precision(unit: str | None, error: float | None, digits: int) -> None:
    assert numerals.estimate_digits(unit, error) == digits


def test_hidden_names_the_threshold() -> None:
    assert numerals.hidden(11) == "<11 or hidden"
