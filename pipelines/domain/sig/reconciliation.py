"""One weekly dose of a row from its sig and its supply, with the origin. Scalar; the same rule is mirrored in SQL."""

from dataclasses import dataclass
from typing import Final, Literal

from pipelines.domain.sig.result import CONFIDENCE_VALUE

SUPPLY_TOLERANCE: Final = 0.25
REFERS_TO_SUPPLY: Final = frozenset({"no_sig", "as_directed"})


@dataclass(frozen=True, slots=True)
class Reconciled:
    """mg a week, where it comes from, confidence 0 to 1, and whether sig and supply disagree."""

    mg_per_week: float | None
    source: Literal["sig", "quantity", "not_recorded"]
    confidence: float
    is_conflict: bool


def is_supply_conflict(sig_mg_per_week: float | None, supplied_mg_per_week: float | None) -> bool:
    """abs(supplied - sig) > 0.25 x sig, both known; vials billed as 28 days conflict too."""
    if sig_mg_per_week is None or supplied_mg_per_week is None:
        return False
    return abs(supplied_mg_per_week - sig_mg_per_week) > SUPPLY_TOLERANCE * sig_mg_per_week


def is_daily_for_weekly(
    sig_mg_per_week: float | None, supplied_mg_per_week: float | None, *, is_more_often_than_labelled: bool
) -> bool:
    """A slip of the pen: the sig doses by the day, more often than the label, and the supply says the same by the week."""
    if not is_more_often_than_labelled or sig_mg_per_week is None or supplied_mg_per_week is None:
        return False
    return abs(7.0 * supplied_mg_per_week - sig_mg_per_week) <= SUPPLY_TOLERANCE * sig_mg_per_week


def reconcile(
    sig_mg_per_week: float | None,
    sig_confidence: float,
    flags: tuple[str, ...] | frozenset[str],
    supplied_mg_per_week: float | None,
    *,
    is_more_often_than_labelled: bool = False,
) -> Reconciled:
    """The weekly dose of one row, by this rule, first line that holds:

    0. `is_daily_for_weekly`: source 'quantity', the supplied rate, confidence 0.3, in conflict.
    1. `sig_mg_per_week` known: source 'sig', that rate. Confidence is the sig's; where supplied is known and
       abs(supplied - sig) > 0.25 x sig, it is least(confidence, 0.6), flag `supply_conflict`, the rate stays the sig's.
    2. the flags hold `no_sig` or `as_directed`, hold neither `prn`, `stop`, `steps` nor `conditional_use`, and supplied is
       known: source 'quantity', the supplied rate, confidence 0.3.
    3. else NULL, source 'not_recorded', confidence 0. A refused sig (range, prn, steps, ...) is never filled by the supply.

    Args:
        sig_mg_per_week: mg a week by the sig alone.
        sig_confidence: 0 to 1 (`Sig.confidence_value`).
        flags: the sig's reason codes.
        supplied_mg_per_week: quantity x strength x 7 / days supply, mg a week.
        is_more_often_than_labelled: of the sig's intakes (`labelled`).
    """
    slip = is_daily_for_weekly(
        sig_mg_per_week, supplied_mg_per_week, is_more_often_than_labelled=is_more_often_than_labelled
    )
    if slip:
        return Reconciled(supplied_mg_per_week, "quantity", CONFIDENCE_VALUE["low"], True)
    if sig_mg_per_week is not None:
        conflict = is_supply_conflict(sig_mg_per_week, supplied_mg_per_week)
        confidence = min(sig_confidence, CONFIDENCE_VALUE["medium"]) if conflict else sig_confidence
        return Reconciled(sig_mg_per_week, "sig", confidence, conflict)
    refused = {"prn", "stop", "steps", "conditional_use"} & set(flags)
    if supplied_mg_per_week is not None and REFERS_TO_SUPPLY & set(flags) and not refused:
        return Reconciled(supplied_mg_per_week, "quantity", CONFIDENCE_VALUE["low"], False)
    return Reconciled(None, "not_recorded", CONFIDENCE_VALUE["none"], False)
