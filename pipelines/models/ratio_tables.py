"""The ratio of testosterone to estradiol against both, as tables: diagnostics, then slopes where the gate of the curve is open.

The statistics are in `ratio_model`; people, scans, censored draws and weights are those of the curve (`threshold`).
"""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import polars as pl

from pipelines.models import threshold_tables
from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import why_closed
from pipelines.models.imputation import PooledEstimate, answer_columns
from pipelines.models.modifier_tables import CLOSED, gate_of_other
from pipelines.models.point_treatment import Finding, asked, told
from pipelines.models.propensity_model import Row
from pipelines.models.ratio_model import RatioAgainstBoth, ratio_against_both
from pipelines.models.scan_pair_frame import ScanPairFrame, scan_pair_frame
from pipelines.models.threshold import completed
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.exposure import Curve
from pipelines.trials.modifier import Ratio
from pipelines.trials.study import Study, catalogue, curve_of

#: the two models of the ratio, and beside the first both slopes of the additive model and what AIC says
PRIMARY = "ratio_model"
NUMERATOR, DENOMINATOR, AIC = "additive_testosterone", "additive_estradiol", "aic_ratio_less_additive"
_SE = "sandwich over persons, weights as known; Rubin's rules, Barnard-Rubin df"
_AIC_SE = "none: AIC counts pairs as independent"
_MISSING = "as the curve along estradiol; pairs of scans without measured testosterone over half the time left out"


def diagnostics(inputs: Inputs, facts: RunFacts, judged: pl.DataFrame) -> pl.LazyFrame:
    """`models.diagnostic` of every ratio; `judged` are the rows of all curves."""
    rows: list[Row] = []
    for study, curve_study, curve, ratio in _ratios(facts):
        bound = study.diagnostics["minimum_people_with_both"]
        why = _closed_curve(judged, curve_study, curve, facts)
        findings = _unevaluated(why, bound) if why else _diagnosed(inputs, curve_study, curve, bound)
        for words in ratio.contrasts:
            rows += [_key(study, curve, words) | asdict(each) for each in findings]
    return _table("models.diagnostic", rows)


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate`: both questions of every ratio, or closed gates."""
    judged = inputs["models.diagnostic"].collect()
    rows: list[Row] = []
    for study, curve_study, curve, ratio in _ratios(facts):
        closed = {words: _why_closed(judged, study, curve, words, facts) for words in ratio.contrasts}
        answer: RatioAgainstBoth | str = ""
        frame = None
        if not all(closed.values()):
            frame, answer = _answer(inputs, curve_study, curve)
        for words, why in closed.items():
            common = _common(study, curve, words, facts)
            if why or frame is None or isinstance(answer, str):
                rows.append(common | _closed(why or f"not estimable: {answer}"))
                continue
            common |= {"missing_method": _MISSING, "n_target": _people(frame), "gate_status": "open"}
            rows += _both(common, answer) if words == ratio.both else [common | _slope(PRIMARY, answer.ratio)]
    return _table("models.effect_estimate", rows)


def _ratios(facts: RunFacts) -> Iterator[tuple[Study, Study, Curve, Ratio]]:
    """Study, the study and curve of each outcome of its ratios, and the ratio."""
    for name in facts.studies:
        for ratio in catalogue()[name].ratio:
            for outcome in ratio.outcomes:
                found = curve_of(ratio, outcome, catalogue())
                assert found is not None
                yield catalogue()[name], *found, ratio


def _key(study: Study, curve: Curve, words: str) -> Row:
    return {"study_id": study.id, "contrast": words, "outcome": curve.outcome, "population": curve.population}


def _closed_curve(judged: pl.DataFrame, curve_study: Study, curve: Curve, facts: RunFacts) -> str:
    """Why the curve tells nothing; a waiver of its gate lets the curve out, and nothing beside it."""
    if curve_study.id not in facts.studies:
        return f"{curve_study.id} is not part of this run"
    mine = judged.filter(
        study_id=curve_study.id, contrast=curve.words, outcome=curve.outcome, population=curve.population
    )
    why = why_closed(mine, curve_study.model_copy(update={"waiver": ()}), facts.today)
    return f"{CLOSED}{why}" if why else ""


def _unevaluated(why: str, bound: float) -> tuple[Finding, ...]:
    return gate_of_other("curve_gate", why), Finding("people_with_both", None, bound, why, "not_evaluated")


def _diagnosed(inputs: Inputs, study: Study, curve: Curve, bound: float) -> tuple[Finding, ...]:
    frame = scan_pair_frame(inputs, study, curve, with_testosterone=True)
    people = float(_people(frame))
    return (gate_of_other("curve_gate", ""), asked("people_with_both", people, bound), told("n_target", people))


def _people(frame: ScanPairFrame) -> int:
    """People with a pair of scans between which both are known."""
    return int(np.unique(frame.person[~np.isnan(frame.testosterone)]).size)


def _why_closed(judged: pl.DataFrame, study: Study, curve: Curve, words: str, facts: RunFacts) -> str:
    mine = judged.filter(*(pl.col(name) == value for name, value in _key(study, curve, words).items()))
    return why_closed(mine, study, facts.today)


def _answer(inputs: Inputs, study: Study, curve: Curve) -> tuple[ScanPairFrame, RatioAgainstBoth | str]:
    frame = scan_pair_frame(inputs, study, curve, with_testosterone=True)
    has_both = ~np.isnan(frame.testosterone)
    try:
        data = completed(frame, threshold_tables.spec_of(study))
        _, person = np.unique(frame.person[has_both], return_inverse=True)
        found = ratio_against_both(
            frame.change_per_year[has_both],
            frame.testosterone[has_both],
            data.exposure[:, has_both],
            _told_apart(data.covariates[has_both]),
            person,
            data.weights[has_both],
        )
    except NotEstimable as error:
        return frame, str(error)
    return frame, found


def _told_apart(covariates: np.ndarray) -> np.ndarray:
    """Columns that still differ between the pairs that are left."""
    return covariates[:, np.ptp(covariates, axis=0) > 0] if covariates.size else covariates


def _common(study: Study, curve: Curve, words: str, facts: RunFacts) -> Row:
    return _key(study, curve, words) | {
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": "Change of BMD a year with both doubled between scans, which is none where their ratio tells all; and "
        "with the ratio doubled",
        "intercurrent_strategy": "As the curve: hormones and drugs for bone end follow-up",
        "scale": "% a year",
    }


def _closed(reason: str) -> Row:
    none = "no estimate was computed"
    gate = {"estimator": PRIMARY, "gate_status": "closed", "gate_reason": reason}
    return {"se_method": none, "missing_method": none} | gate


def _both(common: Row, found: RatioAgainstBoth) -> list[Row]:
    slopes = ((PRIMARY, found.both), (NUMERATOR, found.numerator), (DENOMINATOR, found.denominator))
    aic = {"estimator": AIC, "se_method": _AIC_SE, "scale": "AIC", "estimate": found.aic}
    return [*(common | _slope(name, each) for name, each in slopes), common | aic]


def _slope(name: str, found: PooledEstimate) -> Row:
    return {"estimator": name, "se_method": _SE} | answer_columns(found)


def _table(name: str, rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
