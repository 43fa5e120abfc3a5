"""The study frame of NHANES 2013-14, straight from the CDC tables, for tests and the R oracle alone.

The product builds its cohort in SQL. Here: everybody examined; postmenopausal = woman aged 60 or more, or periods
stopped by menopause (RHD043 = 7), or both ovaries removed (RHQ305 = 1).
"""

import math
from pathlib import Path

import polars as pl

_TABLES = {
    "TST_H": ["LBXEST", "LBDESTLC", "LBXTST"],
    "DXXFEM_H": ["DXXNKBMD", "DXXOFBMD"],
    "DXXSPN_H": ["DXXOSBMD"],
    "BMX_H": ["BMXBMI"],
    "SMQ_H": ["SMQ020", "SMQ040"],
    "RHQ_H": ["RHD043", "RHQ305"],
}


def study_frame(nhanes: Path) -> pl.DataFrame:
    """One row per examined respondent, columns of pipelines.models.e2_bmd; `nhanes` is the folder of cycles."""
    cycle = nhanes / "2013-2014"
    joined = pl.read_parquet(cycle / "DEMO_H.parquet").filter(pl.col("WTMEC2YR") > 0)
    for table, columns in _TABLES.items():
        joined = joined.join(
            pl.read_parquet(cycle / f"{table}.parquet").select("SEQN", *columns), on="SEQN", how="left"
        )
    is_censored = pl.col("LBDESTLC") == 1
    is_postmenopausal = (pl.col("RIDAGEYR") >= 60) | (pl.col("RHD043") == 7) | (pl.col("RHQ305") == 1)
    smoking = pl.when(pl.col("SMQ020") == 2).then(pl.lit(value=False))
    return joined.select(
        person_id=pl.col("SEQN").cast(pl.Int64),
        stratum_code=pl.col("SDMVSTRA").cast(pl.Int64),
        psu_code=pl.col("SDMVPSU").cast(pl.Int64),
        exam_weight=pl.col("WTMEC2YR"),
        population=pl.when(pl.col("RIDAGEYR") < 40)
        .then(None)
        .when(pl.col("RIAGENDR") == 1)
        .then(pl.lit("men"))
        .when(is_postmenopausal)
        .then(pl.lit("postmenopausal_women")),
        age_years=pl.col("RIDAGEYR"),
        bmi_kg_m2=pl.col("BMXBMI"),
        race_ethnicity_code=pl.col("RIDRETH3").cast(pl.Int64),
        is_current_smoker=smoking.when(pl.col("SMQ040") <= 2)
        .then(pl.lit(value=True))
        .when(pl.col("SMQ040") == 3)
        .then(pl.lit(value=False)),
        e2_lo_pg_ml=pl.when(is_censored).then(0.0).otherwise(pl.col("LBXEST")),
        # CDC fills values below the limit with limit / sqrt 2.
        e2_hi_pg_ml=pl.when(is_censored).then(pl.col("LBXEST") * math.sqrt(2)).otherwise(pl.col("LBXEST")),
        testosterone_ng_dl=pl.col("LBXTST"),
        femoral_neck_bmd_g_cm2=pl.col("DXXNKBMD"),
        total_hip_bmd_g_cm2=pl.col("DXXOFBMD"),
        lumbar_spine_bmd_g_cm2=pl.col("DXXOSBMD"),
    )
