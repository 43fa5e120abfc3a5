"""A sig's text, with what the row knows of drug, strength and supply, to a `Sig`. Orchestration only."""

from pipelines.domain.sig import grammar_amount, grammar_frequency, grammar_number
from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.clauses import cut, read
from pipelines.domain.sig.dose import milligrams, supplied_mg_per_week
from pipelines.domain.sig.kinds import Amount, Token
from pipelines.domain.sig.labelled import LABELLED_MG_PER_WEEK, is_implausible, is_more_often_than_labelled
from pipelines.domain.sig.lexer import tokenize
from pipelines.domain.sig.reading import Dose, Reading
from pipelines.domain.sig.reconciliation import is_daily_for_weekly, is_supply_conflict, reconcile
from pipelines.domain.sig.result import Sig, confidence_of
from pipelines.domain.sig.rewriting import Rule, drop, rewrite, rewrite_all
from pipelines.domain.sig.strength import COUNTED, Strength, choose, drug_of, form_of, parse_strengths
from pipelines.domain.sig.text import LONGEST_TEXT

_INTERNATIONAL_UNIT_DRUGS = frozenset({"hcg", "insulin"})
_ORAL_DRUGS = frozenset(LABELLED_MG_PER_WEEK) - {"fulvestrant", "goserelin"} | {"enclomiphene"}
_GRAMMAR = (
    *grammar_number.NUMBERS,
    *grammar_number.NO_DOSE,
    *grammar_number.SHOTS,
    *grammar_number.INTERVALS_BEFORE,
    *grammar_frequency.RULES,
    *grammar_amount.RULES,
)
_INJECTED_UNITS = frozenset({"mL", "unit_u100", "ampoule", "vial", "syringe", "injection"})
_INSULIN_SYRINGE = Rule(r"W?a?1", drop)
_BLANKING = frozenset(
    {"prn", "steps", "stop", "conditional_use", "day_of_injection", "range_amount", "range_frequency", "ambiguous_frequency",
     "amount_conflict", "frequency_conflict", "once", "per_site", "weight_based", "several_drugs", "ambiguous_strength",
     "strength_conflict", "too_long", "unread_number", "maximum_conflict", "ambiguous_total"}
)  # fmt: skip


class _Row:
    """What the row knows beside the sig: drug, strengths that count, form, supply."""

    __slots__ = ("ambiguous", "drug", "form", "gel", "strength", "supplied", "text")

    def __init__(self, drug: str | None, strength: str | None, quantity: float | None, days: float | None) -> None:
        self.drug = drug_of(drug)
        stated = parse_strengths(strength) or parse_strengths(drug)
        self.strength, self.ambiguous = choose(stated, self.drug)
        self.form = form_of(strength) or form_of(drug)
        self.text = f"{drug or ''} {strength or ''}".casefold()
        self.gel = any(word in self.text for word in ("gel", "cream", "creme", "topical", "transdermal", "%"))
        self.supplied = supplied_mg_per_week(self.strength, quantity, days)

    def is_injected(self, unit: str | None) -> bool:
        """Whether the product is one: a solution that is no gel."""
        is_solution = unit in _INJECTED_UNITS or (self.strength is not None and self.strength.per_unit == "mL")
        return is_solution and not self.gel


def _own_drug(tokens: list[Token], drug: str | None) -> tuple[list[Token], set[str]]:
    """Where the sig doses several drugs, the tokens of the row's own."""
    starts: list[tuple[int, str]] = []
    for at, token in enumerate(tokens):
        if token.kind == k.DRUG:
            start = at - 1 if at and tokens[at - 1].kind in (k.AMOUNT, k.RANGE_AMOUNT) else at
            starts.append((start, token.value))
    if len({name for _, name in starts}) < 2:
        return tokens, set()
    ends = [start for start, _ in starts[1:]] + [len(tokens)]
    parts = [(name, tokens[start:end]) for (start, name), end in zip(starts, ends, strict=True)]
    dosed = {
        name for name, part in parts if any(t.kind in (k.AMOUNT, k.RANGE_AMOUNT, k.SCHEME, k.HYBRID) for t in part)
    }
    if len(dosed) < 2:
        return tokens, set()
    if drug not in dosed:
        return [], {"several_drugs"}
    return [t for name, part in parts if name == drug for t in part], {"other_drug"}


