"""One contrast of two arms, diagnostics first: who overlaps, who is alike, who is measured; then the effect, if all hold.

Here: which engines make the diagnostics and the estimates of the profile `point_treatment`. Not here: thresholds
(`trials.contrast`), rows of tables (`contrast_tables`), the engines themselves.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from pipelines.models.augmented import AugmentedEstimate, AugmentedSpec, augmented_contrast
from pipelines.models.balance import CovariateBalance, covariate_balance
from pipelines.models.contrast_frame import NOMINAL, ContrastFrame
from pipelines.models.design_matrix import DesignMatrix, design_matrix
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import ContrastEstimate
from pipelines.models.inverse_weighting import weighted_contrast
from pipelines.models.logistic import restored_fit
from pipelines.models.matching import MatchedEstimate, matched_contrast
from pipelines.models.observation import fit_stages, inverse_probability, observed
from pipelines.models.propensity import PENALTIES, Propensity, described, estimate_propensity
from pipelines.models.selective_observation import ODDS_PER_UNIT, selective_contrast
from pipelines.models.stratification import stratified_contrast
from pipelines.models.weighting import TreatmentWeights, kish_effective_number, treatment_weights

#: greatest inverse-probability weight; larger ones are cut to it, and counted. Source: peers' practice, at most 10 to 50
MOST_WEIGHT = 50.0
#: probabilities are kept from 0 by this
LEAST_PROBABILITY = 0.01
#: a difference beyond this fails whatever chance would make of it. Source: Stuart (2010), Stat Sci 25:1
LARGEST_BY_CHANCE = 0.25
_ALPHA = 0.05
#: people of an arm with a value, below which a difference is not judged
_LEAST_KNOWN = 10
#: with more people than this the least penalty is taken untried
_MOST_TRIED = 50_000
#: a larger penalty is taken only if it brings arms nearer by this mean square, a hundredth of an SD: shrinking leaves bias
WORTH_SHRINKING = 1e-4
#: what closes a gate, and the threshold of the study file that it is held to; the last one's belongs to the outcome
_BOUNDS = {
    "outcomes_smaller_arm": "minimum_n_per_arm",
    "equipoise": "minimum_equipoise",
    "largest_standardised_difference": "maximum_standardised_difference",
    "largest_covariate_correlation": "maximum_covariate_correlation",
    "observed_share_smaller": "minimum_observed_share",
    "censored_share": "maximum_censored_share",
    "detectable_difference": "",
}
#: normal quantiles of a two-sided test at 5 % with power 80 %
DETECTABLE_SDS = 1.959963984540054 + 0.8416212335729143


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnostic: value, threshold, how they compare, verdict. A threshold of None is reported and closes nothing."""

    diagnostic: str
    value: float | None
    threshold: float | None
    rule: str
    status: str


@dataclass(frozen=True, slots=True)
class PropensityModel:
    """A propensity model as it is stored: terms [p], log odds per SD of each, penalty and Newton steps."""

    terms: tuple[str, ...]
    intercept: float
    coefficients: np.ndarray
    penalty: float
    n_steps: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything of a contrast that is known before an outcome is compared."""

    frame: ContrastFrame
    design: DesignMatrix
    propensity: Propensity
    weights: TreatmentWeights
    balance: CovariateBalance


@dataclass(frozen=True, slots=True)
class Estimated:
    """One estimator's answer, with how its error and the missing outcomes were handled."""

    estimator: str
    estimate: ContrastEstimate | MatchedEstimate
    se_method: str
    missing_method: str


def prepare(frame: ContrastFrame) -> Prepared:
    """Design, propensity, weights and balance.

    Of the penalties tried the one that leaves the arms most alike is taken (McCaffrey et al. 2004, Psychological Methods
    9:403): what predicts the arm best shrinks too much to balance it. Where it hardly matters, the least.

    Raises:
        NotEstimable: an arm is empty, or the propensity cannot be fitted.
    """
    if not frame.treated.any() or frame.treated.all():
        raise NotEstimable("an arm is empty")
    design = _design(frame)
    best: Prepared | None = None
    for penalty in PENALTIES if frame.treated.size <= _MOST_TRIED else PENALTIES[:1]:
        tried = _weighted(frame, design, estimate_propensity(frame.treated, design.values, penalty))
        if best is None or apartness(tried.balance) < apartness(best.balance) - WORTH_SHRINKING:
            best = tried
    assert best is not None
    return best


