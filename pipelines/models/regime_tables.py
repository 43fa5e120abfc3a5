"""Regimes of dosing as tables: diagnostics of each, and what it does less the reference where its gate is open.

The statistics are in `regime`; here studies become frames and results become rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import product

import numpy as np
import polars as pl

from pipelines.domain.randomness import generator
from pipelines.models import threshold_tables
from pipelines.models.dosing_rule import followers, rule_of
from pipelines.models.errors import NotEstimable
from pipelines.models.g_formula import Rule
from pipelines.models.gate_rule import why_closed
from pipelines.models.inference import Z975
from pipelines.models.point_treatment import Finding, asked, told
from pipelines.models.regime import (
    WINDOW,
    RegimeContrast,
    RegimeMeans,
    contrast,
    largest_natural_gap,
    regime_means,
    within,
)
from pipelines.models.regime_frame import RegimeFrame, regime_frame
from pipelines.models.regime_weighting import (
    KeeperWeights,
    WeightedRegime,
    apart,
    keeper_weights,
    scan_chances,
    weighted_regimes,
)
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.policy import POLICY, Policy
from pipelines.trials.study import Study, catalogue

PRIMARY = "parametric_g_formula"
#: bone by other models, and how far from the primary it is
CHECK, CHECK_LESS_PRIMARY = "inverse_weighted_regime", "inverse_weighted_regime_less_primary"
#: resamples of people: an error of 5 % in a standard error
N_RESAMPLES = 200
#: the study that tells where bone begins to suffer, among men; its own place, not a textbook's
_THRESHOLD = ("e2_threshold", "men")
_SE = "resamples of people, everything fitted anew, one imputation in each"
_MISSING = "loss and missing scans given the history; tests below the limit drawn from a Tobit regression"
_SE_CHECK = "the resamples of people of the primary, everything fitted anew"
_MISSING_CHECK = (
    "weights for staying, for keeping to the regime and for scans, given the history; tests below the limit at it"
)
_LESS_PRIMARY = "mean difference of percent change, weighting less g-formula"
_SCALES = {WINDOW: "difference of shares of tests, in percent"}
Row = dict[str, object]


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every regime and outcome; none looks at how outcomes differ between regimes."""
    rows: list[Row] = []
    for study, policy in _policies(facts):
        frame = regime_frame(inputs, study, policy)
        bounds = {name: study.diagnostics[name] for name in POLICY}
        gap = _gap(frame)
        kept: dict[str, np.ndarray] = {
            code: _followed(frame, policy, code) for code in (policy.reference, *policy.regimes)
        }
        weights = _weights(frame, policy, tuple(kept))
        for group, regime, outcome in _questions(policy):
            inside = frame.inside(group)
            followed = (int((kept[regime] & inside).sum()), int((kept[policy.reference] & inside).sum()))
            findings = _findings(frame, policy, outcome, inside, followed, gap, bounds)
            if _is_checked(policy, group, outcome):
                findings += _of_weights(weights[regime], weights[policy.reference])
            rows += [_key(study, policy, group, regime, outcome) | asdict(each) for each in findings]
    return _table("models.diagnostic", rows)


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate` of every regime and outcome; a closed gate where it is, or where there is no change-point."""
    judged = inputs["models.diagnostic"].collect()
    rows: list[Row] = []
    for study, policy in _policies(facts):
        place = change_point(inputs)
        closed = {
            (group, regime, outcome): why_closed(
                _of_question(judged, _key(study, policy, group, regime, outcome)), study, facts.today
            )
            or _why_unnamed(regime, place)
            for group, regime, outcome in _questions(policy)
        }
        frame = None if all(closed.values()) else regime_frame(inputs, study, policy)
        means, problem = ({}, "") if frame is None else _answers(frame, study, policy, place)
        checks = _checks(frame, study, policy, place, means)
        for (group, regime, outcome), why in closed.items():
            common = _common(study, policy, group, regime, outcome, facts)
            answer = _closed(why or problem)
            if frame is not None and not why and not problem:
                answer = _opened(frame, policy, group, regime, outcome, means, place)
            rows.append(common | answer)
            if answer["gate_status"] == "open" and _is_checked(policy, group, outcome):
                rows += [common | each for each in _checked(policy, regime, means, checks)]
    return _table("models.effect_estimate", rows)


def change_point(inputs: Inputs) -> tuple[float, float] | None:
    """Log of the change-point among men, as published tonight, and its standard error; None without a bounded one.

    A waiver is for its own question alone: a change-point that is told by one is not built upon.
    """
    study, population = _THRESHOLD
    found = (
        inputs["models.threshold"]
        .filter(
            pl.col("study_id") == study,
            pl.col("population") == population,
            pl.col("outcome") == "lumbar_spine_bmd_change_pct",
            pl.col("analysis") == threshold_tables.WHOLE,
            pl.col("gate_status") == "open",
        )
        .select("place_pg_ml", "ci_low_pg_ml", "ci_high_pg_ml")
        .drop_nulls()
        .collect()
    )
    if found.is_empty():
        return None
    place, low, high = np.log(np.array(found.row(0)))
    return float(place), float((high - low) / (2 * Z975))


def rules(policy: Policy, place: tuple[float, float] | None, seed: int) -> dict[str, Callable[[int], Rule]]:
    """Every regime that can be named, the reference first, as the rule of a resample: the change-point is drawn with it."""

    def drawn(draw: int) -> float | None:
        if place is None:
            return None
        noise = generator(seed, "change-point of a regime", draw).standard_normal() if draw else 0.0
        return float(np.exp(place[0] + place[1] * noise))

    def rule(code: str) -> Callable[[int], Rule]:
        def of_draw(draw: int) -> Rule:
            found = rule_of(code, drawn(draw))
            assert found is not None
            return found

        return of_draw

    return {code: rule(code) for code in (policy.reference, *policy.regimes) if not _why_unnamed(code, place)}


def seed_of(study: Study) -> int:
    """Seed of a study's resamples: of its content, the same every night."""
    return int(study.protocol_hash[:8], 16)


def _policies(facts: RunFacts) -> Iterator[tuple[Study, Policy]]:
    for name in facts.studies:
        for policy in catalogue()[name].policy:
            yield catalogue()[name], policy


def _questions(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Everybody first, then each stratum; regimes, and their outcomes side by side."""
    return product(policy.groups, policy.regimes, policy.outcomes)


def _why_unnamed(regime: str, place: tuple[float, float] | None) -> str:
    if regime == "titrate_above_change_point" and place is None:
        return "no change-point with a bounded interval was found among men, behind an open gate"
    return ""


def _gap(frame: RegimeFrame) -> float | None:
    try:
        return largest_natural_gap(frame, 1) if frame.n else None
    except NotEstimable:
        return None


def _findings(
    frame: RegimeFrame,
    policy: Policy,
    outcome: str,
    inside: np.ndarray,
    kept: tuple[int, int],
    gap: float | None,
    bounds: dict[str, float],
) -> list[Finding]:
    target, against = kept
    findings = [
        asked("regime_followers", float(min(target, against)), bounds["minimum_regime_followers"]),
        asked("natural_course_gap", gap, bounds["maximum_natural_course_gap"], is_most=True),
    ]
    stays = inside & frame.is_present[:, : policy.n_before_scan].all(axis=1)
    if outcome == policy.outcome:
        share = float((frame.is_seen & inside).sum() / stays.sum()) if stays.any() else None
        findings.append(asked("observed_share", share, bounds["minimum_observed_share"]))
    if outcome in policy.events:
        events = float(frame.outcome(outcome)[0][inside].sum())
        findings.append(asked("events", events, bounds["minimum_events"]))
    return [*findings, told("n_target", float(target)), told("n_comparator", float(against))]


def _followed(frame: RegimeFrame, policy: Policy, code: str) -> np.ndarray:
    """[n] who kept to a regime."""
    # As if the change-point were at the foot of the window: where it lies is no matter of positivity.
    rule = rule_of(code, policy.window_low)
    return followers(frame, rule) if rule is not None and frame.n else np.zeros(frame.n, dtype=bool)


def _answers(
    frame: RegimeFrame, study: Study, policy: Policy, place: tuple[float, float] | None
) -> tuple[dict[tuple[str, str], RegimeMeans], str]:
    seed = seed_of(study)
    window = (policy.window_low, policy.window_high)
    try:
        return regime_means(frame, rules(policy, place, seed), window, seed, N_RESAMPLES), ""
    except NotEstimable as error:
        return {}, f"not estimable: {error}"


def _is_checked(policy: Policy, group: str, outcome: str) -> bool:
    """Bone of everybody alone: events and tests are of every period, and strata have few followers."""
    return not group and outcome == policy.outcome


def _weights(frame: RegimeFrame, policy: Policy, codes: tuple[str, ...]) -> dict[str, KeeperWeights | str]:
    """Weights of who kept to each regime, or why there are none."""
    try:
        scanned = scan_chances(frame)
    except NotEstimable as error:
        return dict.fromkeys(codes, str(error))
    found: dict[str, KeeperWeights | str] = {}
    for code in codes:
        rule = rule_of(code, policy.window_low)
        assert rule is not None
        try:
            found[code] = keeper_weights(frame, rule, scanned)
        except NotEstimable as error:
            found[code] = str(error)
    return found


def _of_weights(target: KeeperWeights | str, against: KeeperWeights | str) -> list[Finding]:
    """What the weights of the check are like; they close nothing."""
    found = [each for each in (target, against) if not isinstance(each, str)]
    if len(found) < 2:
        why = next(each for each in (target, against) if isinstance(each, str))
        return [Finding("effective_n", None, None, f"reported; no check: {why}", "not_applicable")]
    n_cut = sum(int(each.is_cut.sum()) for each in found)
    return [
        told("effective_n", min(each.n_effective for each in found)),
        told("largest_weight", max(each.largest for each in found)),
        told("truncated_share", n_cut / sum(each.n_seen for each in found)),
        told("n_weights_cut", float(n_cut)),
    ]


def _checks(
    frame: RegimeFrame | None,
    study: Study,
    policy: Policy,
    place: tuple[float, float] | None,
    means: dict[tuple[str, str], RegimeMeans],
) -> dict[str, WeightedRegime]:
    """The check of every regime that has one, over the resamples of the primary."""
    if frame is None or not means:
        return {}
    seed = seed_of(study)
    return weighted_regimes(frame, rules(policy, place, seed), seed, N_RESAMPLES)


def _checked(
    policy: Policy, regime: str, means: dict[tuple[str, str], RegimeMeans], checks: dict[str, WeightedRegime]
) -> list[Row]:
    """The check of a contrast, and that less the primary; nothing where it cannot be had."""
    if regime not in checks or policy.reference not in checks:
        return []
    target, against = checks[regime], checks[policy.reference]
    apart_by = [apart(checks[code], means[code, policy.outcome]) for code in (regime, policy.reference)]
    try:
        found, gap = contrast(target.means, against.means), contrast(*apart_by)
    except NotEstimable:
        return []
    behind: Row = {
        "se_method": _SE_CHECK,
        "missing_method": _MISSING_CHECK,
        "n_target": target.weights.n_seen,
        "n_comparator": against.weights.n_seen,
        "n_effective": target.weights.n_effective + against.weights.n_effective,
    }
    return [
        behind | {"estimator": CHECK} | _numbers(found),
        behind | {"estimator": CHECK_LESS_PRIMARY, "scale": _LESS_PRIMARY} | _numbers(gap),
    ]


def _opened(
    frame: RegimeFrame,
    policy: Policy,
    group: str,
    regime: str,
    outcome: str,
    means: dict[tuple[str, str], RegimeMeans],
    place: tuple[float, float] | None,
) -> Row:
    target, against = (means.get((within(code, group), outcome)) for code in (regime, policy.reference))
    if target is None or against is None:
        return _closed("not estimable: too few events")
    try:
        found = contrast(target, against)
    except NotEstimable as error:
        return _closed(f"not estimable: {error}")
    named = (rule_of(code, _shown(place)) for code in (regime, policy.reference))
    kept = [followers(frame, rule) & frame.inside(group) for rule in named if rule]
    counts: Row = {"n_target": int(kept[0].sum()), "n_comparator": int(kept[1].sum())}
    if outcome in policy.events:
        events = np.asarray(frame.outcome(outcome)[0].any(axis=1))
        counts |= {"events_target": int(events[kept[0]].sum()), "events_comparator": int(events[kept[1]].sum())}
    return counts | {"se_method": _SE, "missing_method": _MISSING} | _numbers(found)


def _numbers(found: RegimeContrast) -> Row:
    return {
        "estimate": found.estimate,
        "se": found.standard_error,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "p_value": found.p_value,
        "gate_status": "open",
    }


def _shown(place: tuple[float, float] | None) -> float | None:
    return None if place is None else float(np.exp(place[0]))


def _key(study: Study, policy: Policy, group: str, regime: str, outcome: str) -> Row:
    return {
        "study_id": study.id,
        "contrast": policy.contrast(regime, group),
        "outcome": outcome,
        "population": policy.population,
    }


def _of_question(judged: pl.DataFrame, key: Row) -> pl.DataFrame:
    return judged.filter(*(pl.col(name) == value for name, value in key.items()))


def _common(study: Study, policy: Policy, group: str, regime: str, outcome: str, facts: RunFacts) -> Row:
    bone = "mean difference of percent change"
    return _key(study, policy, group, regime, outcome) | {
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": study.estimation["estimand"],
        "intercurrent_strategy": study.estimation["intercurrent_strategy"],
        "estimator": PRIMARY,
        "scale": bone if outcome == policy.outcome else _SCALES.get(outcome, "risk difference in percent"),
        "horizon_months": policy.horizon_months,
    }


def _closed(reason: str) -> Row:
    none = "no estimate was computed"
    return {"se_method": none, "missing_method": none, "gate_status": "closed", "gate_reason": reason}


def _table(name: str, rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
