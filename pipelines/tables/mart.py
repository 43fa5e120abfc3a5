"""Contracts of `mart`: aggregates that may leave, after disclosure control. A suppressed cell is NULL and says so."""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, text, whole
from pipelines.tables.contract import table
from pipelines.tables.models import CONTROL_SCALES, STATUSES


@table(
    "mart.effect_estimate", grain="one row per study, contrast, outcome, population and estimator", unit="population"
)
class EffectEstimate(dy.Schema):
    """What was found. A closed gate has NULL in every column that tells the answer."""

    run_id = text("Build that computed it")
    study_id = text("Study", key=True)
    protocol_hash = text("Hash of the study file")
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    estimand = text("Estimand, in words")
    intercurrent_strategy = text("How intercurrent events are handled")
    estimator = text("Estimator", key=True)
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
    e_value = number("E-value of a ratio: VanderWeele and Ding 2017", "1", optional=True, minimum=1)
    e_value_limit = number("E-value of the limit nearer to no effect", "1", optional=True, minimum=1)
    n_target = whole("People in the target arm, or in the analysis", "{persons}", optional=True, minimum=0)
    n_comparator = whole("People in the comparator arm", "{persons}", optional=True, minimum=0)
    n_effective = number("Effective number of people", "{persons}", optional=True)
    events_target = whole("Events in the target arm", optional=True, minimum=0)
    events_comparator = whole("Events in the comparator arm", optional=True, minimum=0)
    gate_status = text("Gate", allowed=("open", "closed", "waived"))
    gate_reason = text("Why the gate is closed or waived, or why an open one tells nothing", optional=True)


@table("mart.diagnostic", grain="one row per study, contrast, outcome, population and diagnostic", unit="population")
class Diagnostic(dy.Schema):
    """What had to hold before a contrast was computed, and whether it did."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    diagnostic = text("Diagnostic", key=True)
    value = number("Found; NULL where suppressed", optional=True)
    threshold = number("Required", optional=True)
    rule = text("How value and threshold compare")
    status = text("Verdict", allowed=STATUSES)
    waiver = text("The waiver of the study file by which a failure does not close the gate", optional=True)
    is_suppressed = flag("Hidden because fewer people than the threshold stand behind it")


@table("mart.negative_control", grain="one row per study, contrast, population and control", unit="population")
class NegativeControl(dy.Schema):
    """Outcomes that no arm changes: how far from no effect they are, before and after calibration by the others."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    population = text("Population", key=True)
    control_code = text("Negative control (ref.negative_control)", key=True)
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    scale = text("What the estimate is", allowed=CONTROL_SCALES)
    estimate = number("On that scale; the truth is 0", optional=True)
    ci_low = number("Lower 95 % limit", optional=True)
    ci_high = number("Upper 95 % limit", optional=True)
    calibrated_estimate = number("The same, calibrated by the other controls", optional=True)
    calibrated_ci_low = number("Lower limit, calibrated", optional=True)
    calibrated_ci_high = number("Upper limit, calibrated", optional=True)
    is_suppressed = flag("Hidden because fewer people of an arm than the threshold had the event, or were measured")