def kept(prepared: Prepared) -> PropensityModel:
    """What has to be stored of a contrast to have it again without a fit."""
    fit = prepared.propensity.fit
    return PropensityModel(prepared.design.names, fit.intercept, fit.coefficients, fit.penalty, fit.n_steps)


def restore(frame: ContrastFrame, model: PropensityModel) -> Prepared:
    """What `prepare` found, from the propensity model kept of it.

    Raises:
        ValueError: the model is of other terms than those of the frame.
    """
    design = _design(frame)
    if design.names != model.terms:
        raise ValueError("the propensity model kept is not of these covariates: compute models.propensity_model again")
    fit = restored_fit(design.values, model.intercept, model.coefficients, model.penalty, model.n_steps)
    return _weighted(frame, design, described(fit, frame.treated))


def _design(frame: ContrastFrame) -> DesignMatrix:
    return design_matrix(frame.covariates, nominal(frame))


def nominal(frame: ContrastFrame) -> tuple[str, ...]:
    """Covariates of the frame whose numbers are codes."""
    return tuple(name for name in NOMINAL if name in frame.covariates.columns)


def _weighted(frame: ContrastFrame, design: DesignMatrix, propensity: Propensity) -> Prepared:
    weights = treatment_weights(frame.treated, propensity.values, "ate", maximum=MOST_WEIGHT)
    balance = covariate_balance(frame.covariates, frame.treated, weights.values, nominal(frame))
    return Prepared(frame, design, propensity, weights, balance)


def diagnose(prepared: Prepared, thresholds: dict[str, float]) -> tuple[Finding, ...]:
    """The diagnostics of the profile, in the order in which they are read; none looks at a difference in outcome."""
    frame, propensity = prepared.frame, prepared.propensity
    seen = observed(frame.stages, frame.treated.size)
    arms = (frame.treated, ~frame.treated)
    n_seen = [int((seen & arm).sum()) for arm in arms]
    shares = [float(seen[arm].mean()) for arm in arms]
    read = seen | frame.is_censored
    censored = float(frame.is_censored.sum() / read.sum()) if read.any() else None
    correlation = largest_correlation(prepared)
    effective = [kish_effective_number(prepared.weights.values[arm]) / arm.sum() for arm in arms]
    return (
        asked("outcomes_smaller_arm", float(min(n_seen)), thresholds["minimum_n_per_arm"]),
        asked("equipoise", propensity.equipoise, thresholds["minimum_equipoise"]),
        alike(prepared.balance, frame.treated, prepared.weights.values, thresholds["maximum_standardised_difference"]),
        asked("largest_covariate_correlation", correlation, thresholds["maximum_covariate_correlation"], is_most=True),
        asked("observed_share_smaller", min(shares), thresholds["minimum_observed_share"]),
        asked("censored_share", censored, thresholds["maximum_censored_share"], is_most=True),
        detectable(_outcomes(prepared, seen), frame.detectable),
        told("observed_share_target", shares[0]),
        told("observed_share_comparator", shares[1]),
        told("dead_share_target", float(frame.is_dead[arms[0]].mean())),
        told("dead_share_comparator", float(frame.is_dead[arms[1]].mean())),
        told("propensity_auc", propensity.auc),
        told("effective_share_target", effective[0]),
        told("effective_share_comparator", effective[1]),
        told("largest_weight", prepared.weights.largest),
        told("largest_difference_before_weighting", prepared.balance.largest_before),
    )


def asked(name: str, value: float | None, threshold: float, *, is_most: bool = False) -> Finding:
    """A diagnostic that has to hold."""
    rule = "at most" if is_most else "at least"
    if value is None or not np.isfinite(value):
        return Finding(name, None, threshold, rule, "not_evaluated")
    holds = value <= threshold if is_most else value >= threshold
    return Finding(name, value, threshold, rule, "pass" if holds else "fail")


