"""Modifiers of study files as tables: diagnostics within strata, then effects by stratum and how they differ.

The statistics are in `effect_modification`; here trials of other studies become strata and results become rows. A question is
one outcome of one trial by one modifier, and asks that the gate of the trial is open by itself.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import polars as pl

from pipelines.models import contrast_tables
from pipelines.models.augmented import AugmentedEstimate
from pipelines.models.balance import covariate_balance
from pipelines.models.effect_modification import UNKNOWN, StratifiedEffect, discoveries, stratified_effect
from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import why_closed
from pipelines.models.inference import ContrastEstimate
from pipelines.models.modifier_frame import strata
from pipelines.models.observation import observed
from pipelines.models.point_treatment import (
    DETECTABLE_SDS,
    Finding,
    Prepared,
    alike,
    asked,
    nominal,
    primary_contrast,
    told,
)
from pipelines.models.propensity import equipoise
from pipelines.models.propensity_model import Row, contrast_key, prepared
from pipelines.models.weighting import kish_effective_number
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.contrast import Contrast
from pipelines.trials.modifier import MODIFIER, ModifierQuestion
from pipelines.trials.study import Study, catalogue, contrast_of
from pipelines.trials.waiver import REQUIRED

#: the last stratum less the first; the same, its p adjusted; and a test over more than two strata
PRIMARY, DISCOVERY, EQUALITY = "interaction", "interaction_fdr", "interaction_all_strata"
#: how a gate that rests on that of another study says so
CLOSED = "the gate on which it rests is closed: "
#: in front of the name of a stratum, the estimator of the effect within it
WITHIN = "aipw, "
_SCALES = {
    "change_pct": "difference between strata of mean differences of percent change",
    "log_ratio": "difference between strata of differences of log ratios",
    "difference": "difference between strata of mean differences of change, in the unit of the outcome",
}
_SE = "influence function within strata, nuisances of the whole population cross-fitted, clustered by person"
_MISSING = "as the trial; people whose stratum was not known at time zero left out"
_THRESHOLDS = {
    "people_in_stratum": "minimum_people_per_stratum",
    "outcomes_smaller_arm": "minimum_n_per_arm",
    "equipoise": "minimum_equipoise",
    "largest_standardised_difference": "maximum_standardised_difference",
}


def diagnostics(inputs: Inputs, facts: RunFacts, judged: pl.DataFrame) -> pl.LazyFrame:
    """`models.diagnostic` of every modifier; `judged` are the rows of all trials."""
    rows: list[Row] = []
    for study, trial, contrast, questions in _trials(facts):
        why = _closed_trial(judged, trial, contrast, facts)
        found = why or prepared(inputs, trial, contrast)
        for question in questions:
            findings = (
                _diagnosed(inputs, trial, contrast, found, question, study.diagnostics)
                if isinstance(found, Prepared)
                else _unevaluated(str(found), study.diagnostics)
            )
            rows += [_key(study, question) | asdict(each) for each in findings]
    return _table("models.diagnostic", rows)


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate`: effects by stratum and their difference, or a closed gate; discoveries over all that are open."""
    judged = inputs["models.diagnostic"].collect()
    known = dict(inputs["ref.continuous_outcome"].select("outcome_code", "scale_code").collect().iter_rows())
    rows: list[Row] = []
    for study, trial, contrast, questions in _trials(facts):
        closed = {question.words: _why_closed(judged, study, question, facts) for question in questions}
        trial_estimate = None if all(closed.values()) else _estimated(inputs, trial, contrast)
        for question in questions:
            common = _common(study, contrast, question, facts)
            scale: Row = {"scale": _SCALES[known[question.outcome]]}
            why = closed[question.words]
            if not why and isinstance(trial_estimate, str):
                why = f"not estimable: {trial_estimate}"
            if why or trial_estimate is None or isinstance(trial_estimate, str):
                rows.append(contrast_tables.closed_row(common | scale, PRIMARY, why))
                continue
            ready, estimate = trial_estimate
            try:
                found = _stratified(inputs, trial, contrast, ready, estimate, question)
            except NotEstimable as error:
                rows.append(contrast_tables.closed_row(common | scale, PRIMARY, f"not estimable: {error}"))
                continue
            rows += _opened(common, scale, contrast_tables.SCALES[known[question.outcome]], question, found)
    return _table("models.effect_estimate", rows + _discovered(rows))


def _trials(facts: RunFacts) -> Iterator[tuple[Study, Study, Contrast, list[ModifierQuestion]]]:
    """Study, the study and contrast of each of its trials, and what is asked of it."""
    for name in facts.studies:
        study = catalogue()[name]
        by_contrast: dict[tuple[str, str, str], list[ModifierQuestion]] = {}
        for question in study.modifier_questions:
            key = (question.trial.study, question.trial.contrast, question.outcome)
            by_contrast.setdefault(key, []).append(question)
        for questions in by_contrast.values():
            found = contrast_of(questions[0], catalogue())
            assert found is not None
            yield study, *found, questions


