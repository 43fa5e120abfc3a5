"""The tables of `mart` that follow people over time by arm: risks of events by quarter, change of bone density by year.

Estimates at a horizon leave by `mart`. The rules of hiding are in `disclosure`; why these ones: docs/decisions/curves.md.
"""

import polars as pl

from pipelines.disclosure import hidden_together
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.risk import HORIZON_WORDS

_CURVE = ("study_id", "pair", "outcome", "population", "arm_code")


def cumulative_incidence(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.cumulative_incidence`: a risk is shown where enough people had the event since the one shown before it.

    Days of one curve lie in a row, whichever horizon they belong to: the height of a step is the number of events in it. People
    at risk are shown where enough left since the number shown before; few of them hide the risk, too.
    """
    found = (
        inputs["models.cumulative_incidence"]
        .with_columns(pair=pl.col("contrast").str.replace(HORIZON_WORDS, ""))
        .sort(*_CURVE, "follow_up_days")
        .collect()
    )
    risk = ("risk_pct", "se_pct", "ci_low_pct", "ci_high_pct")
    parts = []
    for curve in found.partition_by(_CURVE, maintain_order=True):
        left, events = curve["n_at_risk"].to_list(), curve["n_events"].to_list()
        few_events, few_left = (pl.Series(hidden_together(c, facts.min_cell)) for c in ([left, events], [left]))
        parts.append(
            curve.with_columns(
                *(pl.when(~few_events).then(pl.col(name)).alias(name) for name in risk),
                pl.when(~few_left).then("n_at_risk").alias("n_at_risk"),
                is_suppressed=few_events | few_left,
            )
        )
    schema = CONTRACTS["mart.cumulative_incidence"].empty().schema
    if not parts:
        return pl.LazyFrame(schema=schema)
    return pl.concat(parts).select(pl.col(name).cast(dtype) for name, dtype in schema.items()).lazy()


def bmd_trajectory(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.bmd_trajectory`: all is hidden where few were scanned in either arm, the number also where few of the arm were not.

    How many are in an arm is told elsewhere, so that the number of those scanned tells how many were not.
    """
    few = pl.min_horizontal("n_observed", "n_observed_other") < facts.min_cell
    is_hidden = (few & pl.col("change_pct").is_not_null()).fill_null(value=False)
    few_missing = (pl.col("n_arm") - pl.col("n_observed")).is_between(1, facts.min_cell - 1)
    is_untold = (is_hidden | few_missing).fill_null(value=False)
    found = inputs["models.bmd_trajectory"].with_columns(
        *(
            pl.when(~is_hidden).then(pl.col(name)).alias(name)
            for name in ("change_pct", "se_pct", "ci_low_pct", "ci_high_pct")
        ),
        pl.when(~is_untold).then("n_observed").alias("n_observed"),
        is_suppressed=is_untold,
    )
    schema = CONTRACTS["mart.bmd_trajectory"].empty().schema
    return found.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
