"""Contracts of `models` about levels over calendar time: change within persons around each quarter, and change-points.

Distributions compared between places and nights stand in `models`. None of these tables is released.
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, text, whole
from pipelines.tables.contract import table

QUANTITIES = ("lab", "bmd")
PLACE_KINDS = ("laboratory", "densitometer", "care_site")
NO_CAUSE = "no_recorded_change"
_ITEM = "Analyte or skeletal site"
_PLACE = "Laboratory, device or care site; not_recorded where unknown"
_QUARTER = "Calendar quarter: four times the year, and 0 to 3"


@table("models.level_change", grain="one row per quantity, item, kind of place, place and quarter", unit="population")
class LevelChange(dy.Schema):
    """What changed within persons from before a calendar quarter to after it, as sums over pairs of results. Not for release."""

    quantity = text("What is measured", key=True, allowed=QUANTITIES)
    item_code = text(_ITEM, key=True)
    place_kind = text("Kind of place", key=True, allowed=PLACE_KINDS)
    place_code = text(_PLACE, key=True)
    quarter_number = whole(_QUARTER, key=True)
    n_pairs = whole("Persons (of scans: and sides) with a result before and one after the quarter", minimum=1)
    sum_log_change = number("Sum of natural logarithms of result after over result before", "1")
    sum_square = number("Sum of their squares", "1", minimum=0)
    sum_quarters_apart = whole("Sum of the quarters between the two results", minimum=2)
    n_other_place = whole("Pairs of two laboratories or devices", minimum=0)
    n_other_method = whole("Pairs of two classes of assay, or two models of densitometer", minimum=0)
    n_other_code = whole("Pairs of two result codes, or two versions of the analysis software", minimum=0)
    n_other_unit = whole("Pairs of two units as written", minimum=0)
    n_other_limit = whole("Pairs of two lower limits of quantification", minimum=0)


@table("models.change_point", grain="one row per quantity, item, kind of place, place and quarter", unit="population")
class ChangePoint(dy.Schema):
    """Whether the level of a place stepped in a calendar quarter, by how much, and what recorded change explains it."""

    quantity = text("What is measured", key=True, allowed=QUANTITIES)
    item_code = text(_ITEM, key=True)
    place_kind = text("Kind of place", key=True, allowed=PLACE_KINDS)
    place_code = text(_PLACE, key=True)
    quarter_number = whole(_QUARTER, key=True)
    starts_on = day("First day of the quarter")
    n_pairs = whole("Persons with a result before and one after the quarter", minimum=1)
    status = text(
        "Whether it could be judged: too_few_pairs of the place, too_few_quarters of the item, no_spread of the pairs",
        allowed=("evaluated", "too_few_pairs", "too_few_quarters", "no_spread"),
    )
    mean_quarters_apart = number("Mean time between the two results", "quarters", minimum=2)
    change_pct = number("Change beyond the usual one of the item", "%", optional=True)
    ci_low_pct = number("Lower 95 % limit, of this quarter alone", "%", optional=True)
    ci_high_pct = number("Upper 95 % limit, of this quarter alone", "%", optional=True)
    z = number("Change over its standard error, which counts how restless the item is everywhere", "1", optional=True)
    p_adjusted = number(
        "p-value times the number of quarters judged in all places", "1", optional=True, minimum=0, maximum=1
    )
    is_peak = flag("No other quarter of the place stands out more within the time between the results")
    cause_code = text(
        "What else changed in at least half of the pairs, divided by commas: laboratory, assay_class, result_code, unit, "
        "limit; device, model, software; no_recorded_change",
    )


@table(
    "models.evidence_drift", grain="one row per study, contrast, outcome, population and estimator", unit="population"
)
class EvidenceDrift(dy.Schema):
    """How far each estimate of tonight lies from the same one as published before, and why. Not for release."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    estimator = text("Estimator", key=True)
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    gate_status = text("Gate", allowed=("open", "closed", "waived"))
    previous_gate_status = text("Gate in the publication before", allowed=("open", "closed", "waived"), optional=True)
    n = whole("People behind the question, known before the gate", "{persons}", optional=True, minimum=0)
    n_change = whole("The same less that before", "{persons}", optional=True)
    largest_smd = number("Largest standardised difference after weighting", "1", optional=True, minimum=0)
    largest_smd_change = number("The same less that before", "1", optional=True)
    ease = number("Expected absolute systematic error", optional=True)
    ease_change = number("The same less that before", optional=True)
    estimate_change_se = number(
        "Estimate less that before, in standard errors of that before; NULL unless both gates tell it",
        "1",
        optional=True,
    )
    cause = text(
        "Why it is another than in the publication before, several where several changed: input, code (code lists included), "
        "protocol, settings, protocol of another study, waiver, unexplained; none: no difference; first: nothing to compare"
    )
