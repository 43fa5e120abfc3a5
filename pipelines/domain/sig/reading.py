"""One step of an instruction (tokens after the grammar) to a dose, a schedule and the reasons for doubt.

Milligrams are the dose's matter, steps and conditions the clauses'.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.kinds import Amount, Token
from pipelines.domain.sig.schedule import Schedule, combine
from pipelines.domain.sig.strength import COUNTED, Strength

_SAME = 0.005
_ALTERNATIVE_GLUE = frozenset("(),=@/-$")
_LEFTOVER_WORDS = frozenset(
    {k.EVERY, k.OTHER, k.RANGE, k.PERIOD, k.LETTER_PERIOD, k.LAB_UNIT, k.OUT_OF, k.KILOGRAM, k.PERCENT, k.MAYBE_WEEKDAY, k.EXCEPT,
     k.HALF, k.UP_TO, k.TIMES, k.OFF}
)  # fmt: skip
_PERIODS = frozenset({k.PERIOD, k.LETTER_PERIOD})
_MEASURED = frozenset({k.AMOUNT, k.RATE, k.NUMBER, k.WEEKDAY, k.SLOT, k.COUNT, k.RANGE_AMOUNT, k.RANGE_RATE})
Dose = dict[str | None, Amount]


@dataclass(slots=True)
class Reading:
    """What one step says. `doses`: intakes with times a week (more than one only for unequal doses)."""

    dose: Dose = field(default_factory=dict)
    rate: float | None = None
    unequal: list[tuple[Dose, float]] = field(default_factory=list)
    weekly_total: Amount | None = None
    stated_weekly_mg: float | None = None  # '(1 mg/week)' beside the dose: a check, or the answer without a strength
    strengths: list[Strength] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    courses: list[float | None] = field(default_factory=list)

    @property
    def says_dose(self) -> bool:
        """Whether the step states any amount or frequency."""
        return bool(self.dose or self.unequal or self.rate or self.weekly_total or self.flags & _SPOKEN)


_SPOKEN = frozenset({"range_amount", "range_frequency", "ambiguous_frequency", "amount_conflict", "frequency_conflict"})


def same(first: float, second: float) -> bool:
    """Equal within half a percent."""
    return abs(first - second) <= _SAME * max(abs(first), abs(second))


def _groups(tokens: list[Token]) -> list[tuple[int, Dose]]:
    """Doses with their place; '1 tablet (1 mg)' is one dose in two units."""
    found: list[tuple[int, Dose]] = []
    last_end: int | None = None
    for at, token in enumerate(tokens):
        if token.kind != k.AMOUNT:
            continue
        amount: Amount = token.value
        between = tokens[last_end + 1 : at] if last_end is not None else []
        glued = last_end is not None and all(t.kind in _ALTERNATIVE_GLUE for t in between)
        if glued and amount.unit not in found[-1][1]:
            found[-1][1][amount.unit] = amount
        else:
            found.append((at, {amount.unit: amount}))
        last_end = at
    return found


def _agree(first: Dose, second: Dose) -> bool:
    shared = set(first) & set(second)
    return all(same(first[unit].value, second[unit].value) for unit in shared)


def _own_schedules(tokens: list[Token], groups: list[tuple[int, Dose]]) -> list[Schedule]:
    """The schedule words of each dose: those after it, or those before it where the first schedule comes first."""
    first = next((at for at, t in enumerate(tokens) if t.kind in (k.WEEKDAY, k.SLOT, k.RATE)), None)
    starts = [at for at, _ in groups]
    leads = first is not None and first < starts[0]
    cuts = [0, *(at + 1 for at in starts)] if leads else [*starts, len(tokens)]
    return [combine(tokens[begin:end]) for begin, end in pairwise(cuts)]


def _several(reading: Reading, tokens: list[Token], groups: list[tuple[int, Dose]]) -> None:
    """Doses that differ: unequal on named days or times, the same rate said twice, or a conflict."""
    schedules = _own_schedules(tokens, groups)
    doses = [dose for _, dose in groups]
    units = set.intersection(*(set(dose) for dose in doses))
    if units and all(s.is_named for s in schedules) and not _overlap(schedules):
        reading.unequal = [(dose, s.named_rate) for dose, s in zip(doses, schedules, strict=True)]
        reading.rate = sum(s.named_rate for s in schedules)
        reading.flags.add("unequal_doses")
        return
    rates = [s.rate for s in schedules]
    known = [rate for rate in rates if rate is not None]
    reading.rate, flags = (
        _whole_rate(tokens) if known and all(same(known[0], rate) for rate in known) else (None, set())
    )
    for unit in sorted(units, key=str):
        weekly = [dose[unit].value * rate for dose, rate in zip(doses, rates, strict=True) if rate]
        if (
            len(weekly) == len(doses)
            and all(same(weekly[0], other) for other in weekly)
            and not any(s.flags for s in schedules)
        ):
            often = max(range(len(doses)), key=lambda at: rates[at] or 0.0)
            reading.dose, reading.rate = doses[often], rates[often]
            return
    courses = [t for t in tokens if t.kind == k.COURSE]
    reading.flags |= {"steps" if len(courses) > 1 else "amount_conflict", *flags}


def _weekly_check(reading: Reading, tokens: list[Token], groups: list[tuple[int, Dose]]) -> bool:
    """'0.5 tab twice a week (1 mg/week)': the second statement is the weekly mg of the first. True where read so."""
    (_, dose), (_, total) = groups
    first, second = _own_schedules(tokens, groups)
    clear = not first.flags and not second.flags and first.rate is not None and second.rate is not None
    if not clear or set(total) != {"mg"} or "mg" in dose or same(first.rate, second.rate):
        return False
    reading.dose, reading.rate = dose, first.rate
    reading.stated_weekly_mg = total["mg"].value * second.rate
    return True


def _overlap(schedules: list[Schedule]) -> bool:
    seen: set[tuple[int | None, str | None]] = set()
    for schedule in schedules:
        cells = {(day, slot) for day in schedule.days or {None} for slot in schedule.slots or (None,)}
        if seen & cells:
            return True
        seen |= cells
    return False


def _whole_rate(tokens: list[Token]) -> tuple[float | None, set[str]]:
    schedule = combine(tokens)
    return schedule.rate, schedule.flags


def _resolve_hybrids(tokens: list[Token]) -> list[Token]:
    """'1 mg tablet' is the strength beside a count, else the dose; a drug's header mass is a strength beside a count."""
    counted = any(t.kind == k.AMOUNT and (t.value.unit in COUNTED) for t in tokens)
    bare = any(t.kind == k.NUMBER for t in tokens) or any(t.kind == k.SCHEME for t in tokens)
    out: list[Token] = []
    for at, token in enumerate(tokens):
        if token.kind == k.HYBRID:
            mg, form = token.value
            if counted or bare:
                out.append(Token(k.STRENGTH, Strength(mg, "mg", 1.0, form)))
            else:
                out.append(Token(k.AMOUNT, Amount(mg, "mg")))
            continue
        header = token.kind == k.AMOUNT and token.value.unit == "mg" and at == 1 and tokens[0].kind == k.DRUG
        if header and counted and not _glued_to_count(tokens, at):
            out.append(Token(k.STRENGTH, Strength(token.value.value)))
            continue
        out.append(token)
    return out