def told(name: str, value: float) -> Finding:
    """A diagnostic that is reported and closes nothing."""
    return Finding(name, value if np.isfinite(value) else None, None, "reported", "not_applicable")


def alike(
    balance: CovariateBalance,
    treated: np.ndarray,
    weights: np.ndarray,
    threshold: float,
    limit: float = LARGEST_BY_CHANCE,
) -> Finding:
    """Whether arms [n] are alike after weighting [n].

    Fails where a difference exceeds the threshold beyond chance (one-sided, Bonferroni), or `limit` whatever chance.

    A covariate known of fewer than 10 people of an arm is told by its indicator alone; the limit whatever chance is for
    those known of half of either arm.
    """
    from scipy.special import ndtr

    judged = _judged(balance)
    size = np.abs(balance.smd_after[judged])
    known = (balance.n_target[judged], balance.n_comparator[judged])
    variance, is_common = np.zeros(size.size), np.ones(size.size, dtype=bool)
    for n_known, arm in zip(known, (treated, ~treated), strict=True):
        variance += arm.sum() / (n_known * kish_effective_number(weights[arm]))
        is_common &= n_known >= arm.sum() / 2
    p = ndtr(-(size - threshold) / np.sqrt(variance))
    largest = float(size[is_common].max(initial=0.0))
    fails = largest > limit or bool(np.any((size > threshold) & (p * size.size < _ALPHA)))
    rule = "at most, over all covariates after weighting; more where chance explains it (one-sided, Bonferroni, 5 %)"
    rule += f", never above {limit:g}" if np.isfinite(limit) else ""
    value = largest if np.isfinite(largest) else None
    status = "not_evaluated" if value is None else "fail" if fails else "pass"
    return Finding("largest_standardised_difference", value, threshold, rule, status)


def _judged(balance: CovariateBalance) -> np.ndarray:
    return np.minimum(balance.n_target, balance.n_comparator) >= _LEAST_KNOWN


def unevaluated(why: str, thresholds: dict[str, float]) -> tuple[Finding, ...]:
    """The diagnostics of the profile where there is nothing to judge them by: none was evaluated, all close."""
    return tuple(Finding(name, None, thresholds.get(bound), why, "not_evaluated") for name, bound in _BOUNDS.items())


def apartness(balance: CovariateBalance) -> float:
    """Mean square of the standardised differences after weighting."""
    squares = balance.smd_after[_judged(balance)] ** 2
    return float(squares.mean()) if squares.size else 0.0


def largest_correlation(prepared: Prepared) -> float:
    """Largest absolute correlation of the arm with any single term of the design; 0 without terms."""
    if not prepared.design.names:
        return 0.0
    arm = prepared.frame.treated - prepared.frame.treated.mean()
    return float(np.abs(arm @ prepared.design.values / (arm.size * arm.std())).max())


