"""`features.lipid_metabolic`: lipids and sugar of one day side by side, with what is calculated from them.

LDL is the direct measurement, else Sampson's equation on the same day's lipids; what a laboratory calculated stays apart, for it
does not say by which equation. Insulin resistance needs a fasting draw. Results beyond a limit take no part in a calculation.
"""

import polars as pl

from pipelines.domain.formula import homa_ir, ldl_sampson, triglyceride_glucose_index
from pipelines.run_facts import Inputs, RunFacts

DAY = ("person_id", "drawn_on")
_COLUMNS = {
    "total_cholesterol": "total_cholesterol_mg_dl",
    "hdl_cholesterol": "hdl_mg_dl",
    "triglycerides": "triglycerides_mg_dl",
    "ldl_cholesterol_direct": "ldl_direct_mg_dl",
    "ldl_cholesterol_reported": "ldl_reported_mg_dl",
    "apolipoprotein_b": "apolipoprotein_b_mg_dl",
    "glucose": "glucose_mg_dl",
    "insulin": "insulin_uiu_ml",
    "hba1c": "hba1c_pct",
}


def lipid_metabolic(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """One row per person and day; columns of the contract `features.lipid_metabolic`."""
    days = _days(inputs).collect()
    arrays = {name: days[name].to_numpy() for name in _COLUMNS.values()}
    sampson = ldl_sampson(arrays["total_cholesterol_mg_dl"], arrays["hdl_mg_dl"], arrays["triglycerides_mg_dl"])
    resistance = homa_ir(arrays["glucose_mg_dl"], arrays["insulin_uiu_ml"])
    index = triglyceride_glucose_index(arrays["triglycerides_mg_dl"], arrays["glucose_mg_dl"])
    calculated = {"sampson": sampson, "homa_ir": resistance, "tyg_index": index}
    days = days.with_columns(pl.Series(name, values, pl.Float64).fill_nan(None) for name, values in calculated.items())
    direct, is_fasting = pl.col("ldl_direct_mg_dl"), pl.col("is_fasting").fill_null(value=False)
    days = days.with_columns(
        ldl_mg_dl=pl.coalesce(direct, "sampson"),
        ldl_basis=pl.when(direct.is_not_null()).then(pl.lit("direct")).when(pl.col("sampson").is_not_null()).then(
            pl.lit("sampson")
        ),
        non_hdl_mg_dl=pl.col("total_cholesterol_mg_dl") - pl.col("hdl_mg_dl"),
        homa_ir=pl.when(is_fasting).then("homa_ir"),
        tyg_index=pl.when(is_fasting).then("tyg_index"),
    )  # fmt: skip
    return days.lazy().join(_on_statin(days.lazy(), inputs), on=DAY, how="left").select(
        *DAY, *(name for name in _COLUMNS.values() if name != "ldl_direct_mg_dl"), "ldl_mg_dl", "ldl_basis", "non_hdl_mg_dl",
        "is_fasting", "homa_ir", "tyg_index", is_on_statin=pl.col("is_on_statin").fill_null(value=False),
    )  # fmt: skip


def _days(inputs: Inputs) -> pl.LazyFrame:
    """Uncensored results of a day, means of several, side by side; fasting only if every draw says so."""
    results = inputs["staging.lab_result"].filter(
        pl.col("analyte_code").is_in(list(_COLUMNS)), pl.col("value").is_not_null(), ~pl.col("is_censored"),
        pl.col("drawn_on").is_not_null(),
    )  # fmt: skip
    fasting = pl.when(pl.col("is_fasting").is_not_null().all()).then(pl.col("is_fasting").all())
    return results.group_by(DAY).agg(
        fasting.alias("is_fasting"),
        *(pl.col("value").filter(pl.col("analyte_code") == code).mean().alias(name) for code, name in _COLUMNS.items()),
    )


def _on_statin(days: pl.LazyFrame, inputs: Inputs) -> pl.LazyFrame:
    episodes = inputs["features.dosing_episode"].filter(pl.col("drug_class") == "statin", pl.col("is_primary"))
    met = days.select(DAY).join(episodes.select("person_id", "starts_on", "supply_ends_on"), on="person_id")
    inside = pl.col("drawn_on").is_between("starts_on", "supply_ends_on")
    return met.filter(inside).select(DAY).unique().with_columns(is_on_statin=pl.lit(value=True))