def _glued_to_count(tokens: list[Token], at: int) -> bool:
    return at + 1 < len(tokens) and tokens[at + 1].kind == k.OPEN


def _bare_numbers(tokens: list[Token], reading: Reading) -> list[Token]:
    """A number without a unit is the amount where nothing else is, and unread otherwise; '2/wk' alike."""
    has_amount = any(t.kind in (k.AMOUNT, k.RANGE_AMOUNT, k.HYBRID, k.SCHEME) for t in tokens)
    out: list[Token] = []
    units = {t.value.unit for t in tokens if t.kind == k.AMOUNT}
    around = zip((None, *tokens), tokens, (*tokens[1:], None), strict=False)
    for before, token, following in around:
        if token.kind == k.PER_TIME:
            number, days = token.value
            if has_amount and number > 0:
                out.append(Token(k.RATE, number * 7.0 / days))
            else:
                out += [Token(k.AMOUNT, Amount(number, None, token.text != "decimal")), Token(k.RATE, 7.0 / days)]
                has_amount = True
        elif token.kind == k.NUMBER:
            again = before is not None and before.kind in (k.AND, k.COMMA) and following is not None
            if (
                again and following.kind in (k.SLOT, k.WEEKDAY) and len(units) == 1 and token.value > 0
            ):  # '1 tab am and 1 pm'
                out.append(Token(k.AMOUNT, Amount(token.value, next(iter(units)), True)))
                continue
            if has_amount or token.value <= 0 or (following is not None and following.kind in _PERIODS):
                reading.flags.add("unread_number")
                continue
            out.append(Token(k.AMOUNT, Amount(token.value, None, token.text in ("fraction", "whole", "word"))))
            has_amount = True
        else:
            out.append(token)
    return out


