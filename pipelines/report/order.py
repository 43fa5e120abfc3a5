"""In which order a reader expects the codes of a key column. Not here: what they are called (`labels`)."""

from collections.abc import Iterable

# The order in which a reader expects the codes of a key column; others follow by name.
ORDER: dict[str, tuple[str, ...]] = {
    "study_id": ("nhanes_e2_bmd", "nhanes_mortality"),
    "outcome": (
        "femoral_neck_bmd_g_cm2",
        "total_hip_bmd_g_cm2",
        "lumbar_spine_bmd_g_cm2",
        "whole_body_bmd_g_cm2",
        *(f"estradiol_fall_{when}_pct" for when in ("day_1", "day_7", "day_14", "day_28", "plateau")),
    ),
    "site_code": ("femoral_neck", "total_hip", "lumbar_spine", "whole_body"),
    "population": (
        "men",
        "postmenopausal_women",
        "postmenopausal_women_on_inhibitor",
        "premenopausal_women",
        "unknown_women",
    ),
    "arm_code": ("men", "women", "postmenopausal_women", "premenopausal_women", "unknown_women"),
    "sex_code": ("all", "female", "male"),
    "reference_code": ("white_female", "white_male"),
    "band": ("osteoporosis", "osteopenia", "low_bone_mass", "normal"),
    "characteristic": (
        "People",
        "Age",
        "Race and Hispanic origin",
        "Body mass index",
        "Current smoker",
        "Estradiol below the limit",
        "Testosterone",
        "Femoral neck BMD",
        "Total hip BMD",
        "Lumbar spine BMD",
    ),
    "measurement": (
        "respondents",
        "estradiol",
        "femur BMD",
        "spine BMD",
        "whole-body BMD",
        "estradiol and femur BMD",
        "mortality follow-up",
    ),
    "diagnostic": (
        "unweighted_n",
        "kish_effective_n",
        "design_df",
        "events_per_parameter",
        "followed_share",
        "relative_standard_error",
        "censored_share",
        "imputation_model_converged",
        "outcomes_smaller_arm",
        "equipoise",
        "largest_standardised_difference",
        "largest_covariate_correlation",
        "observed_share_smaller",
        "detectable_difference",
    ),
}


def ordered(codes: Iterable[str], key: str) -> list[str]:
    """Distinct codes of a key column in the order a reader expects, unknown ones by name after those."""
    known = ORDER.get(key, ())
    found = set(codes)
    return [code for code in known if code in found] + sorted(found - set(known))
