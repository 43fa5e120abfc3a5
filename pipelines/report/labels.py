"""What the report calls a code: studies, outcomes, populations, estimators, diagnostics, assays, sites and references.

A code without an entry is turned into words, so a new study needs no change here. No number is formatted here.
"""

import re

ASSOCIATION = "linear_log2_e2_mi"
HAZARD, HAZARD_RISK = "survey_cox", "survey_cox_standardised"
LOG_HAZARD_RATIO = "log hazard ratio"
RISK_ESTIMATORS = ("risk_difference", "interaction_additive")
#: every row of a comparison of risks
RISK_ROWS = (
    *(*RISK_ESTIMATORS, "log_risk_ratio", "log_risk_ratio_possible", "days_lost", "log_hazard_ratio"),
    *("interaction_log_ratio", "log_risk_ratio_holm", "log_risk_ratio_without_false"),
)
#: the last stratum less the first, the same with its p adjusted, and in front of the name of a stratum
INTERACTION, DISCOVERY, WITHIN_STRATUM = "interaction", "interaction_fdr", "aipw, "
MODIFIER_ROWS = (INTERACTION, DISCOVERY, "interaction_all_strata")
#: falls of estradiol within people, and the time to most of them
TIME_COURSE = "nonlinear_mixed_censored"
PRIMARY_ESTIMATORS = (
    *(ASSOCIATION, HAZARD, HAZARD_RISK, "linear_log2_mean_e2_mi"),
    *("aipw", "clone_censor_weight", "marginal_structural_model", "parametric_g_formula"),
    *(*RISK_ESTIMATORS, INTERACTION, "ratio_model", TIME_COURSE),
)
COMPARISON_ESTIMATORS = (
    "lloq_over_sqrt2",
    "measured_only",
    "substitution_lloq_over_sqrt2",
    "complete_case_measured_only",
)
JOINT_TEST, NONLINEARITY_TEST = "spline_joint_test", "spline_nonlinearity_test"
OSTEOPENIA = ("osteopenia", "low_bone_mass")
_UNITS = {
    "_g_cm2": "g/cm²",
    "_pg_ml": "pg/mL",
    "_ng_dl": "ng/dL",
    "_ng_ml": "ng/mL",
    "_nmol_l": "nmol/L",
    "_mg_dl": "mg/dL",
    "_miu_l": "mIU/L",
    "_iu_l": "IU/L",
    "_u_l": "U/L",
    "_ug_l": "µg/L",
    "_mg_l": "mg/L",
    "_g_dl": "g/dL",
    "_kg_m2": "kg/m²",
    "_mm_hg": "mmHg",
    "_mmhg": "mmHg",
    "_years": "years",
    "_months": "months",
    "_days": "days",
    "_pct": "%",
    "_cm": "cm",
    "_kg": "kg",
}
_WORDS = {
    "ai": "AI",
    "alp": "ALP",
    "bmd": "BMD",
    "bmi": "BMI",
    "ci": "CI",
    "bp": "blood pressure",
    "crp": "CRP",
    "ctx": "CTX",
    "df": "df",
    "duckdb": "DuckDB",
    "dxa": "DXA",
    "e2": "estradiol",
    "fsh": "FSH",
    "hba1c": "HbA1c",
    "hdl": "HDL",
    "id": "ID",
    "ldl": "LDL",
    "lh": "LH",
    "lloq": "LLOQ",
    "log2": "log2",
    "ms": "MS",
    "n": "n",
    "nhanes": "NHANES",
    "nt": "NT",
    "p1np": "P1NP",
    "probnp": "proBNP",
    "psu": "PSU",
    "pth": "PTH",
    "shbg": "SHBG",
    "tsh": "TSH",
}
_LABELS = {
    # studies
    "ai_vs_tamoxifen": "Aromatase inhibitor or tamoxifen, and bone density",
    "nhanes_e2_bmd": "Estradiol and bone mineral density",
    "nhanes_bone_health": "Osteoporosis and low bone mass by DXA",
    "nhanes_bone_prevalence": "Osteoporosis and low bone mass by DXA",
    "nhanes_mortality": "Estradiol, bone density and mortality",
    "e2_threshold": "Estradiol and bone loss: is there a threshold",
    "ai_dose_response": "Dose of anastrozole and bone loss",
    "trt_ai_addon": "An inhibitor beside testosterone, and bone density",
    "female_testosterone_ai": "An inhibitor beside testosterone in women",
    "restart_protocol": "An inhibitor when the axis is restarted",
    "titration_policy": "Rules of titration",
    "recovery_after_stop": "Bone after an inhibitor is stopped",
    "hpg_response": "The axis under an inhibitor",
    "e2_pkpd": "Estradiol in the first weeks of an inhibitor",
    "bone_turnover": "Bone turnover under an inhibitor",
    "monitoring": "Monitoring of estradiol and bone",
    "ai_cardiovascular": "Inhibitors, heart and vessels",
    "ai_fracture": "Inhibitors and fractures",
    "ai_metabolic": "Inhibitors, lipids, sugar and pressure",
    "symptoms_e2": "Estradiol and symptoms",
    "modifiers": "Who responds otherwise",
    # what divides people
    "cyp19a1_rs700518": "rs700518 of CYP19A1",
    "drug_statin_365d": "statin in the year before",
    "drug_systemic_glucocorticoid_365d": "systemic glucocorticoid in the year before",
    # outcomes and sites
    "homa_ir": "HOMA-IR",
    "ctx_pg_ml": "CTX",
    "p1np_ug_l": "P1NP",
    "lumbar_spine_bmd_change": "lumbar-spine BMD change",
    "total_hip_bmd_change": "total-hip BMD change",
    "femoral_neck_bmd": "femoral-neck BMD",
    "total_hip_bmd": "total-hip BMD",
    "lumbar_spine_bmd": "lumbar-spine BMD",
    "whole_body_bmd": "whole-body BMD",
    "all_cause_death": "death from any cause",
    **{f"estradiol_fall_day_{day}": f"fall of estradiol by day {day}" for day in (1, 7, 14, 28)},
    "estradiol_fall_plateau": "fall of estradiol in the end",
    "estradiol_t90": "time to 90 % of the fall of estradiol",
    "femoral_neck": "femoral neck",
    "total_hip": "total hip",
    "lumbar_spine": "lumbar spine",
    "whole_body": "whole body",
    # populations and sexes
    "male": "men",
    "female": "women",
    "all": "everybody",
    "open_arm": "arm still open",
    "n_gates": "gates",
    "n_gates_closed": "gates closed",
    "n_gates_waived": "gates waived",
    "postmenopausal_women": "postmenopausal women",
    "postmenopausal_women_on_inhibitor": "postmenopausal women under an inhibitor",
    "premenopausal_women": "premenopausal women",
    "unknown_women": "women of unknown menopausal status",
    # estimators
    "linear_log2_e2_mi": "Survey regression on log2 estradiol, censored values multiply imputed",
    "linear_log2_mean_e2_mi": "Regression on log2 mean estradiol, censored draws multiply imputed",
    "survey_cox": "Cox regression under the survey's weights",
    "survey_cox_standardised": "Risks standardized from the Cox regression",
    "survey_cox_late_deaths": "Cox regression, the first years of follow-up left out",
    "survey_cox_below_top_age": "Cox regression, people below the ceiling of released ages",
    "lloq_over_sqrt2": "LLOQ/√2 in place of censored values",
    "substitution_lloq_over_sqrt2": "LLOQ/√2 in place of censored values",
    "measured_only": "Measured values only",
    "complete_case_measured_only": "Measured values only",
    "aipw": "Augmented inverse-probability weighting, cross-fitted",
    "iptw": "Inverse-probability weighting",
    "iptw_uncut": "Inverse-probability weighting, weights uncut",
    "clone_censor_weight": "Clones, censored and weighted",
    "clone_censor_weight_uncut": "Clones, censored and weighted, weights uncut",
    "parametric_g_formula": "Parametric g-formula",
    "inverse_weighted_regime": "Who kept to the regime, weighted",
    "inverse_weighted_regime_less_primary": "Weighting less g-formula",
    "marginal_structural_model": "Marginal structural model",
    "marginal_structural_model_uncut": "Marginal structural model, weights uncut",
    "overlap_weights": "Overlap weights",
    "stratification": "Five strata of the propensity",
    "matching": "Nearest neighbor on the propensity",
    "marginal_structural_model_ratio": "Marginal structural model, log ratio of risks",
    "marginal_structural_model_holm": "Marginal structural model, corrected for all symptoms and bands (Holm)",
    "with_prompted_draws": "Draws prompted by a symptom included",
    "linear_probability": "Line on log2 estradiol, covariates beside it",
    "two_lines_below": "Two lines, slope below the break",
    "two_lines_above": "Two lines, slope above the break",
    "two_lines_break": "Two lines, break",
    "two_lines_test": "Test of both tails (two lines)",
    "two_lines_test_holm": "Test of both tails, corrected for all symptoms (Holm)",
    "selective_scans_15": "If each percent lost raised the odds of a scan by 15 %",
    "selective_scans_30": "If each percent lost raised the odds of a scan by 30 %",
    "spline_joint_test": "Test of any association, spline",
    "spline_nonlinearity_test": "Test of departure from a line, spline",
    # diagnostics
    "outcomes_smaller_arm": "outcomes in the smaller arm",
    "equipoise": "share in equipoise, smaller arm",
    "largest_standardised_difference": "largest standardized difference",
    "largest_covariate_correlation": "largest correlation of arm and covariate",
    "observed_share_smaller": "share measured, smaller arm",
    "detectable_difference": "smallest detectable difference",
    "unweighted_n": "number of people",
    "kish_effective_n": "effective number (Kish)",
    "design_df": "design degrees of freedom",
    "relative_standard_error": "relative standard error",
    "censored_share": "share below the assay limit",
    "events_per_parameter": "deaths per parameter",
    "followed_share": "share followed to death or to the horizon",
    "people_either_side": "people on the thinner side of the median",
    "support_ratio": "90th over 10th percentile of exposure",
    "overlap_share": "share with a chance of every third of exposure",
    "pairs_in_category": "people who kept the category up and were scanned",
    "pairs_in_reference": "people who kept the reference up and were scanned",
    "effective_n": "effective number in the thinner of the two",
    "effective_share_target": "effective share, target arm",
    "effective_share_comparator": "effective share, comparator",
    "kept_share_target": "share with a chance to go on, target arm",
    "kept_share_comparator": "share with a chance to go on, comparator",
    "protocol_share_target": "share that kept to the protocol, target arm",
    "protocol_share_comparator": "share that kept to the protocol, comparator",
    "largest_weight": "largest weight",
    "truncated_share": "share of weights cut",
    "propensity_auc": "AUC of the propensity",
    "kept_share": "share of periods with a chance to go on",
    "weight_mean_off": "mean weight, less 1",
    "observed_share": "share with a usable pair of scans",
    "imputation_model_converged": "imputation model converged",
    "any": "any outcome",
    "at_risk_smaller_arm": "people at risk, smaller arm",
    "detectable_ratio": "detectable ratio",
    "events_in_each_arm": "events in either arm",
    "followed_share_smaller": "share with the event, death or follow-up to the end, smaller arm",
    "negative_controls": "negative controls with an estimate",
    "ease": "expected absolute systematic error",
    "ease_in_unit_of_outcome": "expected absolute systematic error, in the unit of the outcome",
    "controls_covered_left_out": "controls covered, each calibrated by the others",
    "controls_covered_uncalibrated": "controls covered, uncalibrated",
    "positive_control": "limit of the positive control",
    "both_gates": "gates of both cohorts",
    "shared_share": "people in both cohorts",
    "trial_gate": "gate of the trial",
    "people_in_stratum": "people measured in the smallest stratum",
    "known_share": "share whose stratum was known at time zero",
    "detectable_interaction": "smallest detectable difference between strata",
    "interaction": "difference between strata",
    "curve_gate": "gate of the curve",
    "people_with_both": "people with both hormones between two scans",
    "ratio_model": "Regression on log2 of both means, or of their ratio",
    "additive_testosterone": "Testosterone beside estradiol",
    "additive_estradiol": "Estradiol beside testosterone",
    "aic_ratio_less_additive": "AIC of the ratio less that of both",
    TIME_COURSE: "Non-linear mixed model, draws below the limit as integrals",
    "people_before_and_after": "people drawn before and within 28 days",
    "people_first_week": "people drawn before and within 7 days",
    "unknown_assay_share": "share of draws of unknown assay",
    "drawn_after_share": "share of the cohort drawn after the first supply",
    "risk_difference": "risk difference",
    "interaction_additive": "difference of risk differences",
    "major_cardiovascular_event": "infarction, stroke or cardiovascular death",
    "regime_followers": "people who kept to the regime, or to the reference",
    "natural_course_gap": "largest gap of the natural course, in SDs",
    "events": "events",
    "people_in_band": "people drawn in the band and followed",
    "people_in_reference": "people drawn in the reference band and followed",
    "chance_share": "share of draws with a chance of either band",
    "prompted_share": "share of draws prompted by a symptom",
    "unbanded_share": "share of draws whose band a limit, or a dose not known, leaves open",
    "prevalent_share": "share of draws with the symptom before the window",
    # bands of dose and of adherence
    "up_to_1_mg": "up to 1 mg a week",
    "over_1_to_2_mg": "over 1 to 2 mg a week",
    "over_2_to_3_5_mg": "over 2 to 3.5 mg a week",
    "over_3_5_mg": "over 3.5 mg a week",
    "covered_under_50": "under 50 % of days covered",
    "covered_50_to_80": "50 to under 80 % of days covered",
    "covered_80_or_more": "80 % of days covered or more",
    # regimes of dosing
    "no_inhibitor": "no inhibitor",
    "fixed_0.5_mg_twice_weekly": "0.5 mg twice a week",
    "fixed_1_mg_daily": "1 mg a day",
    "titrate_to_20_30": "titration to 20\u201330 pg/mL",
    "titrate_above_change_point": "titration to stay above the change-point",
    "stop_below_20": "a stop below 20 pg/mL",
    # assays
    "lc_ms_ms": "LC-MS/MS",
    # references and bands
    "white_female": "NHANES III white women 20\u201329",
    "white_male": "NHANES III white men 20\u201329",
    "osteoporosis": "osteoporosis",
    "osteopenia": "low bone mass (osteopenia)",
    "low_bone_mass": "low bone mass (osteopenia)",
    # verdicts
    "pass": "pass",
    "fail": "fail",
    "not_evaluated": "not evaluated",
    "not_applicable": "not applicable",
    "could_not_evaluate": "could not be evaluated",
    # evidence
    "public_survey": "public survey",
    "real": "health records",
    "simulated": "simulated people",
    "nhanes": "NHANES (US National Health and Nutrition Examination Survey)",
}
_CODE_IN_TEXT = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+(?:\.\d+)?)+\b")
_NEGATIVE = re.compile(r"(?<= )-(?=\d)")


