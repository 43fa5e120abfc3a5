"""`models.claim`: which estimate speaks to which part of which claim, and what is thought of it.

Verdicts are made in `claim` from numbers alone. The planted truth is looked up last, after every verdict: no estimate and no
verdict depends on it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from pipelines.models import (
    contrast_tables,
    dose_tables,
    e2_time_course_tables,
    modifier_tables,
    ratio_tables,
    risk_interaction,
    risk_tables,
    survey_association,
    symptom_tables,
    threshold_tables,
)
from pipelines.models.claim import (
    Evidence,
    Judged,
    Verdict,
    holds_in_truth,
    judge,
    judge_level,
    judge_threshold,
    named_bounds,
    recovery,
    whole,
)
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

Row = dict[str, Any]
#: where a difference is told as well, claims about events ask for the ratio
RATIOS = frozenset({risk_tables.LOG_RATIO, risk_interaction.MULTIPLICATIVE, symptom_tables.RATIO})
DIFFERENCES = frozenset({risk_tables.PRIMARY, risk_interaction.ADDITIVE})
#: the estimator that speaks for a study: the primary one of its design, of risks the log ratio
PRIMARY = frozenset(
    {
        *(contrast_tables.PRIMARY, contrast_tables.CLONES, survey_association.PRIMARY),
        *(threshold_tables.PRIMARY, dose_tables.PRIMARY),
        *(modifier_tables.PRIMARY, ratio_tables.PRIMARY, e2_time_course_tables.PRIMARY),
        *RATIOS,
    }
)
_SIDES = {"above": 1, "below": -1, None: 0}
_KEY = ("study_id", "contrast", "outcome", "population")
_GATE = "gate closed: "
_TRUTH = ("truth_study", "truth_contrast", "truth_figure")


@dataclass(frozen=True, slots=True)
class _Part:
    """A rule, the estimate that speaks to it (None: none), the verdict and why, and by which waiver there is an estimate."""

    rule: Row
    estimate: Row | None
    verdict: Verdict
    why: str
    numbers: Row
    waiver: str = ""


def claim(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.claim`: every part of every claim; on simulated people recovery instead of a verdict."""
    rules = inputs["ref.claim"].collect().sort("claim_id", "part_code").to_dicts()
    estimates = _estimates(inputs, facts)
    bends = _bends(inputs, facts)
    found = [_found(rule, bends if rule["kind_code"] == "threshold" else estimates, facts) for rule in rules]
    parts = [
        replace(part, why=f"{part.why}; gate waived: {part.waiver}") if part.waiver else part for part in _judged(found)
    ]
    by_claim: dict[str, list[Verdict]] = {}
    for part in parts:
        by_claim.setdefault(part.rule["claim_id"], []).append(part.verdict)
    if facts.evidence_source == "simulated":
        truths = _truths(inputs)
        rows = [_row(part, facts) | _recovered(part, truths, facts) for part in parts]
    else:
        rows = [
            _row(part, facts)
            | {"verdict": part.verdict, "claim_verdict": whole(tuple(by_claim[part.rule["claim_id"]])), "why": part.why}
            for part in parts
        ]
    return pl.DataFrame(rows, schema=CONTRACTS["models.claim"].empty().schema).lazy()


def _estimates(inputs: Inputs, facts: RunFacts) -> dict[tuple[str, ...], Row]:
    """Primary estimates of this evidence source by study, contrast, outcome and population."""
    # A closed gate is told by the difference, whose ratio has no row; an open difference of risks never speaks for a ratio.
    is_closed = pl.col("gate_status").cast(pl.String) == "closed"
    speaks = pl.col("estimator").is_in(list(PRIMARY)) | (pl.col("estimator").is_in(list(DIFFERENCES)) & is_closed)
    mute = pl.col("scale").is_in(["difference of risks", "difference of risk differences"]) & ~is_closed
    primary = inputs["models.effect_estimate"].filter(
        speaks & ~mute, pl.col("evidence_source") == facts.evidence_source
    )
    rows = primary.collect().sort(pl.col("estimator").is_in(list(RATIOS))).to_dicts()
    return {tuple(row[name] for name in _KEY): row for row in rows}


