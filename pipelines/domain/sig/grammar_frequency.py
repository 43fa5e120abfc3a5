"""How often: every rule that makes a rate (times a week), a set of weekdays, a cycle or a course of the tokens."""

from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.kinds import Token
from pipelines.domain.sig.rewriting import Rule

WEEK_DAYS = 7.0
_BRITISH_CERTAIN = 8  # nobody doses eight times 'weekly': '12 weekly' is every 12 weeks
_PER_WORDS = frozenset({"pro", "par", "por", "al", "a", "am", "in", "im", "je"})
_CLEAR_RANGE_STARTS_MONDAY = frozenset({4, 5, 6})


def _rate(value: float, text: str = "") -> list[Token]:
    return [Token(k.RATE, value, text)]


def _unclear(_: list[Token]) -> list[Token]:
    return [Token(k.AMBIGUOUS_RATE)]


def _range(_: list[Token]) -> list[Token]:
    return [Token(k.RANGE_RATE)]


def _times(tokens: list[Token]) -> float:
    """How often per interval: 'twice' 2, '3 x' 3, nothing 1."""
    first = tokens[0]
    if first.kind == k.COUNT:
        return float(first.value)
    if first.kind == k.NUMBER and len(tokens) > 1 and tokens[1].kind == k.TIMES:
        return first.value
    return 1.0


def _every(tokens: list[Token]) -> list[Token] | None:
    """'twice every 2 weeks', 'every other day', 'q3d': times a week."""
    times = _times(tokens)
    after_every = tokens[[t.kind for t in tokens].index(k.EVERY) + 1 :]
    number = next((t.value for t in after_every if t.kind in (k.NUMBER, k.OTHER)), 1.0)
    days = tokens[-1].value
    return _rate(times * WEEK_DAYS / (number * days)) if number > 0 and times > 0 else None


def _per_period(tokens: list[Token]) -> list[Token] | None:
    times = _times(tokens)
    return _rate(times * WEEK_DAYS / tokens[-1].value) if times > 0 else None


def _per_interval(tokens: list[Token]) -> list[Token] | None:
    """'per 10 days' is an interval, Spanish 'por 10 dias' a course."""
    joiner, number, period = tokens
    days = number.value * period.value
    if days <= 0:
        return None
    return [Token(k.COURSE, days)] if joiner.text == "por" else _rate(WEEK_DAYS / days)


def _number_periodly(tokens: list[Token]) -> list[Token] | None:
    """'2 weekly' is twice a week or every two weeks; '6 hourly' and '12 weekly' are intervals."""
    number, days = tokens[0], tokens[-1].value
    if tokens[-1].text.split(" ")[0] in _PER_WORDS:  # '2 pro Woche' is clear
        return [Token(k.PER_TIME, (number.value, days), number.text)] if number.value > 0 else None
    if days == 1.0 or number.value < 2 or number.value != int(number.value):
        return None
    if days < 1.0:
        return _rate(WEEK_DAYS / (days * number.value))
    if days == WEEK_DAYS and number.value >= _BRITISH_CERTAIN:
        return _rate(1.0 / number.value, "british")
    return _unclear(tokens)


def _out_of(tokens: list[Token]) -> list[Token] | None:
    numbers = [t.value for t in tokens if t.kind == k.NUMBER]
    days = next(t.value for t in tokens if t.kind in (k.PERIOD, k.LETTER_PERIOD))
    return _rate(WEEK_DAYS * numbers[0] / (numbers[1] * days)) if numbers[1] > 0 else None


def _every_other_weekday(tokens: list[Token]) -> list[Token] | None:
    day = tokens[-1]
    return _rate(1.0 / tokens[1].value, "weekday") if len(day.value) == 1 and tokens[1].value == 2 else _unclear(tokens)


def _every_other_night(tokens: list[Token]) -> list[Token]:
    """'alternate nights', 'every third evening'."""
    return _rate(WEEK_DAYS / tokens[-2].value)


def _per_time(tokens: list[Token]) -> list[Token]:
    return [Token(k.PER_TIME, (tokens[0].value, tokens[-1].value), tokens[0].text)]


def _cycle(tokens: list[Token]) -> list[Token] | None:
    numbers = [t for t in tokens if t.kind == k.NUMBER]
    periods = [t.value for t in tokens if t.kind in (k.PERIOD, k.LETTER_PERIOD)] or [1.0]
    on, off = numbers[0].value * periods[0], numbers[1].value * periods[-1]
    return [Token(k.CYCLE, (on, off))] if on > 0 and off > 0 else None


def _days_of_week(tokens: list[Token]) -> list[Token] | None:
    """'5 days a week': a cycle of a week."""
    number, unit, whole = tokens[0].value, tokens[1].value, tokens[-1].value
    return [Token(k.CYCLE, (number, 7.0 - number))] if unit == 1.0 and whole == WEEK_DAYS and 0 < number < 7 else None


def _part_of_cycle(tokens: list[Token]) -> list[Token] | None:
    """'0.5 mg x2 daily': twice the amount or twice a day."""
    return None if tokens[1].value == 1 else [Token(k.AMBIGUOUS_RATE, None, "part of cycle")]


