"""Risks of events as tables: diagnostics of every outcome and horizon, and estimates where the gate is open.

The statistics are in `risk_contrast`, what questions share in `risk_pair`; here results become rows. The gate of an outcome stays
shut without enough negative controls, or where they say that systematic error is large.
"""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import polars as pl

from pipelines.models.arm_risk import RatioEstimate, RiskContrast
from pipelines.models.contrast_tables import closed_row, common_row
from pipelines.models.control_null import Controls, null_findings
from pipelines.models.empirical_null import calibrate
from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import why_closed
from pipelines.models.inference import ContrastEstimate
from pipelines.models.point_treatment import Finding, asked, told
from pipelines.models.propensity_model import Row, contrast_key, risks
from pipelines.models.risk_contrast import (
    ArmSizes,
    alikeness_of,
    contrasts_of,
    diagnose_risk,
    hazard_ratio,
    ratios_of,
    sizes,
    unevaluated_risk,
)
from pipelines.models.risk_family import holm_rows
from pipelines.models.risk_interaction import interaction_diagnostics, interaction_estimates
from pipelines.models.risk_misclassified import without_false_records
from pipelines.models.risk_pair import RiskPair
from pipelines.models.risk_weighting import WeightedRows
from pipelines.models.unmeasured import e_value
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.risk import Risk, RiskQuestion
from pipelines.trials.study import Study, catalogue

