"""Draws of estradiol before a first inhibitor and while its first regimen lasts, with their bounds, as arrays.

Joins tables that earlier steps made; fits nothing, and puts nothing in the place of what lies below a limit. A draw counts to the
last day with stock of the first regimen: not after a stop, a change of dose or rhythm, or another inhibitor.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.run_facts import Inputs
from pipelines.trials.study import Study
from pipelines.trials.time_course import FIRST_WEEKS_DAYS, TimeCourse

UNKNOWN = "unknown"
#: a class of assay with fewer people has no error of its own to be told
LEAST_OF_CLASS = 11
_FIRST_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True, eq=False)
class TimeCourseFrame:
    """Draws [n] of people with one before, sorted by person and day.

    Attributes:
        person: [n] codes 0 to k - 1.
        days: [n] since the first supply; 0 for draws up to its day.
        lower, upper: [n] bounds of log estradiol (pg/mL): equal where measured, -inf and the limit below it.
        assay: [n] number in `classes`, the same for all draws of a person.
        classes: classes of assay that enough people have, the commonest first.
        n_cohort: people in the cohort; n_draws: draws that would count whatever their class; n_unknown: of these, those whose
            class is not known.
    """

    person: np.ndarray
    days: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    assay: np.ndarray
    classes: tuple[str, ...]
    n_cohort: int
    n_draws: int
    n_unknown: int

    @property
    def is_after(self) -> np.ndarray:
        """[n] drawn after the first supply."""
        return self.days > 0

    @property
    def n_before_and_after(self) -> int:
        """People with a draw before and one in the first weeks after."""
        return self._people(self.is_after & (self.days <= FIRST_WEEKS_DAYS))

    @property
    def n_first_week(self) -> int:
        """People with a draw before and one in the first week after."""
        return self._people(self.is_after & (self.days <= _FIRST_WEEK_DAYS))

    @property
    def n_after(self) -> int:
        """People with a draw before and any after."""
        return self._people(self.is_after)

    @property
    def censored_share(self) -> float | None:
        """Share of the draws after the first supply that are not measured; None without any."""
        after = self.is_after
        return float((self.lower < self.upper)[after].mean()) if after.any() else None

    @property
    def n_censored_people(self) -> int:
        """People with a draw after the first supply that is not measured."""
        return self._people(self.is_after & (self.lower < self.upper))

    @property
    def unknown_assay_share(self) -> float | None:
        """Share of draws whose class is not known; None without any."""
        return self.n_unknown / self.n_draws if self.n_draws else None

    def _people(self, rows: np.ndarray) -> int:
        return int(np.unique(self.person[rows]).size)


def e2_time_course_frame(inputs: Inputs, study: Study, asked: TimeCourse) -> TimeCourseFrame:
    """The frame of a question; of nobody where the data have none."""
    cohort = _cohort(inputs, study, asked)
    daily = _with_regimen(inputs, _daily(inputs, cohort, asked))
    known = daily.filter(pl.col("assay_class") != UNKNOWN)
    # Whoever changes laboratories shows the change of assay, not the drug: the class of the last draw before stays.
    own = known.filter(pl.col("day") <= 0).sort("person_id", "day", "assay_class")
    own = own.group_by("person_id", maintain_order=True).agg(pl.col("assay_class").last())
    sizes = own.group_by("assay_class").len().filter(pl.col("len") >= LEAST_OF_CLASS)
    classes = tuple(sizes.sort(-pl.col("len").cast(pl.Int64), "assay_class")["assay_class"])
    mine = known.join(own.filter(pl.col("assay_class").is_in(classes)), on=["person_id", "assay_class"], how="semi")
    rows = mine.sort("person_id", "day")
    number_of = {code: number for number, code in enumerate(classes)}
    with np.errstate(divide="ignore"):
        lower, upper = np.log(rows["lo"].to_numpy()), np.log(rows["hi"].to_numpy())
    return TimeCourseFrame(
        np.unique(rows["person_id"].to_numpy(), return_inverse=True)[1],
        np.maximum(rows["day"].to_numpy(), 0).astype(np.float64),
        lower,
        upper,
        rows["assay_class"].replace_strict(number_of, default=0, return_dtype=pl.Int64).to_numpy(),
        classes,
        cohort.height,
        daily.height,
        daily.height - known.height,
    )


def _cohort(inputs: Inputs, study: Study, asked: TimeCourse) -> pl.DataFrame:
    """First time zero of each person: person_id, index_on, end_on."""
    rows = inputs["cohort.trial_person"].filter(
        pl.col("study_id") == study.id, pl.col("cohort_code") == asked.cohort, pl.col("index_on").is_not_null()
    )
    found = rows.select("person_id", "trial_number", "index_on", "end_on").collect()
    return found.sort("person_id", "index_on", "trial_number").unique("person_id", keep="first", maintain_order=True)


def _daily(inputs: Inputs, cohort: pl.DataFrame, asked: TimeCourse) -> pl.DataFrame:
    """Draws from so many days before to the end of follow-up, one a day and class: person_id, index_on, day, lo and hi (pg/mL).

    Of draws beyond an upper limit only the lower bound is known; `hi` is infinite.
    """
    results = inputs["staging.lab_result"].filter(
        pl.col("analyte_code") == "estradiol", pl.col("value") > 0, pl.col("drawn_on").is_not_null()
    )
    bounded = results.select(
        "person_id",
        "drawn_on",
        assay_class=pl.col("assay_class").cast(pl.String),
        lo=pl.when(pl.col("operator") == "<").then(0.0).otherwise("value"),
        hi=pl.when(pl.col("operator") == ">").then(float("inf")).otherwise("value"),
    )
    joined = bounded.join(cohort.lazy(), on="person_id").with_columns(
        day=(pl.col("drawn_on") - pl.col("index_on")).dt.total_days()
    )
    kept = joined.filter(pl.col("day") >= -asked.before_days, pl.col("drawn_on") <= pl.col("end_on"))
    daily = kept.group_by("person_id", "index_on", "drawn_on", "day", "assay_class").agg(pl.col("lo", "hi").mean())
    return daily.collect().sort("person_id", "day", "assay_class")


def _with_regimen(inputs: Inputs, daily: pl.DataFrame) -> pl.DataFrame:
    """Draws before the first supply, and those up to the end of the first regimen; none after where two begin at once."""
    regimens = (
        inputs["features.ai_regimen"]
        .select("person_id", "starts_on", "ends_on")
        .collect()
        .join(daily.select("person_id", "index_on").unique(), on="person_id")
    )
    is_first = (pl.col("starts_on") <= pl.col("index_on")) & (pl.col("ends_on") >= pl.col("index_on"))
    lasts = regimens.group_by("person_id").agg(
        n_first=is_first.sum(),
        until_on=pl.min_horizontal(
            pl.col("ends_on").filter(is_first).min(),
            pl.col("starts_on").filter(pl.col("starts_on") > pl.col("index_on")).min() - pl.duration(days=1),
        ),
    )
    joined = daily.join(lasts, on="person_id", how="left", maintain_order="left")
    is_on = (pl.col("n_first") == 1) & (pl.col("drawn_on") <= pl.col("until_on"))
    return joined.filter((pl.col("day") <= 0) | is_on.fill_null(value=False))
