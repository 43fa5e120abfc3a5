"""Doses, bone, estradiol and propensity as an analyst would write them in Polars: lazy frames, joins, `over`; everybody at once.

Here: reading, and what is taken (supplies, episodes, regimens). What was measured, and the model, are in
`straightforward_polars_measured`. Every table has all columns of its contract. One loop goes over rows, for stock that is
carried over under a cap feeds on itself. Nothing checks, sorts or signs what is written.
"""

from pathlib import Path

import polars as pl
import straightforward_model as model

DRUG = ["person_id", "ingredient"]
STATES = ["cancelled", "not_filled", "returned", "entered_in_error"]
c = pl.col


def read(data: Path, table: str) -> pl.LazyFrame:
    return pl.scan_parquet(data / table.replace(".", "/") / "**/*.parquet")


def limits(data: Path) -> dict[str, float]:
    rows = read(data, "ref.clinical_limit").select("limit_code", "value").collect()
    return dict(rows.iter_rows())


def day(name: str) -> pl.Expr:
    return c(name).to_physical().cast(pl.Int64)


def on(days: pl.Expr) -> pl.Expr:
    return days.cast(pl.Int32).cast(pl.Date)


def of_ingredient(rows: pl.LazyFrame, column: str, data: Path) -> pl.LazyFrame:
    """Adds a rule of `ref.episode_rule` by ingredient, or that of all others."""
    rule = read(data, "ref.episode_rule").group_by("ingredient").agg(c(column).max())
    anyone = rule.filter(c("ingredient") == "*").select(column).collect().item()
    return rows.join(rule, on="ingredient", how="left").with_columns(c(column).fill_null(anyone))


