"""How each number of `mart` may be told of people who are not public: as a count, as an estimate, or freely.

Declarations only, one for each table; every number of a contract stands in exactly one list, or it is not released. What
counts and estimates look like when told, and what was told before, stands in `warehouse.telling`.
"""

from dataclasses import dataclass

#: diagnostics that are numbers of people
PEOPLE_DIAGNOSTICS = (
    *("outcomes_smaller_arm", "people_either_side", "pairs_in_category", "pairs_in_reference", "effective_n"),
    *("regime_followers", "events", "at_risk_smaller_arm", "people_in_band", "people_in_reference"),
    *("people_in_stratum", "people_with_both", "people_before_and_after", "people_first_week"),
    *("unweighted_n", "kish_effective_n"),
)

#: Steps to which diagnostics are rounded that are shares or numbers of people: too coarse to tell one of them.
DIAGNOSTIC_STEPS = {
    "equipoise": 0.05,
    "observed_share_smaller": 0.05,
    "observed_share_target": 0.05,
    "observed_share_comparator": 0.05,
    "kept_share_target": 0.05,
    "kept_share_comparator": 0.05,
    "protocol_share_target": 0.05,
    "protocol_share_comparator": 0.05,
    "dead_share_target": 0.05,
    "dead_share_comparator": 0.05,
    "censored_share": 0.05,
    "effective_share_target": 0.05,
    "effective_share_comparator": 0.05,
    "outcomes_smaller_arm": 10.0,
    "largest_weight": 1.0,
    "largest_covariate_correlation": 0.01,
    "largest_standardised_difference": 0.01,
    "largest_difference_before_weighting": 0.01,
    "propensity_auc": 0.01,
    "detectable_difference": 0.01,
    "people_either_side": 10.0,
    "support_ratio": 0.1,
    "overlap_share": 0.05,
    "pairs_in_category": 10.0,
    "pairs_in_reference": 10.0,
    "effective_n": 10.0,
    "kept_share": 0.05,
    "truncated_share": 0.05,
    "weight_mean_off": 0.01,
    "observed_share": 0.05,
    "regime_followers": 10.0,
    "events": 10.0,
    "natural_course_gap": 0.01,
    "at_risk_smaller_arm": 10.0,
    "detectable_ratio": 0.1,
    "shared_share": 0.001,
    "followed_share_smaller": 0.05,
    "followed_share_target": 0.05,
    "followed_share_comparator": 0.05,
    "ease": 0.01,
    "ease_in_unit_of_outcome": 0.01,
    "controls_covered_left_out": 0.01,
    "controls_covered_uncalibrated": 0.01,
    "positive_control": 0.01,
    "people_in_band": 10.0,
    "people_in_reference": 10.0,
    "followed_share": 0.05,
    "chance_share": 0.05,
    "prompted_share": 0.05,
    "unbanded_share": 0.05,
    "prevalent_share": 0.05,
    "people_in_stratum": 10.0,
    "people_with_both": 10.0,
    "people_before_and_after": 10.0,
    "people_first_week": 10.0,
    "unknown_assay_share": 0.05,
    "drawn_after_share": 0.05,
    "known_share": 0.05,
    "detectable_interaction": 0.01,
}


@dataclass(frozen=True, slots=True)
class Telling:
    """How the columns of a table of `mart` are told.

    Attributes:
        people: counts of people, or of rows that people have: rounded, the same from night to night.
        at_most: (part, whole) among them: a part is never told larger than its whole.
        estimates: numbers computed from people, told together and again only when enough of them are others.
        with_estimates: texts and marks that belong to them, and are held with them.
        free: numbers that tell nothing of people: limits, order, constants of a study.
        derived: computed from what is told.
    """

    people: tuple[str, ...] = ()
    at_most: tuple[tuple[str, str], ...] = ()
    estimates: tuple[str, ...] = ()
    with_estimates: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()


_LIMITS = ("ci_low", "ci_high")
_CALIBRATED = ("calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high")
_SLOPES = (
    *("slope_below", "slope_below_se", "slope_above", "slope_above_se"),
    *("slope_below_corrected", "slope_above_corrected"),
)

