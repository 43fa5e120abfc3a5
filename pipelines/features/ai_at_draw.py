"""`features.ai_at_draw`: at an estradiol draw on or after an aromatase inhibitor, what it should have done and what was measured.

The comparison is within a person and an assay class: estradiol now over estradiol before the first supply; in men estradiol
over testosterone, for testosterone rises with a stronger axis. Censored draws give bounds. A share far from the predicted one
points to doses not taken, or to a record that is wrong: `agreement_code`.
"""

import polars as pl

from pipelines.domain.pharmacokinetics import inhibition
from pipelines.features.ai_kinetics import (
    PERSON_DRUG,
    concentration,
    concentration_range,
    day_number,
    effects,
    kinetics,
    pairs,
    regimens,
    unknown_supplies,
)
from pipelines.features.clinical_limit import limit
from pipelines.features.e2_draw import e2_draws
from pipelines.features.menopause import status_on
from pipelines.run_facts import Inputs, RunFacts

_SERIES = ("person_id", "assay_class")


def ai_at_draw(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """One row per person, specimen, assay class and ingredient; columns of the contract `features.ai_at_draw`."""
    taken, draws = regimens(inputs), _draws(inputs).collect()
    supplies = inputs["features.drug_supply"].filter(pl.col("drug_class") == "aromatase_inhibitor").collect()
    first = supplies.group_by(PERSON_DRUG).agg(first_on=pl.col("supplied_on").min())
    anybody = first.group_by("person_id").agg(untreated_until_on=pl.col("first_on").min())
    rows = draws.join(first, on="person_id").filter(pl.col("drawn_on") >= pl.col("first_on"))
    rows = rows.join(_baseline(draws, anybody, limit(inputs, "e2_baseline_days")), on=_SERIES, how="left")
    rows = rows.sort(*PERSON_DRUG, "specimen_id", "assay_class").with_row_index("moment")
    rows = rows.with_columns(at_day=day_number("drawn_on"))
    rows = _regimen_of_the_day(rows, taken, limit(inputs, "steady_state_days"))
    rows = _unknown_supply(rows, unknown_supplies(inputs), limit(inputs, "unknown_supply_days"))
    rows = _concentrated(rows, taken)
    rows = _with_status(_inhibited(rows, taken, inputs), inputs)
    return _compared(rows, limit(inputs, "e2_ratio_tolerance")).select(_COLUMNS).lazy()


def _draws(inputs: Inputs) -> pl.LazyFrame:
    """Dated estradiol draws with bounds, and what they are divided by: in men testosterone of the specimen, else 1."""
    sexes = inputs["staging.person"].select("person_id", "sex_code")
    return (
        e2_draws(inputs)
        .lazy()
        .filter(pl.col("drawn_on").is_not_null(), pl.col("hi") > 0)
        .select("person_id", "specimen_id", "assay_class", "drawn_on", "testosterone", e2_lo="lo", e2_hi="hi")
        .join(sexes, on="person_id")
        .with_columns(scale=pl.when(pl.col("sex_code") == "male").then("testosterone").otherwise(1.0))
    )


def _baseline(draws: pl.DataFrame, untreated: pl.DataFrame, days: float) -> pl.DataFrame:
    """The last draw before the first supply of any inhibitor, on its day included; one row per person and assay class."""
    before = draws.join(untreated, on="person_id").filter(
        (pl.col("untreated_until_on") - pl.col("drawn_on")).dt.total_days().is_between(0, days)
    )
    last = before.sort(*_SERIES, "drawn_on", "specimen_id").group_by(_SERIES, maintain_order=True).last()
    names = {"drawn_on": "baseline_on", "specimen_id": "baseline_specimen_id"}
    return last.select(
        *_SERIES, *(pl.col(old).alias(new) for old, new in names.items()),
        baseline_lo=pl.col("e2_lo") / pl.col("scale"), baseline_hi=pl.col("e2_hi") / pl.col("scale"),
    )  # fmt: skip


def _regimen_of_the_day(rows: pl.DataFrame, taken: pl.DataFrame, steady_state_days: float) -> pl.DataFrame:
    """Dose on the day of the draw, and days since it last changed; a stop is a change."""
    began = taken.select(*PERSON_DRUG, "start_day", "until_day", "changed_day", given="dose_mg_per_week").sort(
        "start_day"
    )
    rows = (
        rows.sort("at_day")
        .join_asof(began, left_on="at_day", right_on="start_day", by=list(PERSON_DRUG), check_sortedness=False)
        .sort("moment")
    )
    covered = (pl.col("at_day") < pl.col("until_day")).fill_null(value=False)
    first_day = day_number("first_on")
    since = pl.col("at_day") - pl.when(covered).then("changed_day").otherwise("until_day").fill_null(first_day)
    return rows.with_columns(
        is_covered=covered,
        dose_mg_per_week=pl.when(covered).then("given").when(pl.col("until_day").is_not_null()).then(0.0),
        days_since_dose_change=since,
        at_steady_state=since >= steady_state_days,
        days_since_start=pl.col("at_day") - first_day,
    )


def _unknown_supply(rows: pl.DataFrame, unknown: pl.DataFrame, days: float) -> pl.DataFrame:
    """Marks draws in the days after a supply that may have lasted any time; on its day nothing was taken of it yet."""
    found = rows.sort("at_day").join_asof(
        unknown,
        left_on="at_day",
        right_on="unknown_day",
        by=list(PERSON_DRUG),
        tolerance=int(days),
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return found.sort("moment").with_columns(is_supply_unknown=pl.col("unknown_day").is_not_null())


def _concentrated(rows: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    moments = rows.select(*PERSON_DRUG, "moment", "at_day")
    beside = pairs(moments, taken)
    level = concentration(beside).join(concentration_range(beside), on="moment")
    rows = rows.join(level, on="moment", how="left").sort("moment")
    rows = rows.with_columns(pl.col("has_unknown_dose").fill_null(value=False))
    known = ~pl.col("has_unknown_dose") & ~pl.col("is_supply_unknown")
    levels = pl.col("central", "low", "high").fill_null(0.0)
    # Long after a stop the slowest of the parameters leave most: the ends are then not those of the steady state.
    values = {
        "concentration_ng_ml": pl.col("central").fill_null(0.0),
        "concentration_low_ng_ml": pl.min_horizontal(levels),
        "concentration_high_ng_ml": pl.max_horizontal(levels),
    }
    return rows.with_columns(pl.when(known).then(value).alias(name) for name, value in values.items())


def _inhibited(rows: pl.DataFrame, taken: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """The predicted fall; the range joins the range of the concentration with that of the prior."""
    parameters = taken.select("ingredient", pl.selectors.matches("^(clearance|volume|absorption)_")).unique()
    rows = rows.join(parameters, on="ingredient", how="left", maintain_order="left")
    effect, of = effects(rows, inputs, "at_day"), kinetics(rows, "central")
    levels = {"central": "concentration_ng_ml", "low": "concentration_low_ng_ml", "high": "concentration_high_ng_ml"}
    names = {"central": "inhibition_pct", "low": "inhibition_low_pct", "high": "inhibition_high_pct"}
    return rows.with_columns(
        pl.Series(
            names[variant],
            inhibition(of.sustaining_dose(rows[level].to_numpy()), effect[variant].half_dose, effect[variant].largest),
        ).fill_nan(None)
        for variant, level in levels.items()
    )


def _with_status(rows: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """Marks draws whose baseline is of another time of the ovaries: what fell then was not the inhibitor's doing."""
    rows = rows.with_columns(baseline_day=day_number("baseline_on"))
    rows = rows.with_columns(status_on(rows, inputs, "baseline_day").alias("status_before"))
    rows = rows.with_columns(status_on(rows, inputs, "at_day").alias("status_now"))
    before, now = pl.col("status_before"), pl.col("status_now")
    changed = (before != now) & ((before != "unknown") | (now == "suppressed"))
    return rows.with_columns(has_ovaries_changed=changed.fill_null(value=False))


def _compared(rows: pl.DataFrame, tolerance: float) -> pl.DataFrame:
    """Measured against predicted share of the baseline, and why not where it cannot be."""
    remaining_lo = 100 * pl.col("e2_lo") / pl.col("scale") / pl.col("baseline_hi")
    remaining_hi = 100 * pl.col("e2_hi") / pl.col("scale") / pl.col("baseline_lo")
    is_male = pl.col("sex_code") == "male"
    no_testosterone = pl.col("scale").is_null() | (
        pl.col("baseline_on").is_not_null() & pl.col("baseline_hi").is_null()
    )
    reason = (
        pl.when("is_supply_unknown").then(pl.lit("supply_unknown"))
        .when("has_unknown_dose").then(pl.lit("dose_unknown"))
        .when(pl.col("inhibition_pct").is_null()).then(pl.lit("no_prediction"))
        .when(pl.col("baseline_on").is_null()).then(pl.lit("no_baseline"))
        .when("has_ovaries_changed").then(pl.lit("menopause_changed"))
        .when(no_testosterone).then(pl.lit("no_testosterone"))
        .when(pl.col("baseline_lo") <= 0).then(pl.lit("baseline_censored"))
    )  # fmt: skip
    rows = rows.with_columns(
        reason_code=reason,
        comparison_code=pl.when(is_male).then(pl.lit("e2_over_t")).otherwise(pl.lit("e2")),
        remaining_lo_pct=remaining_lo,
        remaining_hi_pct=pl.when(pl.col("baseline_lo") > 0, remaining_hi.is_finite()).then(remaining_hi),
        remaining_predicted_pct=100 - pl.col("inhibition_pct"),
    )
    higher = pl.col("remaining_lo_pct") > tolerance * (100 - pl.col("inhibition_low_pct"))
    lower = pl.col("remaining_hi_pct") < (100 - pl.col("inhibition_high_pct")) / tolerance
    return rows.with_columns(
        agreement_code=pl.when(pl.col("reason_code").is_not_null()).then(pl.lit("not_evaluable"))
        .when(higher).then(pl.lit("higher"))
        .when(lower).then(pl.lit("lower"))
        .otherwise(pl.lit("as_predicted"))
    )  # fmt: skip


_COLUMNS = (
    "person_id", "specimen_id", "assay_class", "ingredient", "drawn_on", "days_since_start", "is_covered",
    "dose_mg_per_week", "days_since_dose_change", "at_steady_state", "concentration_ng_ml", "concentration_low_ng_ml",
    "concentration_high_ng_ml", "inhibition_pct", "inhibition_low_pct", "inhibition_high_pct", "comparison_code",
    "baseline_on", "remaining_lo_pct", "remaining_hi_pct", "remaining_predicted_pct", "agreement_code", "reason_code",
)  # fmt: skip