def _key(study: Study, question: ModifierQuestion) -> Row:
    return {
        "study_id": study.id,
        "contrast": question.words,
        "outcome": question.outcome,
        "population": question.population,
    }


def _closed_trial(judged: pl.DataFrame, trial: Study, contrast: Contrast, facts: RunFacts) -> str:
    """Why the trial tells nothing, in words; a waiver of its gate lets its own effect out, and no part of it."""
    if trial.id not in facts.studies:
        return f"{trial.id} is not part of this run"
    mine = judged.filter(*(pl.col(name) == value for name, value in contrast_key(trial, contrast).items()))
    why = why_closed(mine, trial.model_copy(update={"waiver": ()}), facts.today)
    return f"{CLOSED}{why}" if why else ""


def _unevaluated(why: str, thresholds: dict[str, float]) -> tuple[Finding, ...]:
    """Nothing was looked at within strata; the gate of a trial that was judged, and closed, has failed."""
    bounds = {name: thresholds[_THRESHOLDS[name]] for name in REQUIRED["modifier"] if name in _THRESHOLDS}
    others = (Finding(name, None, bound, why, "not_evaluated") for name, bound in bounds.items())
    return (gate_of_other("trial_gate", why), *others)


def gate_of_other(name: str, why: str) -> Finding:
    """That the gate of another study, on which a question rests, is open: 1; `why` it is closed, or was not judged."""
    if not why:
        return asked(name, 1.0, 1.0)
    is_judged = why.startswith(CLOSED)
    return Finding(name, 0.0 if is_judged else None, 1.0, why, "fail" if is_judged else "not_evaluated")


def _diagnosed(
    inputs: Inputs,
    trial: Study,
    contrast: Contrast,
    found: Prepared,
    question: ModifierQuestion,
    thresholds: dict[str, float],
) -> tuple[Finding, ...]:
    """The diagnostics of one modifier: the worst of its strata; none looks at a difference in outcome."""
    bounds = {name: thresholds[name] for name in MODIFIER}
    frame, treated = found.frame, found.frame.treated
    place = strata(inputs, trial, contrast, frame, question.modifier)
    seen = observed(frame.stages, treated.size)
    inside = [place == number for number in range(len(question.modifier.strata))]
    arms = [[int((within & seen & (treated == arm)).sum()) for arm in (True, False)] for within in inside]
    share = float((place != UNKNOWN).mean()) if place.size else float("nan")
    people = asked("people_in_stratum", float(min(map(sum, arms))), bounds["minimum_people_per_stratum"])
    return (
        gate_of_other("trial_gate", ""),
        people,
        asked("outcomes_smaller_arm", float(min(map(min, arms))), bounds["minimum_n_per_arm"]),
        asked("equipoise", _equipoise(found, inside), bounds["minimum_equipoise"]),
        _balance(found, inside, bounds["maximum_standardised_difference"], is_judged=people.status == "pass"),
        told("known_share", share),
        told("detectable_interaction", _detectable(found, seen, inside)),
        *(told(name, float(n)) for name, n in _sizes(treated, seen, place).items()),
    )


def _equipoise(found: Prepared, inside: list[np.ndarray]) -> float | None:
    """The least share of an arm of a stratum with a fair chance of either arm; None where an arm is empty."""
    shares: list[float] = []
    for within in inside:
        treated = found.frame.treated[within]
        if not treated.any() or treated.all():
            return None
        shares += equipoise(found.propensity.values[within], treated)
    return min(shares)


def _balance(found: Prepared, inside: list[np.ndarray], threshold: float, *, is_judged: bool) -> Finding:
    """The stratum in which the arms are least alike; with few people every difference is large, and chance is allowed for."""
    each: list[Finding] = []
    for within in inside if is_judged else ():
        treated, weights = found.frame.treated[within], found.weights.values[within]
        covariates = found.frame.covariates.filter(pl.Series(within))
        balance = covariate_balance(covariates, treated, weights, nominal(found.frame))
        each.append(alike(balance, treated, weights, threshold, limit=float("inf")))
    if not each or any(one.status == "not_evaluated" for one in each):
        why = "the strata are too small to be judged" if not each else each[0].rule
        return Finding("largest_standardised_difference", None, threshold, why, "not_evaluated")
    worst = max(each, key=lambda one: (one.status == "fail", one.value or 0.0))
    return replace(worst, rule=f"{worst.rule}, in each stratum")


def _detectable(found: Prepared, seen: np.ndarray, inside: list[np.ndarray]) -> float:
    """Smallest difference between the last and the first stratum with 80 % power at 5 %, two-sided; NaN without a spread."""
    total = 0.0
    for within in (inside[0], inside[-1]):
        for arm in (True, False):
            who = within & seen & (found.frame.treated == arm)
            effective = kish_effective_number(found.weights.values[who]) if who.sum() > 1 else 0.0
            total += float(found.frame.outcome[who].var(ddof=1)) / effective if effective > 1 else float("nan")
    return DETECTABLE_SDS * total**0.5


