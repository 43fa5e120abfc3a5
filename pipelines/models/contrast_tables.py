"""Clinical contrasts as tables: diagnostics, balance and propensity of each, and estimates where the gate is open.

The statistics are in `point_treatment`, the fitted propensities in `propensity_model`; here results become rows.
"""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import polars as pl

from pipelines.models import measured_controls
from pipelines.models.clone_treatment import CLONES, PreparedClones, diagnose_clones, estimate_clones
from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import why_closed
from pipelines.models.inference import ContrastEstimate
from pipelines.models.observation import observed
from pipelines.models.point_treatment import Estimated, Prepared, diagnose, estimate, unevaluated
from pipelines.models.propensity import preference_score
from pipelines.models.propensity_model import (
    Row,
    contrast_key,
    contrasts,
    pair_key,
    prepared,
    prepared_risk,
    risks,
)
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.contrast import Contrast
from pipelines.trials.risk import RiskQuestion
from pipelines.trials.study import Study

PRIMARY = "aipw"
_BINS = 20
#: what a difference is, by the scale of its outcome
SCALES = {
    "change_pct": "mean difference of percent change",
    "log_ratio": "difference of log ratios",
    "difference": "mean difference of change, in the unit of the outcome",
}


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every clinical contrast."""
    rows: list[Row] = []
    for study, contrast in contrasts(facts):
        found = prepared(inputs, study, contrast)
        if isinstance(found, str):
            findings = unevaluated(found, study.diagnostics)
        else:
            is_cloned = isinstance(found, PreparedClones)
            findings = diagnose_clones(found, study.diagnostics) if is_cloned else diagnose(found, study.diagnostics)
            findings += measured_controls.findings(
                measured_controls.known_controls(inputs, study, contrast), found, study
            )
        rows += [contrast_key(study, contrast) | asdict(finding) for finding in findings]
        rows += [] if isinstance(found, str) else _people(study, contrast, found)
    return _table("models.diagnostic", rows)


def covariate_balance(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.covariate_balance`: every covariate of every contrast and pair of arms, in the model or not."""
    rows: list[Row] = []
    for key, _, found in _compared(inputs, facts):
        balance = found.balance
        sizes, scales = sizes_of(found), _scales(found)
        for place, name in enumerate(balance.covariates):
            rows.append(
                key
                | {
                    "covariate": name,
                    "mean_target": _finite(balance.mean_target[place]),
                    "mean_comparator": _finite(balance.mean_comparator[place]),
                    "smd_before": _finite(balance.smd_before[place]),
                    "smd_after": _finite(balance.smd_after[place]),
                    "variance_ratio": _finite(balance.variance_ratio[place]),
                    "n_known_target": int(balance.n_target[place]),
                    "n_known_comparator": int(balance.n_comparator[place]),
                    "n_target": sizes["n_target"],
                    "n_comparator": sizes["n_comparator"],
                    "is_presence": name not in scales,
                    "evidence_source": facts.evidence_source,
                }
            )
    return _table("models.covariate_balance", rows)


