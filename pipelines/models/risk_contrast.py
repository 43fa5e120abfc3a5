"""Risks of one outcome in two arms, diagnostics first: who is at risk, alike and followed; then the effect, if all hold.

Here: which engines make the diagnostics and the estimates of the profile `risk`. Not here: thresholds (`trials.risk`), rows of
tables (`risk_tables`), negative controls (`control_tables`), the engines themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipelines.models.arm_risk import RatioEstimate, RiskContrast, risk_contrasts, risk_ratios
from pipelines.models.balance import CovariateBalance, covariate_balance
from pipelines.models.clone_treatment import PreparedClones, prepare_clones
from pipelines.models.cox import fit_cox
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975
from pipelines.models.point_treatment import (
    DETECTABLE_SDS,
    Finding,
    Prepared,
    alike,
    asked,
    largest_correlation,
    nominal,
    told,
)
from pipelines.models.risk_frame import RiskFrame
from pipelines.models.risk_weighting import PairPeriods, WeightedRows, pair_periods, weighted_rows
from pipelines.models.weighting import kish_effective_number
from pipelines.settings import MIN_CELL

#: diagnostics that need no control, and the thresholds they are held to
_BOUNDS = {
    "at_risk_smaller_arm": "minimum_at_risk_per_arm",
    "events": "minimum_events",
    "events_in_each_arm": "",
    "detectable_ratio": "maximum_detectable_ratio",
    "followed_share_smaller": "minimum_followed_share",
    "equipoise": "minimum_equipoise",
    "largest_covariate_correlation": "maximum_covariate_correlation",
    "largest_standardised_difference": "maximum_standardised_difference",
}
_NO_PROPENSITY = "not asked: the arm is decided after time zero"


@dataclass(frozen=True, slots=True)
class PreparedRisk:
    """A pair of arms ready for any outcome: its frame, and arms alike by weights or by clones."""

    frame: RiskFrame
    arms: Prepared | PreparedClones

    def periods(self, outcome: str, horizon_days: float) -> PairPeriods:
        """Weights under the follow-up of an outcome.

        Raises:
            NotEstimable: loss cannot be modelled.
        """
        return pair_periods(self.arms, self.frame.courses[outcome], horizon_days)


@dataclass(frozen=True, slots=True)
class ArmSizes:
    """People of either arm, target first: at risk, with the event by the horizon, dead without it, followed to the end."""

    at_risk: tuple[int, int]
    events: tuple[int, int]
    deaths: tuple[int, int]
    completed: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Alikeness:
    """Balance of the arms among those at risk of an outcome; which arm [m] and weight [m] of the people behind it."""

    balance: CovariateBalance
    is_target: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, slots=True)
class HazardRatio:
    """A log hazard ratio of the cause by a horizon, others censored; 95 % interval on its scale."""

    estimate: float
    standard_error: float

    @property
    def interval(self) -> tuple[float, float]:
        """95 %."""
        return self.estimate - Z975 * self.standard_error, self.estimate + Z975 * self.standard_error


def cloned(frame: RiskFrame, penalty: float | None = None) -> PreparedClones:
    """Clones of a frame with a grace period; without a penalty the best one is looked for.

    All who began stand for those who never begin: over years the month does not matter, and those who begin in the last one are
    few.

    Raises:
        NotEstimable: nobody keeps to a strategy, or a chance of keeping to it cannot be fitted.
    """
    if frame.clones is None:
        raise ValueError("a frame without a grace period has no clones")
    return prepare_clones(frame.clones, penalty, is_due_of_all=True)


def sizes(rows: WeightedRows, horizon_days: float) -> ArmSizes:
    """Who stands behind a contrast, unweighted; a clone counts in every strategy it kept to so far."""
    told_of = []
    for side in (rows.is_target, ~rows.is_target):
        own = side & (rows.rows.weights > 0)
        leave, event, place = rows.rows.exit[own], rows.rows.event[own], rows.place[own]
        within = leave <= horizon_days
        n = np.unique(place).size
        events, deaths = (int((within & (event == cause)).sum()) for cause in (1, 2))
        reached = np.unique(place[leave >= horizon_days]).size
        told_of.append((n, events, deaths, reached))
    target, comparator = told_of
    return ArmSizes(*((one, other) for one, other in zip(target, comparator, strict=True)))


def is_reached(rows: WeightedRows, horizon_days: float) -> bool:
    """Whether somebody of either arm is followed so far."""
    known = rows.rows.weights > 0
    return all((rows.rows.exit[known & side] >= horizon_days).any() for side in (rows.is_target, ~rows.is_target))


def diagnose_risk(
    prepared: PreparedRisk, alikeness: Alikeness, counted: ArmSizes, thresholds: dict[str, float], rows: WeightedRows
) -> tuple[Finding, ...]:
    """The diagnostics of the profile that need no control outcome; none looks at a difference in the outcome.

    `alikeness` is the same at every horizon, `counted` is `sizes` at that of the question.
    """
    n_events = sum(counted.events)
    known = [
        (done + events + deaths) / n
        for done, events, deaths, n in zip(
            counted.completed, counted.events, counted.deaths, counted.at_risk, strict=True
        )
    ]
    balance, side, weights = alikeness.balance, alikeness.is_target, alikeness.weights
    effective = [kish_effective_number(weights[arm]) / max(int(arm.sum()), 1) for arm in (side, ~side)]
    return (
        asked("at_risk_smaller_arm", float(min(counted.at_risk)), thresholds["minimum_at_risk_per_arm"]),
        asked("events", float(n_events), thresholds["minimum_events"]),
        _told_arms(min(counted.events)),
        asked("detectable_ratio", detectable_ratio(counted), thresholds["maximum_detectable_ratio"], is_most=True),
        asked("followed_share_smaller", min(known), thresholds["minimum_followed_share"]),
        *_of_propensity(prepared.arms, thresholds),
        alike(balance, side, weights, thresholds["maximum_standardised_difference"]),
        told("followed_share_target", known[0]),
        told("followed_share_comparator", known[1]),
        told("dead_share_target", counted.deaths[0] / counted.at_risk[0]),
        told("dead_share_comparator", counted.deaths[1] / counted.at_risk[1]),
        told("effective_share_target", effective[0]),
        told("effective_share_comparator", effective[1]),
        told("largest_weight", float(rows.rows.weights.max())),
        told("largest_difference_before_weighting", balance.largest_before),
    )


def unevaluated_risk(why: str, thresholds: dict[str, float]) -> tuple[Finding, ...]:
    """The same where there is nothing to judge them by: none was evaluated, all close."""
    return tuple(Finding(name, None, thresholds.get(bound), why, "not_evaluated") for name, bound in _BOUNDS.items())


def _of_propensity(arms: Prepared | PreparedClones, thresholds: dict[str, float]) -> tuple[Finding, ...]:
    least, most = thresholds["minimum_equipoise"], thresholds["maximum_covariate_correlation"]
    if isinstance(arms, PreparedClones):
        return (
            Finding("equipoise", None, least, _NO_PROPENSITY, "not_applicable"),
            Finding("largest_covariate_correlation", None, most, _NO_PROPENSITY, "not_applicable"),
        )
    return (
        asked("equipoise", arms.propensity.equipoise, least),
        asked("largest_covariate_correlation", largest_correlation(arms), most, is_most=True),
        told("propensity_auc", arms.propensity.auc),
    )


def _told_arms(least: int) -> Finding:
    """Whether either arm has as many events as may be told: an error of fewer tells their number.

    How many there are in which arm would tell the answer, so that is never a value; what must not be told cannot be waived.
    """
    rule = f"1 where either arm has {MIN_CELL} events or more"
    if least < MIN_CELL:
        return Finding("events_in_each_arm", None, 1.0, rule, "not_evaluated")
    return Finding("events_in_each_arm", 1.0, 1.0, rule, "pass")


def detectable_ratio(counted: ArmSizes) -> float | None:
    """Smallest ratio with 80 % power at these events. Source: Schoenfeld (1983), Biometrics 39:499, as CohortMethod has it."""
    n_events, n = sum(counted.events), sum(counted.at_risk)
    if not n_events or not min(counted.at_risk):
        return None
    share = counted.at_risk[0] / n
    return float(np.exp(DETECTABLE_SDS / np.sqrt(n_events * share * (1 - share))))


def alikeness_of(prepared: PreparedRisk, outcome: str) -> Alikeness:
    """Balance of those at risk of an outcome, by the weights of time zero or of the end of the grace period.

    Raises:
        NotEstimable: nobody of an arm is at risk of it.
    """
    course, arms = prepared.frame.courses[outcome], prepared.arms
    frame = prepared.frame.pair
    names = nominal(frame)
    if isinstance(arms, PreparedClones):
        parts = [arm.is_adherent & course.is_at_risk for arm in arms.arms]
        if not all(part.any() for part in parts):
            raise NotEstimable("nobody of a strategy is at risk of the outcome")
        side = np.repeat([True, False], [int(part.sum()) for part in parts])
        weights = np.concatenate([arm.adherence[part] for arm, part in zip(arms.arms, parts, strict=True)])
        covariates = pl.concat([frame.covariates.filter(pl.Series(part)) for part in parts])
    else:
        own = course.is_at_risk
        side, weights = frame.treated[own], arms.weights.values[own]
        covariates = frame.covariates.filter(pl.Series(own))
    if not side.any() or side.all():
        raise NotEstimable("nobody of an arm is at risk of the outcome")
    return Alikeness(covariate_balance(covariates, side, weights, names), side, weights)


def contrasts_of(rows: WeightedRows, horizons: Sequence[float]) -> tuple[RiskContrast, ...]:
    """Aalen-Johansen risks of both arms at each horizon, death competing, weighted, errors by person.

    Raises:
        NotEstimable: as `risk_contrasts`.
    """
    return risk_contrasts(rows.rows, rows.is_target, horizons, 1, rows.person_id, rows.correction)


def ratios_of(rows: WeightedRows, horizons: Sequence[float]) -> tuple[RatioEstimate | None, ...]:
    """Risk ratios alone.

    Raises:
        NotEstimable: as `risk_ratios`.
    """
    return risk_ratios(rows.rows, rows.is_target, horizons, 1, rows.person_id, rows.correction)


def hazard_ratio(rows: WeightedRows, horizon_days: float) -> HazardRatio:
    """Cox's model with the arm alone under the same weights, which are taken as known.

    Raises:
        NotEstimable: as `fit_cox`.
    """
    used = (rows.rows.weights > 0) & (rows.rows.entry < horizon_days)
    whole = rows.rows
    within = whole.exit[used] <= horizon_days
    cut = replace(
        whole,
        entry=whole.entry[used],
        exit=np.minimum(whole.exit[used], horizon_days),
        event=np.where(within, whole.event[used], 0),
        weights=whole.weights[used],
    )
    design = rows.is_target[used].astype(np.float64)[:, None]
    fit = fit_cox(cut, design, 1, person_id=rows.person_id[used])
    return HazardRatio(float(fit.coefficients[0]), float(fit.standard_errors[0]))


def rows_of(prepared: PreparedRisk, outcome: str, periods: PairPeriods, *, possible: bool = False) -> WeightedRows:
    """Weighted rows of an outcome.

    Raises:
        NotEstimable: nobody of an arm is at risk of it, or the data hold no follow-up for it.
    """
    if outcome not in prepared.frame.courses:
        raise NotEstimable("the data hold no follow-up for the outcome")
    course = prepared.frame.courses[outcome]
    return weighted_rows(periods, course.with_possible if possible else course)
