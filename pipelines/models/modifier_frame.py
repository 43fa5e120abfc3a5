"""Which stratum of a modifier the people of a contrast belong to, as known at time zero. Reads and cuts; estimates nothing."""

import numpy as np
import polars as pl

from pipelines.models.contrast_frame import ContrastFrame
from pipelines.models.effect_modification import UNKNOWN
from pipelines.run_facts import Inputs
from pipelines.trials.code_list import genotypes
from pipelines.trials.contrast import Contrast
from pipelines.trials.modifier import Modifier
from pipelines.trials.study import Study


def strata(inputs: Inputs, study: Study, contrast: Contrast, frame: ContrastFrame, modifier: Modifier) -> np.ndarray:
    """[n] number of the stratum of each row of the frame, from 0; `UNKNOWN` where it was not known at time zero."""
    values = _values(inputs, study, contrast, frame, modifier.code)
    return np.where(np.isnan(values), UNKNOWN, np.digitize(values, modifier.cuts))


def _values(inputs: Inputs, study: Study, contrast: Contrast, frame: ContrastFrame, code: str) -> np.ndarray:
    if code in genotypes():
        return _alleles(inputs, study, contrast, code)
    if code not in frame.covariates.columns:
        return np.full(frame.treated.size, np.nan)
    return frame.covariates[code].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _alleles(inputs: Inputs, study: Study, contrast: Contrast, code: str) -> np.ndarray:
    """[n] alleles on record up to time zero: who is typed later is another person than who is not. Records that disagree: NaN."""
    key = ["person_id", "trial_number"]
    rows = (
        inputs["features.outcome_value"]
        .filter(pl.col("study_id") == study.id, pl.col("contrast_number") == study.contrast_number(contrast))
        .select(*key, "index_on")
    )
    typed = inputs["staging.observation"].filter(
        pl.col("observation_code") == code, pl.col("observed_on").is_not_null()
    )
    told = (
        typed.select("person_id", "value", "observed_on")
        .join(rows, on="person_id")
        .filter(pl.col("observed_on") <= pl.col("index_on"))
        .group_by(key)
        .agg(pl.when(pl.col("value").n_unique() == 1).then(pl.col("value").first()).alias("value"))
    )
    known = rows.select(key).join(told, on=key, how="left").sort(key).collect()
    return known["value"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
