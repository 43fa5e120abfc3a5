"""Contracts of `models`: estimates and diagnostics as the estimators return them, before disclosure control."""

import dataframely as dy

from pipelines.tables.columns import flag, number, text, whole
from pipelines.tables.contract import table

STATUSES = ("pass", "fail", "not_evaluated", "not_applicable")


@table("models.diagnostic", grain="one row per study, contrast, outcome, population and diagnostic", unit="population")
class Diagnostic(dy.Schema):
    """What must hold before a contrast is computed. `not_evaluated` closes the gate."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    diagnostic = text("Diagnostic", key=True)
    value = number("Found", optional=True)
    threshold = number("Required", optional=True)
    rule = text("How value and threshold compare")
    status = text("Verdict", allowed=STATUSES)


@table(
    "models.effect_estimate", grain="one row per study, contrast, outcome, population and estimator", unit="population"
)
class EffectEstimate(dy.Schema):
    """Estimates; every answer is NULL where the gate is closed."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    estimator = text("Estimator", key=True)
    protocol_hash = text("Hash of the study file")
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    estimand = text("Estimand, in words")
    intercurrent_strategy = text("How intercurrent events are handled")
    se_method = text("How the standard error was computed")
    missing_method = text("How missing and censored values were handled")
    scale = text("Scale of the estimate")
    horizon_months = number("Horizon", "mo", optional=True)
    estimate = number("Estimate", optional=True)
    ci_low = number("Lower 95 % limit", optional=True)
    ci_high = number("Upper 95 % limit", optional=True)
    se = number("Standard error", optional=True)
    p_value = number("p-value", optional=True, minimum=0, maximum=1)
    calibrated_estimate = number("Estimate after empirical calibration", optional=True)
    calibrated_ci_low = number("Lower limit after empirical calibration", optional=True)
    calibrated_ci_high = number("Upper limit after empirical calibration", optional=True)
    e_value = number("E-value of a ratio", "1", optional=True, minimum=1)
    e_value_limit = number("E-value of the limit nearer to no effect", "1", optional=True, minimum=1)
    df = number("Degrees of freedom behind the interval", optional=True)
    n_target = whole("People in the target arm, or in the analysis", "{persons}", optional=True, minimum=0)
    n_comparator = whole("People in the comparator arm", "{persons}", optional=True, minimum=0)
    events_target = whole("Events in the target arm; NULL where the outcome is measured", optional=True, minimum=0)
    events_comparator = whole("Events in the comparator arm", optional=True, minimum=0)
    n_censored = whole("People whose exposure is below the limit", "{persons}", optional=True, minimum=0)
    n_effective = number("Kish effective number of people", "{persons}", optional=True)
    missing_information = number("Fraction of missing information", "1", optional=True)
    gate_status = text("Gate", allowed=("open", "closed", "waived"))
    gate_reason = text("Why the gate is closed or waived", optional=True)


_CONTRAST_KEY = "study, contrast, outcome, population"


#: log ratios of events, differences of what is measured
CONTROL_SCALES = ("log ratio of risks", "SD of the change within an arm")


