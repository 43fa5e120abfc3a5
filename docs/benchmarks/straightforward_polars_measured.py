"""Bone, estradiol and propensity as an analyst would write them in Polars. What is taken is in `straightforward_polars`.

Formulas along a line, of free hormones and of splines are those of the package: they are NumPy already.
"""

from pathlib import Path

import numpy as np
import polars as pl
import straightforward_model as model
from straightforward_polars import c, day, limits, on, read

from pipelines.domain import free_hormone as hormone
from pipelines.domain import straight_line as line
from pipelines.features.e2_draw import E2_NMOL_L_PER_PG_ML, T_NMOL_L_PER_NG_DL

SERIES = ["person_id", "series"]
TILES = {"days_90": 90, "days_180": 180, "days_365": 365}
LONG_AGO = -100_000


def with_status(rows: pl.LazyFrame, at: str, data: Path) -> pl.LazyFrame:
    """Adds `status_code`, menopausal status as known on a day, a number."""
    periods = read(data, "features.menopausal_status").select(
        "person_id", "status_code", known_day=day("known_on").fill_null(LONG_AGO)
    )
    return rows.sort(at).join_asof(
        periods.sort("known_day"), left_on=at, right_on="known_day", by="person_id", check_sortedness=False
    )


def bone(data: Path, made: Path) -> dict[str, pl.DataFrame]:
    """Each valid scan with the next of its series."""
    limit = limits(data)
    declared = read(data, "ref.run_setting").filter(c("setting_code") == "bone_reference").collect()["value_text"][0]
    reference = read(data, "ref.bone_reference").select(
        "site_code", "reference_code", "manufacturer", "mean_g_cm2", "sd_g_cm2"
    )
    own = reference.rename({"reference_code": "own_code", "mean_g_cm2": "own_mean", "sd_g_cm2": "own_sd"})
    ours = reference.filter(c("reference_code") == declared)
    norm = read(data, "features.bone_norm").select(
        "sex_code",
        "site_code",
        "manufacturer",
        age_band=c("age_band").cast(pl.Float64),
        norm="mean_g_cm2",
        norm_sd="sd_g_cm2",
    )
    people = read(data, "staging.person").select("person_id", "sex_code", "age_years", "entered_on")
    since = ((c("scanned_on") - c("entered_on")).dt.total_days() / 365.25).fill_null(0)
    adult, bmd = c("age_years") >= 20, c("bmd_g_cm2")
    is_t = ((c("sex_code") == "male") & (c("age_years") >= limit["t_score_age_men"])).fill_null(value=False) | (
        c("status_code") == "postmenopausal"
    ).fill_null(value=False)
    t, z = c("t_score"), c("z_score")
    band = (
        pl.when(is_t & (t <= limit["t_score_osteoporosis"])).then(pl.lit("osteoporosis"))
        .when(is_t & (t < limit["t_score_osteopenia"])).then(pl.lit("osteopenia"))
        .when(is_t & t.is_not_null()).then(pl.lit("normal"))
        .when((c("kind") == "Z") & (z <= limit["z_score_below_expected"])).then(pl.lit("below_expected_range"))
        .when(c("kind") == "Z").then(pl.lit("within_expected_range"))
    )  # fmt: skip
    scan = (
        read(data, "staging.dxa_scan")
        .filter(c("is_valid"), c("imputation_number") == 0)
        .join(people, on="person_id")
        .with_columns(
            age_years=c("age_years") + since, own_code="white_" + c("sex_code"), at=day("scanned_on"),
            device_id=c("device_id").fill_null("not_released"),
            suspect=c("is_artefact_suspect").fill_null(value=False),
        )
        .with_columns(age_band=(c("age_years") / 10).floor() * 10)
        .join(ours, on=["site_code", "manufacturer"], how="left")
        .join(own, on=["site_code", "own_code", "manufacturer"], how="left")
        .join(norm, on=["sex_code", "age_band", "site_code", "manufacturer"], how="left")
    )  # fmt: skip
    place = ["person_id", "site_code", "side_code", "series_id"]
    is_dated = c("scanned_on").is_not_null() & c("series_id").is_not_null()
    nexts = {
        f"next_{name}": pl.when(is_dated).then(c(name).shift(-1).over([*place, c("scanned_on").is_null()]))
        for name in ("scanned_on", "bmd_g_cm2", "t_score", "band", "suspect")
    }
    scan = (
        with_status(scan, "at", data)
        .with_columns(
            t_score=pl.when(adult).then(((bmd - c("mean_g_cm2")) / c("sd_g_cm2")).round(9)),
            own_score=pl.when(adult).then(((bmd - c("own_mean")) / c("own_sd")).round(9)),
            z_score=(bmd - c("norm")) / c("norm_sd"),
            kind=pl.when(is_t).then(pl.lit("T")).when(c("norm").is_not_null()).then(pl.lit("Z")).otherwise(pl.lit("none")),
        )
        .with_columns(band=band)
        .sort(*place, "scanned_on", "scan_id")
        .with_columns(**nexts)
        .collect()
        .lazy()
    )  # fmt: skip
    precision = read(data, "staging.dxa_precision").select(
        "source_id", "device_id", "site_code", "lsc_g_cm2", "lsc_pct", "basis_code"
    )
    days = (c("next_scanned_on") - c("scanned_on")).dt.total_days()
    change, ratio = c("next_bmd_g_cm2") - bmd, c("next_bmd_g_cm2") / bmd
    lsc, pct = pl.coalesce("lsc_g_cm2", c("lsc_pct") / 100 * bmd), 100 * ratio.log()
    suspect = c("suspect") | c("next_suspect").fill_null(value=False)
    taken = pl.min_horizontal(c("inhibitor_days").fill_null(0), days)
    bands = ["normal", "osteopenia", "osteoporosis"]
    pair = ["person_id", "scanned_on", "next_scanned_on"]
    changed = (
        scan.join(precision, on=["source_id", "device_id", "site_code"], how="left")
        .join(treated(scan.select(pair).drop_nulls().unique(), made), on=pair, how="left")
        .select(
            "person_id", "site_code", "side_code", "device_id", "scan_id",
            first_scanned_on="scanned_on", second_scanned_on="next_scanned_on",
            first_bmd_g_cm2="bmd_g_cm2", second_bmd_g_cm2="next_bmd_g_cm2", interval_days=days,
            change_g_cm2=change, change_pct=pct,
            annualised_pct=pl.when(days >= limit["annualise_minimum_days"]).then(pct * 365.25 / days),
            lsc_g_cm2=lsc, lsc_basis_code="basis_code",
            is_loss_beyond_lsc=pl.when(~suspect).then(change.round(9) <= -lsc.round(9)),
            is_gain_beyond_lsc=pl.when(~suspect).then(change.round(9) >= lsc.round(9)),
            is_artefact_suspect=pl.when(days.is_not_null()).then(suspect),
            first_score_kind="kind", first_t_score="t_score", first_t_score_own_sex="own_score", first_z_score="z_score",
            reference_code="reference_code", first_band="band", second_t_score="next_t_score", second_band="next_band",
            band_shift=pl.when(c("next_band") == c("band")).then(pl.lit("same"))
            .when(c("band").is_in(bands) & c("next_band").is_in(bands))
            .then(pl.when(c("next_t_score") < t).then(pl.lit("worse")).otherwise(pl.lit("better"))),
            inhibitor_days=pl.when(days.is_not_null()).then(taken),
            days_since_inhibitor=pl.when(days.is_not_null()).then(c("days_since").clip(0)),
            inhibitor_code=pl.when(days.is_null()).then(None)
            .when(c("is_treated").is_null()).then(pl.lit("never"))
            .when(taken >= limit["on_treatment_pct"] / 100 * days.clip(1)).then(pl.lit("on"))
            .when(taken == 0).then(pl.lit("after"))
            .otherwise(pl.lit("partly")),
        )
        .collect()
    )  # fmt: skip
    return {"features.bmd_change": changed}