def _named_unit(reading: Reading, row: _Row, strengths: list[Strength], drug: str | None) -> None:
    """Gives bare numbers the unit of the row's form; a bare decimal stays without."""
    doses = [reading.dose, *(dose for dose, _ in reading.unequal)]
    piece = next((s for s in strengths if s.unit == "mg" and (s.per_unit is None or s.per_unit in COUNTED)), None)
    for dose in doses:
        bare = dose.get(None)
        if bare is None:
            continue
        unit = row.form or (piece.per_unit if piece else None)
        if unit is None and (piece or (not strengths and drug in _ORAL_DRUGS)):
            unit = "tablet"
        if unit and bare.is_fraction:
            del dose[None]
            dose.setdefault(unit, Amount(bare.value, unit, True))
        else:
            reading.flags.add("no_unit")


def _bare_milligrams(dose: Dose, strengths: list[Strength]) -> float | None:
    """'0.5' of a 1 mg piece is 0.5 mg whether mg or pieces were meant; else unknown."""
    one_mg = [
        s for s in strengths if s.unit == "mg" and s.rate == 1.0 and (s.per_unit is None or s.per_unit in COUNTED)
    ]
    return dose[None].value if one_mg and len(one_mg) == len(strengths) else None


def _syringe_units(reading: Reading, row: _Row, drug: str | None, has_u100: bool) -> None:
    units_are_iu = drug in _INTERNATIONAL_UNIT_DRUGS or (row.strength is not None and row.strength.unit == "IU")
    for dose in (reading.dose, *(dose for dose, _ in reading.unequal)):
        if "unit_u100" not in dose:
            continue
        if units_are_iu:
            dose["IU"] = Amount(dose.pop("unit_u100").value, "IU")
        elif "mL" not in dose and not has_u100:
            reading.flags.add("bare_units")
    if reading.weekly_total and reading.weekly_total.unit == "unit_u100" and not has_u100:
        reading.flags.add("bare_units")


def _weekly_mg(reading: Reading, strengths: list[Strength]) -> tuple[float | None, float | None]:
    """(mg a week, mg an intake), adding the reasons for a refusal."""
    if reading.unequal:
        total = 0.0
        for dose, rate in reading.unequal:
            found = milligrams(dose, strengths, rate)
            reading.flags |= found.flags
            if found.mg is None:
                return None, None
            total += found.mg * rate
        return total, None
    if None in reading.dose:
        mg = _bare_milligrams(reading.dose, strengths)
        return (mg * reading.rate if mg is not None and reading.rate else None), mg
    found = milligrams(reading.dose, strengths, reading.rate)
    reading.flags |= found.flags
    if reading.stated_weekly_mg is not None:
        if found.mg is None:
            return reading.stated_weekly_mg, None
        if (
            reading.rate is None
            or abs(found.mg * reading.rate - reading.stated_weekly_mg) > 0.02 * reading.stated_weekly_mg
        ):
            reading.flags.add("amount_conflict")
            return None, found.mg
    if reading.weekly_total:
        total = milligrams({reading.weekly_total.unit: reading.weekly_total}, strengths, None)
        return total.mg, found.mg
    if found.mg is None or reading.rate is None:
        return None, found.mg
    return found.mg * reading.rate, found.mg


def _maximum(tokens: list[Token], reading: Reading, *, is_prn: bool) -> None:
    """A ceiling is the frequency of a PRN dose; 'up to twice daily' without PRN is a range."""
    for token in tokens:
        if token.kind != k.MAXIMUM or not isinstance(token.value, tuple):
            continue
        amount, rate, number = token.value
        if not is_prn:
            if token.text == "up to":
                reading.flags.add("range_frequency")
                reading.rate = None
            elif _exceeds(token.value, reading):
                reading.flags.add("maximum_conflict")
                reading.rate = None
            continue
        own = reading.dose.get(amount.unit) if amount else None
        if rate is None:
            reading.rate = reading.rate
        elif own and own.value > 0:
            reading.rate = amount.value * rate / own.value
        elif amount and amount.unit == "dose":
            reading.rate = amount.value * rate
        elif amount is None:
            reading.rate = rate * (number or 1.0)


