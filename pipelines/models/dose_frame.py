"""Person-periods under a dose as arrays: dose, estradiol before it, who stayed, and the outcome at the horizon.

Joins tables that earlier steps made; fits nothing. Nothing in a row is known later than its period, but the outcome.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.covariates import covariates_of
from pipelines.run_facts import Inputs
from pipelines.trials.code_list import ingredients
from pipelines.trials.exposure import Dose
from pipelines.trials.study import Study

#: how long ago a draw may lie to tell the next dose; as long as a line is drawn between two draws
_E2_DAYS = 180


@dataclass(frozen=True, slots=True, eq=False)
class DoseFrame:
    """People [n] with a baseline, from their earliest time zero; rows [r] are their periods under observation, in order.

    Attributes:
        person: [r] codes 0 to n - 1; `period` [r] from 0.
        amount: [r] mean mg a week, or % of days covered; `category` [r] number of the category.
        stayed: [r] under observation, dose known, to the end of the period.
        estradiol: [r, 3] of the last draw before the period: log of value or limit, below the limit, none. Zeros if none.
        covariates: [n rows] as known at time zero, the log of the baseline among them.
        outcome: [n] change on the scale of the outcome; NaN where not measured or not followed.
        n_periods, n_exposed: before the window of the outcome opens, and those whose dose counts.
        categories: their names; `reference` its number.
    """

    person: np.ndarray
    period: np.ndarray
    amount: np.ndarray
    category: np.ndarray
    stayed: np.ndarray
    estradiol: np.ndarray
    covariates: pl.DataFrame
    outcome: np.ndarray
    n_periods: int
    n_exposed: int
    categories: tuple[str, ...]
    reference: int


def dose_frame(inputs: Inputs, study: Study, dose: Dose) -> DoseFrame:
    """The frame of a dose that is kept up; of nobody where the data have none."""
    people = _people(inputs, study, dose)
    rows = _periods(people, dose)
    rows = _known(dosed(inputs, rows, people, dose.drugs, is_mass=dose.exposure == "mg_per_week"))
    people, rows = _with_rows(people, rows)
    covariates = covariates_at_zero(inputs, study, people)
    amount = rows["amount"].to_numpy()
    side = "left" if dose.exposure == "mg_per_week" else "right"
    return DoseFrame(
        rows["person"].to_numpy(),
        rows["period"].to_numpy(),
        amount,
        np.searchsorted(np.array(dose.edges), amount, side=side),
        rows["stayed"].to_numpy(),
        _estradiol(inputs, rows, people),
        covariates,
        people["change"].fill_null(float("nan")).to_numpy(),
        dose.n_periods,
        dose.n_exposed,
        dose.categories,
        dose.categories.index(dose.reference),
    )


def _people(inputs: Inputs, study: Study, dose: Dose) -> pl.DataFrame:
    """Each person at the earliest time zero with a baseline: a number, keys, day, days followed, baseline and change."""
    rows = (
        inputs["features.outcome_value"]
        .filter((pl.col("study_id") == study.id) & pl.col("contrast_number").is_in(study.dose_numbers(dose)))
        .select(
            "person_id",
            "trial_number",
            "baseline_value",
            "followed_days",
            "change",
            index_day=pl.col("index_on").to_physical().cast(pl.Int64),
        )
        .filter(pl.col("followed_days") > 0)
        .sort("person_id", "index_day", "trial_number")
        .collect()
    )
    first = rows.unique("person_id", keep="first", maintain_order=True)
    return first.with_row_index("person").with_columns(pl.col("person").cast(pl.Int64))


def _periods(people: pl.DataFrame, dose: Dose) -> pl.DataFrame:
    """One row a person and period that was begun under observation."""
    length = dose.period_days
    begun = pl.min_horizontal(((pl.col("followed_days") - 1) // length) + 1, pl.lit(dose.n_periods))
    rows = people.select("person", "index_day", "followed_days", period=pl.int_ranges(0, begun)).explode("period")
    return rows.with_columns(from_day=pl.col("index_day") + pl.col("period") * length).with_columns(
        to_day=pl.min_horizontal(pl.col("from_day") + length, pl.col("index_day") + pl.col("followed_days")),
        stayed=pl.col("followed_days") >= (pl.col("period") + 1) * length,
    )


def dosed(
    inputs: Inputs, rows: pl.DataFrame, people: pl.DataFrame, drugs: tuple[str, ...], *, is_mass: bool
) -> pl.DataFrame:
    """Adds `amount`: mean mg a week, or % of days covered; NULL where a supply of the period has no known dose.

    Args:
        inputs: `features.drug_supply` among them.
        rows: a person and period each, with from_day and to_day (exclusive), days since 1970.
        people: `person` (their number) and person_id.
        drugs: drug codes; of one ingredient where the amount is a mass.
        is_mass: mg a week, else % of days.
    """
    supply = (
        inputs["features.drug_supply"]
        .filter(pl.col("ingredient").is_in(sorted(ingredients(drugs))), pl.col("cover_days") > 0)
        .select(
            "person_id",
            "dose_mg_per_week",
            "cover_days",
            cover_day=pl.col("cover_from_on").to_physical().cast(pl.Int64),
        )
        .join(people.lazy().select("person_id", "person"), on="person_id")
        .collect()
    )
    days = pl.min_horizontal("to_day", pl.col("cover_day") + pl.col("cover_days")) - pl.max_horizontal(
        "from_day", "cover_day"
    )
    met = rows.select("person", "period", "from_day", "to_day").join(supply, on="person").with_columns(days=days)
    met = met.filter(pl.col("days") > 0)
    given = pl.col("days") * pl.col("dose_mg_per_week") if is_mass else 100.0 * pl.col("days")
    found = met.group_by("person", "period").agg(taken=given.sum(), is_unknown=given.is_null().any())
    joined = rows.join(found, on=["person", "period"], how="left", maintain_order="left")
    mean = (pl.col("taken").fill_null(0.0) / (pl.col("to_day") - pl.col("from_day"))).round(6)
    amount = mean if is_mass else pl.min_horizontal(mean, pl.lit(100.0))
    return joined.with_columns(amount=pl.when(~pl.col("is_unknown").fill_null(value=False)).then(amount))


def _known(rows: pl.DataFrame) -> pl.DataFrame:
    """Periods up to the first without a known dose, which nobody stays for."""
    lost = pl.col("amount").is_null().cum_max().over("person")
    kept = rows.sort("person", "period").with_columns(is_lost=lost)
    follows = pl.col("is_lost").shift(-1).over("person").fill_null(value=False)
    return kept.with_columns(stayed=pl.col("stayed") & ~follows).filter(~pl.col("is_lost"))


def _with_rows(people: pl.DataFrame, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """People numbered anew without those who have no period."""
    kept = people.join(rows.select("person").unique(), on="person", how="semi", maintain_order="left")
    numbers = kept.select("person", number=pl.int_range(pl.len(), dtype=pl.Int64))
    renamed = rows.join(numbers, on="person", maintain_order="left").drop("person").rename({"number": "person"})
    return kept.drop("person").with_row_index("person").with_columns(pl.col("person").cast(pl.Int64)), renamed


def _estradiol(inputs: Inputs, rows: pl.DataFrame, people: pl.DataFrame) -> np.ndarray:
    draws = (
        inputs["staging.lab_result"]
        .filter(pl.col("analyte_code") == "estradiol", pl.col("value") > 0, pl.col("drawn_on").is_not_null())
        .select(
            "person_id",
            "is_censored",
            "value",
            day=pl.col("drawn_on").to_physical().cast(pl.Int64),
        )
        .join(people.lazy().select("person_id", "person"), on="person_id")
        .sort("day", "person", "value", "is_censored")
        .collect()
    )
    asked = rows.with_row_index("row").select("row", "person", "from_day").sort("from_day")
    # On the first day of a period the draw counts: the dose answers to it.
    met = asked.join_asof(
        draws, left_on="from_day", right_on="day", by="person", strategy="backward", tolerance=_E2_DAYS,
        check_sortedness=False,
    ).sort("row")  # fmt: skip
    told = met.select(
        log=pl.col("value").log().fill_null(0.0),
        below=pl.col("is_censored").fill_null(value=False).cast(pl.Float64),
        none=pl.col("value").is_null().cast(pl.Float64),
    )
    return told.to_numpy().astype(np.float64)


def covariates_at_zero(inputs: Inputs, study: Study, people: pl.DataFrame) -> pl.DataFrame:
    """Covariates of the study and the log of the baseline, in the order of `person` of `people` (keys, number, baseline)."""
    ordered = people.sort("person")
    baseline = ordered.select(baseline_log=pl.col("baseline_value").log())
    return pl.concat([baseline, covariates_of(inputs, study.id, ordered)], how="horizontal")