def _sizes(treated: np.ndarray, seen: np.ndarray, place: np.ndarray) -> dict[str, int]:
    """People of either arm in any stratum, those of them measured, and those measured in none, for disclosure control."""
    found: dict[str, int] = {}
    for name, arm in (("target", treated), ("comparator", ~treated)):
        is_placed = place != UNKNOWN
        found[f"n_{name}"] = int((arm & is_placed).sum())
        found[f"n_observed_{name}"] = int((arm & is_placed & seen).sum())
        found[f"n_unplaced_{name}"] = int((arm & ~is_placed & seen).sum())
    return found


def _why_closed(judged: pl.DataFrame, study: Study, question: ModifierQuestion, facts: RunFacts) -> str:
    mine = judged.filter(*(pl.col(name) == value for name, value in _key(study, question).items()))
    return why_closed(mine, study, facts.today)


def _estimated(inputs: Inputs, trial: Study, contrast: Contrast) -> tuple[Prepared, AugmentedEstimate] | str:
    """The people of a trial and its primary estimate, with the same folds and penalty; or why there is none."""
    found = prepared(inputs, trial, contrast)
    if not isinstance(found, Prepared):
        return str(found)
    try:
        penalty = found.propensity.fit.penalty
        return found, primary_contrast(found.frame, found.design.values, penalty, trial.seed)
    except NotEstimable as error:
        return str(error)


def _stratified(
    inputs: Inputs,
    trial: Study,
    contrast: Contrast,
    ready: Prepared,
    estimate: AugmentedEstimate,
    question: ModifierQuestion,
) -> StratifiedEffect:
    frame = ready.frame
    place = strata(inputs, trial, contrast, frame, question.modifier)
    seen = observed(frame.stages, frame.treated.size)
    return stratified_effect(frame.outcome, frame.treated, seen, estimate, place, frame.person_id)


def _common(study: Study, contrast: Contrast, question: ModifierQuestion, facts: RunFacts) -> Row:
    return _key(study, question) | {
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": f"{study.estimation['estimand']}: {question.strata}",
        "intercurrent_strategy": study.estimation["intercurrent_strategy"],
        "horizon_months": contrast.horizon_months,
    }


def _opened(
    common: Row, scale: Row, within_scale: str, question: ModifierQuestion, found: StratifiedEffect
) -> list[Row]:
    common = common | {"se_method": _SE, "missing_method": _MISSING, "gate_status": "open"}
    rows = [common | scale | {"estimator": PRIMARY} | _answer(found.difference)]
    if len(found.strata) > 2:
        test = {"estimator": EQUALITY, "scale": "Wald", "p_value": found.heterogeneity.p_value}
        rows.append(common | test)
    for name, each in zip(question.modifier.strata, found.strata, strict=True):
        rows.append(common | {"estimator": f"{WITHIN}{name}", "scale": within_scale} | _answer(each))
    return rows


def _answer(found: ContrastEstimate) -> Row:
    return {
        "estimate": found.estimate,
        "se": found.standard_error,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "p_value": found.p_value if np.isfinite(found.p_value) else None,
        "n_target": found.n_target,
        "n_comparator": found.n_comparator,
        "n_effective": found.n_effective,
    }


def _discovered(rows: list[Row]) -> list[Row]:
    """Each open interaction of a study again, p and interval adjusted for the false discovery rate over all of them."""
    found: list[Row] = []
    for study_id in dict.fromkeys(row["study_id"] for row in rows):
        own = [row for row in rows if row["study_id"] == study_id and row.get("p_value") is not None]
        by_question = {_question(row): row for row in own if row["estimator"] == PRIMARY}
        # Of more than two strata the test over all of them is the one that counts, and no interval of two goes with it.
        of_all = {_question(row): row["p_value"] for row in own if row["estimator"] == EQUALITY}
        p = [of_all.get(key, row["p_value"]) for key, row in by_question.items()]
        adjusted, level = discoveries(np.array(p, dtype=np.float64))
        words = (
            f"{_SE}; p by Benjamini and Hochberg over the {len(by_question)} open interactions, interval at the level at which "
            "they are tested"
        )
        for (key, row), value in zip(by_question.items(), adjusted, strict=True):
            interval = dict.fromkeys(("se", "ci_low", "ci_high")) if key in of_all else _interval(row, level)
            found.append(row | interval | {"estimator": DISCOVERY, "p_value": float(value), "se_method": words})
    return found


def _interval(row: Row, level: float) -> Row:
    from scipy.special import ndtri

    middle, error = row["estimate"], row["se"]
    assert isinstance(middle, float) and isinstance(error, float)
    reach = -float(ndtri(level / 2)) * error
    return {"ci_low": middle - reach, "ci_high": middle + reach}


def _question(row: Row) -> tuple[object, ...]:
    return row["contrast"], row["outcome"], row["population"]


def _table(name: str, rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
