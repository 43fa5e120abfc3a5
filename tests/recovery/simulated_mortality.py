"""Deaths for the simulated survey, with known truth: proportional hazards in whole months, estradiol censored at the limit.

Loaded by tests of the mortality study. The people, design and estradiol are those of `simulated_survey`.
"""

import runpy
from pathlib import Path

import numpy as np
import polars as pl

_SURVEY = runpy.run_path(str(Path(__file__).with_name("simulated_survey.py")))
FOLLOWED_MONTHS = 72
RISKS_AT_MONTHS = 60
LLOQ_PG_ML = 4.0


def simulated_mortality(
    seed: int, per_doubling: float = -0.35, per_t_unit: float = -0.2, people_per_psu: int = 70
) -> tuple[pl.DataFrame, np.ndarray]:
    """The frame of pipelines.models.mortality, and true log2 E2 in the order of its rows.

    The monthly hazard is exp(-6.3 + per_doubling (log2 E2 - 2.2) + per_t_unit T + 0.8 decades + 0.4 smoker + a shift of the
    cluster of SD 0.1); follow-up ends at 72 months. T-scores are unrelated to E2, unlike real ones. About one in four dies.
    """
    frame = _SURVEY["simulated_survey"](seed, lloq_pg_ml=LLOQ_PG_ML, people_per_psu=people_per_psu)
    whole = _SURVEY["simulated_survey"](seed, lloq_pg_ml=1e-12, people_per_psu=people_per_psu)
    log2_e2 = np.log2(whole["e2_hi_pg_ml"].to_numpy())
    rng = np.random.default_rng(seed + 1_000_000)
    n = frame.height
    t_score = rng.normal(-1, 1.2, n)
    shift = np.repeat(rng.normal(0, 0.1, 30), people_per_psu)
    predictor = (
        -6.3
        + per_doubling * (log2_e2 - 2.2)
        + per_t_unit * t_score
        + 0.8 * (frame["age_years"].to_numpy() - 60) / 10
        + 0.4 * frame["is_current_smoker"].to_numpy()
        + shift
    )
    months = np.ceil(rng.exponential(size=n) / np.exp(predictor))
    return frame.with_columns(
        months=pl.Series(np.minimum(months, FOLLOWED_MONTHS).astype(float)),
        died=pl.Series(months <= FOLLOWED_MONTHS),
        is_age_top_coded=pl.lit(value=False),
        femoral_neck_t_score=pl.Series(t_score),
    ), log2_e2


def true_risk(frame: pl.DataFrame, log2_e2: float | None, t_score: float | None, seed: int = 0) -> float:
    """Risk by 60 months of the men of 40 and over, each counted by weight, had all of them the exposure named.

    What is not named stays as it is: E2 of a large sample by its own distribution, the T-score likewise. `frame` is of a
    large simulation without censoring, so that its E2 is known.
    """
    rng = np.random.default_rng(seed)
    men = frame.filter(pl.col("population") == "men", pl.col("age_years") >= 40)
    own = np.log2(men["e2_hi_pg_ml"].to_numpy()) if log2_e2 is None else np.full(men.height, log2_e2)
    score = men["femoral_neck_t_score"].to_numpy() if t_score is None else np.full(men.height, t_score)
    predictor = (
        -6.3
        - 0.35 * (own - 2.2)
        - 0.2 * score
        + 0.8 * (men["age_years"].to_numpy() - 60) / 10
        + 0.4 * men["is_current_smoker"].to_numpy()
        + rng.normal(0, 0.1, men.height)
    )
    return float(np.average(-np.expm1(-RISKS_AT_MONTHS * np.exp(predictor)), weights=men["exam_weight"].to_numpy()))
