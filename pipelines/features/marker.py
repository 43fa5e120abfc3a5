"""`features.marker`: blood markers of a day in bands, with what disturbs them.

Kidney function is computed from creatinine at the age of the day; sRANKL over OPG from one day. Bands are told only where both
bounds of the day lie in one, and, for cortisol, where every draw of the day is known to be of the morning.
"""

import polars as pl

from pipelines.domain.formula import egfr_ckd_epi_2021
from pipelines.run_facts import Inputs, RunFacts

DAYS_PER_YEAR = 365.25
_KEY = ("person_id", "drawn_on", "marker_code")
_NO_END = float("inf")


def marker(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """One row per person, day and marker; columns of the contract `features.marker`."""
    days = _days(inputs)
    rows = pl.concat([_measured(days, inputs), _kidney(days, inputs), _ratio(days)], how="diagonal_relaxed")
    listed = inputs["ref.marker"].select("marker_code", "confounding_class", "morning_only").collect()
    rows = _banded(rows.join(listed, on="marker_code", how="left"), inputs)
    return rows.lazy().join(_on_drug(rows.lazy(), inputs), on=_KEY, how="left").select(
        *_KEY, "system_code", "unit_code", "value_lo",
        value_hi=pl.when(pl.col("value_hi").is_finite()).then("value_hi"),
        log_value=pl.when((pl.col("value_lo") == pl.col("value_hi")) & (pl.col("value_lo") > 0)).then(
            pl.col("value_lo").log()
        ),
        band_code="band_code",
        is_set_aside=pl.when(pl.col("band_code").is_not_null()).then(pl.col("sets_aside") == "yes"),
        is_on_drug=pl.when(pl.col("confounding_class").is_not_null()).then(pl.col("is_on_drug").fill_null(value=False)),
    )  # fmt: skip


def _days(inputs: Inputs) -> pl.DataFrame:
    """Bounds of each analyte of a day, means of several; morning only if every draw says so."""
    wanted = inputs["ref.marker"].select("analyte_code").unique()
    results = inputs["staging.lab_result"].filter(pl.col("value").is_not_null(), pl.col("drawn_on").is_not_null())
    lower = pl.when(pl.col("operator") == "<").then(0.0).otherwise("value")
    upper = pl.when(pl.col("operator") == ">").then(_NO_END).otherwise("value")
    morning = pl.when(pl.col("is_morning").is_not_null().all()).then(pl.col("is_morning").all())
    return (
        results.join(wanted, on="analyte_code", how="semi")
        .group_by("person_id", "drawn_on", "analyte_code")
        .agg(
            value_lo=lower.mean(), value_hi=upper.mean(), unit_code=pl.col("unit_code").first(), is_morning=morning,
        )
        .collect()
    )  # fmt: skip


def _measured(days: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """Markers that are analytes themselves, with the sex of the person."""
    listed = inputs["ref.marker"].select("marker_code", "analyte_code", "system_code").collect()
    sexes = inputs["staging.person"].select("person_id", "sex_code").collect()
    own = listed.filter(pl.col("marker_code") == pl.col("analyte_code"))
    return days.join(own, on="analyte_code").join(sexes, on="person_id").drop("analyte_code")


def _kidney(days: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """Glomerular filtration rate; a higher creatinine is a lower rate, so bounds change places."""
    people = inputs["staging.person"].select("person_id", "sex_code", "age_years", "entered_on").collect()
    rows = days.filter(pl.col("analyte_code") == "creatinine").join(people, on="person_id")
    since = (pl.col("drawn_on") - pl.col("entered_on")).dt.total_days() / DAYS_PER_YEAR
    rows = rows.with_columns(age=pl.col("age_years") + since)
    age, is_female = rows["age"].to_numpy(), (rows["sex_code"] == "female").to_numpy()
    low, high = (
        egfr_ckd_epi_2021(rows[name].to_numpy(), age, is_female) for name in ("value_hi", "value_lo")
    )  # A creatinine of 0 or without end gives no rate.
    return (
        rows.with_columns(
            pl.Series("value_lo", low).fill_nan(None), pl.Series("value_hi", high).fill_nan(None),
            marker_code=pl.lit("egfr"), system_code=pl.lit("kidney"), unit_code=pl.lit("mL/min/{1.73_m2}"),
        )
        .drop_nulls(["value_lo", "value_hi"])
        .select(*_KEY, "system_code", "unit_code", "value_lo", "value_hi", "is_morning", "sex_code")
    )  # fmt: skip


def _ratio(days: pl.DataFrame) -> pl.DataFrame:
    """sRANKL over osteoprotegerin of one day, both measured."""
    exact = days.filter(pl.col("value_lo") == pl.col("value_hi"), pl.col("value_lo") > 0)
    parts = {
        name: exact.filter(pl.col("analyte_code") == name).select(
            "person_id", "drawn_on", pl.col("value_lo").alias(name)
        )
        for name in ("srankl", "osteoprotegerin")
    }
    ratio = pl.col("srankl") / pl.col("osteoprotegerin")
    return parts["srankl"].join(parts["osteoprotegerin"], on=("person_id", "drawn_on")).select(
        "person_id", "drawn_on", marker_code=pl.lit("srankl_opg_ratio"), system_code=pl.lit("bone_signal"),
        unit_code=pl.lit("1"), value_lo=ratio, value_hi=ratio,
    )  # fmt: skip


def _banded(rows: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """Adds band_code and sets_aside."""
    bands = inputs["ref.marker_band"].select(
        "marker_code", "band_code", "sets_aside", "from_value", band_sex="sex_code",
        below_value=pl.col("below_value").fill_null(_NO_END),
    ).collect()  # fmt: skip
    is_timely = (pl.col("morning_only") != "yes") | pl.col("is_morning").fill_null(value=False)
    inside = (pl.col("value_lo") >= pl.col("from_value")) & (
        (pl.col("value_hi") < pl.col("below_value"))
        | (pl.col("below_value") == _NO_END)
        # Below a limit that is the end of the band lies in the band.
        | ((pl.col("value_hi") == pl.col("below_value")) & (pl.col("value_lo") < pl.col("value_hi")))
    )
    found = (
        rows.join(bands, on="marker_code")
        .filter(
            is_timely.fill_null(value=True),
            inside,
            (pl.col("band_sex") == "any") | (pl.col("band_sex") == pl.col("sex_code")),
        )
        .select(*_KEY, "band_code", "sets_aside")
    )
    return rows.join(found, on=_KEY, how="left")


def _on_drug(rows: pl.LazyFrame, inputs: Inputs) -> pl.LazyFrame:
    episodes = inputs["features.dosing_episode"].filter(pl.col("is_primary"))
    met = rows.filter(pl.col("confounding_class").is_not_null()).join(
        episodes.select("person_id", "starts_on", "supply_ends_on", confounding_class="drug_class"),
        on=("person_id", "confounding_class"),
    )
    inside = pl.col("drawn_on").is_between("starts_on", "supply_ends_on")
    return met.filter(inside).select(_KEY).unique().with_columns(is_on_drug=pl.lit(value=True))