def _bends(inputs: Inputs, facts: RunFacts) -> dict[tuple[str, ...], Row]:
    """Change-points of all draws together, in the same order."""
    primary = inputs[threshold_tables.TABLE].filter(
        pl.col("analysis") == threshold_tables.WHOLE, pl.col("evidence_source") == facts.evidence_source
    )
    return {tuple(row[name] for name in _KEY): row for row in primary.collect().to_dicts()}


def _found(rule: Row, estimates: dict[tuple[str, ...], Row], facts: RunFacts) -> _Part:
    """The estimate that a rule asks for, or why there is none."""
    study_id = rule["answered_by"]
    if facts.evidence_source == "public_survey" and rule["is_dosing"]:
        return _silent(rule, "a survey of the public says nothing about dosing")
    if study_id is None:
        return _silent(rule, rule["absent"])
    study = catalogue()[study_id]
    if study_id not in facts.studies:
        kind = "a survey of the public" if study.is_survey else "clinical records"
        return _silent(rule, f"{study_id} is not part of this run; it needs {kind}")
    contrast = survey_association.CONTRAST if study.is_survey else rule["contrast"]
    if contrast is None:
        return _silent(rule, f"{study_id} follows its people and makes no such estimate yet")
    row = estimates.get((study_id, contrast, rule["outcome"], rule["population"]))
    if row is None:
        return _silent(rule, f"{study_id} made no such estimate in this run")
    if row["gate_status"] == "closed":
        return _silent(rule, _GATE + (row["gate_reason"] or "no reason given"))
    waiver = str(row["gate_reason"]) if row["gate_status"] == "waived" else ""
    if rule["kind_code"] == "threshold":
        return replace(_threshold(rule, row), waiver=waiver)
    if rule["kind_code"] == "level":
        return replace(_level(rule, row), waiver=waiver)
    if row["estimate"] is None or row["se"] is None or row["se"] <= 0:
        return _silent(rule, "the estimate has no standard error")
    return _Part(rule, row, "inconclusive", "", {}, waiver)


def _threshold(rule: Row, row: Row) -> _Part:
    """The verdict on a value named, from the interval of the change-point; an end that is open is infinite."""
    low = -np.inf if row["is_open_low"] else np.nan if row["ci_low_pg_ml"] is None else row["ci_low_pg_ml"]
    high = np.inf if row["is_open_high"] else np.nan if row["ci_high_pg_ml"] is None else row["ci_high_pg_ml"]
    verdict, why = judge_threshold(row["answer"], (low, high), (rule["named_low"], rule["named_high"]))
    if verdict == "not_answerable":
        return _silent(rule, row["why"] or why)
    numbers = {
        "scale": "pg/mL",
        "estimate": row["place_pg_ml"],
        "ci_low": row["ci_low_pg_ml"],
        "ci_high": row["ci_high_pg_ml"],
        "confidence_pct": None if row["place_pg_ml"] is None else 95.0,
        "p_value": row["p_value"],
    }
    return _Part(rule, None, verdict, why, numbers)


def _level(rule: Row, row: Row) -> _Part:
    """The verdict on a value named, from the interval of the estimate; it belongs to no family that Holm adjusts."""
    if row["ci_low"] is None or row["ci_high"] is None:
        return _silent(rule, "the estimate has no interval")
    interval = (row["ci_low"], row["ci_high"])
    verdict, why = judge_level(interval, (rule["named_low"], rule["named_high"]))
    told = {name: row[name] for name in ("scale", "estimate", "ci_low", "ci_high", "p_value")}
    return _Part(rule, None, verdict, why, told | {"confidence_pct": 95.0})


def _silent(rule: Row, why: str) -> _Part:
    return _Part(rule, None, "not_answerable", why, {})