def _course(tokens: list[Token]) -> list[Token]:
    numbers = [t.value for t in tokens if t.kind == k.NUMBER] or [1.0]
    period = tokens[-1].value if tokens[-1].kind in (k.PERIOD, k.LETTER_PERIOD) else None
    if period is None and tokens[0].kind == k.TIMES and numbers[-1] == 1 and len(numbers) == 1:
        return [Token(k.ONLY_ONCE)]
    return [Token(k.COURSE, numbers[-1] * period if period else None)]


def _days_of(tokens: list[Token]) -> frozenset[int]:
    return frozenset().union(*(t.value for t in tokens if t.kind == k.WEEKDAY))


def _weekdays(tokens: list[Token]) -> list[Token]:
    return [Token(k.WEEKDAY, _days_of(tokens))]


def _weekday_range(tokens: list[Token]) -> list[Token] | None:
    """Monday to Friday; a hyphen between other days may be a list, and 'Monday or Tuesday' is no schedule."""
    first, last = tokens[0], tokens[-1]
    joiner = next(t for t in tokens if t.kind in (k.RANGE, k.DASH, k.ARTICLE))
    if len(first.value) != 1 or len(last.value) != 1:
        return None
    start, end = min(first.value), min(last.value)
    clear = start == 0 and end in _CLEAR_RANGE_STARTS_MONDAY
    if joiner.text in ("or", "o", "ou", "oder", "and or") or (joiner.kind == k.DASH and not clear):
        return _unclear(tokens)
    days = frozenset((start + step) % 7 for step in range((end - start) % 7 + 1))
    return [Token(k.WEEKDAY, days)]


def _except(tokens: list[Token]) -> list[Token]:
    return [Token(k.WEEKDAY, frozenset(range(7)) - _days_of(tokens))]


def _skip(tokens: list[Token]) -> list[Token] | None:
    """'skip if ...' names no days: a hold."""
    return [Token(k.STOP, None, "skip")] if tokens[0].text.startswith("skip") else None


def _as_weekdays(tokens: list[Token]) -> list[Token]:
    return [Token(k.WEEKDAY, t.value) if t.kind == k.MAYBE_WEEKDAY else t for t in tokens]


def _last(tokens: list[Token]) -> list[Token]:
    return [tokens[-1]]


def _step(tokens: list[Token]) -> list[Token]:
    """'week 2: ...' opens a step; 'days 1 to 14' is a part of a cycle nobody named."""
    if tokens[0].value == 1.0 and sum(t.kind == k.NUMBER for t in tokens) > 1:
        return [Token(k.AMBIGUOUS_RATE, None, "part of cycle")]
    return [Token(k.THEN)]


def _limit(tokens: list[Token]) -> list[Token]:
    return [Token(k.MAXIMUM, None, "up to"), *tokens[1:]]


RULES = (
    Rule(r"e[,;/&-]*(?:[eD][,;/&-]*)*[eD]|D[,;/&-]*e(?:[,;/&-]*e)*", _as_weekdays),
    Rule(r"E(?=E)", lambda tokens: []),
    Rule(r"N[Pp]?g[,&]?N[Pp]?h", _cycle),
    Rule(r"N[P][/aE]*[PY]", _days_of_week),
    Rule(r"(?<=U)XN(?=[FYCEDT])", _part_of_cycle),
    Rule(r"EN[Pp]?[Ra-]N[Pp]", _range),
    Rule(r"(?:C|NX?)[R-](?:C|NX)[/aE]*[PpY]?", _range),
    Rule(r"C[R-]NX?[/aE]*[PpY]", _range),
    Rule(r"f?(?:X)N[Pp]|f(?:N(?:[R-]N)?|a)?[Pp]|fN(?=$|[;,)])|(?<!N)X[P]", _course),
    Rule(r"(?:C|NX)?EO[Pp]", _every),
    Rule(r"EOD", _every_other_weekday),
    Rule(r"E?OT", _every_other_night),
    Rule(r"(?:C|NX)?EN[Pp]", _every),
    Rule(r"EN-?Y", _every),
    Rule(r"N[Pp]~N[Pp]?", _out_of),
    Rule(r"(?:C|NX)[/aE]*[Pp]", _per_period),
    Rule(r"(?:C|NX)[/a]*Y", _per_period),
    Rule(r"(?<![RN-])N-?Y", _number_periodly),
    Rule(r"EY", _last),
    Rule(r"E[Pp]", _per_period),
    Rule(r"E(?=T)", lambda tokens: []),
    Rule(r"(?<![R-])N[/a][Pp]", _per_time),
    Rule(r"/N[Pp]", _per_interval),
    Rule(r"[/a][Pp]", _per_period),
    Rule(r"Y", _per_period),
    Rule(r"u(?=[FG])", _limit),
    Rule(r"XN(?![NUPpX])", _course),
    Rule(r"N[Pp](?=r|K)", _course),
    Rule(r"(?<![NEOX/a])PN(?:[R-]N)?,?", _step),
    Rule(r"!g?D(?:[,;/&-]*D)*", _except),
    Rule(r"!", _skip),
    Rule(r"(?<![-D])D[ga]?[Ra-]g?D(?![-])|(?<![-D])DaD", _weekday_range),
    Rule(r"D(?:[,;/&g-]*D)+", _weekdays),
    Rule(r"E(?=D)", lambda tokens: []),
)
