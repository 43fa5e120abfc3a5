"""Regimens of aromatase inhibitors joined with their parameters, and the concentration they add up to at any moment.

Here: what `ai_exposure` and `ai_at_draw` share. Not here: the closed forms (`domain.pharmacokinetics`), nor any output table.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.domain.pharmacokinetics import Kinetics, discrete, spread
from pipelines.features.menopause import SILENT_OVARIES, status_on
from pipelines.run_facts import Inputs

PERSON_DRUG = ("person_id", "ingredient")
VARIANTS = ("central", "low", "high")
DAYS_PER_WEEK = 7.0
#: Moments of a dosing interval at which the first intake may have fallen: nobody records the hour.
PHASES = 8
#: Longer ago than this many half-lives, a regimen adds less than 1e-9 of what it gave.
_FORGOTTEN_HALF_LIVES = 30.0


@dataclass(frozen=True, slots=True)
class Effect:
    """Prior of the inhibition as columns: largest fall (%) and dose of half of it (mg/wk)."""

    largest: np.ndarray
    half_dose: np.ndarray


def regimens(inputs: Inputs) -> pl.DataFrame:
    """Every regimen with the parameters of its drug, one row each, days counted from 1970-01-01.

    Returns:
        Columns of `features.ai_regimen`, and start_day, until_day (exclusive), length_days, interval_days, mg, intakes, and
        clearance_<variant>, volume_<variant>, absorption_<variant>. Without a rhythm the dose is taken daily. Unknown doses
        are null in `dose_mg_per_week` and 0 in `mg`.
    """
    taken = inputs["features.ai_regimen"].with_columns(
        start_day=day_number("starts_on"),
        until_day=day_number("ends_on") + 1,
        changed_day=day_number("dose_changed_on"),
    )
    times = pl.col("times_per_week").fill_null(DAYS_PER_WEEK)
    taken = taken.with_columns(
        length_days=pl.col("until_day") - pl.col("start_day"),
        interval_days=DAYS_PER_WEEK / times,
        mg=pl.col("dose_mg_per_week").fill_null(0.0) / times,
    ).with_columns(intakes=(pl.col("length_days") / pl.col("interval_days") - 1e-9).ceil().clip(1))
    return taken.join(_parameters(inputs), on="ingredient", how="left").collect()


def kinetics(rows: pl.DataFrame, variant: str) -> Kinetics:
    """Parameters of one variant as columns of the rows."""
    return Kinetics(*(rows[f"{name}_{variant}"].to_numpy() for name in ("clearance", "volume", "absorption")))


def pairs(moments: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """Each moment beside every regimen of the drug that began before it and is not forgotten.

    Args:
        moments: person_id, ingredient, moment (a unique number), at_day.
        taken: of `regimens`.
    """
    columns = [*PERSON_DRUG, "start_day", "length_days", "interval_days", "mg", "intakes", "dose_mg_per_week"]
    columns += [f"{name}_{variant}" for name in ("clearance", "volume", "absorption") for variant in VARIANTS]
    half_life = np.log(2.0) / 24.0 * pl.col("volume_high") / pl.col("clearance_high")
    return (
        moments.lazy()
        .join(taken.lazy().select(columns), on=PERSON_DRUG, how="inner")
        .with_columns(since=(pl.col("at_day") - pl.col("start_day")).cast(pl.Float64))
        .filter(
            pl.col("since") > 0,
            pl.col("since") - pl.col("length_days") < _FORGOTTEN_HALF_LIVES * half_life,
        )
        .collect()
    )


def concentration(beside: pl.DataFrame, variants: tuple[str, ...] = ("central",)) -> pl.DataFrame:
    """Concentration of evenly spread intake at moments, all regimens of the drug added up.

    Args:
        beside: of `pairs`.
        variants: which parameters.

    Returns:
        moment, a column per variant (ng/mL), has_unknown_dose (a regimen of unknown dose still counts). Moments without any
        regimen are absent.
    """
    dose, length = beside["dose_mg_per_week"].fill_null(0.0).to_numpy(), beside["length_days"].to_numpy()
    since = beside["since"].to_numpy()
    values = {variant: pl.Series(spread(kinetics(beside, variant), dose, length, since)) for variant in variants}
    return (
        beside.select("moment", has_unknown_dose=pl.col("dose_mg_per_week").is_null(), **values)
        .group_by("moment")
        .agg(pl.col(list(variants)).sum(), pl.col("has_unknown_dose").any())
    )


def concentration_range(beside: pl.DataFrame) -> pl.DataFrame:
    """Lowest and highest concentration at moments, intakes at their times: over the hours of intake and the parameters.

    Args:
        beside: of `pairs`.

    Returns:
        moment, low, high, ng/mL; moments without any regimen are absent.
    """
    tau, since, mg = (beside[name].to_numpy() for name in ("interval_days", "since", "mg"))
    swing = {
        f"{variant}_{phase}": discrete(kinetics(beside, variant), mg, tau, beside["intakes"].to_numpy(), since - shift)
        for variant in ("low", "high")
        for phase, shift in ((phase, tau * phase / PHASES) for phase in range(PHASES))
    }
    summed = (
        beside.select("moment", *(pl.Series(name, values) for name, values in swing.items()))
        .group_by("moment")
        .agg(pl.col(list(swing)).sum())
    )
    return summed.select("moment", low=pl.min_horizontal("^low_.$"), high=pl.max_horizontal("^high_.$"))


def unknown_supplies(inputs: Inputs) -> pl.DataFrame:
    """Days of supplies of inhibitors that may have lasted any time: person_id, ingredient, unknown_day, in the order of days."""
    return (
        inputs["features.drug_supply"]
        .filter(pl.col("drug_class") == "aromatase_inhibitor", pl.col("n_unknown_supply") > 0)
        .select(*PERSON_DRUG, unknown_day=day_number("supplied_on"))
        .sort("unknown_day")
        .collect()
    )


def effects(people: pl.DataFrame, inputs: Inputs, day: str) -> dict[str, Effect]:
    """Prior of the inhibition; NaN for women not known, on the day, to be without working ovaries: ovaries answer.

    Args:
        people: rows of person_id, ingredient and a day, counted from 1970-01-01.
        day: the column of the day on which menopause must be known.

    Returns:
        Per variant, columns as long as `people`.
    """
    prior = (
        inputs["ref.inhibition"]
        .join(label_dose(inputs), on="ingredient")
        .with_columns(half_dose=pl.col("d50_label_pct") / 100 * pl.col("label_mg_per_week"))
    )
    who = (
        people.select(*PERSON_DRUG, status_on(people, inputs, day).alias("status"))
        .lazy()
        .with_row_index("place")
        .join(inputs["staging.person"].select("person_id", "sex_code"), on="person_id", how="left")
    )
    silent = pl.col("status").is_in(SILENT_OVARIES).fill_null(value=False)
    is_predicted = (pl.col("sex_code") == "male") | silent
    found: dict[str, Effect] = {}
    for variant in VARIANTS:
        rows = who.join(
            prior.filter(pl.col("variant_code") == variant).select("sex_code", "ingredient", "imax_pct", "half_dose"),
            on=("sex_code", "ingredient"), how="left",
        ).sort("place")  # fmt: skip
        values = rows.select(pl.when(is_predicted).then(pl.col("imax_pct", "half_dose"))).collect()
        found[variant] = Effect(values["imax_pct"].to_numpy(), values["half_dose"].to_numpy())
    return found


def label_dose(inputs: Inputs) -> pl.LazyFrame:
    """ingredient, label_mg_per_week of the aromatase inhibitors."""
    drugs = inputs["ref.drug"].filter(pl.col("drug_class") == "aromatase_inhibitor")
    return drugs.group_by("ingredient").agg(label_mg_per_week=pl.col("label_dose_mg_per_day").max() * DAYS_PER_WEEK)


def day_number(column: str) -> pl.Expr:
    """Days from 1970-01-01 of a column of dates."""
    return pl.col(column).cast(pl.Date).to_physical().cast(pl.Int64)


def _parameters(inputs: Inputs) -> pl.LazyFrame:
    """One row per ingredient, the parameters of the variants side by side."""
    names = {"clearance": "clearance_l_per_h", "volume": "volume_l", "absorption": "absorption_per_h"}
    return (
        inputs["ref.pharmacokinetic"]
        .group_by("ingredient")
        .agg(
            pl.col(column).filter(pl.col("variant_code") == variant).first().alias(f"{name}_{variant}")
            for name, column in names.items()
            for variant in VARIANTS
        )
    )
