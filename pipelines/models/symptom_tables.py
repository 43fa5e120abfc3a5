"""Symptoms by estradiol, or by dose, as tables: diagnostics of each band and of the scale, and estimates where a gate is open.

The statistics are in `symptom_risk` and `symptom_line`; here studies become frames and results become rows.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from scipy.special import ndtri

from pipelines.models.claim import holm_adjusted, holm_levels
from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import waived, why_closed
from pipelines.models.symptom_follow_up import FollowedSymptom, follow
from pipelines.models.symptom_frame import SymptomFrame, symptom_frame
from pipelines.models.symptom_line import Along, along, diagnose_line
from pipelines.models.symptom_risk import BandEstimate, PreparedSymptom, diagnose, estimate, prepare
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import Study, catalogue
from pipelines.trials.symptom import SYMPTOM, Symptom

PRIMARY, UNCUT = "marginal_structural_model", "marginal_structural_model_uncut"
RATIO, HOLM, PROMPTED = "marginal_structural_model_ratio", "marginal_structural_model_holm", "with_prompted_draws"
LINE = "linear_probability"
BELOW, ABOVE, BREAK = "two_lines_below", "two_lines_above", "two_lines_break"
TEST, TEST_HOLM = "two_lines_test", "two_lines_test_holm"
_DIFFERENCE, _RATIO, _PER_DOUBLING = "difference of risks", "log ratio of risks", "difference of risks per doubling"
_SE = "stacked equations of risks and weights, by person; cut weights as known"
_LINE_SE = "sandwich by person, weights of follow-up as known"
_MISSING = "loss and death by weights; covariates by indicator; draws whose limit leaves the band open left out"
_DOSE_MISSING = "loss and death by weights; covariates by indicator; draws without a known dose of anastrozole left out"
_LINE_MISSING = "loss and death by weights; covariates by indicator; draws beyond a limit left out"
Row = dict[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Of the open contrasts of one question: bands by outcome and number, the scale by outcome, and what stood in the way."""

    bands: dict[str, dict[tuple[int, int], BandEstimate]]
    scale: dict[int, Along]
    problem: str


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every outcome, band and scale."""
    rows: list[Row] = []
    for study, symptom in _questions(facts):
        found = _prepared(symptom_frame(inputs, study, symptom))
        bounds = {name: study.diagnostics[name] for name in SYMPTOM}
        for outcome, code in enumerate(symptom.outcomes):
            for band in symptom.others:
                findings = diagnose(found, outcome, symptom.bands.index(band), bounds)
                rows += [_key(study, symptom, code, symptom.contrast(band)) | asdict(each) for each in findings]
            for contrast in symptom.along:
                findings = diagnose_line(found, outcome, bounds)
                rows += [_key(study, symptom, code, contrast) | asdict(each) for each in findings]
    return _table("models.diagnostic", rows)


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate` of every outcome, band and scale; a closed gate where it is."""
    judged = inputs["models.diagnostic"].collect()
    rows: list[Row] = []
    for study, symptom in _questions(facts):
        closed = _closed_gates(judged, study, symptom, facts)
        found = _answers(inputs, study, symptom, closed)
        rows += _band_rows(study, symptom, facts, closed, found)
        rows += _scale_rows(study, symptom, facts, closed, found)
    return _table("models.effect_estimate", rows)


