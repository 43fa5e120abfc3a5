"""How the report writes a number: minus sign, non-breaking units, p-values, intervals, counts and what stands for none.

Numbers become text here and nowhere else. What a code is called stands in `labels`.
"""

import math

NBSP = "\u00a0"
MINUS = "\u2212"
NONE = EN_DASH = "\u2013"
TIMES = "\u00d7"


def decimal(value: float | None, digits: int) -> str:
    """Fixed decimals with a true minus sign and never a negative zero."""
    if value is None:
        return NONE
    text = f"{abs(value):,.{digits}f}"
    return MINUS + text if value < 0 and text.strip("0.,") else text


def compact(value: float | None, figures: int = 3) -> str:
    """About `figures` significant digits without exponent; whole numbers stay whole."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    if float(value).is_integer():
        return decimal(value, 0)
    digits = max(0, figures - 1 - math.floor(math.log10(abs(value))))
    text = decimal(value, min(digits, 6))
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(value: int | None) -> str:
    """A number of people or rows with thousands separators."""
    return NONE if value is None else f"{value:,}"


def percent(value: float | None, digits: int = 1) -> str:
    """A percentage that is already on the scale 0 to 100."""
    return NONE if value is None else f"{decimal(value, digits)}{NBSP}%"


def with_unit(text: str, unit: str | None) -> str:
    """Value and unit, not to be torn apart at the end of a line."""
    return f"{text}{NBSP}{unit}" if unit else text


def interval(low: float | None, high: float | None, digits: int) -> str:
    """Lower to upper limit, with 'to' because limits may be negative."""
    return NONE if low is None or high is None else f"{decimal(low, digits)} to {decimal(high, digits)}"


def p_value(value: float | None) -> str:
    """'p < 0.001', else three decimals below 0.1 and two from there."""
    if value is None:
        return f"p not{NBSP}available"
    if value < 0.001:
        return f"p{NBSP}<{NBSP}0.001"
    return f"p{NBSP}={NBSP}{value:.{3 if value < 0.0995 else 2}f}"


def hidden(threshold: int) -> str:
    """What a suppressed cell shows: the release does not tell a small cell from one hidden to protect it."""
    return f"<{threshold} or hidden"


def estimate_digits(unit: str | None, standard_error: float | None) -> int:
    """Decimals of an estimate: three for BMD, as scanners report it (four when precision allows), else by the error."""
    if unit == "g/cm²":
        return 4 if standard_error is not None and standard_error < 0.001 else 3
    if not standard_error or standard_error <= 0:
        return 3
    return min(6, max(0, 1 - math.floor(math.log10(standard_error))))