def _judged(parts: list[_Part]) -> list[_Part]:
    """Verdicts on all parts with an estimate, families by families."""
    places = [place for place, part in enumerate(parts) if part.estimate is not None]
    known = [(parts[place].rule, parts[place].estimate or {}) for place in places]
    families = {name: number for number, name in enumerate(sorted({rule["family_code"] for rule, _ in known}))}
    judged = judge(
        Evidence(
            estimate=np.array([row["estimate"] for _, row in known], dtype=np.float64),
            standard_error=np.array([row["se"] for _, row in known], dtype=np.float64),
            df=np.array([row["df"] or np.inf for _, row in known], dtype=np.float64),
            side=np.array([_SIDES[rule["side_code"]] for rule, _ in known], dtype=np.int64),
            delta=np.array([rule["delta"] for rule, _ in known], dtype=np.float64),
            family=np.array([families[rule["family_code"]] for rule, _ in known], dtype=np.int64),
        )
    )
    found = list(parts)
    for number, place in enumerate(places):
        verdict = judged.verdict(number)
        rule, row = known[number]
        found[place] = replace(
            parts[place], verdict=verdict, why=_why(rule, verdict), numbers=_numbers(rule, row, judged, number)
        )
    return found


def _numbers(rule: Row, row: Row, judged: Judged, number: int) -> Row:
    share = 2.0 if rule["kind_code"] == "equivalence" else 1.0
    return {
        "scale": row["scale"],
        "estimate": row["estimate"],
        "ci_low": float(judged.ci_low[number]),
        "ci_high": float(judged.ci_high[number]),
        "confidence_pct": 100 * (1 - share * float(judged.level[number])),
        "p_value": float(judged.p_value[number]),
    }


def _why(rule: Row, verdict: Verdict) -> str:
    delta = f"{rule['delta']:.3g}"
    if rule["kind_code"] == "equivalence":
        return {
            "supported": f"the interval lies within {delta} either way",
            "contradicted": f"the interval lies wholly beyond {delta}",
            "inconclusive": f"the interval reaches beyond {delta}, but not wholly",
        }[verdict]
    return {
        "supported": f"the interval excludes 0 on the side claimed, and the estimate reaches {delta}",
        "contradicted": f"the interval lies wholly below {delta} on the side claimed",
        "inconclusive": f"the interval reaches {delta} on the side claimed, but 0 is not excluded or the estimate is smaller",
    }[verdict]


def _truths(inputs: Inputs) -> dict[tuple[str, str, str], tuple[float, float]]:
    rows = inputs["raw.planted_truth"].collect()
    return {(study, contrast, figure): (value, error) for study, contrast, figure, value, error in rows.iter_rows()}


def _recovered(part: _Part, truths: dict[tuple[str, str, str], tuple[float, float]], facts: RunFacts) -> Row:
    """Recovery of a part, the truth, and why, in place of a verdict; what the run did not ask was not missed."""
    rule = part.rule
    key = (rule["truth_study"], rule["truth_contrast"], rule["truth_figure"])
    if not truths:
        return {"why": f"{part.why}; the data came without their truth"}
    if rule["truth_study"] is None or key not in truths:
        return {"why": f"{part.why}; the simulator does not tell this figure on this scale"}
    value, error = truths[key]
    if rule["answered_by"] is not None and rule["answered_by"] not in facts.studies:
        return {"truth": value, "why": part.why}
    holds = _holds(rule, value, error)
    if holds is None:
        return {
            "truth": value,
            "why": f"{part.why}; the truth itself is too near the smallest effect to be told from it",
        }
    words = "the claim holds in truth" if holds else "the claim does not hold in truth"
    return {"truth": value, "recovery": recovery(part.verdict, holds), "why": f"{part.why}; {words}"}


def _holds(rule: Row, value: float, error: float) -> bool | None:
    if rule["kind_code"] in ("threshold", "level"):
        low, high = named_bounds((rule["named_low"], rule["named_high"]))
        return low <= value <= high
    return holds_in_truth(value, error, _SIDES[rule["side_code"]], rule["delta"])


def _row(part: _Part, facts: RunFacts) -> Row:
    kept = {name: value for name, value in part.rule.items() if name not in ("answered_by", "absent", *_TRUTH)}
    study_id = part.rule["answered_by"]
    where = {"evidence_source": facts.evidence_source, "study_id": study_id if study_id in facts.studies else None}
    return kept | where | part.numbers
