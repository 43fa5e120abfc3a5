"""Curves of study files as tables: diagnostics, then estimates, curve points and change-points where the gate is open.

The statistics are in `threshold` and `threshold_answer`; here studies become specs and results become rows.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import marked, waived, why_closed
from pipelines.models.imputation import Pooled
from pipelines.models.point_treatment import told
from pipelines.models.scan_pair_frame import ScanPairFrame, scan_pair_frame
from pipelines.models.threshold import Completed, ThresholdSpec, completed, diagnose
from pipelines.models.threshold_answer import Bend, Curved, bend, curved
from pipelines.models.wald import WaldTest
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.exposure import CURVE, Curve
from pipelines.trials.study import Study, catalogue

TABLE = "models.threshold"
#: one line per doubling, censored draws imputed
PRIMARY = "linear_log2_mean_e2_mi"
EXPOSURE = "mean estradiol between scans, pg/mL"
WHOLE, ONE_CLASS = "primary", "lc_ms_ms_only"
_SE = "sandwich over persons, weights as known; Rubin's rules, Barnard-Rubin df"
_MISSING = "censored draws as imputed trajectories; missing scans by inverse intensity; indicator of missing covariates"
_SCALE = "% a year"
Row = dict[str, object]


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every curve."""
    rows: list[Row] = []
    for study, curve in _curves(facts):
        frame = scan_pair_frame(inputs, study, curve)
        bounds = {name: study.diagnostics[name] for name in CURVE}
        people = (told("n_target", float(frame.n_cohort)), told("n_observed_target", float(frame.n_people)))
        rows += [
            _key(study, curve)
            | {
                "diagnostic": found.diagnostic,
                "value": found.value,
                "threshold": found.threshold,
                "rule": found.rule,
                "status": found.status,
            }
            for found in (*diagnose(frame, bounds), *people)
        ]
    return _table("models.diagnostic", rows)


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate`: the line per doubling and the tests of the curve, or a closed gate."""
    rows: list[Row] = []
    for study, curve, found, closed in _answers(inputs, facts):
        common = _common(study, curve, facts)
        rows += [_closed(common, closed)] if found is None else _opened(common, found)
    return _table("models.effect_estimate", rows)


def dose_response(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.dose_response`: points of the curves behind open gates."""
    rows: list[Row] = []
    by_waiver = {row[:4]: row[4] for row in waived(inputs["models.diagnostic"].collect(), facts).iter_rows()}
    for study, curve, found, _ in _answers(inputs, facts):
        if found is None:
            continue
        waiver = by_waiver.get(tuple(_key(study, curve).values()))
        points = zip(found.exposure, found.difference, found.ci_low, found.ci_high, strict=True)
        rows += [
            {
                "study_id": study.id,
                "outcome": curve.outcome,
                "population": curve.population,
                "point_number": number,
                "evidence_source": facts.evidence_source,
                "exposure": EXPOSURE,
                "exposure_value": float(exposure),
                "reference_value": found.reference,
                "estimate": float(difference),
                "ci_low": float(low),
                "ci_high": float(high),
                "knots": ", ".join(f"{knot:.3g}" for knot in found.knots),
                "gate_status": "open" if waiver is None else "waived",
                "gate_reason": waiver,
            }
            for number, (exposure, difference, low, high) in enumerate(points, start=1)
        ]
    return _table("models.dose_response", rows)


def threshold(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.threshold`: is there a change-point and where; all draws, and those of one class of assay alone."""
    rows: list[Row] = []
    for study, curve in _curves(facts):
        closed = _why_closed(inputs, study, curve, facts)
        for analysis in (WHOLE, *([ONE_CLASS] if curve.one_class else [])):
            common = _key(study, curve) | {
                "analysis": analysis,
                "protocol_hash": study.protocol_hash,
                "evidence_source": facts.evidence_source,
                "exposure": EXPOSURE,
            }
            if closed:
                rows.append(common | _unanswered(f"gate closed: {closed}") | _gate(closed))
                continue
            try:
                data = _completed(inputs, study, curve, analysis)
                rows.append(common | _bent(bend(*data)) | _gate(""))
            except NotEstimable as error:
                rows.append(common | _unanswered(f"not estimable: {error}") | _gate(""))
    return marked(_table(TABLE, rows), inputs["models.diagnostic"].collect(), facts)


def _curves(facts: RunFacts) -> Iterator[tuple[Study, Curve]]:
    for name in facts.studies:
        for curve in catalogue()[name].curve:
            yield catalogue()[name], curve


def _key(study: Study, curve: Curve) -> Row:
    return {
        "study_id": study.id,
        "contrast": curve.words,
        "outcome": curve.outcome,
        "population": curve.population,
    }


def spec_of(study: Study) -> ThresholdSpec:
    """How the curves of a study are analysed."""
    e = study.estimation
    return ThresholdSpec(
        seed=int(e["seed"]),
        n_imputations=int(e["n_imputations"]),
        knot_percentiles=tuple(float(p) for p in e["knot_percentiles"]),
        curve_percentiles=(float(e["curve_percentiles"][0]), float(e["curve_percentiles"][1])),
        least_people=int(study.diagnostics["minimum_people_either_side"]),
        most_censored=study.diagnostics["maximum_censored_share"],
    )