TELLINGS: dict[str, Telling] = {
    "mart.effect_estimate": Telling(
        people=("n_target", "n_comparator", "n_effective", "events_target", "events_comparator"),
        at_most=(("events_target", "n_target"), ("events_comparator", "n_comparator")),
        estimates=("estimate", *_LIMITS, "se", "p_value", *_CALIBRATED, "e_value", "e_value_limit"),
        with_estimates=("run_id",),
        free=("horizon_months",),
    ),
    "mart.diagnostic": Telling(estimates=("value",), free=("threshold",)),
    "mart.negative_control": Telling(estimates=("estimate", *_LIMITS, *_CALIBRATED)),
    "mart.covariate_balance": Telling(estimates=("smd_before", "smd_after", "variance_ratio")),
    "mart.propensity_score": Telling(estimates=("share_pct",), free=("bin_number", "lower", "upper")),
    "mart.cumulative_incidence": Telling(
        people=("n_at_risk",),
        estimates=("risk_pct", "se_pct", "ci_low_pct", "ci_high_pct"),
        free=("follow_up_days",),
    ),
    "mart.bmd_trajectory": Telling(
        people=("n_observed",),
        estimates=("change_pct", "se_pct", "ci_low_pct", "ci_high_pct"),
        free=("follow_up_days",),
    ),
    "mart.dose_response": Telling(
        estimates=("exposure_value", "reference_value", "estimate", *_LIMITS),
        with_estimates=("knots",),
        free=("point_number",),
    ),
    "mart.threshold": Telling(
        estimates=(
            *("p_value", "place_pg_ml", "ci_low_pg_ml", "ci_high_pg_ml", "place_uncorrected_pg_ml"),
            *("searched_low_pg_ml", "searched_high_pg_ml", *_SLOPES),
        ),
        with_estimates=("run_id", "answer", "why", "is_open_low", "is_open_high", "is_empty"),
    ),
    "mart.claim": Telling(
        estimates=("estimate", *_LIMITS, "p_value"),
        with_estimates=("confidence_pct", "verdict", "claim_verdict", "recovery", "why"),
        free=("delta", "named_low", "named_high", "truth"),
    ),
    "mart.change_point": Telling(
        estimates=("change_pct", "ci_low_pct", "ci_high_pct"),
        with_estimates=("cause_code",),
        free=("quarter_number",),
    ),
    "mart.bone_prevalence": Telling(
        people=("n_band", "n"),
        at_most=(("n_band", "n"),),
        estimates=("prevalence_pct", "se_pct", "ci_low_pct", "ci_high_pct"),
    ),
    "mart.table_one": Telling(people=("n",), estimates=("estimate", "spread")),
    "mart.e2_distribution": Telling(
        people=("n",),
        estimates=("weighted_share_pct",),
        free=("bin_number", "lower_pg_ml", "upper_pg_ml", "lloq_pg_ml"),
    ),
    "mart.attrition": Telling(people=("n_after",), free=("step_number",), derived=("n_before",)),
    "mart.measurement_count": Telling(people=("n",)),
    "mart.source_file": Telling(
        people=("rows_in", "rows_staged", "rows_duplicate", "rows_quarantined", "rows_out_of_scope"),
        at_most=tuple((f"rows_{part}", "rows_in") for part in ("staged", "duplicate", "quarantined", "out_of_scope")),
    ),
    "mart.sig_coverage": Telling(people=("n_sigs", "n_rows")),
    "mart.evidence_drift": Telling(
        derived=("n_change", "largest_smd_change", "ease_change", "estimate_change_se"),
    ),
    "mart.quality_result": Telling(
        people=("n_violated", "n_evaluated"), at_most=(("n_violated", "n_evaluated"),), free=("threshold",)
    ),
    "mart.quality_trend": Telling(derived=("n_violated", "n_evaluated", "rate", "rate_change")),
    "mart.missing_piece": Telling(),
    "mart.study": Telling(),
    "mart.build": Telling(free=("n_gates", "n_gates_closed", "n_gates_waived")),
}
