"""Strengths: '1 mg', '200 mg/mL', '0.5 mg/0.1 mL', '1.62 %', product names and combined products.

What a sig does with a strength is the dose's matter.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from pipelines.domain.sig import kinds as k
from pipelines.domain.sig.lexer import tokenize
from pipelines.domain.sig.rewriting import Rule, rewrite

MASS_MG = {"mg": 1.0, "mcg": 1e-3, "g": 1e3}
VOLUMES_ML = {"mL": 1.0, "uL": 1e-3}
COUNTED = frozenset(
    {"tablet", "capsule", "patch", "pellet", "implant", "click", "pump", "spray", "packet", "tube", "application", "ampoule",
     "vial", "syringe", "dose", "drop", "troche", "suppository", "injection"}
)  # fmt: skip
CONTAINERS = frozenset({"ampoule", "syringe", "injection", "packet", "tube", "implant", "dose"})


@dataclass(frozen=True, slots=True)
class Strength:
    """`value` of `unit` ('mg', 'mL', 'IU') in `per` of `per_unit`; `per_unit` None: in one piece of the product."""

    value: float
    unit: str = "mg"
    per: float = 1.0
    per_unit: str | None = None
    drug: str | None = None

    @property
    def rate(self) -> float:
        """`unit` per one `per_unit`."""
        return self.value / self.per


def as_base(value: float, unit: str) -> tuple[float, str]:
    """Micrograms as mg, microlitres as mL; other units as they are."""
    if unit == "mcg":
        return value * MASS_MG["mcg"], "mg"
    if unit == "uL":
        return value * VOLUMES_ML["uL"], "mL"
    return value, unit


def _ratio(tokens: list[k.Token]) -> list[k.Token] | None:
    numbers = [t.value for t in tokens if t.kind == k.NUMBER]
    units = [t.value for t in tokens if t.kind == k.UNIT]
    value, unit = as_base(numbers[0], units[0])
    per, per_unit = as_base(numbers[1] if len(numbers) > 1 else 1.0, units[1])
    if unit == "g" and per_unit != "g":
        value, unit = value * 1e3, "mg"
    if per <= 0 or value <= 0 or unit == per_unit:
        return None
    if unit == "unit_u100":
        unit = "IU"
    if unit in ("mg", "IU") and (per_unit in ("mL", "g") or per_unit in COUNTED):
        return [k.Token(k.STRENGTH, Strength(value, unit, per, per_unit))]
    if unit == "mL" and per_unit in COUNTED:
        return [k.Token(k.STRENGTH, Strength(value, unit, per, per_unit))]
    return None


def _percent(tokens: list[k.Token]) -> list[k.Token] | None:
    value = tokens[0].value
    return [k.Token(k.STRENGTH, Strength(value * 10.0, "mg", 1.0, "g"))] if 0 < value <= 100 else None


def _definition(tokens: list[k.Token]) -> list[k.Token] | None:
    """'1 click = 0.25 mL', '1 tablet = 1 mg'."""
    (per, per_unit), (value, unit) = ((tokens[at].value, tokens[at + 1].value) for at in (0, 3))
    if {per_unit, unit} == {"unit_u100", "mL"}:
        units, volume = (per, value) if unit == "mL" else (value, per)
        return [k.Token(k.U100) if units == 100 * volume else k.Token(k.UNREAD, "number", "number")]
    return _ratio([k.Token(k.NUMBER, value), k.Token(k.UNIT, unit), k.Token(k.NUMBER, per), k.Token(k.UNIT, per_unit)])


RULES = (
    Rule(r"NU=NU", _definition),
    Rule(r"NU/NU", _ratio),
    Rule(r"NU/U", _ratio),
    Rule(r"N%", _percent),
)


def _with_drugs(tokens: list[k.Token]) -> list[Strength]:
    """Strengths in order; each belongs to the drug just before it, or just after where a strength comes first."""
    found: list[Strength] = []
    drug: str | None = None
    leads = False
    for at, token in enumerate(tokens):
        if token.kind == k.DRUG:
            drug = token.value
        strength = token.value if token.kind == k.STRENGTH else None
        mass = token.kind == k.NUMBER and at + 1 < len(tokens) and tokens[at + 1].kind == k.UNIT
        if mass and tokens[at + 1].value in ("mg", "mcg", "g"):
            value = token.value * MASS_MG[tokens[at + 1].value]
            unit = next((t.value for t in tokens[at + 2 : at + 4] if t.kind == k.UNIT and t.value in COUNTED), None)
            strength = (
                Strength(value, "mg", 1.0, unit if unit not in ("dose", "injection") else None) if value > 0 else None
            )
        elif mass and tokens[at + 1].value in ("IU", "unit_u100"):
            strength = Strength(token.value, "IU") if token.value > 0 else None
        if strength is None:
            continue
        following = next((t.value for t in tokens[at + 1 :] if t.kind == k.DRUG), None)
        if not found and drug is None:
            leads = True  # '200 mg/mL testosterone / 0.5 mg/mL anastrozole'
        owner = following if leads and following else drug
        found.append(Strength(strength.value, strength.unit, strength.per, strength.per_unit, owner))
    return found


@lru_cache(maxsize=4096)
def parse_strengths(text: str | None) -> tuple[Strength, ...]:
    """The strengths that a strength text or product name states; one per active substance of a combined product.

    Release rates ('4 mg/24 hr') are the mg of one patch a day and keep `per_unit` 'day'.
    """
    if not text:
        return ()
    line = text[:500]
    tokens, _ = tokenize(re.sub(r"(?<=[0-9])(?=[A-Za-z%])", " ", line))
    tokens = rewrite(tokens, Rule(r"NU/(?:N[Pp]|[Pp])", _per_day))
    for rule in RULES:
        tokens = rewrite(tokens, rule)
    return tuple(_with_drugs(tokens))


def _per_day(tokens: list[k.Token]) -> list[k.Token] | None:
    value, unit = as_base(tokens[0].value, tokens[1].value)
    days = tokens[-1].value * (tokens[3].value if len(tokens) == 5 else 1.0)
    return (
        [k.Token(k.STRENGTH, Strength(value, unit, days, "day"))] if days > 0 and value > 0 and unit == "mg" else None
    )


@lru_cache(maxsize=4096)
def form_of(text: str | None) -> str | None:
    """The countable form a product or strength text names ('1 MG Oral Tablet': tablet), if it names one alone."""
    if not text:
        return None
    tokens, _ = tokenize(text[:500])
    forms = {t.value for t in tokens if t.kind == k.UNIT and t.value in COUNTED}
    return forms.pop() if len(forms) == 1 else None


@lru_cache(maxsize=4096)
def drug_of(text: str | None) -> str | None:
    """The canonical name of the first drug a text names; None where it names none that is known."""
    if not text:
        return None
    tokens, _ = tokenize(text[:500])
    return next((t.value for t in tokens if t.kind == k.DRUG), None)


def choose(strengths: tuple[Strength, ...], drug: str | None) -> tuple[Strength | None, bool]:
    """The strength that counts for `drug`, and whether the choice is ambiguous.

    One strength counts whatever its name. Of several, the row's own drug decides; without a match none counts.
    """
    if not strengths:
        return None, False
    own = tuple({(s.value, s.unit, s.per, s.per_unit): s for s in strengths if drug and s.drug == drug}.values())
    named = {s.drug for s in strengths if s.drug}
    distinct = {(s.value, s.unit, s.per, s.per_unit) for s in strengths}
    if len(own) == 1:
        return own[0], False
    if len(distinct) == 1 and (drug is None or not named or drug in named or len(strengths) == 1):
        return strengths[0], False
    return None, True
