"""Numbers beside numbers, and numbers that are no dose: water, lab values, minutes, needles, dispensing text."""

from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.kinds import Token
from pipelines.domain.sig.rewriting import Rule, drop

_MIXED_LIMIT = 20.0
_SCHEME_LIMIT = 4.0


def _same(first: float, second: float) -> bool:
    return abs(first - second) <= 0.01 * max(abs(first), abs(second))


def _and_half(tokens: list[Token]) -> list[Token] | None:
    number = tokens[0]
    if number.text not in ("whole", "word"):
        return None
    return [Token(k.NUMBER, number.value + 0.5, "fraction"), *tokens[1:-1]]


def _mixed(tokens: list[Token]) -> list[Token] | None:
    """'1 1/2', '1-1/2', '1 and 1/2'."""
    whole, part = tokens[0], tokens[-1]
    if whole.text not in ("whole", "word") or part.text != "fraction" or not 0 < part.value < 1:
        return None
    if not 1 <= whole.value <= _MIXED_LIMIT:
        return None
    return [Token(k.NUMBER, whole.value + part.value, "fraction")]


def _said_twice(tokens: list[Token]) -> list[Token]:
    """'one (1)': once; 'one (2)': the second stays an unread number, so that nobody trusts the first."""
    numbers = [t for t in tokens if t.kind == k.NUMBER]
    rest = [t for t in tokens if t.kind in (k.UNIT, k.LETTER_PERIOD, k.PERIOD)]
    first, second = numbers
    exact = next((t for t in numbers if t.text == "fraction"), first)
    if _same(first.value, second.value):
        return [exact, *rest]
    return [first, *rest, Token(k.UNREAD, "number", "number")]


def _scheme(tokens: list[Token]) -> list[Token] | None:
    amounts = tuple(t.value for t in tokens if t.kind == k.NUMBER)
    if max(amounts) > _SCHEME_LIMIT or max(amounts) <= 0:
        return None
    return [Token(k.SCHEME, amounts)]


def _water(tokens: list[Token]) -> list[Token] | None:
    before_water = []
    for token in tokens:
        if token.kind == k.WATER:
            break
        before_water.append(token)
    unit = next((t.value for t in before_water if t.kind == k.UNIT), None)
    return [] if unit in (None, "mL") else before_water


def _device(tokens: list[Token]) -> list[Token] | None:
    """'1 mL syringe' is a tool; '1 syringe' is an amount."""
    if [t.kind for t in tokens] == [k.NUMBER, k.DEVICE] and tokens[-1].text.startswith("syringe"):
        return [tokens[0], Token(k.UNIT, "syringe", "syringe")]
    return []


def _shot_unit(tokens: list[Token]) -> list[Token]:
    return [tokens[0], Token(k.UNIT, "injection", "injection")]


NUMBERS = (
    Rule(r"N\+", _and_half),
    Rule(r"NU\+", _and_half),
    Rule(r"N-N-N(?:-N)?(?![-N])", _scheme),
    Rule(r"N&N&N(?![&N])", _scheme),
    Rule(r"N[-&]?N", _mixed),
    Rule(r"N\(N\)", _said_twice),
    Rule(r"\(N\)N", _said_twice),
    Rule(r"NU\(N\)", _said_twice),
)
NO_DOSE = (
    Rule(r"W?a?(?:NX)?W?(?:N(?:[R-]N)?U?)?a?w+(?:\(N(?:[R-]N)?[Uw]+\)w*)?", _water),
    Rule(r"l+(?:[<=,agR]|l)*N(?:[R-]N)?(?:L(?:/[UL])?|%)?", drop),
    Rule(r"<+N(?:[R-]N)?(?:L(?:/[UL])?|%)?", drop),
    Rule(r"N(?:[R-]N)?L(?:/[UL])?", drop),
    Rule(r"f?a?(?:N(?:[R-]N)?)?i", drop),
    Rule(r"z[,=]?X?N(?:[U](?![/]))?", drop),
    Rule(r"X?Nz(?:[,=])?", drop),
    Rule(r"(?:NU?[X-]?(?:NX?)?)?v+", _device),
)
SHOTS = (
    Rule(r"(?:N?[Pp])?\^E?a?[FY]?@*[FY]?s(?:P(?![N]))?", lambda tokens: _shot_day(tokens)),
    Rule(r"[Wgf]E?a?@*[FY]?@*s(?:P(?![N]))?", lambda tokens: _shot_day(tokens)),
    Rule(r"E@*sP?", lambda tokens: _shot_day(tokens)),
    Rule(r"(?<!N)[P]@*s", lambda tokens: _shot_day(tokens)),
    Rule(r"(?<!N)@*sP", lambda tokens: _shot_day(tokens)),
    Rule(r"Ns", _shot_unit),
)
INTERVALS_BEFORE = (
    Rule(r"N(?:[R-]N)?[Pp]\^", lambda tokens: [tokens[-1]]),
    Rule(r"\^N(?:[R-]N)?[Pp]", lambda tokens: [tokens[0]]),
)


def _shot_day(tokens: list[Token]) -> list[Token]:
    """The day of the shot; a frequency of the shots ('with weekly injection') stays beside it."""
    return [Token(k.SHOT_DAY, None, "shot"), *(t for t in tokens if t.kind in (k.RATE, k.PERIODLY, k.DRUG))]
