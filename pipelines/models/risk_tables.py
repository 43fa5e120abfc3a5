"""Risks of events as tables: diagnostics of every outcome and horizon, and estimates where the gate is open.

The statistics are in `risk_contrast`, the controls in `control_tables`; here results become rows. The gate of an outcome stays
shut without enough negative controls, or where they say that systematic error is large.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import polars as pl

from pipelines.models.arm_risk import RatioEstimate, RiskContrast
from pipelines.models.control_tables import Controls, controls
from pipelines.models.empirical_null import calibrate
from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import why_closed
from pipelines.models.inference import ContrastEstimate
from pipelines.models.point_treatment import Finding, asked, told
from pipelines.models.propensity_model import Row, prepared_risk, risks
from pipelines.models.risk_contrast import (
    ArmSizes,
    PreparedRisk,
    contrasts_of,
    diagnose_risk,
    hazard_ratio,
    ratios_of,
    rows_of,
    sizes,
    unevaluated_risk,
)
from pipelines.models.risk_family import holm_rows
from pipelines.models.risk_interaction import interaction_diagnostics, interaction_estimates
from pipelines.models.risk_misclassified import without_false_records
from pipelines.models.risk_weighting import PairPeriods, WeightedRows
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


@dataclass(frozen=True)
class _Pair:
    """One pair of arms of a run, with what all its questions share."""

    inputs: Inputs
    study: Study
    risk: Risk

    @cached_property
    def _periods(self) -> dict[bytes, PairPeriods]:
        """Weights by follow-up: outcomes that nothing but death and the end of observation censor share theirs."""
        return {}

    @cached_property
    def predictive_values(self) -> dict[str, float]:
        """Published share of true ones among recorded events, by outcome; none where none was found, or all are true."""
        known = self.inputs["ref.phenotype"].filter(pl.col("ppv_pct").is_between(0, 100, closed="none"))
        return {code: pct / 100 for code, pct in known.select("phenotype_code", "ppv_pct").collect().iter_rows()}

    @cached_property
    def prepared(self) -> PreparedRisk | str:
        """Ready for every outcome, or why not."""
        return prepared_risk(self.inputs, self.study, self.risk, self.risk.outcomes)

    def rows(self, outcome: str, *, possible: bool = False) -> WeightedRows:
        """Weighted rows of an outcome to the last horizon.

        Raises:
            NotEstimable: the pair or the outcome has none.
        """
        if isinstance(self.prepared, str):
            raise NotEstimable(self.prepared)
        if outcome not in self.prepared.frame.courses:
            raise NotEstimable("the data hold no follow-up for the outcome")
        course = self.prepared.frame.courses[outcome]
        kind = course.followed.tobytes() + course.is_dead.tobytes()
        if kind not in self._periods:
            self._periods[kind] = self.prepared.periods(outcome, max(self.risk.horizons_days))
        return rows_of(self.prepared, outcome, self._periods[kind], possible=possible)


def question_key(study: Study, question: RiskQuestion) -> Row:
    """Columns by which results name a question."""
    return {
        "study_id": study.id,
        "contrast": question.words,
        "outcome": question.outcome,
        "population": question.population,
    }


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every outcome and horizon; the positive control last, as it asks the gate of its own outcome."""
    rows: list[Row] = []
    for study, risk in risks(facts):
        pair = _Pair(inputs, study, risk)
        found: list[tuple[RiskQuestion, list[Finding]]] = []
        known = _control_findings(inputs, study, risk)
        for outcome, questions in _by_outcome(risk):
            found += [
                (question, [*of_it, *known[question.horizon_days]])
                for question, of_it in _findings(pair, outcome, questions)
            ]
        for question, findings in found:
            findings.append(_positive(pair, question, found))
            rows += [question_key(study, question) | asdict(each) for each in findings]
    rows += interaction_diagnostics(inputs, facts, rows)
    return pl.DataFrame(rows, schema=CONTRACTS["models.diagnostic"].empty().schema).lazy()


def _by_outcome(risk: Risk) -> Iterator[tuple[str, list[RiskQuestion]]]:
    for outcome in risk.outcomes:
        yield outcome, [each for each in risk.questions if each.outcome == outcome]


def _findings(pair: _Pair, outcome: str, questions: list[RiskQuestion]) -> list[tuple[RiskQuestion, list[Finding]]]:
    """Diagnostics that need no control, by question; all not evaluated where the pair or the outcome has no rows."""
    thresholds = pair.study.diagnostics
    try:
        rows = pair.rows(outcome)
        prepared = pair.prepared
        assert isinstance(prepared, PreparedRisk)
        return [
            (
                question,
                [
                    *diagnose_risk(prepared, outcome, question.horizon_days, thresholds, rows),
                    *_people(sizes(rows, question.horizon_days)),
                ],
            )
            for question in questions
        ]
    except NotEstimable as error:
        nothing = unevaluated_risk(str(error), thresholds)
        return [(question, list(nothing)) for question in questions]


def _people(counted: ArmSizes) -> list[Finding]:
    """How many people are behind it, for disclosure control; never a reason to close."""
    return [told(f"n_{side}", float(n)) for side, n in zip(("target", "comparator"), counted.at_risk, strict=True)]