@table(
    "mart.covariate_balance",
    grain="one row per study, contrast, outcome, population and covariate",
    unit="population",
)
class CovariateBalance(dy.Schema):
    """How alike the arms of a contrast are in every covariate at time zero, before and after weighting."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    covariate = text("Covariate, its level, or that it is missing", key=True)
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    smd_before = number("Standardised mean difference before weighting, to 0.01", "1", optional=True)
    smd_after = number("The same after weighting, over the same unweighted SD", "1", optional=True)
    variance_ratio = number("Ratio of weighted variances, to 0.05; NULL where not a scale", "1", optional=True)
    is_suppressed = flag("Hidden by disclosure control")


@table("mart.dose_response", grain="one row per study, outcome, population and point of the curve", unit="population")
class DoseResponse(dy.Schema):
    """Curves of outcome on exposure, between the 5th and 95th percentile of exposure."""

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


@table("mart.bone_prevalence", grain="one row per cycle, site, sex, reference and band", unit="population")
class BonePrevalence(dy.Schema):
    """Prevalence of osteoporosis and low bone mass by DXA, under each reference."""

    study_id = text("Study", key=True)
    cycle_label = text("Survey cycle in years", key=True)
    site_code = text("Skeletal site", key=True)
    sex_code = text("Sex", key=True)
    reference_code = text("Reference of the T-score", key=True)
    band = text("Band", key=True)
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    prevalence_pct = number("Weighted prevalence", "%", optional=True)
    se_pct = number("Design-based standard error", "%", optional=True)
    ci_low_pct = number("Lower 95 % limit", "%", optional=True)
    ci_high_pct = number("Upper 95 % limit", "%", optional=True)
    n_band = whole("People in the band", "{persons}", optional=True, minimum=0)
    n = whole("People with a valid scan", "{persons}", optional=True, minimum=0)
    gate_status = text("Gate", allowed=("open", "closed", "waived"))
    gate_reason = text("Why the gate is closed", optional=True)
    is_suppressed = flag("Hidden by disclosure control")


@table("mart.attrition", grain="one row per study, cohort, step and arm", unit="population")
class Attrition(dy.Schema):
    """How many people each eligibility step left."""

    study_id = text("Study", key=True)
    cohort_code = text("Cohort of the study; survey where it is a survey", key=True)
    arm_code = text("Arm", key=True)
    step_number = whole("Order of the step; 0 is everybody", key=True, minimum=0)
    label = text("What the step asks")
    n_before = whole("People before the step", "{persons}", optional=True, minimum=0)
    n_after = whole("People after the step", "{persons}", optional=True, minimum=0)
    is_suppressed = flag("Hidden by disclosure control")


@table("mart.table_one", grain="one row per study, arm, characteristic and level", unit="population")
class TableOne(dy.Schema):
    """Who was studied."""

    study_id = text("Study", key=True)
    arm_code = text("Arm; of clinical cohorts with its cohort", key=True)
    characteristic = text("Characteristic", key=True)
    level = text("Level of a category, or mean", key=True)
    n = whole("People with the level, or with a value", "{persons}", optional=True, minimum=0)
    estimate = number("Mean or share, weighted in surveys; shares of clinical arms rounded", optional=True)
    spread = number("Weighted standard deviation of a mean; NULL of clinical arms", optional=True)
    unit = text("Unit of estimate; of clinical arms the name of the covariate ends with it", optional=True)
    is_suppressed = flag("Hidden by disclosure control")


@table("mart.e2_distribution", grain="one row per cycle, assay class, population and estradiol bin", unit="population")
class E2Distribution(dy.Schema):
    """Estradiol by bin; bin 0 holds everybody below the limit of the assay."""

    cycle_label = text("Survey cycle in years", key=True)
    assay_class = text("Assay class", key=True)
    population = text("Population", key=True)
    bin_number = whole("Order of the bin; 0 is below the limit", key=True, minimum=0)
    lower_pg_ml = number("Lower edge", "pg/mL", minimum=0)
    upper_pg_ml = number("Upper edge", "pg/mL", optional=True, minimum=0)
    lloq_pg_ml = number("Limit of the assay", "pg/mL", optional=True)
    n = whole("People", "{persons}", optional=True, minimum=0)
    weighted_share_pct = number("Weighted share of the population", "%", optional=True)
    is_suppressed = flag("Hidden by disclosure control")


@table("mart.measurement_count", grain="one row per cycle, measurement and sex", unit="population")
class MeasurementCount(dy.Schema):
    """How many people have which measurement: where to start looking."""

    cycle_label = text("Survey cycle in years", key=True)
    measurement = text("Measurement or pair of measurements", key=True)
    sex_code = text("Sex, or all", key=True)
    n = whole("People", "{persons}", optional=True, minimum=0)
    is_suppressed = flag("Hidden by disclosure control")


@table("mart.source_file", grain="one row per file of the input", unit="population")
class SourceFile(dy.Schema):
    """What came in and what became of it: the conservation account."""

    source_file = text("File", key=True)
    sha256 = text("SHA-256 of the file; NULL where it has few rows or a count is hidden", optional=True)
    cycle_label = text("Survey cycle in years", optional=True)
    table_name = text("Raw table", optional=True)
    status_code = text("What became of the file")
    rows_in = whole("Rows in the file", optional=True, minimum=0)
    rows_staged = whole("Rows staged", optional=True, minimum=0)
    rows_duplicate = whole("Rows that repeat another", optional=True, minimum=0)
    rows_quarantined = whole("Rows set aside", optional=True, minimum=0)
    rows_out_of_scope = whole("Rows that hold nothing this pipeline reads", optional=True, minimum=0)
    is_suppressed = flag("A count hidden by disclosure control")


@table("mart.missing_piece", grain="one row per cycle and group of files that is not there", unit="population")
class MissingPiece(dy.Schema):
    """What could not be computed because the input lacks a file."""

    cycle_label = text("Survey cycle in years", key=True)
    file_group = text("Group of files that would give it", key=True)
    consequence = text("What cannot be computed, in plain words")


@table("mart.sig_coverage", grain="one row per source, language, outcome and reason", unit="population")
class SigCoverage(dy.Schema):
    """How much of the prescription instructions the reader reads, and why it leaves the rest blank. Says nothing of errors."""

    source_id = text("Source system of the rows", key=True)
    language = text("Language of the instruction, or unknown", key=True)
    outcome = text(
        "read: dose without doubt; read_with_doubt: dose, flagged; no_strength: read, but no strength to make mg of it; "
        "blank: dose left blank; refused: nothing read; no_instruction: none written",
        key=True,
        allowed=("read", "read_with_doubt", "no_strength", "blank", "refused", "no_instruction"),
    )
    reason = text("Gravest reason for doubt, or none", key=True)
    n_sigs = whole("Distinct instructions, with drug and strength", optional=True, minimum=0)
    n_rows = whole("Prescription rows", optional=True, minimum=0)
    is_suppressed = flag("Hidden by disclosure control")


@table("mart.change_point", grain="one row per quantity, item, kind of place, place and quarter", unit="population")
class ChangePoint(dy.Schema):
    """Calendar quarters in which the level of an analyte or of bone density stepped in a place, by how much, and why."""

    quantity = text("What is measured", key=True, allowed=("lab", "bmd"))
    item_code = text("Analyte or skeletal site", key=True)
    place_kind = text("Kind of place", key=True, allowed=("laboratory", "densitometer", "care_site"))
    place_code = text("Laboratory, device or care site; not_recorded where unknown", key=True)
    quarter_number = whole("Calendar quarter: four times the year, and 0 to 3", key=True)
    starts_on = day("First day of the quarter")
    change_pct = number("Change beyond the usual one of the item, to half a percent", "%", optional=True)
    ci_low_pct = number("Lower 95 % limit, to half a percent", "%", optional=True)
    ci_high_pct = number("Upper 95 % limit, to half a percent", "%", optional=True)
    cause_code = text("What else changed, divided by commas; no_recorded_change where nothing did", optional=True)
    is_suppressed = flag("Hidden, because few people were measured before and after")


@table("mart.quality_result", grain="one row per check, table and stratum", unit="population")
class QualityResult(dy.Schema):
    """Verdict of each data-quality check of this build. A pass rate counts evaluable checks only."""

    check_id = text("Stable id of the check", key=True)
    table_name = text("Table judged", key=True)
    stratum = text("Stratum, or all", key=True)
    category = text("Kahn category", allowed=("conformance", "completeness", "plausibility"))
    context = text(
        "Kahn context: held against the data's own rules (verification) or an outside source (validation)",
        allowed=("verification", "validation"),
    )
    severity = text("Severity", allowed=("critical", "warning", "info"))
    note = text("What it asks, in plain words")
    source = text("Where a limit of plausibility comes from", optional=True)
    n_violated = whole(
        "Rows that break it; NULL where few, and where nothing could be evaluated", optional=True, minimum=0
    )
    n_evaluated = whole(
        "Rows it was asked of; NULL where a stratum has few, and where nothing could be evaluated",
        optional=True,
        minimum=0,
    )
    threshold = number("Share of rows that must hold", "1", optional=True)
    status = text("Verdict", allowed=("pass", "fail", "not_applicable", "could_not_evaluate"))


@table("mart.quality_trend", grain="one row per check, table, stratum and published run", unit="population")
class QualityTrend(dy.Schema):
    """Verdicts of the latest published runs, and why a run differs from the one before it. Not for runs before a withdrawal.

    A count is NULL in all runs where it is hidden in one, and where it differs by few rows from a later one.
    """

    check_id = text("Stable id of the check", key=True)
    table_name = text("Table judged", key=True)
    stratum = text("Stratum, or all", key=True)
    build_id = text("Build of the run; later ones sort after", key=True)
    built_at = text("When, UTC, ISO 8601")
    n_violated = whole("Rows that break it; NULL where hidden, or nothing could be evaluated", optional=True, minimum=0)
    n_evaluated = whole(
        "Rows it was asked of; NULL where hidden, or nothing could be evaluated", optional=True, minimum=0
    )
    rate = number("Share of the rows that break it", "1", optional=True, minimum=0, maximum=1)
    status = text("Verdict", allowed=("pass", "fail", "not_applicable", "could_not_evaluate"))
    previous_status = text("Verdict of the run before; NULL in the first", optional=True)
    rate_change = number("Rate less that of the run before", "1", optional=True, minimum=-1, maximum=1)
    cause = text(
        "Why counts or verdict differ from the run before, several where several changed: new rows, code, reference "
        "table, setting, threshold (the suite changed), unexplained; none: no difference; first run"
    )


@table("mart.build", grain="one row", unit="population")
class Build(dy.Schema):
    """Which build this is: when, from what, by which code."""

    build_id = text("Build", key=True)
    built_at = text("When, UTC, ISO 8601")
    source_id = text("Source")
    drop_id = text("Delivery")
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    code_version = text("Hash of the code")
    lock_hash = text(
        "SHA-256 of the list of locked packages; NULL where it does not lie beside the program", optional=True
    )
    trabecula_version = text("Version of the program")
    duckdb_version = text("DuckDB that wrote the file")
    n_gates = whole("Gates", minimum=0)
    n_gates_closed = whole("Gates that are closed", minimum=0)
    n_gates_waived = whole("Gates that are open by a waiver of the study file alone", minimum=0)
