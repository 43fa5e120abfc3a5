"""When a question may be answered: its diagnostics, and the waivers of its study file. It fails closed.

Here: the rule, the same for every design of a clinical study, and how a waived gate is told. Not here: diagnostics, which
are of the estimators; what a study file may waive, which is `trials.waiver`.
"""

import datetime as dt

import polars as pl

from pipelines.run_facts import RunFacts
from pipelines.trials.study import Study, catalogue
from pipelines.trials.waiver import Waiver

QUESTION = ("contrast", "outcome", "population")
_HOLDS = ("pass", "not_applicable")


def why_closed(asked: pl.DataFrame, study: Study, today: dt.date) -> str:
    """Diagnostics that fail and are not waived, or were not evaluated; empty where nothing stands in the way.

    Args:
        asked: rows of `models.diagnostic` of one question.
        study: its study, whose waivers count.
        today: the day on which they have to be in force.
    """
    if asked.is_empty():
        return "no diagnostic was evaluated"
    shut = asked.filter(~_holds())
    said = [(row, _waiver_of(row, study)) for row in shut.iter_rows(named=True)]
    return "; ".join(_reason(row, waiver, today) for row, waiver in said if not _is_waived(row, waiver, today))


def with_waivers(judged: pl.DataFrame, facts: RunFacts) -> pl.DataFrame:
    """`models.diagnostic`, whole or in part, with `waiver`: the words of the one in force, where the diagnostic fails."""
    studies = {name: catalogue()[name] for name in facts.studies}
    words = [
        _words(row, study, facts.today) if (study := studies.get(row["study_id"])) and study.waiver else None
        for row in judged.select("study_id", *QUESTION, "diagnostic", "status").iter_rows(named=True)
    ]
    return judged.with_columns(pl.Series("waiver", words, dtype=pl.String))


def waived(judged: pl.DataFrame, facts: RunFacts) -> pl.DataFrame:
    """Questions that are open by a waiver alone: study_id, contrast, outcome, population, and the waivers in words.

    Args:
        judged: `models.diagnostic`.
    """
    shut = with_waivers(judged, facts).filter(~_holds())
    by_question = shut.group_by("study_id", *QUESTION, maintain_order=True)
    return (
        by_question.agg(pl.col("waiver").is_not_null().all().alias("are_all"), pl.col("waiver").str.join("; "))
        .filter("are_all")
        .drop("are_all")
    )


def marked(answers: pl.LazyFrame, judged: pl.DataFrame, facts: RunFacts) -> pl.LazyFrame:
    """Answers with `waived` and the waiver wherever a gate that says `open` is open by a waiver alone.

    Args:
        answers: columns study_id, contrast, outcome, population, gate_status and gate_reason, and any others.
        judged: `models.diagnostic`.
    """
    by_waiver = waived(judged, facts)
    if by_waiver.is_empty():
        return answers
    status = answers.collect_schema()["gate_status"]
    is_waived = (pl.col("gate_status").cast(pl.String) == "open") & pl.col("waiver").is_not_null()
    joined = answers.join(by_waiver.lazy(), on=["study_id", *QUESTION], how="left", maintain_order="left")
    told = pl.when(is_waived).then(pl.lit("waived")).otherwise(pl.col("gate_status").cast(pl.String)).cast(status)
    reason = pl.when(is_waived).then("waiver").otherwise("gate_reason")
    return joined.with_columns(told.alias("gate_status"), reason.alias("gate_reason")).drop("waiver")


def _holds() -> pl.Expr:
    """Whether a diagnostic lets a gate open by itself; an unknown verdict does not."""
    return pl.col("status").cast(pl.String).is_in(_HOLDS).fill_null(value=False)


def _waiver_of(row: dict[str, object], study: Study) -> Waiver | None:
    question = tuple(row[name] for name in QUESTION)
    return next((w for w in study.waiver if w.question == question and w.diagnostic == row["diagnostic"]), None)


def _is_waived(row: dict[str, object], waiver: Waiver | None, today: dt.date) -> bool:
    return waiver is not None and row["status"] == "fail" and waiver.force(today) == "in force"


def _reason(row: dict[str, object], waiver: Waiver | None, today: dt.date) -> str:
    """Why a diagnostic closes, and why its waiver does not help where it has one."""
    said = f"{row['diagnostic']} {row['status']}"
    if waiver is None:
        return said
    if row["status"] != "fail":
        return f"{said} (waiver of {waiver.date}: only what fails can be waived)"
    if waiver.force(today) == "expired":
        return f"{said} (waiver of {waiver.date} expired after {waiver.until})"
    return f"{said} (waiver of {waiver.date} is not yet in force)"


def _words(row: dict[str, object], study: Study, today: dt.date) -> str | None:
    waiver = _waiver_of(row, study)
    if waiver is None or not _is_waived(row, waiver, today):
        return None
    until = "" if waiver.until is None else f" until {waiver.until}"
    return f"{row['diagnostic']} fail, waived {waiver.date}{until}: {waiver.reason}"