#: the primary estimator, and the one by which claims are judged
PRIMARY, LOG_RATIO = "risk_difference", "log_risk_ratio"
_POSITIVE = "positive_control"
_SCALES = {
    PRIMARY: "difference of risks",
    LOG_RATIO: "difference of log risks",
    "log_risk_ratio_possible": "difference of log risks",
    "log_risk_ratio_without_false": "difference of log risks",
    "days_lost": "difference of mean days lost to the outcome",
    "log_hazard_ratio": "log hazard ratio",
}
_BY_INFLUENCE = "influence function of Aalen-Johansen, models of the weights included, clustered by person"
_KNOWN = "sandwich of Cox's model, weights taken as known, clustered by person"
_WEIGHTED = "weights for arm or strategy and for loss, half-year by half-year; death competes"


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every outcome and horizon; the positive control last, as it asks the gate of its own outcome."""
    rows: list[Row] = []
    for study, risk in risks(facts):
        pair = RiskPair(inputs, study, risk)
        found: list[tuple[RiskQuestion, list[Finding]]] = []
        known = _control_findings(pair)
        for outcome, questions in _by_outcome(risk):
            found += [
                (question, [*of_it, *known[question.horizon_days]])
                for question, of_it in _findings(pair, outcome, questions)
            ]
        for question, findings in found:
            findings.append(_positive(pair, question, found))
            rows += [contrast_key(study, question) | asdict(each) for each in findings]
    rows += interaction_diagnostics(inputs, facts, rows)
    return pl.DataFrame(rows, schema=CONTRACTS["models.diagnostic"].empty().schema).lazy()


def _by_outcome(risk: Risk) -> Iterator[tuple[str, list[RiskQuestion]]]:
    for outcome in risk.outcomes:
        yield outcome, [each for each in risk.questions if each.outcome == outcome]


def _findings(pair: RiskPair, outcome: str, questions: list[RiskQuestion]) -> list[tuple[RiskQuestion, list[Finding]]]:
    """Diagnostics that need no control, by question; all not evaluated where the pair or the outcome has no rows."""
    thresholds = pair.study.diagnostics
    try:
        rows = pair.rows(outcome)
        alikeness = alikeness_of(pair.prepared, outcome)
        counts = [sizes(rows, question.horizon_days) for question in questions]
        return [
            (question, [*diagnose_risk(pair.prepared, alikeness, counted, thresholds, rows), *_people(counted)])
            for question, counted in zip(questions, counts, strict=True)
        ]
    except NotEstimable as error:
        nothing = unevaluated_risk(str(error), thresholds)
        return [(question, list(nothing)) for question in questions]


def _people(counted: ArmSizes) -> list[Finding]:
    """How many people are behind it, for disclosure control; never a reason to close."""
    return [told(f"n_{side}", float(n)) for side, n in zip(("target", "comparator"), counted.at_risk, strict=True)]


def _control_findings(pair: RiskPair) -> dict[int, list[Finding]]:
    """What the negative controls of the pair say, by horizon."""
    thresholds = pair.study.diagnostics
    least, most = thresholds["minimum_negative_controls"], thresholds["maximum_ease"]
    found: dict[int, list[Finding]] = {}
    for question in pair.risk.questions:
        if question.horizon_days in found:
            continue
        known = pair.controls(question)
        findings = [asked("negative_controls", float(known.n_estimated), least)]
        findings += null_findings(known, most)
        found[question.horizon_days] = findings
    return found


def _positive(pair: RiskPair, question: RiskQuestion, found: list[tuple[RiskQuestion, list[Finding]]]) -> Finding:
    """Whether the known effect is seen; its interval is told only where its own gate is open."""
    known = pair.risk.positive_control
    if known is None:
        return Finding(_POSITIVE, None, None, "no positive control is named", "not_applicable")
    if known.outcome == question.outcome:
        return Finding(_POSITIVE, None, None, "it is the positive control itself", "not_applicable")
    rule = f"interval of the ratio of {known.outcome} {known.side} 1; published {known.published:g} ({known.source})"
    own = next(
        findings
        for other, findings in found
        if other.outcome == known.outcome and other.horizon_days == question.horizon_days
    )
    if any(each.status not in ("pass", "not_applicable") for each in own if each.diagnostic != _POSITIVE):
        return Finding(_POSITIVE, None, 1.0, f"{rule}; its own gate is closed", "not_evaluated")
    try:
        ratio = pair.positive_ratio(question.horizon_days)
    except NotEstimable as error:
        return Finding(_POSITIVE, None, 1.0, f"{rule}; {error}", "not_evaluated")
    if ratio is None:
        return Finding(_POSITIVE, None, 1.0, f"{rule}; an arm has no event of it", "not_evaluated")
    near = ratio.ci_high if known.side == "below" else ratio.ci_low
    holds = near < 1 if known.side == "below" else near > 1
    return Finding(_POSITIVE, near, 1.0, rule, "pass" if holds else "fail")


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate`: risks of every outcome and horizon whose gate is open; a closed gate else."""
    judged = inputs["models.diagnostic"].collect()
    rows: list[Row] = []
    for study, risk in risks(facts):
        pair = RiskPair(inputs, study, risk)
        for outcome, questions in _by_outcome(risk):
            closed = {each: why_closed(_asked(judged, study, each), study, facts.today) for each in questions}
            answers = _answers(pair, outcome, [each for each, why in closed.items() if not why], facts)
            for question in questions:
                found = answers.get(question, "")
                if isinstance(found, str):
                    common = common_row(study, question, facts) | {"scale": _SCALES[PRIMARY]}
                    rows.append(closed_row(common, PRIMARY, closed[question] or found))
                else:
                    rows += found
    rows += holm_rows([catalogue()[name] for name in facts.studies], rows)
    rows += interaction_estimates(facts, judged, rows)
    return pl.DataFrame(rows, schema=CONTRACTS["models.effect_estimate"].empty().schema).lazy()


def _asked(judged: pl.DataFrame, study: Study, question: RiskQuestion) -> pl.DataFrame:
    return judged.filter(*(pl.col(name) == value for name, value in contrast_key(study, question).items()))


def _answers(
    pair: RiskPair, outcome: str, questions: list[RiskQuestion], facts: RunFacts
) -> dict[RiskQuestion, list[Row] | str]:
    """Rows of the questions of one outcome, all from one set of weighted rows; or why one has none, whatever the others have."""
    answers: dict[RiskQuestion, list[Row] | str] = {}
    if not questions:
        return answers
    try:
        rows, possible = pair.rows(outcome), _with_possible(pair, outcome)
    except NotEstimable as error:
        return dict.fromkeys(questions, f"not estimable: {error}")
    for question in questions:
        try:
            answers[question] = _answer(pair, rows, possible, question, facts)
        except NotEstimable as error:
            answers[question] = f"not estimable: {error}"
    return answers


