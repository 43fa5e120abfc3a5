"""The highest labelled rate of each drug, in mg and intakes a week, and what is above it. Nothing of text is read here.

Source: US prescribing information: Arimidex 1 mg/d, Femara 2.5 mg/d, Aromasin 25 mg/d, Soltamox 40 mg/d, Evista 60 mg/d,
Fareston 60 mg/d, Clomid 100 mg/d, Faslodex 500 mg every two weeks while loading, Zoladex 3.6 mg every 28 days;
testosterone: Depo-Testosterone 400 mg every two weeks, AndroGel 100 mg/d, Axiron 120 mg/d, Jatenzo 396 mg twice daily.
Intakes: Arimidex, Femara and Aromasin once a day; injected testosterone once every one to four weeks.
"""

from typing import Final

LABELLED_MG_PER_WEEK: Final[dict[str, float]] = {
    "anastrozole": 7.0,
    "letrozole": 17.5,
    "exemestane": 175.0,
    "tamoxifen": 280.0,
    "raloxifene": 420.0,
    "toremifene": 420.0,
    "clomiphene": 700.0,
    "fulvestrant": 250.0,
    "goserelin": 0.9,
}
TESTOSTERONE_INJECTED_MG_PER_WEEK: Final = 200.0
TESTOSTERONE_APPLIED_MG_PER_WEEK: Final = 840.0
TESTOSTERONE_ORAL_MG_PER_WEEK: Final = 5544.0
ANASTROZOLE_BESIDE_TESTOSTERONE_MG_PER_WEEK: Final = 3.5
ANASTROZOLE_MG_PER_DAY: Final = 1.0
_APPLIED_UNITS: Final = frozenset({"pump", "g", "packet", "application", "click", "patch", "tube", "spray"})
_ORAL_UNITS: Final = frozenset({"tablet", "capsule", "troche"})
_TOLERANCE: Final = 1.01
_DAILY: Final = 7.0
LABELLED_INTAKES_PER_WEEK: Final = dict.fromkeys(("anastrozole", "letrozole", "exemestane"), 7.0)
TESTOSTERONE_INJECTED_INTAKES_PER_WEEK: Final = 1.0


def _limit(drug: str, unit: str | None, is_applied: bool) -> float | None:
    if drug != "testosterone":
        return LABELLED_MG_PER_WEEK.get(drug)
    if unit in ("pellet", "implant"):
        return None
    if unit in _ORAL_UNITS:
        return TESTOSTERONE_ORAL_MG_PER_WEEK
    return (
        TESTOSTERONE_APPLIED_MG_PER_WEEK if is_applied or unit in _APPLIED_UNITS else TESTOSTERONE_INJECTED_MG_PER_WEEK
    )


def is_implausible(
    drug: str | None,
    mg_per_week: float,
    mg_per_intake: float | None,
    unit: str | None,
    *,
    beside_testosterone: bool,
    is_applied: bool,
) -> bool:
    """Whether a dose is above the labelled rate; anastrozole also above 3.5 mg/week where testosterone is named.

    Args:
        drug: canonical name, or None (then nothing is implausible).
        mg_per_week: mg a week.
        mg_per_intake: mg at one time, or None.
        unit: canonical unit of the sig.
        beside_testosterone: the sig or the product names testosterone.
        is_applied: a gel or cream.
    """
    if drug is None:
        return False
    if drug == "anastrozole":
        if (
            mg_per_intake is not None
            and mg_per_intake > ANASTROZOLE_MG_PER_DAY * _TOLERANCE
            and unit not in ("pellet", "implant")
        ):
            return True
        if beside_testosterone and mg_per_week > ANASTROZOLE_BESIDE_TESTOSTERONE_MG_PER_WEEK * _TOLERANCE:
            return True
    limit = _limit(drug, unit, is_applied)
    return limit is not None and mg_per_week > limit * _TOLERANCE


def is_more_often_than_labelled(drug: str | None, times_per_week: float | None, *, is_injected: bool) -> bool:
    """Whether a daily or more frequent intake is more often than the label has it: 'daily' may stand for 'weekly'.

    Args:
        drug: canonical name; only aromatase inhibitors and injected testosterone have a labelled interval here.
        times_per_week: intakes a week, or None.
        is_injected: an injection.
    """
    labelled = LABELLED_INTAKES_PER_WEEK.get(drug or "")
    if drug == "testosterone" and is_injected:
        labelled = TESTOSTERONE_INJECTED_INTAKES_PER_WEEK
    return (
        labelled is not None and times_per_week is not None and times_per_week >= _DAILY and times_per_week > labelled
    )
