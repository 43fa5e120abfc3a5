"""Milligrams of one intake: amounts in mg, pieces, volumes and syringe units against the strengths that are known."""

from dataclasses import dataclass, field

from pipelines.domain.sig.kinds import Amount
from pipelines.domain.sig.reading import Dose
from pipelines.domain.sig.strength import CONTAINERS, COUNTED, Strength

SYRINGE_UNITS_PER_ML = 100.0  # U-100
_PIECES = frozenset(
    {
        "tablet",
        "capsule",
        "packet",
        "patch",
        "pellet",
        "implant",
        "ampoule",
        "syringe",
        "injection",
        "dose",
        "troche",
        "suppository",
        "tube",
    }
)
_ROUNDING = 0.02  # '1/3 tablet (0.33 mg)' agrees


@dataclass(slots=True)
class Milligrams:
    """mg of one intake, or None with the reason; `values` are all the ways it was computed."""

    mg: float | None = None
    flags: set[str] = field(default_factory=set)


def _close(first: float, second: float) -> bool:
    return abs(first - second) <= _ROUNDING * max(abs(first), abs(second))


def _of_volume(millilitres: float, strengths: list[Strength]) -> list[float]:
    return [millilitres * s.rate for s in strengths if s.unit == "mg" and s.per_unit == "mL"]


def _of_count(amount: Amount, strengths: list[Strength]) -> list[float]:
    found = []
    for s in strengths:
        if s.unit == "mg" and (
            s.per_unit == amount.unit or (s.per_unit in (None, *_PIECES) and amount.unit in _PIECES)
        ):
            found.append(amount.value * s.rate)
        elif s.unit == "mL" and s.per_unit == amount.unit:
            found += _of_volume(amount.value * s.rate, strengths)
        elif (
            s.unit == "mg"
            and amount.unit in CONTAINERS
            and s.per_unit in ("mL", "g")
            and (s.per != 1.0 or amount.unit == "ampoule")
        ):
            found.append(amount.value * s.value)
    return found


def _ways(amount: Amount, strengths: list[Strength], rate: float | None) -> list[float]:
    if amount.unit == "mg":
        return [amount.value]
    if amount.unit == "mL":
        return _of_volume(amount.value, strengths)
    if amount.unit == "unit_u100":
        return _of_volume(amount.value / SYRINGE_UNITS_PER_ML, strengths)
    if amount.unit == "g":
        return [amount.value * s.rate for s in strengths if s.unit == "mg" and s.per_unit == "g"]
    if amount.unit == "patch" and rate == 7.0:
        daily = [amount.value * s.rate for s in strengths if s.per_unit == "day"]
        if daily:
            return daily
    if amount.unit in COUNTED:
        return _of_count(amount, strengths)
    return []


def milligrams(dose: Dose, strengths: list[Strength], rate: float | None) -> Milligrams:
    """mg of one intake. Amounts in several units must agree within 2 %, else `amount_conflict` and no mg.

    Args:
        dose: the amounts of one intake by unit, without bare numbers.
        strengths: what counts for the row's drug, from the row and from the sig.
        rate: times a week, for patches that release by the day.
    """
    found = Milligrams()
    values = [value for amount in dose.values() for value in _ways(amount, strengths, rate)]
    volume, units = dose.get("mL"), dose.get("unit_u100")
    if volume and units and not _close(volume.value, units.value / SYRINGE_UNITS_PER_ML):
        found.flags.add("amount_conflict")
        return found
    pieces = [a for a in dose.values() if a.unit in COUNTED and a.unit != "injection"]
    if not values:
        if dose and "IU" not in dose:
            found.flags.add("no_conversion" if any(s.unit == "mg" for s in strengths) else "no_strength")
        return found
    if not all(_close(values[0], value) for value in values):
        found.flags.add("amount_conflict" if len(dose) > 1 else "strength_conflict")
        return found
    if len(pieces) > 1:
        found.flags.add("amount_conflict")
        return found
    found.mg = dose["mg"].value if "mg" in dose else values[0]
    return found


def supplied_mg_per_week(strength: Strength | None, quantity: float | None, days_supply: float | None) -> float | None:
    """quantity x strength x 7 / days supply, mg a week; quantity in the strength's own unit (pieces, mL or g).

    None where a part is missing, not positive, or the strength is per pump, click or day.
    """
    if strength is None or strength.unit != "mg" or quantity is None or days_supply is None:
        return None
    if not (0 < quantity < float("inf") and 0 < days_supply < float("inf")):
        return None
    if strength.per_unit is not None and strength.per_unit not in ("mL", "g", *_PIECES):
        return None
    return quantity * strength.rate * 7.0 / days_supply
