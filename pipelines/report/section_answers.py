"""What each study asks and what it found of its leading question: the first thing on the page.

The leading question is the one its file names first (`mart.study`), so that nothing found decides what is shown first.
"""

import re
from typing import Any

import polars as pl

from pipelines.report.frames import Mart, Sealed, primary
from pipelines.report.labels import HAZARD, HAZARD_RISK, cycle, heading
from pipelines.report.order import ordered
from pipelines.report.section_findings import findings
from pipelines.report.section_threshold import threshold_finding
from pipelines.report.views import Answer, Finding

_TABLES = (
    *("mart.study", "mart.effect_estimate", "mart.bone_prevalence", "mart.attrition", "mart.threshold"),
    *("mart.covariate_balance", "mart.negative_control", "mart.dose_response"),
)
#: what may be the name of a page
_SAFE = re.compile(r"[A-Za-z0-9_-]+")


def studies(frames: Mart) -> list[str]:
    """Every study that the mart speaks of, in the order of the page; names that can be no name of a file are left out."""
    found = {str(study) for name in _TABLES for study in frames[name]["study_id"].unique()}
    return [study for study in ordered(found, "study_id") if _SAFE.fullmatch(study)]


def page_of(study: str) -> str:
    """Name of the page of a study."""
    return f"study-{study}.html"


def of_study(frames: Mart, study: str) -> dict[str, pl.DataFrame]:
    """The same frames with the rows of one study; those that know no study stay whole."""
    rows = {
        name: frame.filter(pl.col("study_id") == study) if "study_id" in frame.columns else frame
        for name, frame in frames.items()
    }
    return Sealed(rows) if isinstance(frames, Sealed) else rows


def answers(frames: Mart) -> tuple[Answer, ...]:
    """One answer a study; those with an answer first."""
    found = [answer(of_study(frames, study), study) for study in studies(frames)]
    return tuple(sorted(found, key=lambda each: not each.is_answered))


def answer(frames: dict[str, pl.DataFrame], study: str) -> Answer:
    """The answer of one study from its own frames."""
    asked = frames["mart.study"].row(0, named=True) if frames["mart.study"].height else None
    leading = {**frames, "mart.effect_estimate": _leading(frames["mart.effect_estimate"], asked)}
    found = [*findings(leading), *threshold_finding(frames["mart.threshold"])]
    n_open, n_gates = _gates(frames)
    if not found:
        found = [Finding("No estimate:", _why_none(frames, n_gates), "not estimated", "plain")]
    is_answered = any(each.tag not in ("gate closed", "withheld", "not estimated", "no answer") for each in found)
    counted = f"{n_open} of {n_gates} gates open" if n_gates else "no gate"
    title = heading(study) if asked is None else asked["title"]
    question = title if asked is None else asked["question"]
    return Answer(cycle(question), cycle(title), page_of(study), tuple(found), counted, is_answered)


def _leading(estimates: pl.DataFrame, asked: dict[str, Any] | None) -> pl.DataFrame:
    """Rows of the leading question; all of them where the study is not described."""
    rows = primary(estimates)
    if asked is None:
        return rows
    # Of one association told as a ratio of hazards and as risks, the ratio leads.
    as_ratio = pl.col("estimator").eq(HAZARD).any().over("study_id", "population")
    rows = rows.filter(~(as_ratio & pl.col("estimator").eq(HAZARD_RISK)))
    for column in ("outcome", "contrast", "population"):
        if asked[f"lead_{column}"] is not None:
            rows = rows.filter(pl.col(column) == asked[f"lead_{column}"])
    return rows


def _gates(frames: Mart) -> tuple[int, int]:
    """Gates that let something be told, and all."""
    estimates = primary(frames["mart.effect_estimate"]).unique(["contrast", "outcome", "population"])
    told = [*estimates["gate_status"], *frames["mart.bone_prevalence"]["gate_status"]]
    return sum(status in ("open", "waived") for status in told), len(told)


def _why_none(frames: Mart, n_gates: int) -> str:
    if n_gates:
        return "the study was run, and nothing was estimated of its leading question."
    if frames["mart.attrition"].is_empty() and frames["mart.covariate_balance"].is_empty():
        return "the study was not run on these data."
    return "people are counted in and described; this study estimates nothing."
