"""Which stratum of a modifier people belong to, as known at time zero. Reads and cuts; estimates nothing."""

import numpy as np
import polars as pl

from pipelines.models.contrast_frame import ContrastFrame
from pipelines.models.effect_modification import UNKNOWN
from pipelines.run_facts import Inputs
from pipelines.trials.code_list import genotypes
from pipelines.trials.contrast import Contrast
from pipelines.trials.modifier import Modifier
from pipelines.trials.study import Study

_KEY = ["person_id", "trial_number"]


def strata(inputs: Inputs, study: Study, contrast: Contrast, frame: ContrastFrame, modifier: Modifier) -> np.ndarray:
    """[n] number of the stratum of each row of the frame, from 0; `UNKNOWN` where it was not known at time zero."""
    return place_of(_values(inputs, study, contrast, frame, modifier.code), modifier)


def place_of(values: np.ndarray, modifier: Modifier) -> np.ndarray:
    """[n] number of the stratum of each value, from 0; `UNKNOWN` of NaN."""
    return np.where(np.isnan(values), UNKNOWN, np.digitize(values, modifier.cuts))


def _values(inputs: Inputs, study: Study, contrast: Contrast, frame: ContrastFrame, code: str) -> np.ndarray:
    if code in genotypes():
        return _alleles(inputs, study, contrast, code)
    if code not in frame.covariates.columns:
        return np.full(frame.treated.size, np.nan)
    return frame.covariates[code].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _alleles(inputs: Inputs, study: Study, contrast: Contrast, code: str) -> np.ndarray:
    """[n] alleles of the people of the contrast, in the order of its frame; nan: not on record, or records disagree."""
    rows = (
        inputs["features.outcome_value"]
        .filter(pl.col("study_id") == study.id, pl.col("contrast_number") == study.contrast_number(contrast))
        .select(*_KEY, "index_on")
    )
    known = rows.select(_KEY).join(alleles(inputs, rows, code).lazy(), on=_KEY, how="left").sort(_KEY).collect()
    return known["value"].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def alleles(inputs: Inputs, rows: pl.LazyFrame, code: str) -> pl.DataFrame:
    """Person, trial number and `value`: alleles on record up to `index_on` of the rows, of whom there is any record.

    Who is typed later is another person than who is not. Records that disagree: NULL.
    """
    typed = inputs["staging.observation"].filter(
        pl.col("observation_code") == code, pl.col("observed_on").is_not_null()
    )
    return (
        typed.select("person_id", "value", "observed_on")
        .join(rows, on="person_id")
        .filter(pl.col("observed_on") <= pl.col("index_on"))
        .group_by(_KEY)
        .agg(pl.when(pl.col("value").n_unique() == 1).then(pl.col("value").first()).alias("value"))
        .collect()
    )
