"""What a study file may ask of a survey: rules, covariates and outcomes by name, populations, and the least that gates ask."""

from typing import Literal, get_args

from pydantic import Field

from pipelines.trials.rule import Part

# Rules that sql/cohort/criterion.sql can answer; a test holds the two lists together.
Rule = Literal[
    "examined",
    "minimum_age",
    "man_or_postmenopausal_woman",
    "not_pregnant",
    "no_current_sex_hormone",
    "no_current_estrogen_axis_drug",
    "no_drug_on_estrogen_axis",
    "e2_by_lc_ms_ms",
    "valid_hip_or_spine_scan",
    "valid_femoral_neck_scan",
    "linked_to_deaths",
    "e2_or_femoral_neck_scan",
    "covariates_known",
]
Covariate = Literal["age_years", "body_mass_index", "race_ethnicity", "current_smoker", "testosterone_ng_dl"]
Outcome = Literal["femoral_neck_bmd_g_cm2", "total_hip_bmd_g_cm2", "lumbar_spine_bmd_g_cm2", "all_cause_death"]
CRITERIA: tuple[str, ...] = get_args(Rule)
COVARIATES: tuple[str, ...] = get_args(Covariate)
OUTCOMES: tuple[str, ...] = get_args(Outcome)
# What each design profile asks of a survey at least (design, section 6): minima may be raised, maxima lowered, nothing
# loosened.
PROFILES: dict[str, dict[str, float]] = {
    "survey_association": {
        "minimum_n": 30,
        "minimum_effective_n": 30,
        "minimum_design_df": 8,
        "maximum_relative_standard_error": 0.30,
        "maximum_censored_share": 0.50,
    },
    "survey_hazard": {
        "minimum_n": 30,
        "minimum_effective_n": 30,
        "minimum_design_df": 8,
        "minimum_events_per_parameter": 10,
        "minimum_followed_share": 0.95,
        "maximum_relative_standard_error": 0.30,
        "maximum_censored_share": 0.50,
    },
    "descriptive": {
        "minimum_n": 30,
        "minimum_effective_n": 30,
        "minimum_design_df": 8,
        "maximum_relative_standard_error": 0.30,
    },
}


class Population(Part):
    """Who may enter: survey cycles (none named: all with data), least age, and how people fall into arms."""

    cycles: tuple[str, ...]
    minimum_age_years: float = Field(ge=0, le=120)
    arms: Literal["sex", "sex_and_menopause"]


class Criterion(Part):
    """One eligibility step, asked in the order of the file."""

    rule: Rule
    label: str