def _outcomes(prepared: Prepared, seen: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Outcomes and weights of those seen of either arm."""
    frame = prepared.frame
    arms = (seen & frame.treated, seen & ~frame.treated)
    return tuple((frame.outcome[arm], prepared.weights.values[arm]) for arm in arms)


def detectable(outcomes: Iterable[tuple[np.ndarray, np.ndarray]], threshold: float) -> Finding:
    """Smallest difference with 80 % power, from the spread within arms and the effective numbers observed.

    Args:
        outcomes: of either arm, with weights.
        threshold: largest difference that may go undetected.
    """
    total = 0.0
    rule = "at most; two-sided 5 %, power 80 %"
    for values, weights in outcomes:
        effective = kish_effective_number(weights)
        if values.size < 2 or effective <= 1:
            return Finding("detectable_difference", None, threshold, rule, "not_evaluated")
        total += float(values.var(ddof=1)) / effective
    return _with_verdict("detectable_difference", DETECTABLE_SDS * total**0.5, threshold, rule)


def _with_verdict(name: str, value: float, threshold: float, rule: str) -> Finding:
    return Finding(name, value, threshold, rule, "pass" if value <= threshold else "fail")


def primary_contrast(frame: ContrastFrame, design: np.ndarray, penalty: float, seed: int) -> AugmentedEstimate:
    """The primary estimate, whatever was measured: of an outcome, or of a negative control.

    Args:
        design: [n, p] covariates at time zero.
        penalty: of the models of arm and observation.

    Raises:
        NotEstimable: as `augmented_contrast`.
    """
    spec = AugmentedSpec(seed, penalty, penalty, least_probability=LEAST_PROBABILITY)
    return augmented_contrast(frame.outcome, frame.treated, design, frame.person_id, spec, frame.stages)


def _uncut(prepared: Prepared) -> TreatmentWeights:
    """The weights as they come. Where none was cut they are those of `iptw`, and there is no such analysis."""
    if prepared.weights.n_truncated == 0:
        raise NotEstimable("no weight was cut")
    return treatment_weights(prepared.frame.treated, prepared.propensity.values, "ate")


def estimate(prepared: Prepared, seed: int) -> tuple[Estimated, ...]:
    """The primary estimate, then the sensitivity analyses that the data allow.

    Raises:
        NotEstimable: the primary estimate does not exist.
    """
    frame, design, propensity = prepared.frame, prepared.design.values, prepared.propensity
    y, treated, person = frame.outcome, frame.treated, frame.person_id
    penalty = propensity.fit.penalty
    seen = observed(frame.stages, treated.size)
    by_weights = "weights for loss, then for being measured in the window"
    primary = primary_contrast(frame, design, penalty, seed)
    found = [
        Estimated(
            "aipw",
            primary.contrast,
            "influence function, nuisances cross-fitted over people, clustered by person",
            f"{by_weights}, and outcome regression; covariates by indicator",
        )
    ]
    fitted = fit_stages(frame.stages, treated, design, penalty, minimum=LEAST_PROBABILITY)
    chance = inverse_probability(fitted, treated.size)
    overlap = treatment_weights(treated, propensity.values, "overlap")
    by_sandwich = "stacked sandwich, clustered by person"

    def weighted(weights: TreatmentWeights) -> ContrastEstimate:
        return weighted_contrast(y, treated, weights, design, propensity.fit, fitted, person)

    def selective(odds: float) -> ContrastEstimate:
        return selective_contrast(primary, y, treated, frame.stages[-1], person, odds)

    others: tuple[tuple[str, Callable[[], ContrastEstimate | MatchedEstimate], str, str], ...] = (
        ("iptw", lambda: weighted(prepared.weights), by_sandwich, by_weights),
        ("iptw_uncut", lambda: weighted(_uncut(prepared)), by_sandwich, by_weights),
        ("overlap_weights", lambda: weighted(overlap), by_sandwich, by_weights),
        (
            "stratification",
            lambda: stratified_contrast(y, treated, propensity.values, seen, 5, chance, person),
            "strata and weights taken as given, clustered by person",
            by_weights,
        ),
        (
            "matching",
            lambda: matched_contrast(y[seen], treated[seen], propensity.values[seen]),
            "Abadie and Imbens 2006, propensity taken as known",
            "those measured only; effect in the target arm",
        ),
    )
    for name, run, error, missing in others:
        try:
            found.append(Estimated(name, run(), error, missing))
        except NotEstimable:
            continue  # a sensitivity analysis that does not exist is left out, the primary one is not
    # Laboratory results are drawn by schedule; bone is scanned because it is lost.
    was_passed_over = bool(np.any(frame.stages[-1].asked & ~frame.stages[-1].passed))
    for odds in ODDS_PER_UNIT if frame.scale == "change_pct" and was_passed_over else ():
        missing = f"as the primary, if the odds of being measured were {odds:g} times with each percent lost"
        error = "influence function of the primary and of the shift, clustered by person"
        found.append(Estimated(f"selective_scans_{round(100 * (odds - 1))}", selective(odds), error, missing))
    return tuple(found)
