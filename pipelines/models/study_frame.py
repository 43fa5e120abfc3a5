"""The one frame a survey study analyses: everybody in the sampling design, with arm, outcomes, exposure and covariates.

Joins tables that earlier steps made; computes nothing but the unit of a length. What estimators call a column is here, too.
"""

from collections.abc import Mapping

import polars as pl

from pipelines.models.survey_weights import pooled_weight

#: NCHS's month of linked follow-up, in which the lengths of staging.observation_period were written
MONTH_DAYS = 30.4375
SITE_OF_OUTCOME = {
    "femoral_neck_bmd_g_cm2": "femoral_neck",
    "total_hip_bmd_g_cm2": "total_hip",
    "lumbar_spine_bmd_g_cm2": "lumbar_spine",
}


def survey_frame(inputs: Mapping[str, pl.LazyFrame], study_id: str, cycles: tuple[str, ...]) -> pl.DataFrame:
    """One row per respondent of the cycles (none: all), whether eligible or not, since variance needs the whole design.

    Columns: person_id, cycle_label, stratum_code, psu_code, exam_weight (of the cycle), pooled_weight (of the cycles
    together; NULL where the four-year weight that 1999-2002 needs is missing), population (the arm; null where not eligible),
    the outcomes in g/cm2 (valid measured scans), e2_lo/hi/fill_pg_ml (LC-MS/MS), and one column a covariate.
    """
    design = inputs["staging.survey_design"]
    if cycles:
        design = design.filter(pl.col("cycle_label").is_in(cycles))
    design = design.select(
        "person_id",
        "cycle_label",
        "stratum_code",
        "psu_code",
        pl.col("examination_weight").alias("exam_weight"),
        pooled_weight().alias("pooled_weight"),
    )
    arm = (
        inputs["cohort.trial_person"]
        .filter(pl.col("study_id") == study_id)
        .select("person_id", pl.col("arm_code").alias("population"))
    )
    scans = inputs["features.bmd_change"]
    frame = design.join(arm, on="person_id", how="left")
    for outcome, site in SITE_OF_OUTCOME.items():
        first = (
            scans.filter(pl.col("site_code") == site)
            .sort("person_id", "first_scanned_on", "scan_id", nulls_last=True)
            .unique("person_id", keep="first", maintain_order=True)
            .select("person_id", pl.col("first_bmd_g_cm2").alias(outcome))
        )
        frame = frame.join(first, on="person_id", how="left")
    e2 = inputs["features.e2_exposure"].filter(pl.col("assay_class") == "lc_ms_ms")
    frame = frame.join(
        e2.select("person_id", "e2_lo_pg_ml", "e2_hi_pg_ml", "e2_fill_pg_ml", "lloq_pg_ml"), on="person_id", how="left"
    )
    wide = (
        inputs["features.covariate"]
        .filter(pl.col("study_id") == study_id)
        .collect()
        .pivot("covariate_code", index="person_id", values="value")
    )
    return frame.collect().join(wide, on="person_id", how="left").sort("person_id")


def named_for_analysis(frame: pl.DataFrame, covariates: tuple[str, ...]) -> pl.DataFrame:
    """The frame with the names and types of estimators; a covariate nobody has is a column of nulls.

    Adds exam_weight (of the cycles together), bmi_kg_m2, race_ethnicity_code and is_current_smoker.
    """
    for name in covariates:
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.Float64).alias(name))
    return frame.with_columns(
        pl.col("pooled_weight").alias("exam_weight"),
        pl.col("body_mass_index").alias("bmi_kg_m2"),
        pl.col("race_ethnicity").cast(pl.Int64).alias("race_ethnicity_code"),
        (pl.col("current_smoker") == 1).alias("is_current_smoker"),
    )


def with_follow_up(frame: pl.DataFrame, inputs: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """Adds what comes after the examination, and what hazards need: months, died, is_age_top_coded, femoral_neck_t_score.

    months: from the examination to death or the end of linked follow-up; null where the person is not linked from it.
    T-score: of the valid scan whose BMD `survey_frame` gives, against the declared reference.
    """
    spans = inputs["staging.observation_period"].filter(pl.col("basis_code").cast(pl.String) == "examination")
    spans = spans.group_by("person_id").agg((pl.col("length_days").max() / MONTH_DAYS).alias("months"))
    died = inputs["staging.death"].select("person_id", pl.lit(value=True).alias("died"))
    ages = inputs["staging.person"].select("person_id", "is_age_top_coded")
    scores = (
        inputs["features.bmd_change"]
        .filter(pl.col("site_code") == "femoral_neck")
        .sort("person_id", "first_scanned_on", "scan_id", nulls_last=True)
        .unique("person_id", keep="first", maintain_order=True)
        .select("person_id", pl.col("first_t_score").alias("femoral_neck_t_score"))
    )
    joined = frame.lazy()
    for part in (spans, died, ages, scores):
        joined = joined.join(part, on="person_id", how="left")
    is_linked = pl.col("months").is_not_null()
    return (
        joined.with_columns(pl.when(is_linked).then(pl.col("died").fill_null(value=False)).alias("died"))
        .sort("person_id")
        .collect()
    )