def treated(pairs: pl.LazyFrame, made: Path) -> pl.LazyFrame:
    """Days on an inhibitor between two scans, and since the last one before the first."""
    regimen = read(made, "features.ai_regimen").select("person_id", "starts_on", "ends_on")
    start = pl.max_horizontal("starts_on", "scanned_on")
    stop = pl.min_horizontal(c("ends_on") + pl.duration(days=1), "next_scanned_on")
    since = (c("scanned_on") - c("ends_on")).dt.total_days()
    return (
        pairs.join(regimen, on="person_id")
        .filter(c("starts_on") < c("next_scanned_on"))
        .group_by("person_id", "scanned_on", "next_scanned_on")
        .agg(
            inhibitor_days=(stop - start).dt.total_days().clip(0).sum(),
            days_since=since.filter(c("starts_on") <= c("scanned_on")).min(),
            is_treated=pl.lit(value=True),
        )
    )


def draws_of(data: Path) -> pl.DataFrame:
    """Dated estradiol results with bounds, and what the same specimen tells."""
    names = ["testosterone", "shbg", "albumin"]
    lab = read(data, "staging.lab_result").filter(c("value").is_not_null())
    low, high = c("operator") == "<", c("operator") == ">"
    beside = (
        lab.filter(c("analyte_code").is_in(names), ~c("is_censored"))
        .group_by("person_id", "specimen_id")
        .agg(c("value").filter(c("analyte_code") == name).max().alias(name) for name in names)
    )
    e2 = (
        lab.filter(c("analyte_code") == "estradiol", c("drawn_on").is_not_null())
        .select(
            "person_id", "specimen_id", "assay_class", "is_censored", "lloq", day=day("drawn_on"),
            lo=pl.when(low).then(0.0).otherwise("value"), hi=pl.when(high).then(float("inf")).otherwise("value"),
            fill=pl.when(low).then(c("value") / np.sqrt(2.0)).otherwise("value"),
        )
        .join(beside, on=["person_id", "specimen_id"], how="left")
        .with_columns(measured=pl.when(~c("is_censored")).then("lo"))
        .with_columns(ratio=c("testosterone") / c("measured"))
        .collect()
    )  # fmt: skip
    t, shbg = e2["testosterone"].to_numpy() * T_NMOL_L_PER_NG_DL, e2["shbg"].to_numpy()
    albumin = (e2["albumin"] * 10).fill_null(hormone.ALBUMIN_DEFAULT_G_L).to_numpy()
    both = hormone.sodergard(t, e2["measured"].to_numpy() * E2_NMOL_L_PER_PG_ML, shbg, albumin).estradiol
    alone = hormone.testosterone_vermeulen(t, shbg, albumin)
    found = {
        "free_e2": both.free / E2_NMOL_L_PER_PG_ML, "bio_e2": both.bioavailable / E2_NMOL_L_PER_PG_ML,
        "free_t": alone.free / T_NMOL_L_PER_NG_DL, "bio_t": alone.bioavailable / T_NMOL_L_PER_NG_DL,
    }  # fmt: skip
    return e2.with_columns(pl.Series(name, values).fill_nan(None) for name, values in found.items())


