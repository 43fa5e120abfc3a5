"""Prescription instructions in words: one text per distinct regimen, prescriber language, kind of wording and variant.

Texts are made once per distinct combination and joined to the rows. The words are in `sig_phrases`; which kind of wording
a row gets is decided in `drugs`. The true dose is never read back from the text.
"""

from dataclasses import dataclass
from math import floor, log10

import polars as pl

from pipelines.synth.omop import sig_phrases as words

VARIANTS = 24
KEYS = (
    "ingredient",
    "form",
    "route",
    "strength_mg",
    "amount_per_intake",
    "intakes_per_week",
    "language",
    "kind",
    "variant",
)
KINDS = (
    "plain",
    "sig_missing",
    "sig_as_directed",
    "sig_range",
    "sig_as_needed",
    "sig_titration",
    "sig_stop",
    "sig_weekdays",
    "sig_interval_code",
    "sig_ambiguous",
    "sig_daily_for_weekly",
    "sig_with_injection",
    "sig_syringe_units",
)
_COUNTED = ("tablet", "capsule")
_GIVEN_BY_STAFF = ("pellet", "implant", "infusion")
_ROUTE = {"oral": "oral", "intramuscular": "im", "subcutaneous": "sc"}
_COMMA = ("es", "de", "fr")


@dataclass(frozen=True, slots=True)
class Regimen:
    """What is taken, how often, and how the prescriber writes."""

    ingredient: str
    form: str
    route: str
    strength_mg: float
    amount_per_intake: float
    intakes_per_week: float
    language: str
    kind: str
    variant: int

    @property
    def mg(self) -> float:
        """mg per intake."""
        return self.strength_mg * self.amount_per_intake


