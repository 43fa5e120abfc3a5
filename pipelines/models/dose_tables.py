"""Doses that are kept up as tables: diagnostics of each category, and estimates where its gate is open.

The statistics are in `dose`; here studies become frames and results become rows.
"""

from collections.abc import Iterator
from dataclasses import asdict

import polars as pl
from scipy.special import ndtr

from pipelines.models.dose import (
    TRUNCATION,
    DoseEstimate,
    PreparedDose,
    diagnose,
    estimate,
    in_category,
    prepare,
    trend,
)
from pipelines.models.dose_frame import dose_frame
from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import why_closed
from pipelines.models.point_treatment import told
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.exposure import DOSE, Dose
from pipelines.trials.study import Study, catalogue

PRIMARY, UNCUT = "marginal_structural_model", "marginal_structural_model_uncut"
_CUTS = {PRIMARY: TRUNCATION, UNCUT: None}
_SE = "stacked equations of outcome and weights, by person; cut weights as known"
_MISSING = "loss and missing scans by weights; last draw below its limit, or none, by indicator; covariates likewise"
#: what a slope is told per: a milligram a week, a tenth of the days
_UNIT = {"mg_per_week": 1.0, "covered_pct": 10.0}
Row = dict[str, object]


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every category and slope."""
    rows: list[Row] = []
    for study, dose in _doses(facts):
        found = _prepared(inputs, study, dose)
        bounds = {name: study.diagnostics[name] for name in DOSE}
        reference = dose.categories.index(dose.reference)
        for contrast, category in _contrasts(dose):
            findings = diagnose(found, category, reference, bounds)
            if isinstance(found, PreparedDose):
                kept, against = in_category(found, category), found.keeps(reference)
                findings += (told("n_target", float(kept.sum())), told("n_comparator", float(against.sum())))
            rows += [_key(study, dose, contrast) | asdict(each) for each in findings]
    return _table("models.diagnostic", rows)


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate` of every category and slope; a closed gate where it is."""
    judged = inputs["models.diagnostic"].collect()
    rows: list[Row] = []
    for study, dose in _doses(facts):
        asked = {
            contrast: why_closed(_of_contrast(judged, _key(study, dose, contrast)), study, facts.today)
            for contrast, _ in _contrasts(dose)
        }
        found, problem = _answers(inputs, study, dose, asked)
        for contrast, closed in asked.items():
            common = _common(study, dose, contrast, facts)
            answers = [{"estimator": name} | _opened(each) for name, each in found.get(contrast, {}).items()]
            why = closed or problem or "nobody with an outcome was in the category"
            rows += [common | answer for answer in answers or [{"estimator": PRIMARY} | _closed(why)]]
    return _table("models.effect_estimate", rows)


def _doses(facts: RunFacts) -> Iterator[tuple[Study, Dose]]:
    for name in facts.studies:
        for dose in catalogue()[name].dose:
            yield catalogue()[name], dose


def _contrasts(dose: Dose) -> list[tuple[str, int | None]]:
    """Names of the contrasts and the number of the category of each; None for the slope."""
    numbers: list[int | None] = [n for n, each in enumerate(dose.categories) if each != dose.reference]
    return list(zip(dose.contrasts, [*numbers, *([None] if dose.trend else [])], strict=True))


def _key(study: Study, dose: Dose, contrast: str) -> Row:
    return {"study_id": study.id, "contrast": contrast, "outcome": dose.outcome, "population": dose.population}


def _prepared(inputs: Inputs, study: Study, dose: Dose) -> PreparedDose | str:
    try:
        return prepare(dose_frame(inputs, study, dose))
    except NotEstimable as error:
        return str(error)


def _of_contrast(judged: pl.DataFrame, key: Row) -> pl.DataFrame:
    return judged.filter(*(pl.col(name) == value for name, value in key.items()))


def _answers(
    inputs: Inputs, study: Study, dose: Dose, closed: dict[str, str]
) -> tuple[dict[str, dict[str, DoseEstimate]], str]:
    """The open contrasts that have an answer, by estimator, and what stood in the way of any."""
    if all(closed.values()):
        return {}, ""
    frame = dose_frame(inputs, study, dose)
    found: dict[str, dict[str, DoseEstimate]] = {}
    try:
        for estimator, cut in _CUTS.items():
            ready = prepare(frame, cut)
            by_category: dict[int | None, DoseEstimate] = {**estimate(ready)}
            if dose.trend:
                by_category[None] = trend(ready, _UNIT[dose.exposure])
            for contrast, category in _contrasts(dose):
                if not closed[contrast] and category in by_category:
                    found.setdefault(contrast, {})[estimator] = by_category[category]
    except NotEstimable as error:
        return {}, f"not estimable: {error}"
    return found, ""


def _common(study: Study, dose: Dose, contrast: str, facts: RunFacts) -> Row:
    return _key(study, dose, contrast) | {
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": study.estimation["estimand"],
        "intercurrent_strategy": study.estimation["intercurrent_strategy"],
        "scale": "mean difference of percent change",
        "horizon_months": dose.horizon_months,
    }


def _closed(reason: str) -> Row:
    none = "no estimate was computed"
    return {"se_method": none, "missing_method": none, "gate_status": "closed", "gate_reason": reason}


def _opened(found: DoseEstimate) -> Row:
    answer = found.contrast
    return {
        "se_method": _SE,
        "missing_method": _MISSING,
        "estimate": answer.estimate,
        "se": answer.standard_error,
        "ci_low": answer.ci_low,
        "ci_high": answer.ci_high,
        "p_value": float(2 * ndtr(-abs(answer.estimate / answer.standard_error))),
        "n_target": found.n_target,
        "n_comparator": found.n_comparator,
        "n_effective": found.n_effective,
        "gate_status": "open",
    }


def _table(name: str, rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