def estradiol(data: Path, made: Path) -> dict[str, pl.DataFrame]:
    """Windows of estradiol as bounds, from straight lines between draws of one class of assay."""
    limit, draws = limits(data), draws_of(data)
    is_new = (c("assay_class") != c("assay_class").shift().over("person_id")).fill_null(value=True)
    daily = (
        draws.lazy()
        .group_by("person_id", "day", "assay_class")
        .agg(c("lo", "hi", "fill").mean())
        .sort("person_id", "day", "assay_class")
        .with_columns(is_new=is_new)
        .with_columns(series=c("is_new").cum_sum().over("person_id").cast(pl.Int64))
        .drop("is_new")
        .collect()
        .lazy()
    )
    pieces = pieces_of(daily, data, limit).collect()
    windows = windows_of(pieces.lazy(), made).collect()
    numbered = draws.lazy().join(
        daily.select("person_id", "day", "assay_class", "series"), on=["person_id", "day", "assay_class"]
    )
    met = numbered.join(windows.lazy().select(*SERIES, "window", "start_day", "end_day"), on=SERIES).filter(
        c("day") >= c("start_day"), c("day") < c("end_day")
    )
    length, covered = c("end_day") - c("start_day"), c("covered").fill_null(0)
    enough = covered >= limit["e2_minimum_coverage"] * length
    shares = [f"{name}_{end}" for name in ("below_10", "below_16", "below_20", "above_30", "above_40", "within_20_30")
              for end in ("least", "most")]  # fmt: skip
    area = {name: pl.when(enough, c(name).is_finite()).then(name) for name in ("lo", "hi", "fill")}
    found = (
        windows.lazy()
        .join(weighted(windows, pieces, data).lazy(), on="window", how="left")
        .join(of_draws(met, limit["e2_variability_minimum_draws"]), on="window", how="left")
        .select(
            "person_id", "assay_class", "window_code", "window_number",
            "censored_share", "nadir_lo_pg_ml", "log_sd", "lloq_pg_ml", "testosterone_ng_dl", "shbg_nmol_l", "t_e2_ratio",
            "free_e2_pg_ml", "bioavailable_e2_pg_ml", "free_testosterone_ng_dl", "bioavailable_testosterone_ng_dl",
            starts_on=on(c("start_day")), ends_on=on(c("end_day") - 1), covered_pct=100.0 * covered / length,
            **{f"e2_{name}_pg_ml": value / covered for name, value in area.items()},
            **{f"auc_{name}_pg_d_ml": area[name] for name in ("lo", "hi")},
            **{f"{name}_pct": pl.when(enough).then((100.0 * c(name) / covered).clip(0, 100)) for name in shares},
            **{f"severe_months_{end}": pl.when(enough).then(c(f"severe_{end}") / (365.25 / 12)) for end in ("least", "most")},
            n_draws=c("n_draws").fill_null(0), n_uncensored=c("n_uncensored").fill_null(0),
            nadir_hi_pg_ml=pl.when(c("nadir_hi_pg_ml").is_finite()).then("nadir_hi_pg_ml"),
        )
        .collect()
    )  # fmt: skip
    return {"features.e2_exposure": found}