def _scheme(tokens: list[Token], reading: Reading) -> list[Token]:
    """'1-0-1': slots with their amounts; a mass beside a scheme is what one piece holds."""
    at = next((place for place, t in enumerate(tokens) if t.kind == k.SCHEME), None)
    if at is None:
        return tokens
    taken = [value for value in tokens[at].value if value > 0]
    form = tokens[at].text or None
    rest = tokens[:at] + tokens[at + 1 :]
    masses = [t for t in rest if t.kind == k.AMOUNT and t.value.unit == "mg"]
    rest = [t for t in rest if t not in masses]
    reading.strengths += [Strength(t.value.value) for t in masses]
    counts = [t.value for t in rest if t.kind == k.AMOUNT and t.value.unit in COUNTED]
    if counts and all(value == 1 for value in taken):
        return [*rest, Token(k.RATE, 7.0 * len(taken))]
    rest = [t for t in rest if t.kind != k.AMOUNT]
    if counts:
        reading.flags.add("amount_conflict")
    if len(set(taken)) == 1:
        return [*rest, Token(k.AMOUNT, Amount(taken[0], form, True)), Token(k.RATE, 7.0 * len(taken))]
    reading.unequal = [({form: Amount(value, form, True)}, 7.0) for value in taken]
    reading.flags.add("unequal_doses")
    reading.rate = 7.0 * len(taken)
    return rest


def _split_total(reading: Reading, tokens: list[Token]) -> bool:
    """'100 mg per week split into two': the amount is the total of its period. True where the step was read so."""
    at = next((place for place, t in enumerate(tokens) if t.kind == k.SPLIT), None)
    if at is None:
        return False
    before, after = tokens[:at], tokens[at + 1 :]
    groups = _groups(before)
    if len(groups) != 1 or not set(groups[0][1]) & {"mg", "mL", "unit_u100"}:
        return False
    total = next(iter(groups[0][1].values()))
    period = combine(before)
    later = combine(after)
    portions = tokens[at].value
    if period.rate is None:
        reading.rate = later.rate
        reading.flags |= {"ambiguous_total", *period.flags, *later.flags}
        return True
    weekly = total.value * period.rate
    reading.rate = portions * period.rate if portions and later.rate is None else later.rate
    reading.flags |= later.flags - {"no_frequency"}
    reading.weekly_total = Amount(weekly, total.unit)
    if reading.rate:
        reading.dose = {total.unit: Amount(weekly / reading.rate, total.unit)}
        for _, dose in _groups(after):
            if total.unit in dose and not same(dose[total.unit].value, weekly / reading.rate):
                reading.flags.add("amount_conflict")
                reading.weekly_total = None
    return True


def read_step(tokens: list[Token]) -> Reading:
    """The dose and schedule of one unconditional step."""
    reading = Reading()
    tokens = _resolve_hybrids(tokens)
    tokens = _scheme(tokens, reading)
    tokens = _bare_numbers(tokens, reading)
    reading.strengths += [t.value for t in tokens if t.kind == k.STRENGTH]
    reading.courses = [t.value for t in tokens if t.kind == k.COURSE]
    for token, following in zip(tokens, (*tokens[1:], None), strict=False):
        if token.kind == k.RANGE and token.text == "to" and (following is None or following.kind not in _MEASURED):
            continue  # 'apply to the shoulders'
        if token.kind == k.UNREAD:
            reading.flags.add({"number": "unread_number", "weight": "weight_based"}.get(token.value, "unread_words"))
        elif token.kind in _LEFTOVER_WORDS or (token.kind == k.COUNT and token.value != 1):
            reading.flags.add("unread_words")
        elif token.kind == k.PER_SITE:
            reading.flags.add("per_site")
    if reading.unequal or _split_total(reading, tokens):
        return reading
    groups = _groups(tokens)
    counted_range = any(t.kind == k.RANGE_AMOUNT for t in tokens)
    # '1 injection of 250 mg': the measured amount speaks, the word injection does not
    for _, dose in groups:
        if "injection" in dose and len(dose) > 1 and dose.pop("injection").value != 1:
            reading.flags.add("ambiguous_total")
    if counted_range:
        reading.flags.add("range_amount")
        reading.rate, flags = _whole_rate(tokens)
        reading.flags |= flags
    elif len(groups) > 1 and not all(_agree(groups[0][1], dose) for _, dose in groups[1:]):
        _several(reading, tokens, groups)
    elif len(groups) == 2 and _weekly_check(reading, tokens, groups):
        pass
    else:
        for _, dose in groups:
            for unit, amount in dose.items():
                reading.dose.setdefault(unit, amount)
        reading.rate, flags = _whole_rate(tokens)
        reading.flags |= flags
    if reading.rate and any(days and 1 < days < 0.99 * 7.0 / reading.rate for days in reading.courses):
        reading.flags.add("ambiguous_frequency")  # 'for 3 days every month': three intakes or one?
        reading.rate = None
    says_once = any(t.kind == k.COUNT and t.value == 1 for t in tokens)
    if any(t.kind == k.ONLY_ONCE for t in tokens) or (says_once and reading.rate is None):
        reading.flags.add("once")
        reading.rate = None
    return reading