def _exceeds(ceiling: tuple[Amount | None, float | None, float | None], reading: Reading) -> bool:
    """Whether the dose as read is above the ceiling the sig states, where the two can be compared."""
    amount, rate, number = ceiling
    if rate is None or reading.rate is None:
        return False
    if amount is None:
        return reading.rate > rate * (number or 1.0) * 1.01
    own = reading.dose.get(amount.unit)
    return own is not None and own.value * reading.rate > amount.value * rate * 1.01


def _strengths(row: _Row, reading: Reading, tokens: list[Token], drug: str | None) -> list[Strength]:
    """The row's strength and the sig's own; those that the sig gives other drugs are left out."""
    stated: list[Strength] = []
    last_drug: str | None = None
    owners: dict[int, str | None] = {}
    for token in tokens:
        if token.kind == k.DRUG:
            last_drug = token.value
        elif token.kind == k.STRENGTH:
            owners[id(token.value)] = last_drug
    for s in reading.strengths:
        owner = owners.get(id(s))
        if owner is None or drug is None or owner == drug or len(reading.strengths) == 1:
            stated.append(s)
    if row.ambiguous and not any(s.unit == "mg" for s in stated):
        reading.flags.add("ambiguous_strength")
    return [*([row.strength] if row.strength else []), *stated]


def _as_directed(tokens: list[Token]) -> bool:
    return any(t.kind == k.AS_DIRECTED for t in tokens)


def _without_sig(row: _Row, flags: set[str], language: str | None) -> Sig:
    settled = reconcile(None, 0.0, frozenset(flags), row.supplied)
    return Sig(
        mg_per_week=settled.mg_per_week,
        confidence=confidence_of(flags, has_reading=settled.mg_per_week is not None),
        flags=tuple(sorted(flags)),
        language=language,
        supplied_mg_per_week=row.supplied,
        source=settled.source,
    )


def parse(
    text: str | None,
    *,
    drug: str | None = None,
    strength: str | None = None,
    quantity: float | None = None,
    days_supply: float | None = None,
) -> Sig:
    """What a prescription instruction says about dose; never raises, never guesses.

    Args:
        text: the sig as written, in English, Spanish, German or French.
        drug: the row's drug or product name; decides which strength of a combined product counts.
        strength: the row's strength text, e.g. '1 mg', '200 mg/mL', '1 MG Oral Tablet'; else read from `drug`.
        quantity: dispensed pieces, mL or g, as the strength counts them.
        days_supply: days that the quantity was dispensed for.

    Returns:
        The reading with its confidence and reason codes; see `Sig` and docs/methods/sig.md.
    """
    row = _Row(drug, strength, quantity, days_supply)
    if text is None or not text.strip():
        return _without_sig(row, {"no_sig"}, None)
    if len(text) > LONGEST_TEXT:
        return _without_sig(row, {"too_long"}, None)
    tokens, language = tokenize(text)
    has_u100 = any(t.kind == k.U100 for t in tokens)
    thousands = language not in (None, "en") and any(t.kind == k.NUMBER and t.text == "thousands" for t in tokens)
    tokens = rewrite_all(rewrite(tokens, _INSULIN_SYRINGE), _GRAMMAR)
    has_u100 = has_u100 or any(t.kind == k.U100 for t in tokens)  # '100 units = 1 mL'
    names = {t.value for t in tokens if t.kind == k.DRUG}
    own_drug = row.drug or (next(iter(names)) if len(names) == 1 else None)
    tokens, flags = _own_drug(tokens, own_drug)
    is_prn = any(t.kind == k.AS_NEEDED for t in tokens)
    directed = _as_directed(tokens)
    instruction = cut(tokens)
    flags |= instruction.flags | ({"ambiguous_number"} if thousands else set())
    if "stop" in flags:
        return Sig(confidence="none", flags=("stop",), language=language, supplied_mg_per_week=row.supplied)
    reading = read(instruction)
    reading.flags |= flags
    if is_prn:
        reading.flags.add("prn")
    _maximum(instruction.base, reading, is_prn=is_prn)
    strengths = _strengths(row, reading, tokens, own_drug)
    _named_unit(reading, row, strengths, own_drug)
    _syringe_units(reading, row, own_drug, has_u100)
    _missing_parts(reading, instruction.base, directed, is_prn)
    if not strengths and "total" not in text.casefold():
        _total_or_each(reading)
    mg, mg_intake = _weekly_mg(reading, strengths)
    beside = "testosterone" in names or "testost" in row.text
    return _assembled(reading, row, mg, mg_intake, own_drug, language, is_prn=is_prn, beside_testosterone=beside)


