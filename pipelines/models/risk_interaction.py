"""How the effect on a risk differs between two cohorts of other people: additive and multiplicative, from rows already made.

Nothing is estimated here that is not a difference of two estimates, so the gate is open only where both theirs are, and where
next to nobody is in both: the errors are added as if nobody were.
"""

from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from pipelines.models.inference import Z975
from pipelines.models.point_treatment import asked
from pipelines.run_facts import Inputs, RunFacts
from pipelines.trials.risk import Risk, RiskQuestion
from pipelines.trials.study import Study, catalogue

Row = dict[str, Any]
#: of the smaller cohort, people who are in the other one, too
MOST_SHARED = 0.01
ADDITIVE, MULTIPLICATIVE = "interaction_additive", "interaction_log_ratio"
#: of each interaction, the estimator whose difference it is, and its scale
_OF = {
    ADDITIVE: ("risk_difference", "difference of risk differences"),
    MULTIPLICATIVE: ("log_risk_ratio", "difference of log risk ratios"),
}
_SHARED = ("protocol_hash", "evidence_source", "estimand", "intercurrent_strategy", "horizon_months", "missing_method")


def interaction_diagnostics(inputs: Inputs, facts: RunFacts, rows: list[Row]) -> list[Row]:
    """That both gates are open, and how many people are in both cohorts. A diagnostic that is missing counts as shut."""
    found: list[Row] = []
    shared: dict[tuple[str, str, str], float | None] = {}
    for study, question, other in _asked(facts):
        cohorts = (study.id, question.risk.cohort, other.risk.cohort)
        if cohorts not in shared:
            shared[cohorts] = _shared_share(inputs, *cohorts)
        both = asked("shared_share", shared[cohorts], MOST_SHARED, is_most=True)
        found.append(_key(study, question) | asdict(both))
        is_open = all(_is_open(rows, study, each) for each in (question, other))
        found.append(
            _key(study, question)
            | {
                "diagnostic": "both_gates",
                "value": float(is_open),
                "threshold": 1.0,
                "rule": "1 where the gates of both cohorts are open",
                "status": "pass" if is_open else "fail",
            }
        )
    return found


def _shared_share(inputs: Inputs, study_id: str, *cohorts: str) -> float | None:
    """People of both cohorts over those of the smaller one; None where one is empty."""
    people = inputs["cohort.trial_person"].filter(pl.col("study_id") == study_id)
    sets = [people.filter(pl.col("cohort_code") == each).select("person_id").unique().collect() for each in cohorts]
    least = min(each.height for each in sets)
    return sets[0].join(sets[1], on="person_id", how="semi").height / least if least else None


def interaction_estimates(facts: RunFacts, judged: pl.DataFrame, rows: list[Row]) -> list[Row]:
    """Differences of the estimates of the two cohorts, or one closed gate."""
    found: list[Row] = []
    for study, question, other in _asked(facts):
        key = _key(study, question)
        own = judged.filter(*(pl.col(name) == value for name, value in key.items()))
        is_open = own.height > 0 and own["status"].is_in(["pass", "not_applicable"]).all()
        pairs = {name: [_row(rows, study, each, of) for each in (question, other)] for name, (of, _) in _OF.items()}
        known = _of(rows, study, question)[0]
        common = key | {name: known[name] for name in _SHARED}
        if not is_open or any(row is None for row in pairs[ADDITIVE]):
            why = "the gate of one of the two cohorts is closed" if not is_open else "one of the two has no estimate"
            none = "no estimate was computed"
            gate = {"gate_status": "closed", "gate_reason": why, "se_method": none, "missing_method": none}
            found.append(common | {"estimator": ADDITIVE, "scale": _OF[ADDITIVE][1]} | gate)
            continue
        for name, (row, against) in pairs.items():
            if row is not None and against is not None:
                found.append(common | _difference(name, row, against))
    return found


def _difference(name: str, row: Row, against: Row) -> Row:
    from scipy.special import ndtr

    estimate = float(row["estimate"]) - float(against["estimate"])
    error = float(np.hypot(float(row["se"]), float(against["se"])))
    sums = {
        each: int(row[each]) + int(against[each])
        for each in ("n_target", "n_comparator", "events_target", "events_comparator")
    }
    return sums | {
        "estimator": name,
        "scale": _OF[name][1],
        "se_method": "root of the sum of both squared errors: the cohorts share next to nobody",
        "estimate": estimate,
        "se": error,
        "ci_low": estimate - Z975 * error,
        "ci_high": estimate + Z975 * error,
        "p_value": float(2 * ndtr(-abs(estimate) / error)) if error > 0 else None,
        "gate_status": "open",
    }


def _asked(facts: RunFacts) -> list[tuple[Study, RiskQuestion, RiskQuestion]]:
    """Every question that is held against another cohort, with that of the other."""
    found = []
    for name in facts.studies:
        study = catalogue()[name]
        for risk in study.risk:
            counterpart: Risk | None = risk.counterpart(study.risk)
            if counterpart is None:
                continue
            found += [
                (study, question, RiskQuestion(counterpart, question.outcome, question.horizon_days))
                for question in risk.questions
            ]
    return found


def _key(study: Study, question: RiskQuestion) -> Row:
    return {
        "study_id": study.id,
        "contrast": question.interaction_words,
        "outcome": question.outcome,
        "population": question.population,
    }


def _of(rows: list[Row], study: Study, question: RiskQuestion) -> list[Row]:
    """The rows of one question, in order."""
    asked = (study.id, question.words, question.outcome, question.population)
    return [row for row in rows if (row["study_id"], row["contrast"], row["outcome"], row["population"]) == asked]


def _is_open(rows: list[Row], study: Study, question: RiskQuestion) -> bool:
    own = [row["status"] for row in _of(rows, study, question)]
    return bool(own) and all(status in ("pass", "not_applicable") for status in own)


def _row(rows: list[Row], study: Study, question: RiskQuestion, estimator: str) -> Row | None:
    own = (row for row in _of(rows, study, question) if row["estimator"] == estimator)
    return next((row for row in own if row.get("estimate") is not None), None)
