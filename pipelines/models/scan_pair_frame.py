"""People between two scans as arrays: change of bone a year, draws of estradiol with their bounds, covariates, visits.

Joins tables that earlier steps made; fits nothing, and imputes nothing.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.covariates import covariates_of
from pipelines.models.window_mean import WindowWeights, window_weights
from pipelines.run_facts import Inputs
from pipelines.trials.exposure import Curve
from pipelines.trials.study import Study

DAYS_PER_YEAR = 365.25
_PERIOD_DAYS = 365


@dataclass(frozen=True, slots=True, eq=False)
class ScanPairFrame:
    """People [k] of a cohort with a usable pair of scans, pairs [n] in order of person and time, draws [d].

    Attributes:
        person: [n] codes of people, 0 to k - 1.
        change_per_year: [n] of the outcome, % a year.
        windows: [n, d] what a draw counts in the mean between the two scans.
        drawer: [d] codes of people; `lower`, `upper` [d] bounds of log estradiol; `drawn_class` [d] of assay.
        drawn_year: [d] years from time zero.
        covariates: [k rows] of the outcome model; `imputed_by` [k rows] of the imputation beside them.
        visits: [r rows] period, is_seen, and covariates of everybody under observation, by year from time zero: whether a
            usable pair ended in it. Sorted by `person` (of the cohort) and period.
        pair_visit: [n] rows of `visits` in which the pairs ended.
        n_cohort: people in the cohort.
        testosterone: [n] log of the mean measured testosterone between the scans; NaN where it covers less than the mean of
            estradiol has to, or was not asked for.
    """

    person: np.ndarray
    change_per_year: np.ndarray
    windows: WindowWeights
    drawer: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    drawn_class: np.ndarray
    drawn_year: np.ndarray
    covariates: pl.DataFrame
    imputed_by: pl.DataFrame
    visits: pl.DataFrame
    pair_visit: np.ndarray
    n_cohort: int
    testosterone: np.ndarray

    @property
    def n_people(self) -> int:
        """People with a usable pair."""
        return self.covariates.height

    @property
    def is_measured(self) -> np.ndarray:
        """[n] whether a draw that counts in the mean lies within the limits of its assay."""
        return self.windows.mean((self.lower == self.upper).astype(np.float64)) > 0

    @property
    def upper_mean(self) -> np.ndarray:
        """[n] log of the upper bound of the mean."""
        return np.log(self.windows.mean(np.exp(self.upper)))


def scan_pair_frame(
    inputs: Inputs,
    study: Study,
    curve: Curve,
    assay_class: str | None = None,
    *,
    with_testosterone: bool = False,
) -> ScanPairFrame:
    """The frame of a curve; of nobody where the data have none. `assay_class` leaves out draws by any other."""
    cohort = _cohort(inputs, study, curve)
    pairs = _pairs(inputs, curve, cohort)
    draws = _draws(inputs, pairs, cohort, assay_class)
    limits = dict(inputs["ref.clinical_limit"].select("limit_code", "value").collect().iter_rows())
    weights = window_weights(draws, pairs, int(limits["e2_interpolation_days"]), int(limits["e2_carry_days"]))
    usable = weights.covered_share >= limits["e2_minimum_coverage"]
    pairs, kept = pairs.filter(usable), weights.weights[np.flatnonzero(usable)]
    unknown = np.full(pairs.height, np.nan)
    testosterone = _testosterone(inputs, pairs, cohort, limits) if with_testosterone else unknown
    counts = np.unique(kept.indices)
    draws, kept = draws[counts], kept[:, counts]
    people = pairs.select("person").unique().sort("person")["person"]
    covariates = covariates_of(inputs, study.id, cohort)
    visits = _visits(cohort, pairs, covariates, curve.minimum_days)
    place = visits.with_row_index("row").select("person", "period", "row")
    ended = pairs.select("person", period=_period("end_day", "index_day")).join(
        place, on=["person", "period"], how="left", maintain_order="left"
    )
    mine = covariates[people.to_numpy()] if people.len() else covariates.clear()
    drawn = draws.join(cohort.select("person", "index_day"), on="person", how="left", maintain_order="left")
    with np.errstate(divide="ignore"):
        lower, upper = np.log(draws["lo"].to_numpy()), np.log(draws["hi"].to_numpy())
    return ScanPairFrame(
        np.searchsorted(people.to_numpy(), pairs["person"].to_numpy()),
        pairs["change_per_year"].to_numpy(),
        WindowWeights(kept, weights.covered_share[usable]),
        np.searchsorted(people.to_numpy(), draws["person"].to_numpy()),
        lower,
        upper,
        draws["assay_class"].to_numpy(),
        (drawn["day"] - drawn["index_day"]).to_numpy() / DAYS_PER_YEAR,
        mine.drop(curve.imputed_by, strict=False),
        mine.select(name for name in curve.imputed_by if name in mine.columns),
        visits.drop(curve.imputed_by, strict=False),
        ended["row"].to_numpy().astype(np.int64),
        cohort.height,
        testosterone,
    )


def _testosterone(inputs: Inputs, pairs: pl.DataFrame, cohort: pl.DataFrame, limits: dict[str, float]) -> np.ndarray:
    """[n] log of its mean between scans by the rule of estradiol, of draws within the limits of their assay; else NaN."""
    draws = _draws(inputs, pairs, cohort, None, "testosterone").filter(pl.col("lo") == pl.col("hi"))
    weights = window_weights(draws, pairs, int(limits["e2_interpolation_days"]), int(limits["e2_carry_days"]))
    means = weights.mean(draws["lo"].to_numpy())
    is_known = (weights.covered_share >= limits["e2_minimum_coverage"]) & (means > 0)
    return np.log(np.where(is_known, means, np.nan))


def _day(name: str) -> pl.Expr:
    return pl.col(name).to_physical().cast(pl.Int64)


def _period(day: str, index_day: str) -> pl.Expr:
    return (pl.col(day) - pl.col(index_day)) // _PERIOD_DAYS


def _cohort(inputs: Inputs, study: Study, curve: Curve) -> pl.DataFrame:
    """First time zero of each person: person (a number), person_id, trial_number, index_day, end_day."""
    asked = inputs["cohort.trial_person"].filter(
        pl.col("study_id") == study.id, pl.col("cohort_code") == curve.cohort, pl.col("end_on").is_not_null()
    )
    rows = asked.select(
        "person_id", "trial_number", index_day=_day("index_on"), cohort_end_day=_day("end_on")
    ).collect()
    first = rows.sort("person_id", "index_day", "trial_number").unique("person_id", keep="first", maintain_order=True)
    return first.with_row_index("person").with_columns(pl.col("person").cast(pl.Int64))


def _pairs(inputs: Inputs, curve: Curve, cohort: pl.DataFrame) -> pl.DataFrame:
    """Pairs of scans of one series from time zero on, within follow-up, far enough apart; one side a person and day."""
    site = curve.outcome.removesuffix("_bmd_change_pct")
    scans = inputs["features.bmd_change"].filter(
        pl.col("site_code") == site,
        pl.col("interval_days") >= curve.minimum_days,
        ~pl.col("is_artefact_suspect"),
    )
    scans = scans.select(
        "person_id", "side_code", "scan_id",
        start_day=_day("first_scanned_on"), end_day=_day("second_scanned_on"),
        change_per_year=pl.col("change_pct") * DAYS_PER_YEAR / pl.col("interval_days"),
    ).collect()  # fmt: skip
    within = (pl.col("start_day") >= pl.col("index_day")) & (pl.col("end_day") <= pl.col("cohort_end_day"))
    return (
        scans.join(cohort, on="person_id")
        .filter(within)
        .sort("person", "start_day", "side_code", "end_day", "scan_id")
        .unique(["person", "start_day"], keep="first", maintain_order=True)
    )


def _draws(
    inputs: Inputs, pairs: pl.DataFrame, cohort: pl.DataFrame, assay_class: str | None, analyte: str = "estradiol"
) -> pl.DataFrame:
    """Draws of these people up to the end of follow-up: person, series, assay_class, day, lo and hi (in the unit of the analyte).

    One a day and class of assay; a change of class begins a new series, as in `features.e2_exposure`.
    """
    people = pairs.select("person_id").unique()
    results = inputs["staging.lab_result"].filter(
        pl.col("analyte_code") == analyte, pl.col("value") > 0, pl.col("drawn_on").is_not_null()
    )
    if assay_class is not None:
        results = results.filter(pl.col("assay_class") == assay_class)
    bounded = results.select(
        "person_id", "assay_class", day=_day("drawn_on"),
        lo=pl.when(pl.col("operator") == "<").then(0.0).otherwise("value"),
        hi=pl.when(pl.col("operator") == ">").then(float("inf")).otherwise("value"),
    )  # fmt: skip
    daily = bounded.join(people.lazy(), on="person_id", how="semi").group_by("person_id", "day", "assay_class")
    found = daily.agg(pl.col("lo", "hi").mean()).collect()
    joined = found.join(cohort.select("person_id", "person", "cohort_end_day"), on="person_id")
    rows = joined.filter(pl.col("day") <= pl.col("cohort_end_day")).sort("person", "day", "assay_class")
    changed = (pl.col("assay_class") != pl.col("assay_class").shift(1)).over("person").fill_null(value=True)
    return rows.with_columns(series=changed.cum_sum().over("person").cast(pl.Int64))


def _visits(cohort: pl.DataFrame, pairs: pl.DataFrame, covariates: pl.DataFrame, minimum_days: int) -> pl.DataFrame:
    """Years from time zero in which a pair could end, of everybody, and whether one did."""
    first = minimum_days // _PERIOD_DAYS
    years = cohort.select("person", last=_period("cohort_end_day", "index_day")).filter(pl.col("last") >= first)
    years = years.select("person", period=pl.int_ranges(first, pl.col("last") + 1)).explode("period")
    seen = pairs.select("person", period=_period("end_day", "index_day")).unique().with_columns(is_seen=pl.lit(1))
    rows = years.join(seen, on=["person", "period"], how="left").with_columns(pl.col("is_seen").fill_null(0))
    numbered = covariates.with_row_index("person").with_columns(pl.col("person").cast(pl.Int64))
    return rows.join(numbered, on="person", how="left").sort("person", "period")