def _control_findings(inputs: Inputs, study: Study, risk: Risk) -> dict[int, list[Finding]]:
    """What the negative controls of the pair say, by horizon."""
    least, most = study.diagnostics["minimum_negative_controls"], study.diagnostics["maximum_ease"]
    found: dict[int, list[Finding]] = {}
    for question in risk.questions:
        if question.horizon_days in found:
            continue
        known = controls(inputs, study, question.words, question.population)
        findings = [asked("negative_controls", float(known.n_estimated), least)]
        if known.null is None or known.left_out is None or known.n_estimated < least:
            why = known.why or "too few negative controls"
            findings += [
                Finding("ease", None, most, why, "not_evaluated"),
                Finding("controls_covered_left_out", None, None, why, "not_evaluated"),
            ]
        else:
            left_out = known.left_out
            is_low = left_out.coverage < left_out.coverage_low
            findings += [
                asked("ease", known.null.expected_absolute_error, most, is_most=True),
                Finding(
                    "controls_covered_left_out",
                    left_out.coverage,
                    left_out.coverage_low,
                    "at least; below it chance would not explain that controls are not covered: they are not alike",
                    "fail" if is_low else "pass",
                ),
                told("controls_covered_uncalibrated", left_out.coverage_uncalibrated),
            ]
        found[question.horizon_days] = findings
    return found


def _positive(pair: _Pair, question: RiskQuestion, found: list[tuple[RiskQuestion, list[Finding]]]) -> Finding:
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
        (ratio,) = ratios_of(pair.rows(known.outcome), [question.horizon_days])
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
        pair = _Pair(inputs, study, risk)
        for outcome, questions in _by_outcome(risk):
            closed = {each: why_closed(_asked(judged, study, each), study, facts.today) for each in questions}
            opened = [each for each, why in closed.items() if not why]
            answers: dict[RiskQuestion, list[Row]] = {}
            if opened:
                try:
                    answers = _answers(pair, outcome, opened, facts)
                except NotEstimable as error:
                    closed |= dict.fromkeys(opened, f"not estimable: {error}")
            for question in questions:
                common = _common(study, question, facts)
                rows += answers.get(question) or [_closed(common, PRIMARY, closed[question])]
    rows += holm_rows([catalogue()[name] for name in facts.studies], rows)
    rows += interaction_estimates(facts, judged, rows)
    return pl.DataFrame(rows, schema=CONTRACTS["models.effect_estimate"].empty().schema).lazy()


def _asked(judged: pl.DataFrame, study: Study, question: RiskQuestion) -> pl.DataFrame:
    return judged.filter(*(pl.col(name) == value for name, value in question_key(study, question).items()))


def _answers(
    pair: _Pair, outcome: str, questions: list[RiskQuestion], facts: RunFacts
) -> dict[RiskQuestion, list[Row]]:
    """Rows of the questions of one outcome, all from one set of weighted rows.

    Raises:
        NotEstimable: the primary estimates do not exist.
    """
    rows = pair.rows(outcome)
    horizons = [each.horizon_days for each in questions]
    found = contrasts_of(rows, horizons)
    possible = _with_possible(pair, outcome, horizons)
    answers = {}
    for place, (question, risk) in enumerate(zip(questions, found, strict=True)):
        counted = sizes(rows, question.horizon_days)
        common = _common(pair.study, question, facts) | {
            "n_target": counted.at_risk[0],
            "n_comparator": counted.at_risk[1],
            "events_target": counted.events[0],
            "events_comparator": counted.events[1],
            "n_effective": risk.difference.n_effective,
            "gate_status": "open",
            "missing_method": _WEIGHTED,
        }
        known = controls(pair.inputs, pair.study, question.words, question.population)
        of_it = [common | _differs(PRIMARY, risk.difference), common | _differs("days_lost", risk.time_lost)]
        of_it += [common | _ratio(LOG_RATIO, ratio, known) for ratio in [risk.ratio] if ratio is not None]
        of_it += [common | _ratio("log_risk_ratio_possible", each, None) for each in [possible[place]] if each]
        of_it += [common | row for row in _without_false(risk, pair.predictive_values.get(outcome))]
        of_it += _hazards(common, rows, question)
        answers[question] = of_it
    return answers


def _with_possible(pair: _Pair, outcome: str, horizons: list[int]) -> list[RatioEstimate | None]:
    """Ratios with possible records counted, where that changes anything: how far they hang on the definition."""
    prepared = pair.prepared
    assert isinstance(prepared, PreparedRisk)
    course = prepared.frame.courses[outcome]
    if np.array_equal(course.event, course.possible_event) and np.array_equal(course.exit, course.possible_exit):
        return [None] * len(horizons)
    try:
        return list(ratios_of(pair.rows(outcome, possible=True), horizons))
    except NotEstimable:
        return [None] * len(horizons)


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


def _hazards(common: Row, rows: WeightedRows, question: RiskQuestion) -> list[Row]:
    try:
        found = hazard_ratio(rows, question.horizon_days)
    except NotEstimable:
        return []  # a sensitivity analysis that does not exist is left out, the primary one is not
    low, high = found.interval
    return [
        common
        | {
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


def _common(study: Study, question: RiskQuestion, facts: RunFacts) -> Row:
    return question_key(study, question) | {
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": study.estimation["estimand"],
        "intercurrent_strategy": study.estimation["intercurrent_strategy"],
        "horizon_months": question.horizon_months,
    }


def _closed(common: Row, estimator: str, reason: str) -> Row:
    none = "no estimate was computed"
    gate = {"estimator": estimator, "scale": _SCALES[estimator], "gate_status": "closed", "gate_reason": reason}
    return common | {"se_method": none, "missing_method": none} | gate
