"""Contract of `models.threshold`: whether an outcome bends along an exposure, and where. Curves stand in `models`."""

import dataframely as dy

from pipelines.tables.columns import flag, number, text, whole
from pipelines.tables.contract import table

ANSWERS = ("kink", "no_kink", "not_answerable")
ANALYSES = ("primary", "lc_ms_ms_only")
PER_DOUBLING = "%/a"


@table("models.threshold", grain="one row per study, contrast, outcome, population and analysis", unit="population")
class Threshold(dy.Schema):
    """Is there a change-point, and where: places in pg/mL, slopes in % a year per doubling. Not for release."""

    study_id = text("Study", key=True)
    contrast = text("What is asked", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    analysis = text("All draws, or those of one class of assay alone", key=True, allowed=ANALYSES)
    protocol_hash = text("Hash of the study file")
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    exposure = text("Exposure and its unit")
    answer = text("A change-point, a straight line (maybe a flat one), or no answer", allowed=ANSWERS)
    why = text("Why there is no answer", optional=True)
    p_value = number("Test that the line does not bend, at any place", "1", optional=True, minimum=0, maximum=1)
    place_pg_ml = number(
        "Change-point, corrected for error of measurement; NULL unless the answer is kink",
        "pg/mL",
        optional=True,
        minimum=0,
    )
    ci_low_pg_ml = number("Lower 95 % limit; NULL where it is open or empty", "pg/mL", optional=True, minimum=0)
    ci_high_pg_ml = number("Upper 95 % limit; NULL where it is open or empty", "pg/mL", optional=True, minimum=0)
    is_open_low = flag("No place searched ends the interval below; NULL unless the answer is kink", optional=True)
    is_open_high = flag("No place searched ends it above; NULL unless the answer is kink", optional=True)
    is_empty = flag("No single change-point is compatible; NULL unless the answer is kink", optional=True)
    place_uncorrected_pg_ml = number("Change-point as measured", "pg/mL", optional=True, minimum=0)
    searched_low_pg_ml = number("Lowest place searched", "pg/mL", optional=True, minimum=0)
    searched_high_pg_ml = number("Highest place searched", "pg/mL", optional=True, minimum=0)
    slope_below = number("Slope below it per doubling; of the whole line if straight", PER_DOUBLING, optional=True)
    slope_below_se = number("Its standard error", PER_DOUBLING, optional=True, minimum=0)
    slope_above = number("Slope above it per doubling; of the whole line if straight", PER_DOUBLING, optional=True)
    slope_above_se = number("Its standard error", PER_DOUBLING, optional=True, minimum=0)
    slope_below_corrected = number(
        "Slope below, corrected for error of measurement; NULL unless the answer is kink", PER_DOUBLING, optional=True
    )
    slope_above_corrected = number("Slope above, likewise", PER_DOUBLING, optional=True)
    error_sd = number("Mean error of an exposure, of its logarithm", "1", optional=True, minimum=0)
    n_people = whole("People with a usable pair of scans", "{persons}", optional=True, minimum=0)
    n_pairs = whole("Pairs", optional=True, minimum=0)
    censored_share = number("Pairs without any measured draw", "1", optional=True, minimum=0, maximum=1)
    gate_status = text("Gate", allowed=("open", "closed", "waived"))
    gate_reason = text("Why the gate is closed or waived", optional=True)