def with_texts(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, with columns `KEYS`, plus `sig` (NULL where none is written) and `is_fraction` (parts of tablets in words)."""
    distinct = rows.select(KEYS).unique(maintain_order=True)
    found = [_text(Regimen(*values)) for values in distinct.iter_rows()]
    texts = distinct.with_columns(
        sig=pl.Series([text for text, _ in found], dtype=pl.String),
        is_fraction=pl.Series([part for _, part in found], dtype=pl.Boolean),
    )
    return rows.join(texts, on=KEYS, how="left", maintain_order="left")


def _pick(choices: tuple[str, ...], variant: int) -> str:
    return choices[variant % len(choices)]


def _number(value: float, language: str) -> str:
    # Three decimals, and below 1 four digits that count: 0.0125 mL is not 0.013 mL.
    decimals = 3 if value >= 1 or value <= 0 else 3 - floor(log10(value))
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if language in _COMMA else text


def _text(r: Regimen) -> tuple[str | None, bool]:
    if r.kind == "sig_missing":
        return None, False
    if r.kind == "sig_as_directed":
        return _pick(words.AS_DIRECTED[r.language], r.variant), False
    if r.kind == "sig_stop":
        return _pick(words.STOP[r.language], r.variant), False
    if r.form in _GIVEN_BY_STAFF:
        return _given(r), False
    amount, is_part = _amount(r)
    route = _route(r)
    often = _often(r)
    if r.kind == "sig_titration":
        later = _frequency(r.language, r.intakes_per_week, r.variant + 1)
        doubled = _mg_or_ml(r, 2 * r.amount_per_intake)
        then, end = words.THEN[r.language]
        return _join(_verb(r), amount, route, often, then, doubled, later, "", "") if r.variant % 2 else _join(
            _verb(r), amount, route, often, then, doubled, later, end
        ), is_part
    return _join(_verb(r), amount, route, often), is_part


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _given(r: Regimen) -> str:
    count = _number(r.amount_per_intake, r.language)
    mg = _number(r.strength_mg, r.language)
    return {
        "pellet": f"{count} pellets x {mg} mg implanted subcutaneously",
        "implant": f"{mg} mg implant SC",
        "infusion": f"{_number(r.mg, r.language)} mg IV infusion",
    }[r.form]


def _verb(r: Regimen) -> str:
    group = "oral" if r.form in _COUNTED else "gel" if r.form == "gel" else "injection"
    if r.form == "vaginal_tablet":
        return {"en_us": "Insert", "en_gb": "Insert", "es": "Insertar", "de": "", "fr": "Insérer"}[r.language]
    return _pick(words.VERB[r.language][group], r.variant // 2)


def _route(r: Regimen) -> str:
    choices = words.ROUTE_WORD[r.language].get(_ROUTE.get(r.route, ""), ("",))
    return _pick(choices, r.variant // 3)


def _unit_word(r: Regimen, count: float) -> str:
    form = r.form if r.form in _COUNTED else "tablet"
    word = _pick(words.UNIT_WORD[r.language][form], r.variant)
    if count <= 1 or word.endswith(".") or word in ("cp", "TABLET", "tab", "cap"):
        return word
    plural = {"Tablette": "Tabletten", "Kapsel": "Kapseln"}
    return plural.get(word, word + "s")


def _amount(r: Regimen) -> tuple[str, bool]:
    """The amount in words, and whether it speaks of a part of a tablet."""
    if r.kind == "sig_syringe_units":
        return f"{_number(r.amount_per_intake * 100, r.language)} {words.SYRINGE_UNITS[r.language]}", False
    if r.form not in _COUNTED and r.form != "vaginal_tablet":
        if r.kind == "sig_range":
            low, high = (_mg_or_ml(r, share * r.amount_per_intake) for share in (0.75, 1.0))
            return f"{low} {words.RANGE_WORD[r.language]} {high}", False
        return _mg_or_ml(r, r.amount_per_intake), False
    count = r.amount_per_intake
    if r.kind == "sig_range":
        low, high = (_number(share * count, r.language) for share in (1.0, 2.0))
        return f"{low} {words.RANGE_WORD[r.language]} {high} {_unit_word(r, 2 * count)}", count != round(count)
    if r.variant % 3 == 0 and r.kind != "sig_titration":
        return f"{_number(r.mg, r.language)} mg", False
    is_fraction = count != round(count)
    spoken = words.FRACTION_WORD[r.language].get(round(count, 4))
    text = f"{_pick(spoken, r.variant) if spoken else _number(count, r.language)} {_unit_word(r, count)}"
    return (f"{text} ({_number(r.mg, r.language)} mg)" if r.variant % 3 == 2 else text), is_fraction


def _mg_or_ml(r: Regimen, amount: float) -> str:
    if r.form == "injection":
        ml, mg = _number(amount, r.language), _number(amount * r.strength_mg, r.language)
        return (f"{ml} mL ({mg} mg)", f"{mg} mg", f"{ml} mL")[r.variant % 3]
    if r.form in _COUNTED or r.form == "vaginal_tablet":
        return f"{_number(amount, r.language)} {_unit_word(r, amount)}"
    return f"{_number(amount * r.strength_mg, r.language)} mg"


def _often(r: Regimen) -> str:
    language, variant = r.language, r.variant
    plain = _frequency(language, r.intakes_per_week, variant)
    if r.kind == "sig_as_needed":
        return _join(plain, _pick(words.PRN[language], variant))
    if r.kind == "sig_with_injection":
        return _pick(words.WITH_INJECTION[language], variant)
    if r.kind == "sig_ambiguous":
        return _pick(words.AMBIGUOUS[language], variant)
    if r.kind == "sig_daily_for_weekly":
        return _pick(words.FREQUENCY[language][14.0], variant)
    if r.kind == "sig_weekdays":
        return _pick(words.WEEKDAYS[language][r.intakes_per_week], variant)
    if r.kind == "sig_interval_code":
        return _pick(words.INTERVAL_CODES[r.intakes_per_week], variant)
    return plain


def _frequency(language: str, per_week: float, variant: int) -> str:
    phrases = words.FREQUENCY[language].get(per_week)
    if phrases:
        return _pick(phrases, variant)
    if per_week > 7:
        times = round(per_week / 7)
        return {"es": f"{times} veces al día", "de": f"{times}x täglich", "fr": f"{times} fois par jour"}.get(
            language, f"{times} times a day"
        )
    days = round(7 / per_week)
    months = round(days / 30.4375)
    if days > 100:
        return {
            "es": f"cada {months} meses",
            "de": f"alle {months} Monate",
            "fr": f"tous les {months} mois",
        }.get(language, f"every {months} months")
    return {"es": f"cada {days} días", "de": f"alle {days} Tage", "fr": f"tous les {days} jours"}.get(
        language, f"every {days} days"
    )