def drug_supply(data: Path) -> pl.DataFrame:
    lasting = read(data, "ref.supply_duration").select("ingredient", "form_code", "duration_days")
    is_order = c("evidence_code") == "order"
    told, lasts = c("days_supply"), c("duration_days").cast(pl.Float64)
    span = (c("ended_on") - c("started_on")).dt.total_days()
    given = (
        pl.when(is_order & c("record_type").is_in(["order", "statement"]))
        .then(told * (1 + c("refills").fill_null(0)))
        .when((c("record_type") == "administered") & (told.fill_null(1) <= 1))
        .then(pl.coalesce(lasts, told))
        .otherwise(pl.coalesce(told, lasts))
    )
    dose = pl.coalesce("dose_mg_per_week", 7 * c("dose_mg_per_day"))
    drug = (
        read(data, "staging.drug_exposure")
        .with_columns(c("is_compounded").fill_null(value=False))
        .join(read(data, "features.dispensing_source"), on=["source_id", "ingredient", "is_compounded"])
        .join(lasting, on=["ingredient", "form_code"], how="left")
        .filter(
            c("started_on").is_not_null(),
            c("drug_class").is_not_null(),
            ~c("status_code").is_in(STATES).fill_null(value=False),
            c("quantity").fill_null(1) > 0,
            c("record_type").is_in(["fill", "administered"]) | is_order,
        )
        .select(
            *DRUG, "drug_class", "strength_mg", "dose_confidence", "is_compounded", "evidence_code",
            day=day("started_on"),
            supply_days=pl.coalesce(given, pl.when(span > 0).then(span + 1)),
            dose=pl.when(dose != 0).then(dose),
            times=pl.when(c("times_per_week") > 0).then("times_per_week"),
            stopped_day=pl.when(c("status_code") == "stopped").then(day("ended_on")),
            source_rank=c("dose_source").replace_strict({"sig": 1, "quantity": 2, "strength": 3}, default=4),
            has_pellet=(c("form_code") == "pellet").fill_null(value=False),
        )
    )  # fmt: skip
    worst = [
        c("drug_class", "stopped_day", "source_rank", "evidence_code").max(), c("dose_confidence").min(),
        c("has_pellet", "is_compounded").any(),
    ]  # fmt: skip
    days = c("supply_days").sum()
    strength = drug.group_by(*DRUG, "day", "strength_mg").agg(
        *worst,
        days,
        n_records=pl.len().cast(pl.Int64),
        n_unknown_supply=c("supply_days").null_count().cast(pl.Int64),
        dose=pl.when(c("dose").null_count() == 0).then(
            pl.when(days > 0).then((c("dose") * c("supply_days").fill_null(0)).sum() / days).otherwise(c("dose").mean())
        ),
        times=pl.when(c("times").min() == c("times").max()).then(c("times").max()),
    )
    most = c("supply_days").max()
    rows = strength.group_by(*DRUG, "day").agg(
        *worst,
        c("n_records", "n_unknown_supply").sum(),
        supply_days=(most + 0.5).floor().cast(pl.Int64),
        dose=pl.when(pl.len() == 1)
        .then(c("dose").max())
        .when((c("dose").null_count() == 0) & (most > 0))
        .then((c("dose") * c("supply_days")).sum() / most),
        times=pl.when(pl.len() == 1).then(c("times").max()),
    )
    before, tolerance = c("dose").shift().over(DRUG), limits(data)["dose_change_tolerance"]
    has_before = c("day").shift().over(DRUG).is_not_null()
    apart = ((c("dose") / before).log().abs() > pl.lit(1 + tolerance).log()).fill_null(value=False)
    is_new_dose = has_before & ((c("dose").is_null() != before.is_null()) | apart)
    stopped = c("stopped_day").shift().over(DRUG).is_not_null()
    dosed, stock = [*DRUG, "dose_number"], [*DRUG, "stock_number"]
    shelf = (
        of_ingredient(rows, "carry_cap_days", data)
        .sort(*DRUG, "day")
        .with_columns(is_new_dose=is_new_dose, is_new_stock=is_new_dose | stopped)
        .with_columns(
            dose_number=c("is_new_dose").cum_sum().over(DRUG).cast(pl.Int64) + 1,
            stock_number=c("is_new_stock").cum_sum().over(DRUG).cast(pl.Int64),
        )
        .with_columns(
            dose_mg_per_week=c("dose").first().over(dosed),
            times_per_week=c("times").forward_fill().over(dosed),
            stopped_of_stock=c("stopped_day").min().over(stock),
            group=pl.struct(stock).rle_id(),
        )
        .collect()
    )
    at_hand = model.stocks(*(shelf[name].to_list() for name in ("group", "day", "supply_days", "carry_cap_days")))
    starts = shelf.group_by(stock).agg(c("day").min()).sort(stock)
    starts = starts.select(*stock, next_day=c("day").shift(-1).over(DRUG))
    start = pl.max_horizontal("day", pl.min_horizontal(c("day") + c("stock_days"), "ends"))
    stop = pl.min_horizontal(c("start") + c("supply_days"), "ends", c("start").shift(-1).over(DRUG))
    sources = {1: "sig", 2: "quantity", 3: "strength", 4: "not_recorded"}
    return (
        shelf.lazy()
        .with_columns(stock_days=pl.Series(at_hand, dtype=pl.Int64))
        .join(starts.lazy(), on=stock, how="left")
        .join(read(data, "staging.death").select("person_id", died_day=day("died_on")), on="person_id", how="left")
        .sort(*DRUG, "day")
        .with_columns(ends=pl.min_horizontal("next_day", c("stopped_of_stock") + 1, c("died_day") + 1))
        .with_columns(start=start)
        .with_columns(cover_days=(stop - c("start")).clip(0))
        .select(
            *DRUG, "drug_class", "evidence_code", "n_records", "n_unknown_supply", "supply_days", "stock_days",
            "cover_days", "dose_number", "dose_mg_per_week", "times_per_week", "dose_confidence", "has_pellet",
            "is_compounded", supplied_on=on(c("day")), cover_from_on=on(c("start")), stopped_on=on(c("stopped_day")),
            dose_source=c("source_rank").replace_strict(sources),
        )
        .collect()
    )  # fmt: skip