@table("models.negative_control", grain="one row per study, contrast, population and control", unit="population")
class NegativeControl(dy.Schema):
    """Outcomes that no arm changes, estimated as the others are; each calibrated by all others. Not for release."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    population = text("Population", key=True)
    control_code = text("Negative control (ref.negative_control)", key=True)
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    scale = text("What the estimate is", allowed=CONTROL_SCALES)
    events_target = whole("Events in the target arm by the horizon; NULL of what is measured", optional=True, minimum=0)
    events_comparator = whole("Events in the comparator arm", optional=True, minimum=0)
    n_target = whole("People of the target arm measured; NULL of events", "{persons}", optional=True, minimum=0)
    n_comparator = whole("People of the comparator arm measured", "{persons}", optional=True, minimum=0)
    estimate = number("On that scale; the truth is 0", optional=True)
    se = number("Standard error", optional=True)
    ci_low = number("Lower 95 % limit", optional=True)
    ci_high = number("Upper 95 % limit", optional=True)
    calibrated_estimate = number("The same, calibrated by the other controls", optional=True)
    calibrated_ci_low = number("Lower limit, calibrated", optional=True)
    calibrated_ci_high = number("Upper limit, calibrated", optional=True)
    why = text("Why there is no estimate", optional=True)


@table("models.covariate_balance", grain=f"one row per {_CONTRAST_KEY} and covariate", unit="population")
class CovariateBalance(dy.Schema):
    """How alike the arms are in every covariate at time zero, before and after weighting. Not for release."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    covariate = text("Covariate, its level, or that it is missing", key=True)
    mean_target = number("Mean of the target arm, unweighted, of known values", optional=True)
    mean_comparator = number("Mean of the comparator arm, unweighted, of known values", optional=True)
    smd_before = number("Standardised mean difference before weighting; NULL without any spread", "1", optional=True)
    smd_after = number("The same after weighting, over the same unweighted SD", "1", optional=True)
    variance_ratio = number("Ratio of weighted variances; NULL where not a scale", "1", optional=True)
    n_known_target = whole("People of the target arm with a value", "{persons}", minimum=0)
    n_known_comparator = whole("People of the comparator arm with a value", "{persons}", minimum=0)
    n_target = whole("People in the target arm", "{persons}", minimum=0)
    n_comparator = whole("People in the comparator arm", "{persons}", minimum=0)
    is_presence = flag("A share of people: mean times number is a count")
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))


@table("models.propensity_model", grain=f"one row per {_CONTRAST_KEY} and term", unit="population")
class PropensityModel(dy.Schema):
    """The fitted propensity of each contrast, from which every other table of it is made. Not for release."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    term = text(
        "Intercept, a covariate, its level, curve or that it is missing; none where there is no model", key=True
    )
    term_number = whole("Order of the term; 0 is the intercept", minimum=0)
    coefficient = number("Log odds of the target arm per SD of the term; NULL without a model", "1", optional=True)
    penalty = number(
        "Ridge penalty on the coefficients, or on those of the chances of clones; NULL without either",
        "1",
        optional=True,
        minimum=0,
    )
    n_steps = whole("Newton steps to convergence; NULL without a model", optional=True, minimum=1)
    n_people = whole("People and time zeros in the contrast", minimum=0)
    problem = text("Why there is no model", optional=True)


@table("models.propensity_score", grain=f"one row per {_CONTRAST_KEY}, arm and bin", unit="population")
class PropensityScore(dy.Schema):
    """Preference scores of either arm: the propensity as if both arms were equally common. Not for release."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    arm_code = text("Arm", key=True)
    bin_number = whole("Order of the bin", key=True, minimum=1)
    lower = number("Lower edge", "1", minimum=0, maximum=1)
    upper = number("Upper edge", "1", minimum=0, maximum=1)
    n = whole("People", "{persons}", minimum=0)


