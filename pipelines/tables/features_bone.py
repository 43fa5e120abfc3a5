"""Contracts of `features` about bone density over time: slopes by person, and what follows a stop of treatment.

Not here: pairs of scans and their scores (`features`), markers of turnover (`features_system`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table

SERIES_MEANING = "Device, software and vertebrae"
SLOPE_UNIT = "%/a"


@table(
    "features.bmd_slope",
    grain="one row per person, site, side and series",
    window="all scans of the series",
    source="Ordinary least squares; 180 days by house rule",
)
class BmdSlope(dy.Schema):
    """Straight line through 100 ln(BMD) of at least three days of one series; least squares, not shrunken."""

    person_id = person_id()
    site_code = text("Skeletal site", key=True)
    side_code = text("Side", key=True)
    series_id = text(SERIES_MEANING, key=True)
    device_id = text("Device", optional=True, formula="device of the series", null="the source does not release it")
    sex_code = text("Sex", formula="sex of the person")
    n_days = whole("Days with a scan", minimum=3, formula="days with a valid scan")
    first_scanned_on = day("Day of the first scan")
    last_scanned_on = day("Day of the last scan")
    slope_pct_per_year = number(
        "Slope; NULL over less than 180 days",
        SLOPE_UNIT,
        optional=True,
        formula="slope of 100 ln(BMD) on years",
        null="first to last scan under 180 days",
    )
    slope_se = number(
        "Its standard error, from the person's own scatter",
        SLOPE_UNIT,
        optional=True,
        minimum=0,
        formula="sqrt(residual_ss / (n_days - 2) / time_ss)",
        null="first to last scan under 180 days",
    )
    residual_ss = number(
        "Sum of squares about the line", "%2", minimum=0, formula="sum of squared residuals of 100 ln(BMD)"
    )
    time_ss = number("Sum of squares of time about its mean", "a2", minimum=0, formula="sum((years - mean years)^2)")
    is_artefact_suspect = flag(
        "A scan is of a spine that rose while the hip fell",
        formula="any scan is of a spine that rose while the hip fell",
    )
    inhibitor_days = whole(
        "Days of aromatase inhibitor between the first and the last scan",
        "d",
        minimum=0,
        formula="days of features.ai_regimen from the first to the last scan",
    )


@table(
    "features.bmd_slope_norm",
    grain="one row per sex, site and use of an inhibitor",
    unit="population",
    window="all slopes of the population",
    source="DerSimonian and Laird 1986, Control Clin Trials 7:177",
)
class BmdSlopeNorm(dy.Schema):
    """How slopes spread among people (DerSimonian and Laird): what single slopes are shrunken to, for description."""

    sex_code = text("Sex", key=True)
    site_code = text("Skeletal site", key=True)
    use_code = text("Inhibitor between first and last scan", key=True, allowed=("none", "some"))
    n = whole("Slopes", "{slopes}", minimum=1, formula="count of slopes without suspected artefact")
    mean_pct_per_year = number(
        "Mean slope",
        SLOPE_UNIT,
        formula="sum(slope / (v + between_sd^2)) / sum(1 / (v + between_sd^2)), v = residual_sd^2 / time_ss",
    )
    between_sd = number(
        "Standard deviation of true slopes between people",
        SLOPE_UNIT,
        minimum=0,
        formula="sqrt(max(0, (Q - (n - 1)) / (sum w - sum w^2 / sum w))), w = 1 / v",
    )
    residual_sd = number(
        "Scatter of scans about the lines, pooled", "%", minimum=0, formula="sqrt(sum residual_ss / sum(n_days - 2))"
    )


@table(
    "features.bmd_slope_shrunken",
    grain="one row per person, site, side and series",
    window="all scans of the series",
    source="Empirical Bayes; DerSimonian and Laird 1986",
)
class BmdSlopeShrunken(dy.Schema):
    """Slopes drawn towards their group (empirical Bayes): FOR DESCRIPTION ONLY, never an outcome, for they shrink contrasts."""

    person_id = person_id()
    site_code = text("Skeletal site", key=True)
    side_code = text("Side", key=True)
    series_id = text(SERIES_MEANING, key=True)
    shrunken_pct_per_year = number(
        "Slope drawn towards the mean of the group",
        SLOPE_UNIT,
        formula="mean + reliability (slope - mean), mean of features.bmd_slope_norm",
    )
    shrunken_sd = number("Its standard deviation", SLOPE_UNIT, minimum=0, formula="between_sd sqrt(1 - reliability)")
    reliability = number(
        "Share of the person's own slope in it",
        "1",
        minimum=0,
        maximum=1,
        formula="between_sd^2 / (between_sd^2 + residual_sd^2 / time_ss)",
    )


@table(
    "features.bmd_recovery",
    grain="one row per person, site, side, series and stop",
    window="from 365 days before the first day of treatment to the last scan before new treatment",
    source="Least squares of two lines that meet at the stop; house rule",
)
class BmdRecovery(dy.Schema):
    """Bone after the end of an aromatase inhibitor: two lines that meet at the stop, and the pair of scans around it."""

    person_id = person_id()
    site_code = text("Skeletal site", key=True)
    side_code = text("Side", key=True)
    series_id = text(SERIES_MEANING, key=True)
    stop_number = whole("Order of the stop", key=True, minimum=1)
    device_id = text("Device", optional=True, formula="device of the series", null="the source does not release it")
    treated_from_on = day("First day of the treatment that ended")
    stopped_on = day("Last day with stock")
    n_days_on = whole(
        "Days with a scan, from a year before the first day to the stop",
        minimum=1,
        formula="days with a scan up to the stop",
    )
    n_days_after = whole(
        "Days with a scan after it, before any new treatment", minimum=1, formula="days with a scan after the stop"
    )
    on_pct_per_year = number(
        "Slope on treatment; needs two days on either side",
        SLOPE_UNIT,
        optional=True,
        formula="slope of 100 ln(BMD) before the knot at the stop",
        null="fewer than two days on either side, or both on one line of time",
    )
    on_se = number(
        "Its standard error",
        SLOPE_UNIT,
        optional=True,
        minimum=0,
        formula="standard error from the residuals about the two lines (n - 3 degrees of freedom)",
        null="on_pct_per_year is NULL",
    )
    after_pct_per_year = number(
        "Slope after the stop",
        SLOPE_UNIT,
        optional=True,
        formula="slope of 100 ln(BMD) after the knot at the stop",
        null="fewer than two days on either side, or both on one line of time",
    )
    after_se = number(
        "Its standard error",
        SLOPE_UNIT,
        optional=True,
        minimum=0,
        formula="standard error from the residuals about the two lines (n - 3 degrees of freedom)",
        null="after_pct_per_year is NULL",
    )
    last_on_scanned_on = day("Last scan within a year before the stop", optional=True)
    last_after_scanned_on = day("Last scan after the stop")
    pair_change_pct = number(
        "100 times the log ratio between these two",
        "%",
        optional=True,
        formula="100 ln(last BMD after / last BMD on)",
        null="no scan in the 365 days before the stop",
    )
    pair_pct_per_year = number(
        "The same per year; NULL under 180 days",
        SLOPE_UNIT,
        optional=True,
        formula="pair_change_pct 365.25 / days between",
        null="no such pair, or under 180 days",
    )
    has_antiresorptive = flag(
        "Supply of a drug for bone from a year before the stop to the last scan",
        formula="a supply of a bisphosphonate, denosumab or anabolic drug",
        window="365 days before the stop to the last scan",
    )