def dosing_episode(data: Path, supply: pl.DataFrame) -> pl.DataFrame:
    rules = read(data, "ref.episode_rule").select("gap_days", rule="ingredient", is_primary=c("is_primary") == "yes")
    named = rules.select("rule").unique().collect().to_series().to_list()
    until = c("cover_from_on") + pl.duration(days="cover_days")
    key = [*DRUG, "gap_days"]
    by_episode = [*key, "episode_number"]
    gap = (c("supplied_on") - c("empty_on")).dt.total_days()
    inner = c("supplied_on") > c("supplied_on").first()
    dosed = pl.when(c("dose_mg_per_week").is_not_null()).then("cover_days").otherwise(0).sum()
    mg = (c("cover_days") * c("dose_mg_per_week")).sum()
    episode = (
        supply.lazy()
        .sort(*DRUG, "supplied_on")
        .with_columns(until_on=until, rule=pl.when(c("ingredient").is_in(named)).then("ingredient").otherwise(pl.lit("*")))
        .with_columns(
            empty_on=c("until_on").cum_max().shift().over(DRUG),
            is_change=c("dose_number") > c("dose_number").shift().over(DRUG),
        )
        .join(rules, on="rule")
        .sort(*key, "supplied_on")
        .with_columns(days_without=gap.clip(0), is_new=~(gap <= c("gap_days")).fill_null(value=False))
        .with_columns(episode_number=c("is_new").cum_sum().over(key).cast(pl.Int64))
        .group_by(by_episode, maintain_order=True)
        .agg(
            c("is_primary", "is_compounded", "has_pellet").any(),
            c("drug_class", "evidence_code").max(),
            c("n_records", "n_unknown_supply").sum(),
            starts_on=c("supplied_on").min(), last_supplied_on=c("supplied_on").max(), empty_on=c("until_on").max(),
            covered_days=c("cover_days").sum(), dosed_days=dosed, mg=pl.when(c("dose_mg_per_week").count() > 0).then(mg),
            n_gaps=(inner & (c("days_without") > 0)).sum(),
            longest_gap_days=pl.when(inner).then("days_without").otherwise(0).max(),
            largest_stock_days=c("stock_days").max(),
            first_dose_mg_per_week=c("dose_mg_per_week").first(), last_dose_mg_per_week=c("dose_mg_per_week").last(),
            n_dose_changes=(inner & c("is_change")).sum(),
            dose_confidence=c("dose_confidence").min(), stopped_on=c("stopped_on").last(),
        )
        .with_columns(next_on=c("starts_on").shift(-1).over(key))
    )  # fmt: skip
    followed = read(data, "staging.observation_period").group_by("person_id").agg(followed_on=c("ends_on").max())
    episode = (
        episode.join(followed, on="person_id", how="left")
        .join(read(data, "staging.death").select("person_id", "died_on"), on="person_id", how="left")
        .collect()
        .lazy()
    )
    other = episode.select("person_id", "gap_days", "drug_class", other="ingredient", switched_on="starts_on")
    switched = (
        episode.join(other, on=["person_id", "gap_days", "drug_class"])
        .filter(
            c("ingredient") != c("other"),
            c("switched_on") > c("starts_on"),
            c("switched_on") >= c("last_supplied_on"),
            (c("switched_on") - c("empty_on")).dt.total_days() <= c("gap_days"),
        )
        .group_by(by_episode)
        .agg(c("switched_on").min())
    )
    label = read(data, "ref.drug").group_by("ingredient").agg(label=c("label_dose_mg_per_day").max())
    stopped, following, empty = c("stopped_on").is_not_null(), c("next_on").is_not_null(), c("empty_on")
    end_reason = (
        pl.when(c("switched_on").is_not_null()).then(pl.lit("switch"))
        .when(stopped & following).then(pl.lit("recorded_stop"))
        .when((empty <= c("starts_on")) & ~stopped).then(pl.lit("supply_unknown"))
        .when(following).then(pl.lit("supply_ran_out"))
        .when((c("died_on") - empty).dt.total_days() <= c("gap_days")).then(pl.lit("death"))
        .when(stopped).then(pl.lit("recorded_stop"))
        .when(c("followed_on").is_null()).then(pl.lit("follow_up_unknown"))
        .when((c("followed_on") - empty).dt.total_days() < c("gap_days")).then(pl.lit("follow_up_ended"))
        .otherwise(pl.lit("supply_ran_out"))
    )  # fmt: skip
    length, covered, dosed_days = (empty - c("starts_on")).dt.total_days(), c("covered_days"), c("dosed_days")
    is_told = c("n_unknown_supply") == 0
    weekly = pl.when(dosed_days > 0).then(c("mg") / dosed_days)
    return (
        episode.join(switched, on=by_episode, how="left")
        .join(label, on="ingredient", how="left")
        .with_columns(end_reason=end_reason)
        .with_columns(
            supply_ends_on=pl.max_horizontal(empty - pl.duration(days=1), "starts_on"),
            discontinued_on=pl.when(c("end_reason") == "switch").then("switched_on")
            .when(c("end_reason").is_in(["supply_ran_out", "recorded_stop"])).then("empty_on"),
            length_days=length,
            covered_pct=pl.when(is_told & (length > 0)).then(100.0 * covered / length),
            dose_known_pct=pl.when(covered > 0).then(100.0 * dosed_days / covered),
            dose_mg_per_day=weekly / 7,
            dose_mg_per_week=weekly,
            label_dose_pct=100 * weekly / 7 / c("label"),
            cumulative_mg=pl.when(is_told & (dosed_days == covered)).then(c("mg") / 7),
        )
        .drop("last_supplied_on", "empty_on", "dosed_days", "mg", "stopped_on", "next_on", "followed_on", "died_on",
              "switched_on", "label")
        .collect()
    )  # fmt: skip