def _total_or_each(reading: Reading) -> None:
    """'2 tablets (1 mg)' without a strength: 1 mg may be the total or each; below one piece the total is assumed."""
    count = next((a.value for unit, a in reading.dose.items() if unit in COUNTED), 1.0)
    if "mg" in reading.dose and count != 1.0:
        reading.flags.add("ambiguous_total" if count > 1.0 else "total_assumed")


def _missing_parts(reading: Reading, base: list[Token], directed: bool, is_prn: bool) -> None:
    unclear = {
        "range_frequency",
        "ambiguous_frequency",
        "frequency_conflict",
        "once",
        "steps",
        "several_drugs",
        "conditional_use",
    }
    if reading.rate is None and not reading.flags & unclear:
        if any(t.kind == k.SHOT_DAY for t in base):
            reading.flags.add("day_of_injection")
        elif directed:
            reading.flags.add("as_directed")
        elif not is_prn and reading.weekly_total is None:
            reading.flags.add("no_frequency")
    stated = reading.dose or reading.unequal or reading.weekly_total
    if not stated and not reading.flags & {
        "range_amount",
        "amount_conflict",
        "steps",
        "several_drugs",
        "as_directed",
        "conditional_use",
    }:
        reading.flags.add("as_directed" if directed else "no_amount")


def _assembled(
    reading: Reading,
    row: _Row,
    mg: float | None,
    mg_intake: float | None,
    drug: str | None,
    language: str | None,
    *,
    is_prn: bool,
    beside_testosterone: bool,
) -> Sig:
    flags = reading.flags
    amount = next(iter(reading.dose.values()), None)
    if flags & {"weight_based", "several_drugs"}:
        amount, reading.rate = None, None
    if flags & _BLANKING or not (mg is not None and 0 < mg < float("inf")):
        mg = None
    unit = amount.unit if amount else next((u for dose, _ in reading.unequal for u in dose), None)
    if mg is not None:
        per_day = mg_intake * max(1.0, reading.rate / 7.0) if mg_intake is not None and reading.rate else None
        if is_implausible(
            drug,
            mg,
            per_day,
            unit,
            beside_testosterone=beside_testosterone and drug != "testosterone",
            is_applied=row.gel,
        ):
            flags.add("implausible_dose")
        if is_supply_conflict(mg, row.supplied):
            flags.add("supply_conflict")
    is_often = is_more_often_than_labelled(drug, reading.rate, is_injected=row.is_injected(unit))
    if is_daily_for_weekly(mg, row.supplied, is_more_often_than_labelled=is_often):
        flags.add("daily_for_weekly")
    has_reading = bool(amount or reading.rate or mg is not None or reading.unequal or flags & {"range_amount"})
    settled = reconcile(mg, 1.0, frozenset(flags), row.supplied, is_more_often_than_labelled=is_often)
    has_reading = has_reading or settled.mg_per_week is not None
    confidence = confidence_of(flags, has_reading=has_reading)
    durations = [days for days in reading.courses if days]
    return Sig(
        amount=amount.value if amount else None,
        unit=amount.unit if amount else None,
        times_per_week=reading.rate,
        is_prn=is_prn,
        mg_per_week=settled.mg_per_week,
        confidence=confidence,
        flags=tuple(sorted(flags)),
        language=language,
        duration_days=durations[0] if len(durations) == 1 else None,
        supplied_mg_per_week=row.supplied,
        source=settled.source,
    )
