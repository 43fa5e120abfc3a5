"""Estradiol draws as bounds, in series of one assay class, with what the same specimen tells: T, SHBG, free hormones.

Here: what windows are made of. Not here: windows (`e2_exposure`), harmonisation of results (staging).
"""

import numpy as np
import polars as pl

from pipelines.domain.free_hormone import ALBUMIN_DEFAULT_G_L, sodergard, testosterone_vermeulen
from pipelines.run_facts import Inputs

SPECIMEN = ("person_id", "specimen_id")
T_NMOL_L_PER_NG_DL = 10.0 / 288.42  # molar mass of testosterone, g/mol
E2_NMOL_L_PER_PG_ML = 1.0 / 272.38  # molar mass of estradiol, g/mol
G_L_PER_G_DL = 10.0
_COMPANIONS = ("testosterone", "shbg", "albumin")


def e2_draws(inputs: Inputs) -> pl.DataFrame:
    """Every estradiol result with a value.

    Returns:
        person_id, specimen_id, assay_class, drawn_on (null in surveys), day (from 1970-01-01), lo and hi (bounds, pg/mL; hi is
        infinite above an upper limit), fill (limit/sqrt(2) below the limit), is_censored, lloq, testosterone (ng/dL), shbg
        (nmol/L), ratio (T over E2), free_e2, bio_e2 (pg/mL), free_t, bio_t (ng/dL); null where something is censored or missing.
    """
    results = inputs["staging.lab_result"].filter(pl.col("value").is_not_null())
    is_low, is_high = pl.col("operator") == "<", pl.col("operator") == ">"
    e2 = results.filter(pl.col("analyte_code") == "estradiol").select(
        *SPECIMEN, "assay_class", "drawn_on", "is_censored", "lloq",
        day=pl.col("drawn_on").to_physical().cast(pl.Int64),
        lo=pl.when(is_low).then(0.0).otherwise("value"),
        hi=pl.when(is_high).then(float("inf")).otherwise("value"),
        fill=pl.when(is_low).then(pl.col("value") / np.sqrt(2.0)).otherwise("value"),
    )  # fmt: skip
    beside = (
        results.filter(pl.col("analyte_code").is_in(_COMPANIONS), ~pl.col("is_censored"))
        .group_by(SPECIMEN)
        .agg(pl.col("value").filter(pl.col("analyte_code") == name).max().alias(name) for name in _COMPANIONS)
    )
    return _with_free_hormones(e2.join(beside, on=SPECIMEN, how="left").collect())


def in_series(draws: pl.DataFrame) -> pl.DataFrame:
    """Dated draws, one a day and series, numbered: a change of assay class begins a new series.

    Returns:
        person_id, series, assay_class, day, lo, hi, fill: means of the day.
    """
    daily = (
        draws.filter(pl.col("day").is_not_null())
        .group_by("person_id", "day", "assay_class")
        .agg(pl.col("lo", "hi", "fill").mean())
        .sort("person_id", "day", "assay_class")
    )
    changed = (pl.col("assay_class") != pl.col("assay_class").shift(1)).over("person_id").fill_null(value=True)
    return daily.with_columns(series=changed.cum_sum().over("person_id").cast(pl.Int64))


def _with_free_hormones(draws: pl.DataFrame) -> pl.DataFrame:
    draws = draws.with_columns(ratio=pl.when(~pl.col("is_censored")).then(pl.col("testosterone") / pl.col("lo")))
    e2 = draws.select(pl.when(~pl.col("is_censored")).then("lo")).to_series().to_numpy() * E2_NMOL_L_PER_PG_ML
    t = draws["testosterone"].to_numpy() * T_NMOL_L_PER_NG_DL
    shbg = draws["shbg"].to_numpy()
    measured = draws["albumin"].cast(pl.Float64) * G_L_PER_G_DL
    albumin = measured.fill_null(ALBUMIN_DEFAULT_G_L).to_numpy()
    both, alone = sodergard(t, e2, shbg, albumin), testosterone_vermeulen(t, shbg, albumin)
    found = {
        "free_e2": both.estradiol.free / E2_NMOL_L_PER_PG_ML,
        "bio_e2": both.estradiol.bioavailable / E2_NMOL_L_PER_PG_ML,
        "free_t": alone.free / T_NMOL_L_PER_NG_DL,
        "bio_t": alone.bioavailable / T_NMOL_L_PER_NG_DL,
    }
    return draws.with_columns(pl.Series(name, values).fill_nan(None) for name, values in found.items())