def _why_closed(inputs: Inputs, study: Study, curve: Curve, facts: RunFacts) -> str:
    wanted = [pl.col(name) == value for name, value in _key(study, curve).items()]
    return why_closed(inputs["models.diagnostic"].filter(*wanted).collect(), study, facts.today)


def _completed(
    inputs: Inputs, study: Study, curve: Curve, analysis: str
) -> tuple[ScanPairFrame, Completed, ThresholdSpec]:
    frame = scan_pair_frame(inputs, study, curve, curve.one_class if analysis == ONE_CLASS else None)
    spec = replace(spec_of(study), longest_chain=curve.longest_chain)
    if np.unique(frame.person).size < spec.least_people:
        raise NotEstimable(f"fewer than {spec.least_people} people have a usable pair")
    return frame, completed(frame, spec), spec


def _answers(inputs: Inputs, facts: RunFacts) -> Iterator[tuple[Study, Curve, Curved | None, str]]:
    """Every curve with its line and points, or with why there are none."""
    for study, curve in _curves(facts):
        if closed := _why_closed(inputs, study, curve, facts):
            yield study, curve, None, closed
            continue
        try:
            yield study, curve, curved(*_completed(inputs, study, curve, WHOLE)), ""
        except NotEstimable as error:
            yield study, curve, None, f"not estimable: {error}"


def _common(study: Study, curve: Curve, facts: RunFacts) -> Row:
    return _key(study, curve) | {
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": study.estimation["estimand"],
        "intercurrent_strategy": study.estimation["intercurrent_strategy"],
        "scale": _SCALE,
    }


def _closed(common: Row, reason: str) -> Row:
    none = "no estimate was computed"
    gate = {"estimator": PRIMARY, "gate_status": "closed", "gate_reason": reason}
    return common | {"se_method": none, "missing_method": none} | gate


def _opened(common: Row, found: Curved) -> list[Row]:
    common = common | {
        "se_method": _SE,
        "missing_method": _MISSING,
        "n_target": found.n_people,
        "n_censored": found.n_censored,
        "n_effective": found.n_effective,
        "gate_status": "open",
    }
    tests = {"spline_joint_test": found.joint, "spline_nonlinearity_test": found.nonlinearity}
    return [common | _line(found.line), *(common | _test(name, test) for name, test in tests.items())]


def _line(line: Pooled) -> Row:
    low, high = (float(end) for end in line.confidence_interval()[0])
    return {
        "estimator": PRIMARY,
        "estimate": float(line.estimates[0]),
        "se": float(line.standard_errors[0]),
        "ci_low": low,
        "ci_high": high,
        "p_value": float(line.p_values[0]),
        "df": float(line.df[0]),
        "missing_information": float(line.fraction_missing_information[0]),
    }


def _test(name: str, test: WaldTest) -> Row:
    return {"estimator": name, "scale": "F, pooled", "p_value": test.p_value, "df": test.df_denominator}


def _gate(reason: str) -> Row:
    return {"gate_status": "closed" if reason else "open", "gate_reason": reason or None}


def _unanswered(why: str) -> Row:
    return {"answer": "not_answerable", "why": why}


def _bent(found: Bend) -> Row:
    """What the line says; slopes per doubling, places in pg/mL. An open end has no number and says so."""
    line = found.line
    row: Row = {
        "answer": line.verdict,
        "why": line.reason or None,
        "p_value": _finite(line.p_value),
        "searched_low_pg_ml": _pg_ml(line.searched[0]),
        "searched_high_pg_ml": _pg_ml(line.searched[1]),
        "slope_below": _per_doubling(line.slope_below),
        "slope_below_se": _per_doubling(line.slope_below_se),
        "slope_above": _per_doubling(line.slope_above),
        "slope_above_se": _per_doubling(line.slope_above_se),
        "error_sd": found.error_sd,
        "n_people": found.n_people,
        "n_pairs": found.n_pairs,
        "censored_share": found.censored_share,
    }
    if line.verdict != "kink":
        return row
    return row | {
        "place_pg_ml": _pg_ml(found.place),
        "place_uncorrected_pg_ml": _pg_ml(line.place),
        "ci_low_pg_ml": _pg_ml(found.ci_low),
        "ci_high_pg_ml": _pg_ml(found.ci_high),
        "is_open_low": bool(np.isneginf(found.ci_low)),
        "is_open_high": bool(np.isposinf(found.ci_high)),
        "is_empty": line.is_empty,
        "slope_below_corrected": _per_doubling(found.slope_below),
        "slope_above_corrected": _per_doubling(found.slope_above),
    }


def _pg_ml(log: float) -> float | None:
    return float(np.exp(log)) if np.isfinite(log) else None


def _per_doubling(slope: float) -> float | None:
    return _finite(slope * np.log(2))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _table(name: str, rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
