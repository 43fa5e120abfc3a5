"""Doses, bone, estradiol and propensity as an analyst would write them in pandas: merges, group-bys, shifts; everybody at once.

Here: reading, and what is taken (supplies, episodes, regimens). What was measured, and the model, are in
`straightforward_pandas_measured`. Every table has all columns of its contract. One loop goes over rows, for stock that is
carried over under a cap feeds on itself. Nothing checks, sorts or signs what is written.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import straightforward_model as model

DRUG = ["person_id", "ingredient"]
STATES = {"cancelled", "not_filled", "returned", "entered_in_error"}
EPOCH = pd.Timestamp("1970-01-01")


def read(data: Path, table: str, columns: list[str] | None = None, **options) -> pd.DataFrame:
    rows = pd.read_parquet(data / table.replace(".", "/"), columns=columns, **options)
    for name in rows.columns:
        if name.endswith("_on"):
            rows[name] = pd.to_datetime(rows[name]).astype("datetime64[us]")
    return rows


def limits(data: Path) -> pd.Series:
    return read(data, "ref.clinical_limit").set_index("limit_code")["value"]


def day(on: pd.Series) -> pd.Series:
    return (on - EPOCH).dt.days


def on(days: pd.Series) -> pd.Series:
    return (EPOCH + pd.to_timedelta(days, unit="D")).astype("datetime64[us]")


def of_ingredient(rows: pd.DataFrame, column: str, data: Path) -> pd.Series:
    """A rule of `ref.episode_rule` by ingredient, or that of all others."""
    rule = read(data, "ref.episode_rule").groupby("ingredient")[column].max()
    return rows["ingredient"].map(rule).fillna(rule["*"])


def drug_supply(data: Path) -> pd.DataFrame:
    drug = read(
        data,
        "staging.drug_exposure",
        [
            *DRUG, "drug_class", "strength_mg", "started_on", "ended_on", "dose_mg_per_week", "dose_mg_per_day",
            "times_per_week", "days_supply", "refills", "record_type", "status_code", "quantity", "dose_confidence",
            "dose_source", "form_code", "is_compounded", "source_id",
        ],
    )  # fmt: skip
    drug["is_compounded"] = drug["is_compounded"].fillna(False).astype(bool)
    drug = drug.merge(read(data, "features.dispensing_source"), on=["source_id", "ingredient", "is_compounded"])
    lasting = read(data, "ref.supply_duration", ["ingredient", "form_code", "duration_days"])
    drug = drug.merge(lasting, on=["ingredient", "form_code"], how="left")
    is_order = drug["evidence_code"] == "order"
    drug = drug[
        drug["started_on"].notna()
        & drug["drug_class"].notna()
        & ~drug["status_code"].isin(STATES)
        & (drug["quantity"].fillna(1) > 0)
        & (drug["record_type"].isin(["fill", "administered"]) | is_order)
    ].copy()
    told, lasts = drug["days_supply"], drug["duration_days"]
    given = np.select(
        [
            (drug["evidence_code"] == "order") & drug["record_type"].isin(["order", "statement"]),
            (drug["record_type"] == "administered") & (told.fillna(1) <= 1),
        ],
        [told * (1 + drug["refills"].fillna(0)), lasts.fillna(told)],
        told.fillna(lasts),
    )
    span = (drug["ended_on"] - drug["started_on"]).dt.days
    drug["supply_days"] = pd.Series(given, drug.index).fillna((span + 1).where(span > 0))
    dose = drug["dose_mg_per_week"].fillna(7 * drug["dose_mg_per_day"])
    drug["dose"] = dose.where(dose != 0)
    drug["times_per_week"] = drug["times_per_week"].where(drug["times_per_week"] > 0)
    drug["day"] = day(drug["started_on"])
    drug["stopped_day"] = day(drug["ended_on"]).where(drug["status_code"] == "stopped")
    drug["source_rank"] = drug["dose_source"].map({"sig": 1, "quantity": 2, "strength": 3}).fillna(4)
    drug["has_pellet"] = drug["form_code"] == "pellet"
    drug["mg"] = drug["dose"] * drug["supply_days"].fillna(0)
    worst = {
        "drug_class": ("drug_class", "max"),
        "stopped_day": ("stopped_day", "max"),
        "dose_confidence": ("dose_confidence", "min"),
        "source_rank": ("source_rank", "max"),
        "has_pellet": ("has_pellet", "any"),
        "is_compounded": ("is_compounded", "any"),
        "evidence_code": ("evidence_code", "max"),
    }
    strength = drug.groupby([*DRUG, "day", "strength_mg"], dropna=False, as_index=False).agg(
        supply_days=("supply_days", "sum"), n_records=("person_id", "size"), n_known=("supply_days", "count"),
        n_dosed=("dose", "count"), mg=("mg", "sum"), mean_dose=("dose", "mean"), least_times=("times_per_week", "min"),
        most_times=("times_per_week", "max"), **worst,
    )  # fmt: skip
    dose = (strength["mg"] / strength["supply_days"]).where(strength["supply_days"] > 0, strength["mean_dose"])
    strength["dose"] = dose.where(strength["n_dosed"] == strength["n_records"])
    strength["times"] = strength["most_times"].where(strength["least_times"] == strength["most_times"])
    strength["n_unknown_supply"] = strength["n_records"] - strength["n_known"]
    strength["mg"] = strength["dose"] * strength["supply_days"]
    rows = strength.groupby([*DRUG, "day"], as_index=False).agg(
        most_days=("supply_days", "max"), n_records=("n_records", "sum"), n_unknown_supply=("n_unknown_supply", "sum"),
        n=("day", "size"), n_dosed=("dose", "count"), only_dose=("dose", "max"), mg=("mg", "sum"),
        only_times=("times", "max"), **worst,
    )  # fmt: skip
    rows["supply_days"] = np.floor(rows["most_days"] + 0.5).astype(int)
    mixed = (rows["mg"] / rows["most_days"]).where((rows["n_dosed"] == rows["n"]) & (rows["most_days"] > 0))
    rows["dose"] = rows["only_dose"].where(rows["n"] == 1, mixed)
    rows["times"] = rows["only_times"].where(rows["n"] == 1)
    rows = rows.sort_values([*DRUG, "day"], ignore_index=True)
    before = rows.groupby(DRUG)[["day", "dose", "stopped_day"]].shift()
    apart = np.log(rows["dose"] / before["dose"]).abs() > np.log(1 + limits(data)["dose_change_tolerance"])
    has_before = before["day"].notna()
    is_new_dose = has_before & ((rows["dose"].isna() != before["dose"].isna()) | apart)
    is_new_stock = is_new_dose | (has_before & before["stopped_day"].notna())
    rows["dose_number"] = is_new_dose.groupby([rows["person_id"], rows["ingredient"]]).cumsum() + 1
    rows["stock_number"] = is_new_stock.groupby([rows["person_id"], rows["ingredient"]]).cumsum()
    of_dose, of_stock = rows.groupby([*DRUG, "dose_number"]), rows.groupby([*DRUG, "stock_number"])
    rows["dose_mg_per_week"] = of_dose["dose"].transform("first")
    rows["times_per_week"] = of_dose["times"].ffill()
    rows["stock_days"] = model.stocks(
        of_stock.ngroup().tolist(), rows["day"].tolist(), rows["supply_days"].tolist(),
        of_ingredient(rows, "carry_cap_days", data).tolist(),
    )  # fmt: skip
    starts = of_stock["day"].first().rename("next_day").groupby(level=DRUG).shift(-1).reset_index()
    rows = rows.merge(starts, on=[*DRUG, "stock_number"], how="left")
    died = read(data, "staging.death", ["person_id", "died_on"])
    rows = rows.merge(died, on="person_id", how="left")
    stopped = rows.groupby([*DRUG, "stock_number"])["stopped_day"].transform("min") + 1
    ends = pd.concat([rows["next_day"], stopped, day(rows["died_on"]) + 1], axis=1).min(axis=1)
    carried = rows["day"] + rows["stock_days"]
    start = np.maximum(rows["day"], np.minimum(carried, ends.fillna(carried)))
    following = start.groupby([rows["person_id"], rows["ingredient"]]).shift(-1)
    stop = pd.concat([start + rows["supply_days"], ends, following], axis=1).min(axis=1)
    rows["cover_from_on"], rows["cover_days"] = on(start), (stop - start).clip(lower=0).astype(int)
    rows["supplied_on"], rows["stopped_on"] = on(rows["day"]), on(rows["stopped_day"])
    rows["dose_source"] = rows["source_rank"].map({1: "sig", 2: "quantity", 3: "strength", 4: "not_recorded"})
    return rows[
        [
            *DRUG, "supplied_on", "drug_class", "evidence_code", "n_records", "n_unknown_supply", "supply_days",
            "stock_days", "cover_from_on", "cover_days", "dose_number", "dose_mg_per_week", "times_per_week",
            "dose_source", "dose_confidence", "has_pellet", "is_compounded", "stopped_on",
        ]
    ]  # fmt: skip


def dosing_episode(data: Path, supply: pd.DataFrame) -> pd.DataFrame:
    supply = supply.sort_values([*DRUG, "supplied_on"], ignore_index=True)
    supply["until_on"] = supply["cover_from_on"] + pd.to_timedelta(supply["cover_days"], unit="D")
    of_drug = supply.groupby(DRUG)
    latest = supply.assign(until=day(supply["until_on"])).groupby(DRUG)["until"].cummax()
    without = day(supply["supplied_on"]) - latest.groupby([supply["person_id"], supply["ingredient"]]).shift()
    supply["gap"], supply["days_without"] = without, without.clip(lower=0)
    supply["is_change"] = supply["dose_number"] > of_drug["dose_number"].shift()
    supply["rule"] = supply["ingredient"].where(
        supply["ingredient"].isin(read(data, "ref.episode_rule")["ingredient"]), "*"
    )
    rule = read(data, "ref.episode_rule", ["ingredient", "gap_days", "is_primary"])
    rule["is_primary"] = rule["is_primary"] == "yes"
    rows = supply.merge(rule.rename(columns={"ingredient": "rule"}), on="rule")
    rows = rows.sort_values([*DRUG, "gap_days", "supplied_on"], ignore_index=True)
    key = [*DRUG, "gap_days"]
    rows["episode_number"] = (~(rows["gap"] <= rows["gap_days"])).groupby([rows[name] for name in key]).cumsum()
    inside = rows.duplicated([*key, "episode_number"])
    rows["has_gap"] = inside & (rows["days_without"] > 0)
    rows["inner_gap"] = rows["days_without"].where(inside, 0)
    rows["inner_change"] = inside & rows["is_change"]
    rows["dosed"] = rows["cover_days"].where(rows["dose_mg_per_week"].notna(), 0)
    rows["mg"] = rows["cover_days"] * rows["dose_mg_per_week"]
    grouped = rows.groupby([*key, "episode_number"])
    episode = grouped.agg(
        is_primary=("is_primary", "any"), drug_class=("drug_class", "max"), evidence_code=("evidence_code", "max"),
        starts_on=("supplied_on", "min"), last_supplied_on=("supplied_on", "max"), empty_on=("until_on", "max"),
        n_records=("n_records", "sum"), n_unknown_supply=("n_unknown_supply", "sum"), covered_days=("cover_days", "sum"),
        dosed_days=("dosed", "sum"), n_gaps=("has_gap", "sum"), longest_gap_days=("inner_gap", "max"),
        largest_stock_days=("stock_days", "max"), n_dose_changes=("inner_change", "sum"),
        dose_confidence=("dose_confidence", "min"), is_compounded=("is_compounded", "any"), has_pellet=("has_pellet", "any"),
    )  # fmt: skip
    episode["mg"] = grouped["mg"].sum(min_count=1)
    # `nth`, not `first` and `last`, which pass over what is missing.
    by_episode = rows.set_index([*key, "episode_number"])
    first, last = (
        by_episode[~inside.to_numpy()],
        by_episode[~rows.duplicated([*key, "episode_number"], keep="last").to_numpy()],
    )
    episode["first_dose_mg_per_week"], episode["last_dose_mg_per_week"] = (
        first["dose_mg_per_week"],
        last["dose_mg_per_week"],
    )
    episode["stopped_on"] = last["stopped_on"]
    episode = episode.reset_index()
    episode["next_on"] = episode.groupby(key)["starts_on"].shift(-1)
    followed = read(data, "staging.observation_period", ["person_id", "ends_on"]).groupby("person_id")["ends_on"].max()
    episode["followed_on"] = episode["person_id"].map(followed)
    died = read(data, "staging.death", ["person_id", "died_on"]).set_index("person_id")["died_on"]
    episode["died_on"] = episode["person_id"].map(died)
    episode["place"] = np.arange(len(episode))
    other = episode[["person_id", "gap_days", "drug_class", "ingredient", "starts_on"]]
    pairs = episode.merge(other, on=["person_id", "gap_days", "drug_class"], suffixes=("", "_other"))
    pairs = pairs[
        (pairs["ingredient"] != pairs["ingredient_other"])
        & (pairs["starts_on_other"] > pairs["starts_on"])
        & (pairs["starts_on_other"] >= pairs["last_supplied_on"])
        & ((pairs["starts_on_other"] - pairs["empty_on"]).dt.days <= pairs["gap_days"])
    ]
    episode = episode.join(pairs.groupby("place")["starts_on_other"].min().rename("switched_on"))
    stopped, following = episode["stopped_on"].notna(), episode["next_on"].notna()
    empty, gap = episode["empty_on"], episode["gap_days"]
    episode["end_reason"] = np.select(
        [
            episode["switched_on"].notna(),
            stopped & following,
            (empty <= episode["starts_on"]) & ~stopped,
            following,
            (episode["died_on"] - empty).dt.days <= gap,
            stopped,
            episode["followed_on"].isna(),
            (episode["followed_on"] - empty).dt.days < gap,
        ],
        [
            "switch", "recorded_stop", "supply_unknown", "supply_ran_out", "death", "recorded_stop", "follow_up_unknown",
            "follow_up_ended",
        ],
        "supply_ran_out",
    )  # fmt: skip
    one = pd.Timedelta(days=1)
    episode["supply_ends_on"] = np.maximum(empty - one, episode["starts_on"])
    ran_out = episode["end_reason"].isin(["supply_ran_out", "recorded_stop"])
    episode["discontinued_on"] = episode["switched_on"].where(episode["end_reason"] == "switch", empty.where(ran_out))
    length, covered, dosed = (empty - episode["starts_on"]).dt.days, episode["covered_days"], episode["dosed_days"]
    is_told = episode["n_unknown_supply"] == 0
    episode["length_days"] = length
    episode["covered_pct"] = (100.0 * covered / length).where(is_told & (length > 0))
    episode["dose_known_pct"] = (100.0 * dosed / covered).where(covered > 0)
    episode["dose_mg_per_week"] = (episode["mg"] / dosed).where(dosed > 0)
    episode["dose_mg_per_day"] = episode["dose_mg_per_week"] / 7
    label = read(data, "ref.drug").groupby("ingredient")["label_dose_mg_per_day"].max()
    episode["label_dose_pct"] = 100 * episode["dose_mg_per_day"] / episode["ingredient"].map(label)
    episode["cumulative_mg"] = (episode["mg"] / 7).where(is_told & (dosed == covered))
    return episode.drop(
        columns=["last_supplied_on", "empty_on", "dosed_days", "mg", "stopped_on", "next_on", "followed_on", "died_on",
                 "place", "switched_on"]
    )  # fmt: skip


def ai_regimen(data: Path, supply: pd.DataFrame) -> pd.DataFrame:
    taken = supply[(supply["drug_class"] == "aromatase_inhibitor") & (supply["cover_days"] > 0)]
    taken = taken.sort_values([*DRUG, "cover_from_on"], ignore_index=True)
    taken["until_on"] = taken["cover_from_on"] + pd.to_timedelta(taken["cover_days"], unit="D")
    before = taken.groupby(DRUG)[["dose_number", "until_on", "times_per_week"]].shift()
    idle = (taken["cover_from_on"] - before["until_on"]).dt.days
    is_same = (taken["dose_number"] == before["dose_number"]) & (idle <= of_ingredient(taken, "grace_days", data))
    is_new_rhythm = taken["times_per_week"].fillna(0) != before["times_per_week"].fillna(0)
    taken["is_new"] = ~is_same | is_new_rhythm
    taken["regimen_number"] = taken.groupby(DRUG)["is_new"].cumsum()
    changed = day(taken["cover_from_on"]).where(~is_same)
    taken["dose_changed_on"] = on(changed.groupby([taken["person_id"], taken["ingredient"]]).ffill())
    taken["new_source"] = taken["dose_source"].where(taken["is_new"])
    found = taken.groupby([*DRUG, "regimen_number"], as_index=False).agg(
        starts_on=("cover_from_on", "min"), ends_on=("until_on", "max"), covered_days=("cover_days", "sum"),
        dose_changed_on=("dose_changed_on", "max"), dose_mg_per_week=("dose_mg_per_week", "max"),
        times_per_week=("times_per_week", "max"), dose_source=("new_source", "first"),
    )  # fmt: skip
    return found.assign(ends_on=found["ends_on"] - pd.Timedelta(days=1))


def exposure(data: Path, made: Path) -> dict[str, pd.DataFrame]:
    """Supplies of every drug; from these episodes of use, and regimens of aromatase inhibitors."""
    supply = drug_supply(data)
    return {
        "features.drug_supply": supply,
        "features.dosing_episode": dosing_episode(data, supply),
        "features.ai_regimen": ai_regimen(data, supply),
    }
