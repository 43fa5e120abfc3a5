"""How much: every rule that makes an amount, a range, a strength or a maximum of the tokens."""

from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.kinds import Amount, Token
from pipelines.domain.sig.rewriting import Rule
from pipelines.domain.sig.strength import COUNTED, MASS_MG, Strength, as_base
from pipelines.domain.sig.strength import RULES as STRENGTH_RULES

_BY_WEIGHT = frozenset({"packet", "tube", "pump", "application"})


def _amount(number: Token, unit: str | None) -> Token:
    value, base = as_base(number.value, unit) if unit else (number.value, None)
    return Token(k.AMOUNT, Amount(value, base, number.text == "fraction"))


def _plain(tokens: list[Token]) -> list[Token] | None:
    number, unit = tokens
    if not 0 < number.value < float("inf"):
        return [Token(k.UNREAD, "number", "number")]
    return [_amount(number, unit.value)]


def _one(tokens: list[Token]) -> list[Token]:
    return [Token(k.AMOUNT, Amount(1.0, tokens[-1].value))] if tokens[-1].value in COUNTED else tokens[1:]


def _range(tokens: list[Token]) -> list[Token]:
    unit = next((t.value for t in reversed(tokens) if t.kind == k.UNIT), None)
    return [Token(k.RANGE_AMOUNT, unit)]


def _each(tokens: list[Token]) -> list[Token] | None:
    """'(100 mg each)': the strength of one piece."""
    number, unit, every = tokens
    if every.text not in ("each", "ea") or unit.value not in MASS_MG:
        return None
    return [Token(k.STRENGTH, Strength(number.value * MASS_MG[unit.value]))] if number.value > 0 else None


def _counted_strength(tokens: list[Token]) -> list[Token] | None:
    """'one 1 mg tablet', '2 x 0.5 mg tablets': a count of pieces and their strength."""
    count, number = (t for t in tokens if t.kind == k.NUMBER)
    mass, form = (t.value for t in tokens if t.kind == k.UNIT)
    if mass not in MASS_MG or form not in COUNTED or number.value <= 0 or count.value <= 0:
        return None
    if mass == "g" and form in _BY_WEIGHT:  # a 5 g packet holds 5 g of gel, not of drug
        return [_amount(count, form)]
    return [_amount(count, form), Token(k.STRENGTH, Strength(number.value * MASS_MG[mass], "mg", 1.0, form))]


def _hybrid(tokens: list[Token]) -> list[Token] | None:
    """'1 mg tablet': the strength where a count is given elsewhere, the dose where it is not."""
    mass, form = (t.value for t in tokens if t.kind == k.UNIT)
    if mass not in MASS_MG or form not in COUNTED or tokens[0].value <= 0:
        return None
    if mass == "g" and form in _BY_WEIGHT:
        return [Token(k.AMOUNT, Amount(1.0, form))]
    return [Token(k.HYBRID, (tokens[0].value * MASS_MG[mass], form))]


def _weight(_: list[Token]) -> list[Token]:
    return [Token(k.UNREAD, "weight", "kg")]


def _per_site(_: list[Token]) -> list[Token]:
    return [Token(k.PER_SITE)]


def _scheme_form(tokens: list[Token]) -> list[Token] | None:
    scheme, form = tokens[0], tokens[-1]
    return [Token(k.SCHEME, scheme.value, form.value)] if form.value in COUNTED else None


def _multiplied(tokens: list[Token]) -> list[Token] | None:
    """'2 x 1 tablet daily': two intakes of one."""
    times, number, unit, rate = tokens[0], tokens[2], tokens[3], tokens[-1]
    if times.value <= 0 or number.value <= 0 or not rate.value or unit.value not in COUNTED:
        return None
    return [_amount(number, unit.value), Token(k.RATE, times.value * rate.value)]


def _maximum(tokens: list[Token]) -> list[Token]:
    """A ceiling: value (amount or None, times a week or None, how often or None)."""
    amount = next((t.value for t in tokens if t.kind == k.AMOUNT), None)
    rate = next((t.value for t in tokens if t.kind == k.RATE), None)
    per_time = next((t.value for t in tokens if t.kind == k.PER_TIME), None)
    numbers = [t.value for t in tokens if t.kind == k.NUMBER]
    number = numbers[0] if numbers and amount is None else None
    if per_time:
        number, rate = per_time[0], 7.0 / per_time[1]
    if tokens[-1].kind in (k.PERIOD, k.LETTER_PERIOD):  # 'in 24 hours'
        days = numbers[-1] * tokens[-1].value
        rate = 7.0 / days if days > 0 else None
    upto = tokens[0].text == "up to"
    return [Token(k.MAXIMUM, (amount, rate, number), "up to" if upto else "maximum")]


def _portions(tokens: list[Token]) -> list[Token] | None:
    """'split into 2 injections', 'in two divided doses'."""
    number = next((t.value for t in tokens if t.kind == k.NUMBER), None)
    amount = next((t.value for t in tokens if t.kind == k.AMOUNT), None)
    if amount is not None:
        if amount.unit not in ("injection", "dose"):
            return None
        number = amount.value
    return [Token(k.SPLIT, number)] if number and number >= 1 else None


RULES = (
    Rule(r"(?:NU|N[R-]NU)/k(?:/[Pp])?|Nk", _weight),
    *STRENGTH_RULES,
    Rule(r"NUE(?![PpDTNOsBF])", _each),
    Rule(r"E[B]+", _per_site),
    Rule(r"NX?a?\(?NU\)?@*U", _counted_strength),
    Rule(r"NXNU(?=F)F", _multiplied),
    Rule(r"NU@*U(?!/)", _hybrid),
    Rule(r"NU?(?:[R-]|a(?=N))(?:u)?NU|u(?:N|NU[R-]N)U(?!F?n)", _range),
    Rule(r"(?<![-R])N[R-]N(?![-R])", _range),
    Rule(r"ZU", _scheme_form),
    Rule(r"NU", _plain),
    Rule(r"(?:^|(?<=[;,(&W]))aU", _one),
    Rule(r"m[,:]?V[;,]?F|m[,:]?VN[Pp]|m[,]?V|m[,]?F|m[,]?x|m[,]?N(?:N[Pp])?", _maximum),
    Rule(r"\|N?V|N\|V?|\|N", _portions),
)