def ai_regimen(data: Path, supply: pl.DataFrame) -> pl.DataFrame:
    taken = supply.lazy().filter(c("drug_class") == "aromatase_inhibitor", c("cover_days") > 0)
    idle = (c("cover_from_on") - c("until_on").shift().over(DRUG)).dt.total_days()
    is_same = (c("dose_number") == c("dose_number").shift().over(DRUG)) & (idle <= c("grace_days"))
    rhythm = c("times_per_week").fill_null(0)
    return (
        of_ingredient(taken, "grace_days", data)
        .sort(*DRUG, "cover_from_on")
        .with_columns(until_on=c("cover_from_on") + pl.duration(days="cover_days"))
        .with_columns(is_new_dose=~is_same.fill_null(value=False))
        .with_columns(is_new=c("is_new_dose") | (rhythm != rhythm.shift().over(DRUG).fill_null(0)))
        .with_columns(
            regimen_number=c("is_new").cum_sum().over(DRUG).cast(pl.Int64),
            dose_changed_on=pl.when("is_new_dose").then("cover_from_on").forward_fill().over(DRUG),
        )
        .group_by(*DRUG, "regimen_number")
        .agg(
            c("dose_changed_on", "dose_mg_per_week", "times_per_week").max(),
            starts_on=c("cover_from_on").min(),
            ends_on=c("until_on").max() - pl.duration(days=1),
            covered_days=c("cover_days").sum(),
            dose_source=c("dose_source").filter("is_new").max(),
        )
        .collect()
    )


def exposure(data: Path, made: Path) -> dict[str, pl.DataFrame]:
    """Supplies of every drug; from these episodes of use, and regimens of aromatase inhibitors."""
    supply = drug_supply(data)
    return {
        "features.drug_supply": supply,
        "features.dosing_episode": dosing_episode(data, supply),
        "features.ai_regimen": ai_regimen(data, supply),
    }
