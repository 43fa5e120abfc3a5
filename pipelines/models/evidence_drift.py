"""Evidence from night to night: how far estimates, people and diagnostics moved since the publication before, and why.

Arithmetic on `models.effect_estimate`, `models.diagnostic` and what was published. What is too much says the suite; which
publication is the one before, and what changed since, `warehouse.evidence_basis`.
"""

import polars as pl

from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS

TABLE = "models.evidence_drift"
PREVIOUS = "raw.previous_evidence"
QUESTION = ["study_id", "contrast", "outcome", "population"]
KEY = [*QUESTION, "estimator"]
#: what an estimate rests on, by the column that says it changed, and the cause as it is told
CHANGED = {
    "is_input_changed": "input",
    "is_code_changed": "code",
    "is_setting_changed": "settings",
    "is_any_protocol_changed": "protocol of another study",
    "is_waiver_changed": "waiver",
}
NONE, FIRST, UNEXPLAINED = "none", "first", "unexplained"
_DIAGNOSTICS = {"largest_standardised_difference": "largest_smd", "ease": "ease"}
#: people of the arms, of a survey, or followed along an exposure, known before any gate
_PEOPLE = ("n_target", "n_comparator", "unweighted_n")
_MEASURES = ("n", "largest_smd", "ease")
_NUMBERS = (*_MEASURES, "estimate", "se")
#: doubles that count as equal (design, section 3)
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12


def evidence_drift(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.evidence_drift`: every estimate of tonight against the same one as it was published before.

    The change of an estimate is in standard errors of the earlier one, and NULL unless both gates tell it. Causes are told
    where anything changed; nothing to explain a change is `unexplained`, for what rests on the same must be the same.
    """
    now = evidence(inputs["models.effect_estimate"], inputs["models.diagnostic"])
    before = inputs[PREVIOUS].collect().with_columns(is_known=pl.lit(value=True))
    both = now.join(before, on=KEY, how="left", suffix="_before")
    changes = [(pl.col(name) - pl.col(f"{name}_before")).alias(f"{name}_change") for name in _MEASURES]
    in_errors = (pl.col("estimate") - pl.col("estimate_before")) / pl.col("se_before")
    found = both.with_columns(
        *changes,
        pl.when(pl.col("se_before") > 0).then(in_errors).alias("estimate_change_se"),
        pl.col("gate_status_before").alias("previous_gate_status"),
        _cause().alias("cause"),
    )
    return CONTRACTS[TABLE].schema.cast(found.select(c.name for c in CONTRACTS[TABLE].columns)).lazy()


def evidence(estimates: pl.LazyFrame, diagnostics: pl.LazyFrame) -> pl.DataFrame:
    """What is compared of each estimate: people behind the question, two diagnostics, and the answer where a gate tells it.

    Args:
        estimates: `models.effect_estimate`.
        diagnostics: `models.diagnostic`.

    Returns:
        `KEY`, evidence_source, protocol_hash, gate_status, n, largest_smd, ease, estimate and se.
    """
    judged = diagnostics.with_columns(pl.col("diagnostic").cast(pl.String))
    people = (
        judged.filter(pl.col("diagnostic").is_in(_PEOPLE), pl.col("value").is_not_null())
        .group_by(QUESTION)
        .agg(pl.col("value").sum().round().cast(pl.Int64).alias("n"))
    )
    values = [
        judged.filter(pl.col("diagnostic") == name).group_by(QUESTION).agg(pl.col("value").first().alias(column))
        for name, column in _DIAGNOSTICS.items()
    ]
    is_told = pl.col("gate_status").cast(pl.String).is_in(["open", "waived"])
    answers = estimates.select(
        *KEY,
        pl.col("evidence_source", "gate_status").cast(pl.String),
        "protocol_hash",
        *(pl.when(is_told).then(pl.col(name)).alias(name) for name in ("estimate", "se")),
    )
    for part in (people, *values):
        answers = answers.join(part, on=QUESTION, how="left")
    return answers.sort(KEY).collect()


def _differs(name: str) -> pl.Expr:
    """Other than before, beyond what counts as equal; known on one side only is different as well."""
    now, old = pl.col(name).cast(pl.Float64), pl.col(f"{name}_before").cast(pl.Float64)
    apart = (now - old).abs() > _RELATIVE * pl.max_horizontal(now.abs(), old.abs()) + _ABSOLUTE
    return (now.is_null() != old.is_null()) | apart.fill_null(value=False)


def _cause() -> pl.Expr:
    """Why a row is another than in the publication before: whatever it rests on that changed."""
    is_changed = pl.any_horizontal(
        *(_differs(name) for name in _NUMBERS), pl.col("gate_status").ne_missing(pl.col("gate_status_before"))
    )
    is_own = pl.col("protocol_hash") != pl.col("protocol_hash_before")
    causes = [
        pl.when(pl.col(column) & ~is_own if column == "is_any_protocol_changed" else pl.col(column)).then(pl.lit(cause))
        for column, cause in CHANGED.items()
    ]
    own = pl.when(is_own).then(pl.lit("protocol"))
    listed = pl.concat_str([own, *causes], separator=", ", ignore_nulls=True)
    return (
        pl.when(pl.col("is_known").is_null())
        .then(pl.lit(FIRST))
        .when(~is_changed)
        .then(pl.lit(NONE))
        .when(listed == "")
        .then(pl.lit(UNEXPLAINED))
        .otherwise(listed)
    )
