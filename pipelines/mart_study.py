"""The tables of `mart` about a study itself: what it asks, and how far the arms that it compares overlap.

Estimates, diagnostics and counts leave by `mart`. The rules of hiding are in `disclosure`.
"""

import polars as pl

from pipelines.disclosure import SHARE_STEPS_PCT, hidden_parts
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.claim_rule import estimated
from pipelines.trials.study import Study, catalogue

_ARM = ("study_id", "contrast", "outcome", "population", "arm_code")
#: bins that leave: fewer than are computed, so that fewer of them hold few people
BINS = 10
#: horizon of risks that leads, in months. Source: estimands of the first studies
MAIN_MONTHS = 60.0


def study(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.study`: the question of each study of the run, and the one of its questions that its file names first."""
    rows = []
    for name in facts.studies:
        asked = catalogue()[name]
        contrast, outcome, population = _leading(asked)
        rows.append(
            {
                "study_id": asked.id,
                "protocol_hash": asked.protocol_hash,
                "evidence_source": facts.evidence_source,
                "title": asked.title,
                "question": asked.question,
                "design": asked.design,
                "primary_outcomes": ",".join(asked.outcomes.primary),
                "lead_outcome": outcome,
                "lead_contrast": contrast,
                "lead_population": population,
            }
        )
    return pl.DataFrame(rows, schema=CONTRACTS["mart.study"].empty().schema).lazy()


def _leading(asked: Study) -> tuple[str | None, str | None, str | None]:
    """Contrast, outcome and population: the first primary outcome that the file makes an estimate of, and its first contrast.

    Of risks at several horizons it is the first contrast at the main one.
    """
    if asked.is_survey:
        return None, asked.outcomes.primary[0], None
    found = list(estimated(asked))
    for outcome in asked.outcomes.primary:
        of_outcome = [each for each in found if each[1] == outcome]
        at_main = [each for each in of_outcome if asked.risk and each[3] == MAIN_MONTHS]
        for contrast, of, population, _ in at_main or of_outcome:
            return contrast, of, population
    return None, None, None


def propensity_score(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`mart.propensity_score`: shares of an arm by bin; small bins and their complements are hidden, the others rounded.

    The step of rounding is at least `min_cell` people; an arm too small for the coarsest one is hidden.
    """
    wide = pl.col("bin_number").max().over(_ARM) // BINS
    merged = (
        inputs["models.propensity_score"]
        .with_columns(((pl.col("bin_number") - 1) // wide + 1).alias("bin_number"))
        .group_by(*_ARM, "bin_number")
        .agg(pl.col("lower").min(), pl.col("upper").max(), pl.col("n").sum())
        .sort(*_ARM, "bin_number")
        .collect()
    )
    arms = [_told(arm, facts.min_cell) for arm in merged.partition_by(_ARM, maintain_order=True)]
    schema = CONTRACTS["mart.propensity_score"].empty().schema
    if not arms:
        return pl.LazyFrame(schema=schema)
    found = pl.concat(arms).with_columns(pl.lit(facts.evidence_source).alias("evidence_source"))
    return found.select(pl.col(name).cast(dtype) for name, dtype in schema.items()).lazy()


def _told(arm: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    counts = arm["n"].to_list()
    people = sum(counts)
    step = next((each for each in SHARE_STEPS_PCT if each * people >= 100 * min_cell), None)
    hidden = [True] * len(counts) if step is None else hidden_parts(counts, min_cell)
    shares = [
        None if step is None or is_hidden else float(step * round(100 * n / people / step))
        for n, is_hidden in zip(counts, hidden, strict=True)
    ]
    return arm.with_columns(
        pl.Series("share_pct", shares, dtype=pl.Float64), pl.Series("is_suppressed", hidden, dtype=pl.Boolean)
    )