def dose_response(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.dose_response`: points of the curves behind open gates, risks as shares."""
    judged = inputs["models.diagnostic"].collect()
    by_waiver = {row[:4]: row[4] for row in waived(judged, facts).iter_rows()}
    rows: list[Row] = []
    for study, symptom in _questions(facts):
        found = _answers(inputs, study, symptom, _closed_gates(judged, study, symptom, facts), is_scale_only=True)
        for outcome, each in found.scale.items():
            waiver = by_waiver.get(tuple(_key(study, symptom, symptom.outcomes[outcome], symptom.slope).values()))
            knots = ", ".join(f"{knot:.3g}" for knot in each.knots)
            for number in range(each.exposure.size):
                rows.append(
                    {
                        "study_id": study.id,
                        "outcome": symptom.outcomes[outcome],
                        "population": symptom.population,
                        "point_number": number + 1,
                        "evidence_source": facts.evidence_source,
                        "exposure": "estradiol of a draw, pg/mL",
                        "exposure_value": float(each.exposure[number]),
                        "reference_value": each.reference,
                        "estimate": float(each.difference[number]),
                        "ci_low": float(each.low[number]),
                        "ci_high": float(each.high[number]),
                        "knots": knots,
                        "gate_status": "open" if waiver is None else "waived",
                        "gate_reason": waiver,
                    }
                )
    return _table("models.dose_response", rows)


def _questions(facts: RunFacts) -> Iterator[tuple[Study, Symptom]]:
    for name in facts.studies:
        for symptom in catalogue()[name].symptom:
            yield catalogue()[name], symptom


def _key(study: Study, symptom: Symptom, outcome: str, contrast: str) -> Row:
    return {"study_id": study.id, "contrast": contrast, "outcome": outcome, "population": symptom.population}


def _prepared(frame: SymptomFrame, *, with_prompted: bool = False) -> PreparedSymptom | str:
    try:
        return prepare(frame, with_prompted=with_prompted)
    except NotEstimable as error:
        return str(error)


def _followed(frame: SymptomFrame) -> FollowedSymptom | str:
    """Along the scale nobody is weighted for the band."""
    try:
        return follow(frame)
    except NotEstimable as error:
        return str(error)


def _closed_gates(judged: pl.DataFrame, study: Study, symptom: Symptom, facts: RunFacts) -> dict[tuple[str, str], str]:
    """Why each outcome and contrast is closed; empty where it is open."""
    mine = judged.filter(study_id=study.id, population=symptom.population)
    return {
        (code, contrast): why_closed(mine.filter(outcome=code, contrast=contrast), study, facts.today)
        for code in symptom.outcomes
        for contrast in symptom.contrasts
    }


def _answers(
    inputs: Inputs, study: Study, symptom: Symptom, closed: dict[tuple[str, str], str], *, is_scale_only: bool = False
) -> _Answers:
    """The answers behind open gates; nothing is computed where all are closed."""
    asked = symptom.along if is_scale_only else symptom.contrasts
    if all(closed[code, contrast] for code in symptom.outcomes for contrast in asked):
        return _Answers({}, {}, "")
    frame = symptom_frame(inputs, study, symptom)
    ready = _followed(frame) if is_scale_only else _prepared(frame)
    if isinstance(ready, str):
        return _Answers({}, {}, f"not estimable: {ready}")
    bands = _band_answers(ready, symptom, closed, (PRIMARY, UNCUT)) if isinstance(ready, PreparedSymptom) else {}
    scale: dict[int, Along] = {}
    problem = ""
    for outcome, code in enumerate(symptom.outcomes):
        if not all(closed[code, contrast] for contrast in symptom.along):
            try:
                scale[outcome] = along(ready, outcome, is_curve_only=is_scale_only)
            except NotEstimable as error:
                problem = f"not estimable: {error}"
    is_prompted_asked = bool(bands)
    del ready  # draws of millions: the designs of two ways never lie beside each other
    more = _prepared(frame, with_prompted=True) if is_prompted_asked else ""
    # A sensitivity analysis that does not exist is left out.
    prompted = {} if isinstance(more, str) else _band_answers(more, symptom, closed, (PROMPTED,))
    return _Answers(bands | prompted, scale, problem)


def _band_answers(
    ready: PreparedSymptom, symptom: Symptom, closed: dict[tuple[str, str], str], estimators: tuple[str, ...]
) -> dict[str, dict[tuple[int, int], BandEstimate]]:
    """By estimator: outcome and band of every open contrast with an answer."""
    found: dict[str, dict[tuple[int, int], BandEstimate]] = {}
    for outcome, code in enumerate(symptom.outcomes):
        is_open = [symptom.bands.index(band) for band in symptom.others if not closed[code, symptom.contrast(band)]]
        for estimator in estimators if is_open else ():
            told = estimate(ready, outcome, is_uncut=estimator == UNCUT)
            kept = {(outcome, band): told[band] for band in is_open if band in told}
            found.setdefault(estimator, {}).update(kept)
    return found


def _band_rows(
    study: Study, symptom: Symptom, facts: RunFacts, closed: dict[tuple[str, str], str], found: _Answers
) -> list[Row]:
    primary = found.bands.get(PRIMARY, {})
    corrected = _corrected(primary)
    rows: list[Row] = []
    for outcome, code in enumerate(symptom.outcomes):
        for band in symptom.others:
            contrast, place = symptom.contrast(band), (outcome, symptom.bands.index(band))
            common = _common(study, symptom, code, contrast, facts) | {"scale": _DIFFERENCE}
            why = closed[code, contrast] or found.problem or "nobody with a known window was in the band"
            if place not in primary:
                rows.append(common | {"estimator": PRIMARY} | _closed(why))
                continue
            common |= {"missing_method": _MISSING if symptom.exposure == "estradiol" else _DOSE_MISSING}
            rows.append(common | {"estimator": PRIMARY} | _opened(primary[place]))
            rows.append(common | {"estimator": HOLM} | _opened(primary[place]) | corrected[place])
            if row := _ratio(primary[place]):
                rows.append(common | {"estimator": RATIO} | row)
            others = {name: found.bands.get(name, {}).get(place) for name in (UNCUT, PROMPTED)}
            rows += [common | {"estimator": name} | _opened(each) for name, each in others.items() if each]
    return rows


def _corrected(primary: dict[tuple[int, int], BandEstimate]) -> dict[tuple[int, int], Row]:
    """Of every band and outcome of one question: Holm's p-value, and the interval at the level at which it is tested."""
    places = list(primary)
    p = np.array([primary[place].difference.p_value for place in places])
    level, adjusted = holm_levels(p, np.zeros(p.size, dtype=int)), holm_adjusted(p)
    rows: dict[tuple[int, int], Row] = {}
    for number, place in enumerate(places):
        answer = primary[place].difference
        reach = -float(ndtri(level[number] / 2)) * answer.standard_error
        rows[place] = {
            "ci_low": answer.estimate - reach,
            "ci_high": answer.estimate + reach,
            "p_value": float(adjusted[number]),
            "se_method": f"{_SE}; p and interval by Holm over the {p.size} open bands and symptoms of the population",
        }
    return rows


def _scale_rows(
    study: Study, symptom: Symptom, facts: RunFacts, closed: dict[tuple[str, str], str], found: _Answers
) -> list[Row]:
    rows: list[Row] = []
    tests = {
        outcome: each.lines
        for outcome, each in found.scale.items()
        if not closed[symptom.outcomes[outcome], symptom.tails] and not isinstance(each.lines, str)
    }
    adjusted = dict(zip(tests, holm_adjusted(np.array([each.p_value for each in tests.values()])), strict=True))
    for outcome, code in enumerate(symptom.outcomes):
        each = found.scale.get(outcome)
        for contrast in symptom.along:
            common = _common(study, symptom, code, contrast, facts)
            is_slope, why = contrast == symptom.slope, closed[code, contrast]
            common |= {"scale": _DIFFERENCE if is_slope else _PER_DOUBLING}
            if why or each is None:
                estimator = LINE if is_slope else TEST
                rows.append(common | {"estimator": estimator} | _closed(why or found.problem))
                continue
            common |= {
                "missing_method": _LINE_MISSING,
                "n_target": each.n_people,
                "events_target": each.n_events,
                "n_effective": each.n_effective,
                "gate_status": "open",
            }
            if is_slope:
                rows += [common | {"se_method": _LINE_SE} | row for row in _slope(each)]
            elif isinstance(each.lines, str):
                nothing = {"n_target": None, "events_target": None, "n_effective": None}
                rows.append(common | nothing | {"estimator": TEST} | _closed(f"not estimable: {each.lines}"))
            else:
                rows += [common | row for row in _both_lines(each, float(adjusted[outcome]), len(tests))]
    return rows


def _slope(each: Along) -> list[Row]:
    line: Row = {
        "estimator": LINE,
        "estimate": each.slope,
        "se": each.standard_error,
        "ci_low": each.ci_low,
        "ci_high": each.ci_high,
        "p_value": each.p_value,
    }
    tests = {"spline_joint_test": each.joint, "spline_nonlinearity_test": each.nonlinearity}
    told: list[Row] = [{"estimator": name, "scale": "Wald", "p_value": test.p_value} for name, test in tests.items()]
    return [line, *told]


def _both_lines(each: Along, adjusted: float, n_tests: int) -> list[Row]:
    lines = each.lines
    assert not isinstance(lines, str)
    robust = "HC3, scores summed by person, weights of follow-up as known"
    both = "greater p of the two lines, 1 where they do not turn"
    rows: list[Row] = [
        {
            "estimator": name,
            "se_method": robust,
            "estimate": line.slope,
            "se": line.standard_error,
            "ci_low": line.ci_low,
            "ci_high": line.ci_high,
            "p_value": line.p_value,
        }
        for name, line in ((BELOW, lines.below), (ABOVE, lines.above))
    ]
    place = {
        "estimator": BREAK,
        "se_method": "none: the break is chosen",
        "scale": "pg/mL",
        "estimate": 2.0**lines.place,
    }
    test = {"estimator": TEST, "se_method": f"{robust}; {both}", "scale": "test of a U", "p_value": lines.p_value}
    holm = f"{robust}; {both}; Holm over the {n_tests} open symptoms of the population"
    return [*rows, place, test, test | {"estimator": TEST_HOLM, "se_method": holm, "p_value": adjusted}]


def _common(study: Study, symptom: Symptom, outcome: str, contrast: str, facts: RunFacts) -> Row:
    return _key(study, symptom, outcome, contrast) | {
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": study.estimation["estimand"],
        "intercurrent_strategy": study.estimation["intercurrent_strategy"],
        "horizon_months": symptom.horizon_months,
    }


def _closed(reason: str) -> Row:
    none = "no estimate was computed"
    return {"se_method": none, "missing_method": none, "gate_status": "closed", "gate_reason": reason}


def _opened(found: BandEstimate) -> Row:
    answer = found.difference
    return _sizes(found) | {
        "se_method": _SE,
        "estimate": answer.estimate,
        "se": answer.standard_error,
        "ci_low": answer.ci_low,
        "ci_high": answer.ci_high,
        "p_value": answer.p_value,
    }


def _ratio(found: BandEstimate) -> Row:
    """The log ratio, or nothing where a band has no event."""
    if found.ratio is None:
        return {}
    return _sizes(found) | {
        "scale": _RATIO,
        "se_method": _SE,
        "estimate": float(np.log(found.ratio.estimate)),
        "se": found.ratio.log_standard_error,
        "ci_low": float(np.log(found.ratio.ci_low)),
        "ci_high": float(np.log(found.ratio.ci_high)),
        "p_value": found.ratio.p_value,
    }


def _sizes(found: BandEstimate) -> Row:
    return {
        "n_target": found.difference.n_target,
        "n_comparator": found.difference.n_comparator,
        "events_target": found.events_target,
        "events_comparator": found.events_comparator,
        "n_effective": found.difference.n_effective,
        "gate_status": "open",
    }


def _table(name: str, rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