def pieces_of(daily: pl.LazyFrame, data: Path, limit: dict[str, float]) -> pl.LazyFrame:
    """Straight pieces: from draw to draw, or carried after one."""
    died = read(data, "staging.death").group_by("person_id").agg(died_day=day("died_on").min())
    next_day = c("day").shift(-1).over(SERIES)
    dead = pl.when(c("died_day").is_not_null()).then(pl.max_horizontal("died_day", "day"))
    until = pl.min_horizontal(c("day") + int(limit["e2_carry_days"]), c("day").shift(-1).over("person_id"), dead)
    joined = (next_day - c("day") <= limit["e2_interpolation_days"]).fill_null(value=False)
    lasts = {
        f"{name}_last": pl.when(joined).then(c(name).shift(-1).over(SERIES)).otherwise(name)
        for name in ("lo", "hi", "fill")
    }
    return (
        daily.join(died, on="person_id", how="left")
        .sort("person_id", "day", "assay_class")
        .select(
            *SERIES, "assay_class", from_day="day", to_day=pl.when(joined).then(next_day).otherwise(until), **lasts,
            **{f"{name}_first": c(name) for name in ("lo", "hi", "fill")},
        )
    )  # fmt: skip


def windows_of(pieces: pl.LazyFrame, made: Path) -> pl.LazyFrame:
    """Tiles of each series, the whole of it, and episodes of an inhibitor that meet it."""
    spans = (
        pieces.group_by(*SERIES, "assay_class")
        .agg(start=c("from_day").min(), stop=c("to_day").max())
        .with_columns(stop=pl.max_horizontal("stop", c("start") + 1))
        .sort("person_id", "assay_class", "start")
        .with_columns(back_day=c("start").shift(-1).over("person_id", "assay_class"))
    )
    columns = [*SERIES, "assay_class", "window_code", "start_day", "end_day"]
    parts = [spans.with_columns(window_code=pl.lit("series"), start_day="start", end_day="stop").select(columns)]
    for code, days in TILES.items():
        n = ((c("stop") - c("start")) / days).ceil().cast(pl.Int64)
        tiles = spans.with_columns(place=pl.int_ranges(0, n)).explode("place")
        start = c("start") + c("place") * days
        tiles = tiles.with_columns(
            window_code=pl.lit(code), start_day=start, end_day=pl.min_horizontal(start + days, "back_day")
        )
        parts.append(tiles.select(columns))
    episode = read(made, "features.dosing_episode").filter(c("drug_class") == "aromatase_inhibitor", c("is_primary"))
    days = episode.select("person_id", start_day=day("starts_on"), end_day=day("supply_ends_on") + 1)
    met = spans.join(days, on="person_id").filter(c("start_day") < c("stop"), c("end_day") > c("start"))
    parts.append(met.with_columns(window_code=pl.lit("episode")).select(columns))
    key = ["person_id", "assay_class", "window_code"]
    return (
        pl.concat(parts)
        .sort(*key, "start_day", "end_day", "series")
        .with_columns(window_number=pl.int_range(1, pl.len() + 1).over(key))
        .with_row_index("window")
    )


