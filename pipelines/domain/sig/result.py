"""What a read sig is, its reason codes, and how much each reason takes from confidence."""

from dataclasses import dataclass
from typing import Final, Literal

Confidence = Literal["high", "medium", "low", "none"]

CONFIDENCE_VALUE: Final[dict[str, float]] = {"high": 0.9, "medium": 0.6, "low": 0.3, "none": 0.0}
_ORDER: Final = ("none", "low", "medium", "high")

#: Best confidence that a reason leaves. `high`: told for information only, the row is not flagged.
REASONS: Final[dict[str, Confidence]] = {
    "unequal_doses": "high",  # doses differ between named days: amount blank, mg/week the sum
    "no_strength": "high",  # amount readable, but no strength is given to make mg of it
    "conditional": "medium",  # a change or hold on a condition; the base step stands
    "bare_units": "medium",  # syringe units without mL, U-100 or an insulin syringe
    "implausible_dose": "medium",  # above the labelled rate
    "supply_conflict": "medium",  # quantity x strength x 7 / days differs by more than 25 %
    "unread_words": "medium",  # a word outside the lexicon
    "cycle": "medium",  # days on and off that are no week, averaged
    "other_drug": "medium",  # the sig doses another drug too; the row's own was read
    "no_unit": "medium",  # a bare number
    "no_conversion": "medium",  # the strength given does not fit the unit of the sig
    "british_interval": "medium",  # '12 weekly' read as every 12 weeks
    "ambiguous_number": "medium",  # '1,500' where the decimal sign may be a comma
    "daily_for_weekly": "low",  # 'twice daily' beside a supply for twice a week, more often than labelled: the supply's rate
    "ambiguous_strength": "low",  # several strengths, none of them the row's drug's
    "strength_conflict": "low",  # the sig's strength and the row's differ
    "ambiguous_frequency": "low",  # biweekly and kin
    "ambiguous_total": "low",  # 'split' without its period, '2 tablets (1 mg)' without a strength: total or each?
    "total_assumed": "medium",  # '1/2 tablet (0.5 mg)' without a strength: the mg taken as the total
    "range_amount": "low",
    "range_frequency": "low",
    "amount_conflict": "low",  # two amounts that do not agree
    "frequency_conflict": "low",  # two frequencies that do not agree
    "maximum_conflict": "low",  # the stated ceiling is below the stated dose
    "prn": "low",
    "steps": "low",
    "conditional_use": "low",  # the whole dose hangs on a condition
    "day_of_injection": "low",
    "no_sig": "low",
    "as_directed": "low",
    "no_frequency": "low",
    "no_amount": "low",
    "once": "low",
    "per_site": "low",  # 'to each shoulder': the number of sites is unknown
    "weight_based": "low",
    "several_drugs": "low",
    "unread_number": "low",
    "too_long": "none",
    "stop": "none",
}


@dataclass(frozen=True, slots=True)
class Sig:
    """A prescription instruction as read.

    Attributes:
        amount: of `unit` per intake; None where unstated, a range or unequal.
        unit: mg, g, mL, tablet, capsule, unit_u100 (1/100 mL), IU, pump, click, patch, pellet, packet, ampoule, ...
        times_per_week: intakes a week; with `is_prn` the stated maximum.
        mg_per_week: drug in mg a week, by the sig, or by quantity where the sig refers to it (`source`).
        confidence: 'high' unless a reason says less; below 'high' the row is flagged.
        flags: reason codes in order (`REASONS`).
        language: en, es, de, fr or None.
        duration_days: length of the course in days where stated.
        supplied_mg_per_week: quantity x strength x 7 / days supply where all are known.
        source: 'sig', 'quantity' or 'not_recorded', the origin of `mg_per_week`.
    """

    amount: float | None = None
    unit: str | None = None
    times_per_week: float | None = None
    is_prn: bool = False
    mg_per_week: float | None = None
    confidence: Confidence = "none"
    flags: tuple[str, ...] = ()
    language: str | None = None
    duration_days: float | None = None
    supplied_mg_per_week: float | None = None
    source: Literal["sig", "quantity", "not_recorded"] = "not_recorded"

    @property
    def confidence_value(self) -> float:
        """Confidence as a number: high 0.9, medium 0.6, low 0.3, none 0."""
        return CONFIDENCE_VALUE[self.confidence]

    @property
    def is_flagged(self) -> bool:
        """Whether anything lowers confidence."""
        return self.confidence != "high"


def confidence_of(flags: set[str], *, has_reading: bool) -> Confidence:
    """The lowest confidence that the reasons leave; 'none' where nothing was read."""
    if not has_reading:
        return "none"
    worst = min((_ORDER.index(REASONS[flag]) for flag in flags), default=3)
    return _ORDER[worst]  # type: ignore[return-value]
