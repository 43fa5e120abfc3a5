"""A simulated examination survey with known truth: 15 strata of 2 PSUs, unequal weights, log-normal censored E2."""

import numpy as np
import polars as pl

OUTCOME = "femoral_neck_bmd_g_cm2"


def simulated_survey(
    seed: int, per_doubling: float = 0.03, lloq_pg_ml: float = 4.0, people_per_psu: int = 50, noise: float = 0.10
) -> pl.DataFrame:
    """The frame of pipelines.models.e2_bmd. Everybody of population `men` has BMD linear in log2 E2 plus covariates.

    log2 E2 ~ N(2.2 + ..., about 1.3^2), so that an LLOQ of 4 pg/mL censors some 44 %. A fifth of the respondents
    belongs to no population; each PSU shifts BMD by N(0, 0.01^2).
    """
    rng = np.random.default_rng(seed)
    n = 30 * people_per_psu
    stratum = np.repeat(np.arange(101, 116), 2 * people_per_psu)
    psu = np.tile(np.repeat([1, 2], people_per_psu), 15)
    age = rng.uniform(35, 80, n)
    bmi = rng.normal(28, 5, n)
    race = rng.choice([1, 3, 4, 6], n, p=[0.15, 0.5, 0.25, 0.1])
    smoker = rng.random(n) < 0.2
    testosterone = np.exp(rng.normal(3, 0.5, n))
    decades = (age - 60) / 10
    log2_e2 = 2.2 + 0.05 * (bmi - 28) - 0.15 * decades + 0.6 * (np.log(testosterone) - 3) + 1.2 * rng.normal(size=n)
    bmd = (
        0.75
        + per_doubling * log2_e2
        - 0.03 * decades
        + 0.004 * (bmi - 28)
        - 0.02 * smoker
        + 0.05 * (race == 4)
        + np.repeat(rng.normal(0, 0.01, 30), people_per_psu)
        + noise * rng.normal(size=n)
    )
    e2 = 2.0**log2_e2
    below = e2 < lloq_pg_ml
    return pl.DataFrame(
        {
            "person_id": rng.permutation(np.arange(50_000, 50_000 + n)),
            "stratum_code": stratum,
            "psu_code": psu,
            "exam_weight": np.exp(rng.normal(9, 0.5, n)) * np.where(race == 3, 2.0, 1.0),
            "population": ["men" if inside else None for inside in rng.random(n) < 0.8],
            "age_years": age,
            "bmi_kg_m2": bmi,
            "race_ethnicity_code": race,
            "is_current_smoker": smoker,
            "e2_lo_pg_ml": np.where(below, 0.0, e2),
            "e2_hi_pg_ml": np.where(below, lloq_pg_ml, e2),
            "testosterone_ng_dl": testosterone,
            OUTCOME: bmd,
            "total_hip_bmd_g_cm2": bmd + 0.1,
            "lumbar_spine_bmd_g_cm2": bmd + 0.2,
        },
        schema_overrides={"population": pl.String},
    )
