"""The schedule words of a step combined into times a week, or the reason why they do not combine."""

from dataclasses import dataclass, field

from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.kinds import Token

_SAME = 0.005


@dataclass(slots=True)
class Schedule:
    """`rate`: times a week; `days`: named weekdays; `slots`: named times of day; `flags`: reasons for doubt."""

    rate: float | None = None
    days: frozenset[int] = frozenset()
    slots: tuple[str, ...] = ()
    flags: set[str] = field(default_factory=set)
    is_named: bool = False  # only days or times of day say when
    named_rate: float = 0.0


def _same(first: float, second: float) -> bool:
    return abs(first - second) <= _SAME * max(abs(first), abs(second))


def _slots(tokens: list[Token]) -> tuple[str, ...]:
    """Distinct times of day; two in a row without 'and' or a comma are one ('at night at bedtime')."""
    names: list[str] = []
    previous: Token | None = None
    for token in tokens:
        if token.kind == k.SLOT and not (previous is not None and previous.kind == k.SLOT) and token.value not in names:
            names.append(token.value)
        previous = token
    return tuple(names)


def _interleaved(tokens: list[Token]) -> bool:
    """'Monday morning and Thursday evening': each day has its own time."""
    shape = "".join(t.kind for t in tokens if t.kind in (k.WEEKDAY, k.SLOT))
    return shape in ("DT" * (len(shape) // 2), "TD" * (len(shape) // 2))


def _distinct(rates: list[float]) -> list[float]:
    kept: list[float] = []
    for rate in rates:
        if not any(_same(rate, other) for other in kept):
            kept.append(rate)
    return kept


def _on_days(rates: list[float], days: int, is_list_named: bool) -> tuple[float | None, set[str]]:
    """A rate beside named days: 'twice daily Mon/Thu' is 4, 'weekly on Monday' 1, 'twice weekly (Mon, Thu)' 2."""
    if not rates:
        return float(days), set()
    if len(rates) > 1:
        others = [rate for rate in rates if not _same(rate, float(days))]
        if others and not all(_same(rate, 7.0) for rate in others):
            return None, {"frequency_conflict"}
        return float(days), set()
    rate = rates[0]
    if _same(rate, float(days)):
        return rate, set()
    if rate >= 7.0 and _same(rate / 7.0, round(rate / 7.0)):
        return days * rate / 7.0, set()
    if _same(rate, 1.0) and is_list_named:
        return float(days), set()
    if rate < 1.0 and days == 1:
        return rate, set()
    return None, {"frequency_conflict"}


def combine(tokens: list[Token]) -> Schedule:
    """All schedule words of the tokens, each statement counted once."""
    schedule = Schedule()
    rates = _distinct([t.value for t in tokens if t.kind == k.RATE])
    listed = [t.value for t in tokens if t.kind == k.WEEKDAY]
    schedule.days = frozenset().union(*listed)
    schedule.slots = _slots(tokens)
    unclear = [t for t in tokens if t.kind == k.AMBIGUOUS_RATE]
    ambiguous = bool(unclear)
    if any(t.kind == k.RATE and t.text == "british" for t in tokens):
        schedule.flags.add("british_interval")
    schedule.is_named = (
        bool(schedule.days or schedule.slots) and all(_same(rate, 7.0) for rate in rates) and not ambiguous
    )
    schedule.named_rate = float((len(schedule.days) or 7) * max(1, len(schedule.slots)))
    if any(t.kind == k.RANGE_RATE for t in tokens):
        schedule.flags.add("range_frequency")
        return schedule
    if ambiguous:
        schedule.flags.add("ambiguous_frequency")
        told = [float(len(schedule.days))] if schedule.days else rates
        if not told or unclear[0].text == "part of cycle" or not any(_same(told[0], either) for either in (2.0, 0.5)):
            return schedule  # 'biweekly' alone; 'biweekly (every 2 weeks)' says which
    schedule.rate, flags = _rate_of(tokens, rates, schedule)
    schedule.flags |= flags
    _apply_cycle(tokens, schedule)
    return schedule


def _rate_of(tokens: list[Token], rates: list[float], schedule: Schedule) -> tuple[float | None, set[str]]:
    if schedule.days:
        rate, flags = _on_days(rates, len(schedule.days), True)
        if rate is not None and len(schedule.slots) > 1 and not _interleaved(tokens):
            expected = len(schedule.days) * len(schedule.slots)
            return (
                (float(expected), flags) if not rates or _same(rates[0], expected) else (None, {"frequency_conflict"})
            )
        return rate, flags
    if len(rates) > 1:
        return None, {"frequency_conflict"}
    if rates:
        if len(schedule.slots) > 1 and not _same(rates[0], 7.0 * len(schedule.slots)) and rates[0] >= 7.0:
            return None, {"frequency_conflict"}
        return rates[0], set()
    return (7.0 * len(schedule.slots), set()) if schedule.slots else (None, set())


def _apply_cycle(tokens: list[Token], schedule: Schedule) -> None:
    """'5 days on, 2 off' is 5 a week; a cycle that is no week is averaged and flagged."""
    cycles = {t.value for t in tokens if t.kind == k.CYCLE}
    if not cycles or schedule.flags & {"frequency_conflict", "range_frequency", "ambiguous_frequency"}:
        return
    if len(cycles) > 1:
        schedule.rate = None
        schedule.flags.add("frequency_conflict")
        return
    on, off = cycles.pop()
    base = 7.0 if schedule.rate is None else schedule.rate
    if _same(on + off, 7.0) and _same(base, on):
        schedule.rate = on
        return
    if base < 7.0:
        schedule.rate = None
        schedule.flags.add("frequency_conflict")
        return
    schedule.rate = base * on / (on + off)
    if not _same(on + off, 7.0):
        schedule.flags.add("cycle")
