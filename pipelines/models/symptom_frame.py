"""Draws of estradiol with what was known on their day, and what symptoms came after, as arrays.

Joins tables that earlier steps made; fits nothing. Whatever stands before the fields of follow-up is as of the day of the draw.
Not here: which dose a draw has (`symptom_dose`).
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl

from pipelines.models.covariates import slim_covariates_of
from pipelines.models.symptom_dose import dose_bands
from pipelines.run_facts import Inputs
from pipelines.trials.code_list import measured_levels, symptom_systems
from pipelines.trials.study import Study
from pipelines.trials.symptom import Symptom

_KEY = ["person_id", "trial_number"]
_NEVER = 10**6
_INHIBITOR = ("days_since_first_inhibitor", "days_since_last_inhibitor")
#: days that part two episodes, and in which a record before the draw leaves nobody at risk
_WASHOUT = "symptom_washout_days"


@dataclass(frozen=True, slots=True, eq=False)
class SymptomFrame:
    """Draws [n] of a cohort in the order of person and day; outcomes [s].

    Attributes:
        person_id: [n].
        band: [n] number of the band in `bands`; -1 where limits leave it open, a dose is not known, or the person has none.
        log2_e2: [n] of pg/mL; NaN where a specimen of the day lies beyond a limit.
        covariates: [n rows] as known on the day, NULL where missing; measured levels above 0 by their logarithm.
        is_prompted: [n] a record of any symptom in the days up to the draw.
        is_prevalent: [n, s] a record of the symptom within the washout before, or on the day.
        is_early: [n, s] the first record after the draw comes before the window opens.
        event_day: [n, s] of the first record in the window, from the draw; NaN where none was seen.
        followed_days: [n] last day of follow-up, from the draw; is_dead: [n] it ended with death.
        outcomes, bands, reference: names, and the number of the reference.
        lag_days, end_days: first day of the window, and the day after its last.
    """

    person_id: np.ndarray
    band: np.ndarray
    log2_e2: np.ndarray
    covariates: pl.DataFrame
    is_prompted: np.ndarray
    is_prevalent: np.ndarray
    is_early: np.ndarray
    event_day: np.ndarray
    followed_days: np.ndarray
    is_dead: np.ndarray
    outcomes: tuple[str, ...]
    bands: tuple[str, ...]
    reference: int
    lag_days: int
    end_days: int

    def outcome(self, name: str) -> int:
        """Number of an outcome."""
        return self.outcomes.index(name)


def symptom_frame(inputs: Inputs, study: Study, symptom: Symptom) -> SymptomFrame:
    """The frame of a question; of nobody where the data have none."""
    draws = _with_inhibitor(inputs, _with_estradiol(inputs, _draws(inputs, study, symptom)))
    if symptom.exposure == "dose":
        draws = draws.with_columns(band=dose_bands(inputs, draws))
    followed = draws["followed_days"].to_numpy()
    end = symptom.lag_days + symptom.horizon_days
    shape = (draws.height, len(symptom.outcomes))
    is_prevalent, is_early = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    event_day = np.full(shape, np.nan)
    limits = inputs["ref.clinical_limit"].filter(pl.col("limit_code").cast(pl.String) == _WASHOUT)
    washout = int(limits.collect()["value"].item())
    for number, code in enumerate(symptom.outcomes):
        told = _episodes(inputs, draws, symptom_systems()[code], symptom.lag_days, washout)
        is_prevalent[:, number], is_early[:, number] = told["is_before"].to_numpy(), told["is_early"].to_numpy()
        day = told["day"].to_numpy()
        event_day[:, number] = np.where((day <= followed) & (day < end), day, np.nan)
    number_of = {code: number for number, code in enumerate(symptom.bands)}
    return SymptomFrame(
        draws["person_id"].to_numpy(),
        draws["band"].replace_strict(number_of, default=-1, return_dtype=pl.Int64).to_numpy(),
        draws["log2_e2"].fill_null(float("nan")).to_numpy(),
        _covariates(inputs, study, symptom, draws),
        _prompted(inputs, draws, symptom.prompted_days),
        is_prevalent,
        is_early,
        event_day,
        followed,
        draws["is_dead"].to_numpy(),
        symptom.outcomes,
        symptom.bands,
        symptom.bands.index(symptom.reference),
        symptom.lag_days,
        end,
    )


def _draws(inputs: Inputs, study: Study, symptom: Symptom) -> pl.DataFrame:
    """Time zeros of the cohort, numbered: keys, day, days followed, whether death ended them."""
    trial = inputs["cohort.trial_person"].filter(
        pl.col("study_id") == study.id, pl.col("cohort_code") == symptom.cohort, pl.col("index_on").is_not_null()
    )
    return (
        trial.select(
            *_KEY,
            "index_on",
            followed_days=(pl.col("end_on") - pl.col("index_on")).dt.total_days(),
            is_dead=pl.col("end_reason") == "death",
        )
        .sort(_KEY)
        .with_row_index("draw")
        .collect()
    )


def _with_estradiol(inputs: Inputs, draws: pl.DataFrame) -> pl.DataFrame:
    """Adds `band` and `log2_e2` of all specimens of the day, and `is_lc_ms_ms`."""
    is_measured = (pl.col("e2_lo_pg_ml") == pl.col("e2_hi_pg_ml")) & (pl.col("e2_lo_pg_ml") > 0)
    band = pl.col("e2_band_code").cast(pl.String)
    one = (band.min() == band.max()) & (band.count() == pl.len())
    daily = (
        inputs["features.steroid_panel"]
        .filter(pl.col("e2_lo_pg_ml").is_not_null(), pl.col("drawn_on").is_not_null())
        .group_by("person_id", index_on=pl.col("drawn_on"))
        .agg(
            band=pl.when(one).then(band.min()),
            log2_e2=pl.when(is_measured.fill_null(value=False).all()).then(pl.col("e2_lo_pg_ml").log(2.0).mean()),
            is_lc_ms_ms=(pl.col("e2_assay_class").cast(pl.String) == "lc_ms_ms").all(),
        )
        .collect()
    )
    return draws.join(daily, on=["person_id", "index_on"], how="left", maintain_order="left")


def _with_inhibitor(inputs: Inputs, draws: pl.DataFrame) -> pl.DataFrame:
    """Adds days since the first and the last supply of an inhibitor before the draw; NULL where there was none.

    An inhibitor lowers estradiol and brings complaints of its own, most in its first months. Stock on the day is not asked:
    an episode of use is known only by the supplies that follow.
    """
    supplies = (
        inputs["features.drug_supply"]
        .filter(pl.col("drug_class").cast(pl.String) == "aromatase_inhibitor", pl.col("supplied_on").is_not_null())
        .select("person_id", "supplied_on")
        .unique()
        .collect()
    )
    ago = (pl.col("index_on") - pl.col("supplied_on")).dt.total_days().cast(pl.Float64)
    met = draws.select("draw", "person_id", "index_on").join(supplies, on="person_id").filter(ago > 0)
    told = met.group_by("draw").agg(days_since_first_inhibitor=ago.max(), days_since_last_inhibitor=ago.min())
    return draws.join(told, on="draw", how="left", maintain_order="left")


def _episodes(inputs: Inputs, draws: pl.DataFrame, system: str, lag_days: int, washout: int) -> pl.DataFrame:
    """In the order of the draws: had a record in the washout up to it, first after it before the window, and its day in it.

    Records of an episode are at most the washout apart, so one that began before it and is not over has a record in it:
    `last_on` tells nothing of the future here.
    """
    episodes = (
        inputs["features.symptom_episode"]
        .filter(pl.col("system_code").cast(pl.String) == system, pl.col("basis_code").cast(pl.String) == "diagnosis")
        .select("person_id", "starts_on", "last_on")
        .collect()
    )
    met = draws.select("draw", "person_id", "index_on").join(episodes, on="person_id")
    met = met.with_columns(
        start=(pl.col("starts_on") - pl.col("index_on")).dt.total_days(),
        last=(pl.col("last_on") - pl.col("index_on")).dt.total_days(),
    )
    told = met.group_by("draw").agg(
        is_before=((pl.col("start") <= 0) & (pl.col("last") >= -washout)).any(),
        is_early=((pl.col("start") > 0) & (pl.col("start") < lag_days)).any(),
        day=pl.col("start").filter(pl.col("start") >= lag_days).min(),
    )
    joined = draws.select("draw").join(told, on="draw", how="left", maintain_order="left")
    return joined.with_columns(
        pl.col("is_before", "is_early").fill_null(value=False), pl.col("day").fill_null(_NEVER).cast(pl.Int64)
    )


def _prompted(inputs: Inputs, draws: pl.DataFrame, days: int) -> np.ndarray:
    """[n] a record of any listed symptom in so many days up to the draw, its day included."""
    records = (
        inputs["staging.symptom"]
        .filter(pl.col("recorded_on").is_not_null())
        .select("person_id", recorded_on="recorded_on")
        .unique()
        .collect()
    )
    before = (pl.col("index_on") - pl.col("recorded_on")).dt.total_days()
    met = draws.select("draw", "person_id", "index_on").join(records, on="person_id")
    found = met.filter(before.is_between(0, days))["draw"].unique().to_numpy()
    prompted = np.zeros(draws.height, dtype=bool)
    prompted[found] = True
    return prompted


def _covariates(inputs: Inputs, study: Study, symptom: Symptom, draws: pl.DataFrame) -> pl.DataFrame:
    """Covariates of the question in the order of the draws; the assay, and how long ago an inhibitor was supplied.

    How long ago is the dose itself, where that is asked for: it stands beside estradiol alone.
    """
    wide = slim_covariates_of(inputs, study.id, draws, symptom.exclude)
    names = wide.columns
    supplies = _INHIBITOR if symptom.exposure == "estradiol" else ()
    own = draws.select(*supplies, lc_ms_ms=pl.col("is_lc_ms_ms").cast(pl.Float64))
    joined = pl.concat([own, wide], how="horizontal")
    # Levels are skewed, and bands of estradiol are about even on the log scale.
    logs = [name for name in names if name in measured_levels() and cast("float", wide[name].min() or 0.0) > 0]
    return joined.select("lc_ms_ms", *supplies, *names).with_columns(pl.col(name).log() for name in logs)