def propensity_score(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.propensity_score`: preference scores of either arm in twenty bins."""
    rows: list[Row] = []
    for key, named, found in _compared(inputs, facts):
        if not isinstance(found, Prepared):
            continue
        treated = found.frame.treated
        preferred = preference_score(found.propensity.values, float(treated.mean()))
        place = np.minimum((preferred * _BINS).astype(np.int64), _BINS - 1)
        for arm_code, arm in zip(named, (treated, ~treated), strict=True):
            counts = np.bincount(place[arm], minlength=_BINS)
            rows += [
                key
                | {
                    "arm_code": arm_code,
                    "bin_number": number,
                    "lower": (number - 1) / _BINS,
                    "upper": number / _BINS,
                    "n": int(n),
                }
                for number, n in enumerate(counts, start=1)
            ]
    return _table("models.propensity_score", rows)


def _compared(inputs: Inputs, facts: RunFacts) -> Iterator[tuple[Row, tuple[str, str], Prepared | PreparedClones]]:
    """Key, arms and people of every contrast, and of every pair of arms whose risks are asked for."""
    for study, contrast in contrasts(facts):
        found = prepared(inputs, study, contrast)
        if not isinstance(found, str):
            yield contrast_key(study, contrast), (contrast.target, contrast.comparator), found
    for study, risk in risks(facts):
        pair = prepared_risk(inputs, study, risk, ())
        if not isinstance(pair, str):
            yield pair_key(study, risk), (risk.target, risk.comparator), pair.arms


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate`: primary and sensitivity estimates of every contrast, or a closed gate."""
    judged = inputs["models.diagnostic"].collect()
    scales = dict(inputs["ref.continuous_outcome"].select("outcome_code", "scale_code").collect().iter_rows())
    rows: list[Row] = []
    for study, contrast in contrasts(facts):
        common = common_row(study, contrast, facts) | {"scale": SCALES[scales[contrast.outcome]]}
        asked = judged.filter(
            pl.col("study_id") == study.id,
            pl.col("contrast") == contrast.words,
            pl.col("outcome") == contrast.outcome,
            pl.col("population") == contrast.population,
        )
        closed = why_closed(asked, study, facts.today)
        found = None if closed else prepared(inputs, study, contrast)
        if found is not None and not isinstance(found, str):
            try:
                answers = estimate_clones(found) if isinstance(found, PreparedClones) else estimate(found, study.seed)
                opened = [_opened(common, each) for each in answers]
                known = measured_controls.known_controls(inputs, study, contrast)
                opened[0] |= measured_controls.calibrated_columns(known, found, answers[0].estimate)
                rows += opened
                continue
            except NotEstimable as error:
                closed = f"not estimable: {error}"
        rows.append(closed_row(common, primary(contrast), closed or str(found)))
    return _table("models.effect_estimate", rows)


def primary(contrast: Contrast) -> str:
    """The estimator of the primary analysis."""
    return PRIMARY if contrast.grace_intervals is None else CLONES


def _people(study: Study, contrast: Contrast, found: Prepared | PreparedClones) -> list[Row]:
    """How many people are behind it, for disclosure control; never a reason to close."""
    told = {"rule": "reported", "status": "not_applicable"}
    return [
        contrast_key(study, contrast) | {"diagnostic": name, "value": float(n)} | told
        for name, n in sizes_of(found).items()
    ]


def sizes_of(found: Prepared | PreparedClones) -> dict[str, int]:
    """People of either arm, or clones left in either strategy, and those of them with an outcome."""
    if isinstance(found, PreparedClones):
        arms = [(arm.is_adherent, arm.is_seen) for arm in found.arms]
    else:
        treated = found.frame.treated
        seen = observed(found.frame.stages, treated.size)
        arms = [(arm, arm & seen) for arm in (treated, ~treated)]
    (target, seen_target), (comparator, seen_comparator) = arms
    return {
        "n_target": int(target.sum()),
        "n_comparator": int(comparator.sum()),
        "n_observed_target": int(seen_target.sum()),
        "n_observed_comparator": int(seen_comparator.sum()),
    }


def _scales(found: Prepared | PreparedClones) -> frozenset[str]:
    """Covariates that are no share of people; the mean of any other, times their number, is a count."""
    frame = found.frame.frame if isinstance(found, PreparedClones) else found.frame
    if not frame.covariates.width:
        return frozenset()
    values = pl.all().drop_nulls().cast(pl.Float64)
    is_share = frame.covariates.select(values.is_in([0.0, 1.0]).all())
    return frozenset(name for name, answer in zip(is_share.columns, is_share.row(0), strict=True) if not answer)


def common_row(study: Study, contrast: Contrast | RiskQuestion, facts: RunFacts) -> Row:
    """What every row of a contrast says of it."""
    return contrast_key(study, contrast) | {
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": study.estimation["estimand"],
        "intercurrent_strategy": study.estimation["intercurrent_strategy"],
        "horizon_months": contrast.horizon_months,
    }


def closed_row(common: Row, estimator: str, reason: str) -> Row:
    """A closed gate: why, and nothing else."""
    none = "no estimate was computed"
    gate = {"estimator": estimator, "gate_status": "closed", "gate_reason": reason}
    return common | {"se_method": none, "missing_method": none} | gate


def _opened(common: Row, each: Estimated) -> Row:
    answer = each.estimate
    row = common | {
        "estimator": each.estimator,
        "se_method": each.se_method,
        "missing_method": each.missing_method,
        "estimate": answer.estimate,
        "se": answer.standard_error,
        "ci_low": answer.ci_low,
        "ci_high": answer.ci_high,
        "gate_status": "open",
    }
    if isinstance(answer, ContrastEstimate):
        return row | {
            "p_value": _finite(answer.p_value),
            "n_target": answer.n_target,
            "n_comparator": answer.n_comparator,
            "n_effective": answer.n_effective,
        }
    return row | {"n_target": answer.n_matched, "n_comparator": answer.n_used}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _table(name: str, rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