def weighted(windows: pl.DataFrame, pieces: pl.DataFrame, data: Path) -> pl.DataFrame:
    """Days covered, areas, and days in bands, by window."""
    last = windows.lazy().select("window", "person_id", last_day=c("end_day") - 1)
    people = read(data, "staging.person").select("person_id", "sex_code")
    bands = (
        read(data, "ref.e2_band")
        .filter(c("band_code") == "severe")
        .select("sex_code", "status_code", severe="below_pg_ml")
    )
    severe = (
        with_status(last, "last_day", data)
        .join(people, on="person_id")
        .with_columns(status_code=pl.when(c("sex_code") == "male").then(pl.lit("any")).otherwise("status_code"))
        .join(bands, on=["sex_code", "status_code"])
        .select("window", "severe")
    )
    met = (
        windows.lazy()
        .select("window", *SERIES, "start_day", "end_day")
        .join(pieces.lazy().drop("assay_class"), on=SERIES)
        .with_columns(a=pl.max_horizontal("start_day", "from_day"), b=pl.min_horizontal("end_day", "to_day"))
        .filter(c("b") > c("a"))
        .join(severe, on="window", how="left")
        .collect()
    )
    length, days = (met["to_day"] - met["from_day"]).to_numpy(), (met["b"] - met["a"]).to_numpy()
    share = {
        "first": (met["a"] - met["from_day"]).to_numpy() / length,
        "last": (met["b"] - met["from_day"]).to_numpy() / length,
    }
    lo, hi, fill = (
        [line.value_at(met[f"{name}_first"].to_numpy(), met[f"{name}_last"].to_numpy(), share[end]) for end in share]
        for name in ("lo", "hi", "fill")
    )
    parts = {"lo": line.mean(*lo), "hi": line.mean(*hi), "fill": line.mean(*fill)}
    for level in (10, 16, 20):
        parts |= {
            f"below_{level}_least": line.share_below(*hi, level),
            f"below_{level}_most": line.share_below(*lo, level),
        }
    for level in (30, 40):
        parts |= {
            f"above_{level}_least": line.share_above(*lo, level),
            f"above_{level}_most": line.share_above(*hi, level),
        }
    parts["within_20_30_least"] = line.share_within(*lo, *hi, 20, 30)
    parts["within_20_30_most"] = 1.0 - line.share_below(*hi, 20) - line.share_above(*lo, 30)
    level = met["severe"].to_numpy()
    for end, bound in (("least", hi), ("most", lo)):
        parts[f"severe_{end}"] = np.where(np.isnan(level), np.nan, line.share_below(*bound, level))
    columns = [pl.Series(name, values * days).fill_nan(None) for name, values in parts.items()]
    # The level is one a window, so it is known of all pieces or of none.
    known = c("severe_least", "severe_most")
    return (
        met.select("window", covered=c("b") - c("a"))
        .with_columns(columns)
        .group_by("window")
        .agg(pl.exclude("window", "severe_least", "severe_most").sum(), pl.when(known.count() > 0).then(known.sum()))
    )


def of_draws(met: pl.LazyFrame, least_for_spread: float) -> pl.LazyFrame:
    """What the draws of a window tell without regard to time."""
    censored = c("is_censored")
    is_spread = ~censored.any() & (pl.len() >= least_for_spread) & (c("lo").min() > 0)
    return met.group_by("window").agg(
        n_draws=pl.len().cast(pl.Int64), n_uncensored=(~censored).sum().cast(pl.Int64), censored_share=censored.mean(),
        nadir_lo_pg_ml=c("lo").min(), nadir_hi_pg_ml=c("hi").min(), log_sd=pl.when(is_spread).then(c("lo").log().std()),
        lloq_pg_ml=c("lloq").max(), testosterone_ng_dl=c("testosterone").mean(), shbg_nmol_l=c("shbg").mean(),
        t_e2_ratio=pl.when(c("ratio").null_count() == 0).then(c("ratio").mean()), free_e2_pg_ml=c("free_e2").mean(),
        bioavailable_e2_pg_ml=c("bio_e2").mean(), free_testosterone_ng_dl=c("free_t").mean(),
        bioavailable_testosterone_ng_dl=c("bio_t").mean(),
    )  # fmt: skip


def propensity(data: Path, made: Path) -> dict[str, pl.DataFrame]:
    """Propensity and balance of every contrast of one study, from its covariates at time zero."""
    key = ["person_id", "trial_number"]
    covariate = (
        read(data, "features.covariate").filter(c("study_id") == model.STUDY).select(*key, "covariate_code", "value")
    )
    outcome = read(data, "features.outcome_value").filter(c("study_id") == model.STUDY)
    models, balances = [], []
    for number, named, left_out in model.questions():
        rows = outcome.filter(c("contrast_number") == number).select(
            *key, "is_target", baseline_log=c("baseline_value").log()
        )
        long = covariate.filter(~c("covariate_code").is_in(left_out)).join(rows.select(key), on=key, how="semi")
        wide = long.collect().pivot("covariate_code", index=key, values="value")
        names = ["baseline_log", *sorted(set(wide.columns) - set(key))]
        people = rows.collect().join(wide, on=key, how="left").sort(key)
        arrays = {name: people[name].cast(pl.Float64).to_numpy() for name in names}
        fitted, balanced = model.propensity(named, arrays, people["is_target"].to_numpy())
        models += fitted
        balances += balanced
    return {"models.propensity_model": pl.DataFrame(models), "models.covariate_balance": pl.DataFrame(balances)}
