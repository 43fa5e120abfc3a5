"""The tables of `mart` that follow people over time by arm: risks of events by quarter after time zero.

Estimates at a horizon leave by `mart`. The rules of hiding are in `disclosure`; why these ones: docs/decisions/curves.md.
"""

import polars as pl

from pipelines.disclosure import hidden_together
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS

_CURVE = ("study_id", "pair", "outcome", "population", "arm_code")


def pair() -> pl.Expr:
    """The two arms of a contrast of risks, whatever its horizon, as `mart.propensity_score` names them."""
    return pl.col("contrast").str.replace(r", [\d.]+ months", "").alias("pair")


def cumulative_incidence(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.cumulative_incidence`: a day is shown where enough people had the event, or left, since the one shown before it.

    Days of one curve lie in a row, whichever horizon they belong to: the height of a step is the number of events in it.
    """
    found = inputs["models.cumulative_incidence"].with_columns(pair()).sort(*_CURVE, "follow_up_days").collect()
    told = ("risk_pct", "se_pct", "ci_low_pct", "ci_high_pct", "n_at_risk")
    parts = []
    for curve in found.partition_by(_CURVE, maintain_order=True):
        hidden = pl.Series(hidden_together([curve["n_at_risk"].to_list(), curve["n_events"].to_list()], facts.min_cell))
        parts.append(
            curve.with_columns(
                *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in told), hidden.alias("is_suppressed")
            )
        )
    schema = CONTRACTS["mart.cumulative_incidence"].empty().schema
    if not parts:
        return pl.LazyFrame(schema=schema)
    return pl.concat(parts).select(pl.col(name).cast(dtype) for name, dtype in schema.items()).lazy()
