"""`features.ai_exposure`: what each regimen of an aromatase inhibitor leads to: concentration, inhibition, accumulation.

Concentration here is that of evenly spread intake; the swing between doses is in `ai_at_draw`. Unknown doses and supplies of
unknown length make NULL, also after them, until the drug would be washed out. Surveys tell that an inhibitor is in use and
since when, not its dose.
"""

import numpy as np
import polars as pl

from pipelines.domain.pharmacokinetics import Kinetics, inhibition, inhibition_days, mean_towards
from pipelines.features.ai_kinetics import (
    PERSON_DRUG,
    VARIANTS,
    Effect,
    concentration,
    day_number,
    effects,
    kinetics,
    label_dose,
    pairs,
    regimens,
    unknown_supplies,
)
from pipelines.features.clinical_limit import limit
from pipelines.run_facts import Inputs, RunFacts


def ai_exposure(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """One row per person, aromatase inhibitor and interval; columns of the contract `features.ai_exposure`."""
    told = _told(inputs)
    taken = regimens(inputs).sort(*PERSON_DRUG, "regimen_number")
    if taken.is_empty():
        return told
    return pl.concat([_recorded(taken, inputs).lazy(), told], how="diagonal_relaxed")


def _recorded(taken: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    rows = _known(taken, inputs)
    central, length = kinetics(rows, "central"), rows["length_days"].to_numpy()
    dose = rows["dose_mg_per_week"].to_numpy()
    means, ends = {}, {}
    for variant in VARIANTS:
        of = kinetics(rows, variant)
        start, target = rows[f"start_{variant}"].to_numpy(), of.steady_state(dose)
        means[variant] = mean_towards(of, start, target, length)
        ends[variant] = target + (start - target) * np.exp(-of.elimination_per_day * length)
    effect = effects(rows, inputs, "last_day")
    sustained = central.sustaining_dose(ends["central"])
    fall = {v: inhibition(sustained, effect[v].half_dose, effect[v].largest) for v in VARIANTS}
    inside = inhibition_days(
        central, central.sustaining_dose(rows["start_central"].to_numpy()), dose,
        effect["central"].half_dose, effect["central"].largest / 100, length,
    )  # fmt: skip
    share = limit(inputs, "washout_share")
    steady = central.steady_state(dose)
    with np.errstate(divide="ignore", invalid="ignore"):
        washout = np.maximum(np.log(ends["central"] / (share * steady)) / central.elimination_per_day, 0.0)
    rhythm = rows["times_per_week"].is_not_null().to_numpy()
    accumulation = np.where(rhythm, central.accumulation(rows["interval_days"].to_numpy()), np.nan)
    computed = {
        "half_life_h": central.half_life_hours,
        "t90_days": central.days_to_90_pct,
        "accumulation_ratio": accumulation,
        "steady_state_ng_ml": steady,
        "concentration_mean_ng_ml": means["central"],
        "concentration_mean_low_ng_ml": means["low"],
        "concentration_mean_high_ng_ml": means["high"],
        "concentration_end_ng_ml": ends["central"],
        "inhibition_end_pct": fall["central"],
        "inhibition_end_low_pct": fall["low"],
        "inhibition_end_high_pct": fall["high"],
        "washout_days": washout,
        "inhibition_inside_days": inside,
        "inhibition_after_days": _after(rows, central, sustained, effect["central"]),
    }
    rows = rows.with_columns(pl.Series(name, values).fill_nan(None) for name, values in computed.items())
    return _cumulated(rows, limit(inputs, "steady_state_days")).select(_COLUMNS)


def _known(taken: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """Regimens with the concentration at their start; the dose is null where an unknown one before still counts."""
    rows = taken.with_row_index("moment")
    moments = rows.select(*PERSON_DRUG, "moment", at_day="start_day")
    before = concentration(pairs(moments, taken), VARIANTS).rename({v: f"start_{v}" for v in VARIANTS})
    rows = (
        rows.join(before, on="moment", how="left")
        .join(label_dose(inputs).collect(), on="ingredient", how="left")
        .with_columns(pl.col("^start_(central|low|high)$").fill_null(0.0), given_mg_per_week="dose_mg_per_week")
        .with_columns(label_dose_pct=100 * pl.col("given_mg_per_week") / pl.col("label_mg_per_week"))
    )
    entry = inputs["staging.observation_period"].group_by("person_id").agg(entry_on=pl.col("starts_on").min())
    entered = entry.with_columns(entry_day=day_number("entry_on")).select("person_id", "entry_day").collect()
    days = limit(inputs, "unknown_supply_days")
    recently = (pl.col("start_day") - pl.col("unknown_day") <= days).fill_null(value=False)
    haunted = pl.col("has_unknown_dose").fill_null(value=False) | recently
    return (
        _with_unknown_supply(rows, unknown_supplies(inputs))
        .join(entered, on="person_id", how="left")
        .sort("moment")
        .with_columns(
            dose_mg_per_week=pl.when(~haunted).then("dose_mg_per_week"),
            is_current_at_entry=(pl.col("start_day") <= pl.col("entry_day"))
            & (pl.col("until_day") > pl.col("entry_day")),
        )
    )


def _with_unknown_supply(rows: pl.DataFrame, unknown: pl.DataFrame) -> pl.DataFrame:
    """Adds `unknown_day`, the last supply of unknown length by the end of the regimen."""
    rows = rows.with_columns(last_day=pl.col("until_day") - 1).sort("last_day")
    return rows.join_asof(
        unknown, left_on="last_day", right_on="unknown_day", by=list(PERSON_DRUG), check_sortedness=False
    )


def _after(rows: pl.DataFrame, central: Kinetics, sustained: np.ndarray, effect: Effect) -> np.ndarray:
    """Inhibition that goes on between the end of a regimen and the start of the next."""
    next_start = rows.select(pl.col("start_day").shift(-1).over(PERSON_DRUG).fill_null(pl.col("until_day"))).to_series()
    idle = (next_start - rows["until_day"]).clip(0).to_numpy().astype(float)
    return inhibition_days(central, sustained, 0.0, effect.half_dose, effect.largest / 100, idle)


def _cumulated(rows: pl.DataFrame, steady_state_days: float) -> pl.DataFrame:
    """Sums from the first supply on; null from the first unknown on."""
    supplied = pl.col("unknown_day").is_null()
    whole = (pl.col("given_mg_per_week").is_not_null() & supplied).cum_min().over(PERSON_DRUG)
    predicted = (pl.col("inhibition_inside_days").is_not_null() & supplied).cum_min().over(PERSON_DRUG)
    since = pl.col("until_day") - pl.col("changed_day")
    earlier = pl.col("inhibition_after_days").shift(1).over(PERSON_DRUG).fill_null(0.0)
    return rows.with_columns(
        interval_number="regimen_number",
        days_on=pl.col("covered_days").cum_sum().over(PERSON_DRUG).cast(pl.Float64),
        days_since_dose_change=since,
        at_steady_state=since >= steady_state_days,
        cumulative_mg=pl.when(whole).then(
            (pl.col("given_mg_per_week") / 7 * pl.col("covered_days")).cum_sum().over(PERSON_DRUG)
        ),
        cumulative_inhibition_days=pl.when(predicted).then(
            (pl.col("inhibition_inside_days") + earlier).cum_sum().over(PERSON_DRUG)
        ),
        dose_mg_per_week="given_mg_per_week",
    )


def _told(inputs: Inputs) -> pl.LazyFrame:
    """Use without a day: a survey's inventory of the past month."""
    undated = inputs["staging.drug_exposure"].filter(pl.col("started_on").is_null())
    rows = undated.join(label_dose(inputs), on="ingredient").sort(*PERSON_DRUG, "source_file", "source_row")
    rows = rows.with_columns(
        interval_number=pl.int_range(1, pl.len() + 1).over(PERSON_DRUG),
        starts_on=pl.lit(None, pl.Date),
        ends_on=pl.lit(None, pl.Date),
        is_current_at_entry=pl.lit(value=True),
        dose_mg_per_week=pl.coalesce("dose_mg_per_week", 7 * pl.col("dose_mg_per_day")),
        **{name: pl.lit(None, dtype) for name, dtype in _NEVER_TOLD.items()},
    )
    label_share = 100 * pl.col("dose_mg_per_week") / pl.col("label_mg_per_week")
    return rows.with_columns(label_dose_pct=label_share).select(_COLUMNS)


_NEVER_TOLD = {
    "days_since_dose_change": pl.Int64,
    "at_steady_state": pl.Boolean,
} | dict.fromkeys(
    (
        "half_life_h", "accumulation_ratio", "t90_days", "steady_state_ng_ml", "concentration_mean_ng_ml",
        "concentration_mean_low_ng_ml", "concentration_mean_high_ng_ml", "concentration_end_ng_ml", "inhibition_end_pct",
        "inhibition_end_low_pct", "inhibition_end_high_pct", "washout_days", "cumulative_mg", "cumulative_inhibition_days",
    ),
    pl.Float64,
)  # fmt: skip
_COLUMNS = (
    *PERSON_DRUG, "interval_number", "starts_on", "ends_on", "is_current_at_entry", "days_on", "dose_mg_per_week",
    "label_dose_pct", "dose_source", "times_per_week", *_NEVER_TOLD,
)  # fmt: skip