@table("models.dose_response", grain="one row per study, outcome, population and exposure value", unit="population")
class DoseResponse(dy.Schema):
    """Curve of an outcome on an exposure against its reference value, between the 5th and 95th percentile only."""

    study_id = text("Study", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    point_number = whole("Order along the curve", key=True, minimum=1)
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    exposure = text("Exposure and its unit")
    exposure_value = number("Exposure")
    reference_value = number("Exposure at which the difference is 0")
    estimate = number("Difference in the outcome against the reference value")
    ci_low = number("Lower 95 % limit")
    ci_high = number("Upper 95 % limit")
    knots = text("Knots of the spline, in the unit of the exposure")
    gate_status = text("Gate; a closed one has no curve", allowed=("open", "waived"))
    gate_reason = text("The waiver, where the gate is open by one", optional=True)


@table("models.bone_prevalence", grain="one row per cycle, site, sex, reference and band", unit="population")
class BonePrevalence(dy.Schema):
    """Design-based prevalence of low bone mass, under the declared and the other reference side by side."""

    study_id = text("Study", key=True)
    cycle_label = text("Survey cycle in years", key=True)
    site_code = text("Skeletal site", key=True)
    sex_code = text("Sex", key=True)
    reference_code = text("Reference of the T-score", key=True)
    band = text("Band", key=True)
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    prevalence_pct = number("Weighted prevalence", "%", optional=True)
    se_pct = number("Design-based standard error", "%", optional=True)
    ci_low_pct = number("Lower 95 % limit (logit)", "%", optional=True)
    ci_high_pct = number("Upper 95 % limit (logit)", "%", optional=True)
    n_band = whole("People in the band", "{persons}", minimum=0)
    n = whole("People with a valid scan", "{persons}", minimum=0)
    df = whole("Design degrees of freedom", minimum=0)
    gate_status = text("Gate", allowed=("open", "closed", "waived"))
    gate_reason = text("Why the gate is closed", optional=True)


@table("models.baseline", grain="one row per study, arm, characteristic and level", unit="population")
class Baseline(dy.Schema):
    """Who was studied: means or shares and counts by arm, weighted in surveys. Not for release: `mart.table_one` is."""

    study_id = text("Study", key=True)
    arm_code = text("Arm", key=True)
    characteristic = text("Characteristic", key=True)
    level = text("Level of a category, or mean", key=True)
    n = whole("People with the level, or with a value", "{persons}", minimum=0)
    estimate = number("Mean or share, weighted in surveys", optional=True)
    spread = number("Weighted standard deviation of a mean; NULL of clinical arms", optional=True)
    unit = text("Unit of estimate; of clinical arms the name of the covariate ends with it", optional=True)
    is_weighted = flag("By survey weights; else of the people as they are")


@table(
    "models.e2_distribution",
    grain="one row per cycle, assay class, population and estradiol bin",
    unit="population",
)
class E2Distribution(dy.Schema):
    """Estradiol by bin, the censored as a bin of their own. Not for release: `mart.e2_distribution` is."""

    cycle_label = text("Survey cycle in years", key=True)
    assay_class = text("Assay class", key=True)
    population = text("Population", key=True)
    bin_number = whole("Order of the bin; 0 is below the limit", key=True, minimum=0)
    lower_pg_ml = number("Lower edge", "pg/mL", minimum=0)
    upper_pg_ml = number("Upper edge", "pg/mL", optional=True, minimum=0)
    lloq_pg_ml = number("Limit of the assay", "pg/mL", optional=True)
    n = whole("People", "{persons}", minimum=0)
    weighted_share_pct = number("Weighted share of the population", "%", optional=True)


@table("models.value_histogram", grain="one row per quantity, item, place and bin", unit="population")
class ValueHistogram(dy.Schema):
    """How often which value occurs, on a grid that never changes. Not for release."""

    quantity = text("What is measured", key=True, allowed=("lab", "bmd", "dose"))
    item_code = text("Analyte, skeletal site or ingredient", key=True)
    place_code = text("Laboratory, device, or everywhere; not_recorded where unknown", key=True)
    bin_number = whole(
        "Bin: floor of 50 log10 of the value in its canonical unit, of BMD floor of the value over 0.02 g/cm2; -1000 known "
        "only to lie below a limit, 1000 above",
        key=True,
    )
    n = whole("Rows", minimum=1)


@table("models.distribution_shift", grain="one row per quantity, item, place and comparison", unit="population")
class DistributionShift(dy.Schema):
    """How far the values of a place lie from a reference: population stability index over deciles of it. Not for release."""

    quantity = text("What is measured", key=True, allowed=("lab", "bmd", "dose"))
    item_code = text("Analyte, skeletal site or ingredient", key=True)
    place_code = text("Laboratory, device, or everywhere; not_recorded where unknown", key=True)
    comparison = text(
        "Reference: all other places, or the place itself as published before the latest change of the input",
        key=True,
        allowed=("rest", "previous_publication"),
    )
    n = whole("Rows of the place", minimum=1)
    n_reference = whole("Rows of the reference", minimum=1)
    n_bins = whole("Deciles of the reference that its values tell apart", minimum=1)
    psi = number("Population stability index; 0 is no difference", "1", minimum=0)
