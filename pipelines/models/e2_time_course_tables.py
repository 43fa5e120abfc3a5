"""Time courses of estradiol as tables: diagnostics, then falls and the time to 90 % of them where the gate is open.

The statistics are in `e2_time_course`; here studies become frames and results become rows.
"""

from collections.abc import Iterator
from dataclasses import asdict

import polars as pl

from pipelines.models.e2_time_course import TimeCourse as Fitted
from pipelines.models.e2_time_course import fit_time_course
from pipelines.models.e2_time_course_frame import TimeCourseFrame, e2_time_course_frame
from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import why_closed
from pipelines.models.point_treatment import Finding, asked, told
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import Study, catalogue
from pipelines.trials.time_course import TIME_COURSE, TimeCourse

PRIMARY = "nonlinear_mixed_censored"
FALL, DAYS = "% below the start, geometric mean", "days since the first supply"
_SE = "sandwich by person"
_SE_OF_TIME = "sandwich by person; interval by profile likelihood, widened where the sandwich is wider"
_MISSING = "draws below a limit as integrals; draws not taken as if at random, given those of the person"
_NO_CONTROLS = "people are held against themselves: no arm, so no negative control to calibrate by"
Row = dict[str, object]


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every outcome of every time course."""
    rows: list[Row] = []
    for study, question in _questions(facts):
        bounds = {name: study.diagnostics[name] for name in TIME_COURSE}
        findings = diagnose(e2_time_course_frame(inputs, study, question), bounds)
        for outcome in question.outcomes:
            rows += [_key(study, question, outcome) | asdict(each) for each in findings]
    return _table("models.diagnostic", rows)


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate` of every outcome; a closed gate where it is, or where the draws do not tell it."""
    judged = inputs["models.diagnostic"].collect()
    rows: list[Row] = []
    for study, question in _questions(facts):
        closed = {outcome: _why_closed(judged, study, question, outcome, facts) for outcome in question.outcomes}
        frame, fitted = None, ""
        if not all(closed.values()):
            frame = e2_time_course_frame(inputs, study, question)
            fitted = _fitted(frame)
        for outcome, why in closed.items():
            common = _common(study, question, outcome, facts)
            if why or frame is None:
                rows.append(common | _closed(why))
                continue
            rows.append(common | _answer(question, outcome, frame, fitted))
    return _table("models.effect_estimate", rows)


def diagnose(frame: TimeCourseFrame, bounds: dict[str, float]) -> tuple[Finding, ...]:
    """The diagnostics of the profile, in the order in which they are read; none looks at how far anybody fell."""
    unknown, censored = frame.unknown_assay_share, frame.censored_share
    return (
        asked("people_before_and_after", float(frame.n_before_and_after), bounds["minimum_people_before_and_after"]),
        asked("people_first_week", float(frame.n_first_week), bounds["minimum_people_first_week"]),
        asked("censored_share", censored, bounds["maximum_censored_share"], is_most=True),
        asked("unknown_assay_share", unknown, bounds["maximum_unknown_assay_share"], is_most=True),
        Finding("ease", None, None, _NO_CONTROLS, "not_applicable"),
        told("assay_classes", float(len(frame.classes))),
        told("drawn_after_share", frame.n_after / frame.n_cohort if frame.n_cohort else float("nan")),
        told("n_target", float(frame.n_cohort)),
        told("n_observed_target", float(frame.n_after)),
    )


def _questions(facts: RunFacts) -> Iterator[tuple[Study, TimeCourse]]:
    for name in facts.studies:
        for question in catalogue()[name].time_course:
            yield catalogue()[name], question


def _key(study: Study, question: TimeCourse, outcome: str) -> Row:
    return {
        "study_id": study.id,
        "contrast": question.words,
        "outcome": outcome,
        "population": question.population,
    }


def _why_closed(judged: pl.DataFrame, study: Study, question: TimeCourse, outcome: str, facts: RunFacts) -> str:
    wanted = [pl.col(name) == value for name, value in _key(study, question, outcome).items()]
    return why_closed(judged.filter(*wanted), study, facts.today)


def _fitted(frame: TimeCourseFrame) -> Fitted | str:
    """The model, or why there is none."""
    try:
        return fit_time_course(frame.lower, frame.upper, frame.days, frame.person, frame.assay)
    except NotEstimable as error:
        return f"not estimable: {error}"


def _common(study: Study, question: TimeCourse, outcome: str, facts: RunFacts) -> Row:
    day = question.day_of(outcome)
    return _key(study, question, outcome) | {
        "estimator": PRIMARY,
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": study.estimation["estimand"],
        "intercurrent_strategy": study.estimation["intercurrent_strategy"],
        "scale": DAYS if day is None else FALL,
    }


def _closed(reason: str) -> Row:
    none = "no estimate was computed"
    return {"se_method": none, "missing_method": none, "gate_status": "closed", "gate_reason": reason}


def _answer(question: TimeCourse, outcome: str, frame: TimeCourseFrame, fitted: Fitted | str) -> Row:
    """An estimate with its interval; without an interval that is bounded there is none."""
    if isinstance(fitted, str):
        return _closed(fitted)
    shown: Row = {
        "missing_method": _MISSING,
        "n_target": frame.n_after,
        "n_censored": frame.n_censored_people,
        "gate_status": "open",
    }
    day = question.day_of(outcome)
    if day is None:
        why = _why_no_time(fitted)
        return _closed(f"not estimable: {why}") if why else shown | _time(fitted)
    try:
        fall = fitted.fall(day)
    except NotEstimable as error:
        return _closed(f"not estimable: {error}")
    return shown | {
        "se_method": _SE,
        "estimate": fall.percent,
        "se": fall.standard_error,
        "ci_low": fall.ci_low,
        "ci_high": fall.ci_high,
        "p_value": fall.p_value,
    }


def _time(fitted: Fitted) -> Row:
    """A time has no value of no effect, so no p-value."""
    t90 = fitted.t90
    return {
        "se_method": _SE_OF_TIME,
        "estimate": t90.days,
        "se": t90.standard_error,
        "ci_low": t90.ci_low,
        "ci_high": t90.ci_high,
    }


def _why_no_time(fitted: Fitted) -> str:
    """Why there is no time that could be told; empty where there is."""
    if fitted.delta > 0:
        return "estradiol rises: there is no fall whose time could be told"
    is_open = {"below": fitted.t90.ci_low <= 0, "above": fitted.t90.ci_high == float("inf")}
    ends = " or ".join(word for word, holds in is_open.items() if holds)
    return f"the time to 90 % of the fall is not bounded {ends}" if ends else ""


def _table(name: str, rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
