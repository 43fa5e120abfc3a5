"""Bone, estradiol and propensity as an analyst would write them in pandas. What is taken is in `straightforward_pandas`.

Formulas along a line, of free hormones and of splines are those of the package: they are NumPy already.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import straightforward_model as model
from straightforward_pandas import day, limits, on, read

from pipelines.domain import free_hormone as hormone
from pipelines.domain import straight_line as line
from pipelines.features.e2_draw import E2_NMOL_L_PER_PG_ML, T_NMOL_L_PER_NG_DL

SERIES = ["person_id", "series"]
TILES = {"days_90": 90, "days_180": 180, "days_365": 365}


def status_on(rows: pd.DataFrame, on: str, data: Path) -> pd.Series:
    """Menopausal status as known on a day; rows are indexed 0 to n - 1."""
    periods = read(data, "features.menopausal_status", ["person_id", "known_on", "known_until_on", "status_code"])
    periods["known_on"] = periods["known_on"].fillna(pd.Timestamp("1700-01-01"))
    asked = rows[["person_id", on]].rename(columns={on: "at"}).reset_index(names="place").dropna(subset="at")
    found = pd.merge_asof(
        asked.sort_values("at"), periods.sort_values("known_on"), left_on="at", right_on="known_on", by="person_id"
    )
    return found.set_index("place")["status_code"].reindex(rows.index)


def bone(data: Path, made: Path) -> dict[str, pd.DataFrame]:
    limit = limits(data)
    scan = read(
        data, "staging.dxa_scan",
        ["person_id", "site_code", "side_code", "device_id", "scan_id", "series_id", "manufacturer", "scanned_on",
         "bmd_g_cm2", "source_id", "is_artefact_suspect", "is_valid", "imputation_number"],
    )  # fmt: skip
    scan = scan[scan["is_valid"] & (scan["imputation_number"] == 0)]
    people = read(data, "staging.person", ["person_id", "sex_code", "age_years", "entered_on"])
    scan = scan.merge(people, on="person_id")
    scan["age_years"] += ((scan["scanned_on"] - scan["entered_on"]).dt.days / 365.25).fillna(0)
    settings = read(data, "ref.run_setting").set_index("setting_code")["value_text"]
    scan["declared"] = settings["bone_reference"]
    reference = read(
        data, "ref.bone_reference", ["site_code", "reference_code", "manufacturer", "mean_g_cm2", "sd_g_cm2"]
    )
    place = ["site_code", "reference_code", "manufacturer"]
    here = scan[["site_code", "manufacturer"]]
    declared, own = (
        here.assign(reference_code=scan["declared"]),
        here.assign(reference_code="white_" + scan["sex_code"]),
    )
    adult = scan["age_years"] >= 20
    for name, asked in (("t_score_own_sex", own), ("t_score", declared)):
        norm = asked.merge(reference, on=place, how="left").set_axis(scan.index)
        score = ((scan["bmd_g_cm2"] - norm["mean_g_cm2"]) / norm["sd_g_cm2"]).round(9)
        scan[name] = score.where(adult)
    scan["reference_code"] = scan["declared"].where(norm["mean_g_cm2"].notna())
    norms = read(data, "features.bone_norm")
    scan["age_band"] = np.floor(scan["age_years"] / 10) * 10
    place = ["sex_code", "age_band", "site_code", "manufacturer"]
    scan = scan.merge(norms[[*place, "mean_g_cm2", "sd_g_cm2"]], on=place, how="left")
    scan["z_score"] = (scan["bmd_g_cm2"] - scan["mean_g_cm2"]) / scan["sd_g_cm2"]
    is_t = ((scan["sex_code"] == "male") & (scan["age_years"] >= limit["t_score_age_men"])) | (
        status_on(scan, "scanned_on", data) == "postmenopausal"
    )
    scan["kind"] = np.select([is_t, scan["mean_g_cm2"].notna()], ["T", "Z"], "none")
    t, z = scan["t_score"], scan["z_score"]
    scan["band"] = pd.Series(
        np.select(
            [
                is_t & (t <= limit["t_score_osteoporosis"]), is_t & (t < limit["t_score_osteopenia"]), is_t & t.notna(),
                (scan["kind"] == "Z") & (z <= limit["z_score_below_expected"]), scan["kind"] == "Z",
            ],
            ["osteoporosis", "osteopenia", "normal", "below_expected_range", "within_expected_range"], "",
        )
    ).replace("", None)  # fmt: skip
    scan["device_id"] = scan["device_id"].fillna("not_released")
    scan["suspect"] = scan["is_artefact_suspect"].fillna(False).astype(bool)
    scan = scan.sort_values(
        ["person_id", "site_code", "side_code", "series_id", "scanned_on", "scan_id"], ignore_index=True
    )
    dated = scan[scan["scanned_on"].notna() & scan["series_id"].notna()]
    series = dated.groupby(["person_id", "site_code", "side_code", "series_id"], dropna=False)
    following = series[["scanned_on", "bmd_g_cm2", "t_score", "band", "suspect"]].shift(-1)
    scan = scan.join(following.add_prefix("next_"))
    days = (scan["next_scanned_on"] - scan["scanned_on"]).dt.days
    change = scan["next_bmd_g_cm2"] - scan["bmd_g_cm2"]
    precision = read(
        data, "staging.dxa_precision", ["source_id", "device_id", "site_code", "lsc_g_cm2", "lsc_pct", "basis_code"]
    )
    scan = scan.merge(precision, on=["source_id", "device_id", "site_code"], how="left")
    lsc = scan["lsc_g_cm2"].fillna(scan["lsc_pct"] / 100 * scan["bmd_g_cm2"])
    pct = 100 * np.log(scan["next_bmd_g_cm2"] / scan["bmd_g_cm2"])
    suspect = scan["suspect"] | (scan["next_suspect"] == True)  # noqa: E712
    is_judged = change.notna() & lsc.notna() & ~suspect
    treated = _treated(scan[["person_id", "scanned_on", "next_scanned_on"]].dropna().drop_duplicates(), made)
    scan = scan.merge(treated, on=["person_id", "scanned_on", "next_scanned_on"], how="left")
    taken = np.minimum(scan["inhibitor_days"].fillna(0), days).where(days.notna())
    has_next = days.notna()
    bands = ["normal", "osteopenia", "osteoporosis"]
    both = scan["band"].isin(bands) & scan["next_band"].isin(bands)
    shift = np.where(scan["next_t_score"] < scan["t_score"], "worse", "better")
    changed = pd.DataFrame(
        {
            **scan[["person_id", "site_code", "side_code", "device_id", "scan_id"]],
            "first_scanned_on": scan["scanned_on"], "second_scanned_on": scan["next_scanned_on"],
            "first_bmd_g_cm2": scan["bmd_g_cm2"], "second_bmd_g_cm2": scan["next_bmd_g_cm2"], "interval_days": days,
            "change_g_cm2": change, "change_pct": pct,
            "annualised_pct": (pct * 365.25 / days).where(days >= limit["annualise_minimum_days"]),
            "lsc_g_cm2": lsc, "lsc_basis_code": scan["basis_code"],
            "is_loss_beyond_lsc": (change.round(9) <= -lsc.round(9)).astype("boolean").where(is_judged),
            "is_gain_beyond_lsc": (change.round(9) >= lsc.round(9)).astype("boolean").where(is_judged),
            "is_artefact_suspect": suspect.astype("boolean").where(has_next),
            "first_score_kind": scan["kind"], "first_t_score": scan["t_score"],
            "first_t_score_own_sex": scan["t_score_own_sex"], "first_z_score": scan["z_score"],
            "reference_code": scan["reference_code"], "first_band": scan["band"],
            "second_t_score": scan["next_t_score"], "second_band": scan["next_band"],
            "band_shift": pd.Series(
                np.select([scan["next_band"].eq(scan["band"]).fillna(False), both], ["same", shift], "")
            ).replace("", None),
            "inhibitor_days": taken, "days_since_inhibitor": scan["days_since"].clip(lower=0),
            "inhibitor_code": pd.Series(
                np.select(
                    [~has_next, scan["is_treated"].isna(),
                     taken >= limit["on_treatment_pct"] / 100 * days.clip(lower=1), taken == 0],
                    ["", "never", "on", "after"], "partly",
                )
            ).replace("", None),
        }
    )  # fmt: skip
    return {"features.bmd_change": changed}


def _treated(pairs: pd.DataFrame, made: Path) -> pd.DataFrame:
    """Days on an inhibitor between two scans, and since the last one before the first."""
    regimen = read(made, "features.ai_regimen", ["person_id", "starts_on", "ends_on"])
    met = pairs.merge(regimen, on="person_id")
    met = met[met["starts_on"] < met["next_scanned_on"]]
    start = np.maximum(met["starts_on"], met["scanned_on"])
    stop = np.minimum(met["ends_on"] + pd.Timedelta(days=1), met["next_scanned_on"])
    met["inhibitor_days"] = (stop - start).dt.days.clip(lower=0)
    met["days_since"] = (met["scanned_on"] - met["ends_on"]).dt.days.where(met["starts_on"] <= met["scanned_on"])
    found = met.groupby(["person_id", "scanned_on", "next_scanned_on"], as_index=False).agg(
        inhibitor_days=("inhibitor_days", "sum"), days_since=("days_since", "min")
    )
    return found.assign(is_treated=True)


def draws_of(data: Path) -> pd.DataFrame:
    """Dated estradiol results with bounds, and what the same specimen tells."""
    lab = read(
        data, "staging.lab_result",
        ["person_id", "specimen_id", "analyte_code", "value", "operator", "is_censored", "lloq", "assay_class", "drawn_on"],
    )  # fmt: skip
    lab = lab[lab["value"].notna()]
    e2 = lab[(lab["analyte_code"] == "estradiol") & lab["drawn_on"].notna()].copy()
    low, high = e2["operator"] == "<", e2["operator"] == ">"
    e2["day"], e2["lo"], e2["hi"] = day(e2["drawn_on"]), e2["value"].mask(low, 0.0), e2["value"].mask(high, np.inf)
    e2["fill"] = e2["value"].mask(low, e2["value"] / np.sqrt(2.0))
    beside = lab[lab["analyte_code"].isin(["testosterone", "shbg", "albumin"]) & ~lab["is_censored"]]
    beside = beside.pivot_table(
        index=["person_id", "specimen_id"], columns="analyte_code", values="value", aggfunc="max"
    )
    beside = beside.reindex(columns=["testosterone", "shbg", "albumin"]).reset_index()
    e2 = e2.merge(beside, on=["person_id", "specimen_id"], how="left")
    measured = e2["lo"].where(~e2["is_censored"])
    e2["ratio"] = e2["testosterone"] / measured
    t, albumin = e2["testosterone"] * T_NMOL_L_PER_NG_DL, (e2["albumin"] * 10).fillna(hormone.ALBUMIN_DEFAULT_G_L)
    both = hormone.sodergard(t, measured * E2_NMOL_L_PER_PG_ML, e2["shbg"], albumin).estradiol
    alone = hormone.testosterone_vermeulen(t, e2["shbg"], albumin)
    e2["free_e2"], e2["bio_e2"] = both.free / E2_NMOL_L_PER_PG_ML, both.bioavailable / E2_NMOL_L_PER_PG_ML
    e2["free_t"], e2["bio_t"] = alone.free / T_NMOL_L_PER_NG_DL, alone.bioavailable / T_NMOL_L_PER_NG_DL
    return e2


def estradiol(data: Path, made: Path) -> dict[str, pd.DataFrame]:
    """Windows of estradiol as bounds, from straight lines between draws of one class of assay."""
    limit, draws = limits(data), draws_of(data)
    daily = draws.groupby(["person_id", "day", "assay_class"], as_index=False)[["lo", "hi", "fill"]].mean()
    daily["series"] = (daily["assay_class"] != daily.groupby("person_id")["assay_class"].shift()).groupby(
        daily["person_id"]
    ).cumsum()  # fmt: skip
    pieces = pieces_of(daily, data, limit)
    windows = windows_of(pieces, made)
    rows = windows.merge(weighted(windows, pieces, data), on="window", how="left")
    numbered = draws.merge(daily[["person_id", "day", "assay_class", "series"]], on=["person_id", "day", "assay_class"])
    met = numbered.merge(windows[[*SERIES, "window", "start_day", "end_day"]], on=SERIES)
    met = met[(met["day"] >= met["start_day"]) & (met["day"] < met["end_day"])]
    rows = rows.merge(of_draws(met, limit["e2_variability_minimum_draws"]), on="window", how="left")
    length, covered = rows["end_day"] - rows["start_day"], rows["covered"].fillna(0)
    enough = covered >= limit["e2_minimum_coverage"] * length
    shares = [f"{name}_{end}" for name in ("below_10", "below_16", "below_20", "above_30", "above_40", "within_20_30")
              for end in ("least", "most")]  # fmt: skip
    areas = rows[["lo", "hi", "fill"]].replace(np.inf, np.nan)
    found = pd.DataFrame(
        {
            **rows[["person_id", "assay_class", "window_code", "window_number"]],
            "starts_on": on(rows["start_day"]),
            "ends_on": on(rows["end_day"] - 1),
            "covered_pct": 100.0 * covered / length,
            **{f"e2_{name}_pg_ml": (areas[name] / covered).where(enough) for name in areas},
            **{f"auc_{name}_pg_d_ml": areas[name].where(enough) for name in ("lo", "hi")},
            **{f"{name}_pct": (100.0 * rows[name] / covered).clip(0, 100).where(enough) for name in shares},
            **{f"severe_months_{end}": (rows[f"severe_{end}"] / (365.25 / 12)).where(enough) for end in ("least", "most")},
            "n_draws": rows["n_draws"].fillna(0),
            "n_uncensored": rows["n_uncensored"].fillna(0),
            **rows[["censored_share", "nadir_lo_pg_ml", "log_sd", "lloq_pg_ml", "testosterone_ng_dl", "shbg_nmol_l",
                    "t_e2_ratio", "free_e2_pg_ml", "bioavailable_e2_pg_ml", "free_testosterone_ng_dl",
                    "bioavailable_testosterone_ng_dl"]],
            "nadir_hi_pg_ml": rows["nadir_hi_pg_ml"].replace(np.inf, np.nan),
        }
    )  # fmt: skip
    return {"features.e2_exposure": found}


def pieces_of(daily: pd.DataFrame, data: Path, limit: pd.Series) -> pd.DataFrame:
    """Straight pieces: from draw to draw, or carried after one."""
    died = read(data, "staging.death", ["person_id", "died_on"])
    died = day(died["died_on"]).groupby(died["person_id"]).min()
    ends = daily.groupby(SERIES)[["day", "lo", "hi", "fill"]].shift(-1)
    joined = ends["day"] - daily["day"] <= limit["e2_interpolation_days"]
    dead = np.maximum(daily["person_id"].map(died), daily["day"])
    any_next = daily.groupby("person_id")["day"].shift(-1)
    until = pd.concat([daily["day"] + int(limit["e2_carry_days"]), any_next, dead], axis=1).min(axis=1)
    pieces = daily.rename(columns={"day": "from_day", "lo": "lo_first", "hi": "hi_first", "fill": "fill_first"})
    for name in ("lo", "hi", "fill"):
        pieces[f"{name}_last"] = ends[name].where(joined, daily[name])
    return pieces.assign(to_day=ends["day"].where(joined, until).astype(int))


def windows_of(pieces: pd.DataFrame, made: Path) -> pd.DataFrame:
    """Tiles of each series, the whole of it, and episodes of an inhibitor that meet it."""
    spans = pieces.groupby([*SERIES, "assay_class"], as_index=False).agg(
        start=("from_day", "min"), stop=("to_day", "max")
    )
    spans["stop"] = np.maximum(spans["stop"], spans["start"] + 1)
    spans = spans.sort_values(["person_id", "assay_class", "start"])
    spans["back_day"] = spans.groupby(["person_id", "assay_class"])["start"].shift(-1)
    parts = [spans.assign(window_code="series", start_day=spans["start"], end_day=spans["stop"])]
    for code, days in TILES.items():
        n = np.ceil((spans["stop"] - spans["start"]) / days).astype(int)
        tiles = spans.loc[spans.index.repeat(n)]
        place = tiles.groupby(level=0).cumcount()
        end = tiles["start"] + (place + 1) * days
        tiles = tiles.assign(window_code=code, start_day=tiles["start"] + place * days)
        parts.append(tiles.assign(end_day=np.fmin(end, tiles["back_day"])))
    episode = read(
        made, "features.dosing_episode", ["person_id", "drug_class", "is_primary", "starts_on", "supply_ends_on"]
    )
    episode = episode[(episode["drug_class"] == "aromatase_inhibitor") & episode["is_primary"]]
    days = pd.DataFrame(
        {
            "person_id": episode["person_id"],
            "start_day": day(episode["starts_on"]),
            "end_day": day(episode["supply_ends_on"]) + 1,
        }
    )
    met = spans.merge(days, on="person_id")
    met = met[(met["start_day"] < met["stop"]) & (met["end_day"] > met["start"])]
    parts.append(met.assign(window_code="episode"))
    windows = pd.concat(parts)[[*SERIES, "assay_class", "window_code", "start_day", "end_day"]]
    key = ["person_id", "assay_class", "window_code"]
    windows = windows.sort_values([*key, "start_day", "end_day", "series"], ignore_index=True)
    windows["window_number"] = windows.groupby(key).cumcount() + 1
    return windows.astype({"end_day": int}).reset_index(names="window")


def weighted(windows: pd.DataFrame, pieces: pd.DataFrame, data: Path) -> pd.DataFrame:
    """Days covered, areas, and days in bands, by window."""
    last = windows[["person_id", "window"]].assign(last_on=on(windows["end_day"] - 1))
    people = read(data, "staging.person", ["person_id", "sex_code"])
    last["status_code"] = status_on(last, "last_on", data)
    last = last.merge(people, on="person_id")
    last["status_code"] = last["status_code"].mask(last["sex_code"] == "male", "any")
    bands = read(data, "ref.e2_band")
    bands = bands[bands["band_code"] == "severe"][["sex_code", "status_code", "below_pg_ml"]]
    severe = last.merge(bands, on=["sex_code", "status_code"])[["window", "below_pg_ml"]]
    met = windows[["window", *SERIES, "start_day", "end_day"]].merge(pieces.drop(columns="assay_class"), on=SERIES)
    a, b = np.maximum(met["start_day"], met["from_day"]), np.minimum(met["end_day"], met["to_day"])
    met = met.assign(a=a, b=b)[b > a].merge(severe, on="window", how="left")
    length, days = met["to_day"] - met["from_day"], (met["b"] - met["a"]).to_numpy().astype(float)
    share = {"first": (met["a"] - met["from_day"]) / length, "last": (met["b"] - met["from_day"]) / length}
    lo, hi, fill = (
        [line.value_at(met[f"{name}_first"], met[f"{name}_last"], share[end]) for end in ("first", "last")]
        for name in ("lo", "hi", "fill")
    )
    parts = {"covered": np.ones(len(met)), "lo": line.mean(*lo), "hi": line.mean(*hi), "fill": line.mean(*fill)}
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
    level = met["below_pg_ml"].to_numpy()
    for end, bound in (("least", hi), ("most", lo)):
        parts[f"severe_{end}"] = np.where(np.isnan(level), np.nan, line.share_below(*bound, level))
    summed = pd.DataFrame({name: values * days for name, values in parts.items()}).groupby(met["window"].to_numpy())
    found = summed.sum()
    # The level is one a window, so it is known of all pieces or of none.
    known = summed["severe_least"].count() > 0
    for end in ("least", "most"):
        found[f"severe_{end}"] = found[f"severe_{end}"].where(known)
    return found.rename_axis("window").reset_index()


def of_draws(met: pd.DataFrame, least_for_spread: float) -> pd.DataFrame:
    """What the draws of a window tell without regard to time."""
    met = met.assign(log=np.log(met["lo"].where(met["lo"] > 0)))
    by_window = met.groupby("window")
    found = by_window.agg(
        n_draws=("day", "size"), n_censored=("is_censored", "sum"), nadir_lo_pg_ml=("lo", "min"),
        nadir_hi_pg_ml=("hi", "min"), log_sd=("log", "std"), lloq_pg_ml=("lloq", "max"),
        testosterone_ng_dl=("testosterone", "mean"), shbg_nmol_l=("shbg", "mean"), t_e2_ratio=("ratio", "mean"),
        n_ratios=("ratio", "count"), free_e2_pg_ml=("free_e2", "mean"), bioavailable_e2_pg_ml=("bio_e2", "mean"),
        free_testosterone_ng_dl=("free_t", "mean"), bioavailable_testosterone_ng_dl=("bio_t", "mean"),
    )  # fmt: skip
    found["n_uncensored"] = found["n_draws"] - found["n_censored"]
    found["censored_share"] = found["n_censored"] / found["n_draws"]
    is_spread = (found["n_censored"] == 0) & (found["n_draws"] >= least_for_spread) & (found["nadir_lo_pg_ml"] > 0)
    found["log_sd"] = found["log_sd"].where(is_spread)
    found["t_e2_ratio"] = found["t_e2_ratio"].where(found["n_ratios"] == found["n_draws"])
    return found.reset_index()


def propensity(data: Path, made: Path) -> dict[str, pd.DataFrame]:
    """Propensity and balance of every contrast of one study, from its covariates at time zero."""
    key = ["person_id", "trial_number"]
    of_study = [("study_id", "==", model.STUDY)]
    covariate = read(data, "features.covariate", [*key, "covariate_code", "value"], filters=of_study)
    outcome = read(
        data, "features.outcome_value", ["contrast_number", *key, "is_target", "baseline_value"], filters=of_study
    )
    models, balances = [], []
    for number, named, left_out in model.questions():
        rows = outcome[outcome["contrast_number"] == number].set_index(key).sort_index()
        long = covariate[~covariate["covariate_code"].isin(left_out)].merge(rows.reset_index()[key], on=key)
        wide = long.pivot(index=key, columns="covariate_code", values="value").reindex(rows.index)
        wide.insert(0, "baseline_log", np.log(rows["baseline_value"]))
        arrays = {str(name): wide[name].to_numpy(float) for name in wide.columns}
        fitted, balanced = model.propensity(named, arrays, rows["is_target"].to_numpy(bool))
        models += fitted
        balances += balanced
    return {"models.propensity_model": pd.DataFrame(models), "models.covariate_balance": pd.DataFrame(balances)}