def _answer(
    pair: RiskPair, rows: WeightedRows, possible: WeightedRows | None, question: RiskQuestion, facts: RunFacts
) -> list[Row]:
    """Every estimate of one question; `possible` are rows with possible records counted, None where they change nothing.

    Raises:
        NotEstimable: the primary estimate does not exist.
    """
    (risk,) = contrasts_of(rows, [question.horizon_days])
    counted = sizes(rows, question.horizon_days)
    common = common_row(pair.study, question, facts) | {
        "n_target": counted.at_risk[0],
        "n_comparator": counted.at_risk[1],
        "events_target": counted.events[0],
        "events_comparator": counted.events[1],
        "n_effective": risk.difference.n_effective,
        "gate_status": "open",
        "missing_method": _WEIGHTED,
    }
    found = [_differs(PRIMARY, risk.difference), _differs("days_lost", risk.time_lost)]
    if risk.ratio is not None:
        found.append(_ratio(LOG_RATIO, risk.ratio, pair.controls(question)))
    if possible is not None:
        found += _of_possible(possible, question)
    found += _without_false(risk, pair.predictive_values.get(question.outcome))
    found += _hazards(rows, question)
    return [common | each for each in found]


def _with_possible(pair: RiskPair, outcome: str) -> WeightedRows | None:
    """Rows with possible records counted, where that changes anything.

    Raises:
        NotEstimable: as `RiskPair.rows`.
    """
    course = pair.prepared.frame.courses[outcome]
    if np.array_equal(course.event, course.possible_event) and np.array_equal(course.exit, course.possible_exit):
        return None
    return pair.rows(outcome, possible=True)


def _of_possible(rows: WeightedRows, question: RiskQuestion) -> list[Row]:
    """How far the ratio hangs on the definition of the event; none where it does not exist."""
    try:
        (found,) = ratios_of(rows, [question.horizon_days])
    except NotEstimable:
        return []
    return [] if found is None else [_ratio("log_risk_ratio_possible", found, None)]


def _without_false(risk: RiskContrast, predictive_value: float | None) -> list[Row]:
    """The ratio were false records taken off; none without a published predictive value, or where it cannot be."""
    if predictive_value is None:
        return []
    try:
        found = without_false_records(risk, predictive_value)
    except NotEstimable:
        return []
    said = f"delta method, arms taken as independent; {100 * predictive_value:g} % of recorded events taken as true"
    return [_ratio("log_risk_ratio_without_false", found, None) | {"se_method": said}]


def _hazards(rows: WeightedRows, question: RiskQuestion) -> list[Row]:
    try:
        found = hazard_ratio(rows, question.horizon_days)
    except NotEstimable:
        return []  # a sensitivity analysis that does not exist is left out, the primary one is not
    low, high = found.interval
    return [
        {
            "estimator": "log_hazard_ratio",
            "scale": _SCALES["log_hazard_ratio"],
            "se_method": _KNOWN,
            "estimate": found.estimate,
            "se": found.standard_error,
            "ci_low": low,
            "ci_high": high,
        }
    ]


def _differs(estimator: str, found: ContrastEstimate) -> Row:
    return {
        "estimator": estimator,
        "scale": _SCALES[estimator],
        "se_method": _BY_INFLUENCE,
        "estimate": found.estimate,
        "se": found.standard_error,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "p_value": found.p_value if np.isfinite(found.p_value) else None,
    }


def _ratio(estimator: str, found: RatioEstimate, known: Controls | None) -> Row:
    """A log ratio with its E-values, and calibrated where the controls give a null."""
    middle = float(np.log(found.estimate))
    strength = e_value(found.estimate, found.ci_low, found.ci_high)
    row: Row = {
        "estimator": estimator,
        "scale": _SCALES[estimator],
        "se_method": _BY_INFLUENCE,
        "estimate": middle,
        "se": found.log_standard_error,
        "ci_low": float(np.log(found.ci_low)),
        "ci_high": float(np.log(found.ci_high)),
        "p_value": found.p_value if np.isfinite(found.p_value) else None,
        "e_value": strength.of_estimate,
        "e_value_limit": strength.of_limit,
    }
    if known is None or known.null is None:
        return row
    told_so = calibrate(known.null, np.array([middle]), np.array([found.log_standard_error]))
    return row | {
        "calibrated_estimate": float(told_so.estimate[0]),
        "calibrated_ci_low": float(told_so.ci_low[0]),
        "calibrated_ci_high": float(told_so.ci_high[0]),
    }