def split_unit(code: str) -> tuple[str, str | None]:
    """Stem and unit of a column-like code: `femoral_neck_bmd_g_cm2` is (`femoral_neck_bmd`, `g/cm²`)."""
    for suffix, unit in _UNITS.items():
        if code.endswith(suffix) and len(code) > len(suffix):
            return code.removesuffix(suffix), unit
    return code, None


def label(code: str) -> str:
    """The code in words, lower case where a sentence would have it; the unit, if the code carries one, left out."""
    if code in _LABELS:
        return _LABELS[code]
    stem, _ = split_unit(code)
    if stem in _LABELS:
        return _LABELS[stem]
    return " ".join(_WORDS.get(word.lower(), word) for word in stem.replace("_", " ").split())


def heading(code: str) -> str:
    """The label as it begins a line."""
    return capitalized(label(code))


def capitalized(text: str) -> str:
    """First letter upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """First letter lower case, the rest as it is."""
    return text[:1].lower() + text[1:]


def quantity(code: str) -> str:
    """Label with its unit: `Age (years)`."""
    unit = split_unit(code)[1]
    return f"{heading(code)} ({unit})" if unit else heading(code)


def readable(text: str) -> str:
    """Free text in which snake_case codes and plain units are put as a reader writes them."""
    for plain, written in (("g/cm2", "g/cm²"), ("kg/m2", "kg/m²")):
        text = text.replace(plain, written)
    text = _NEGATIVE.sub("\u2212", text)
    return _CODE_IN_TEXT.sub(lambda match: label(match.group()), text)


def cycle(text: str) -> str:
    """Survey years with an en dash; `all` for what belongs to every cycle."""
    return re.sub(r"(?<=\d)\s*-\s*(?=\w)", "\u2013", text)
