"""Weights of the periods of follow-up: for the arm at time zero or the strategy kept to, and for not having been lost.

Here: from a frame of two arms to weighted rows of one outcome, and what estimating the weights adds to an influence. Losses
count from the end of the half-year in which they fall. In a grace period people decide on any day: the decisions of an interval
count from its middle, so that what is weighed too late in its first half is weighed too early in its second. The models are
fitted on everybody, whatever the outcome: one set of weights serves every outcome and every negative control, and people at risk
of an outcome are told apart by what was known at time zero. Not here: curves and contrasts (`arm_risk`), who is in the frame
(`risk_frame`).

Sources: Robins and Finkelstein (2000), Biometrics 56:779 (loss); Hernan (2018), BMJ 360:k182, Maringe et al. (2020), Int J
Epidemiol 49:1719 (clones).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.models.arm_risk import WeightCorrection
from pipelines.models.clone_treatment import PreparedClones
from pipelines.models.clone_weighting import NOTHING, CloneSpec, Decision, GraceCourse, pooled_decision
from pipelines.models.design_matrix import design_matrix
from pipelines.models.errors import NotEstimable
from pipelines.models.logistic import LogisticFit
from pipelines.models.point_treatment import LEAST_PROBABILITY, MOST_WEIGHT, Prepared, nominal
from pipelines.models.risk_frame import EventCourse
from pipelines.models.survival_curve import FollowUp

#: periods of loss after time zero, or after the grace period
LOSS_DAYS = 182.625
#: a period begins half a day before its first day, so that a day belongs to one period
_HALF_DAY = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ArmPeriods:
    """One arm, or the clones of one strategy.

    Attributes:
        is_in: [n] belongs to it.
        kept_until: [n] days until a clone deviates; infinite where it does not.
        weights: [n, p] at the beginning of each period.
        is_cut: [n, p] cut to the greatest weight.
        decisions: the models behind them; each tells its period.
    """

    is_in: np.ndarray
    kept_until: np.ndarray
    weights: np.ndarray
    is_cut: np.ndarray
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TreatmentModel:
    """The propensity behind weights at time zero: design [n, p], arm [n], fit, and derivative of log weight by its logit [n]."""

    design: np.ndarray
    treated: np.ndarray
    fit: LogisticFit
    log_slope: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class PairPeriods:
    """Both arms over periods that end at `edges` [p + 1] days (the first is 0)."""

    edges: np.ndarray
    target: ArmPeriods
    comparator: ArmPeriods
    treatment: TreatmentModel | None
    person_id: np.ndarray

    @property
    def arms(self) -> tuple[ArmPeriods, ArmPeriods]:
        """Target, then comparator."""
        return self.target, self.comparator


@dataclass(frozen=True, slots=True, eq=False)
class WeightedRows:
    """Rows [m] of one outcome: follow-up with weights, arm, person, and the correction for estimated weights."""

    rows: FollowUp
    is_target: np.ndarray
    person_id: np.ndarray
    place: np.ndarray
    correction: WeightCorrection


def pair_periods(
    found: Prepared | PreparedClones, course: EventCourse, horizon_days: float, penalty: float | None = None
) -> PairPeriods:
    """Weights of every period of a pair of arms.

    Args:
        found: arms told at time zero, or clones with the models of the grace period.
        course: any outcome with the follow-up wanted; its events are not read.
        horizon_days: end of the last period.
        penalty: of the models of loss; None: as the propensity, or the models of the grace period.

    Raises:
        NotEstimable: nobody is left in a period, or a model of loss cannot be fitted.
    """
    if isinstance(found, PreparedClones):
        return _of_clones(found, course, horizon_days)
    frame, treated = found.frame, found.frame.treated
    edges = _edges(0.0, horizon_days)
    spec = CloneSpec(found.propensity.fit.penalty if penalty is None else penalty, LEAST_PROBABILITY, MOST_WEIGHT)
    design = found.design.values
    weights = found.weights
    arms = []
    for is_in in (treated, ~treated):
        lost = _loss(edges, 0, is_in, course, design, spec, 0.0)
        arms.append(_arm(is_in, np.full(is_in.size, np.inf), weights.values, (lost,), edges.size - 1))
    model = TreatmentModel(design, treated, found.propensity.fit, weights.slope / weights.values)
    return PairPeriods(edges, arms[0], arms[1], model, frame.person_id)


def _of_clones(found: PreparedClones, course: EventCourse, horizon_days: float) -> PairPeriods:
    grace, frame = found.frame.course, found.frame.frame
    design = design_matrix(frame.covariates, nominal(frame)).values
    days = found.frame.grace_days
    middles = (np.arange(grace.n_intervals) + 0.5) * (days + 1) / grace.n_intervals - _HALF_DAY
    edges = np.r_[0.0, middles, _edges(days + _HALF_DAY, horizon_days)]
    spec = CloneSpec(found.penalty, LEAST_PROBABILITY, MOST_WEIGHT)
    arms = []
    for arm, strategy in zip(found.arms, (found.frame.target, found.frame.comparator), strict=True):
        kept_until = _kept_until(grace, strategy, found.frame.strategy_days, days)
        stays = arm.is_adherent & ~grace.is_settled_early & np.isinf(kept_until)
        # The course of the grace period counts who was followed to its last day as followed through it.
        lost = _loss(edges, grace.n_intervals + 1, stays, course, design, spec, days - _HALF_DAY)
        everybody = np.ones(stays.size, dtype=bool)
        arms.append(_arm(everybody, kept_until, np.ones(stays.size), (*arm.decisions, lost), edges.size - 1))
    return PairPeriods(edges, arms[0], arms[1], None, frame.person_id)


def _edges(start: float, horizon_days: float) -> np.ndarray:
    """Half-years from `start`; the last one ends at the horizon, and takes in what would be less than half of one."""
    n = max(int((horizon_days - start) / LOSS_DAYS + 0.5), 1)
    inner = start + np.arange(n) * LOSS_DAYS
    return np.r_[inner, horizon_days]


def _kept_until(grace: GraceCourse, strategy: int, strategy_days: np.ndarray, grace_days: int) -> np.ndarray:
    """[n] days until a clone does what its strategy does not say; infinite where it never does."""
    begins = grace.begun != NOTHING
    other = begins & (grace.begun != strategy)
    until = np.where(other, strategy_days - _HALF_DAY, np.inf)
    if strategy != NOTHING:
        # Who began nothing by the last day had until then to do so.
        until = np.where(~begins, grace_days + _HALF_DAY, until)
    return until


def _loss(
    edges: np.ndarray,
    first: int,
    is_in: np.ndarray,
    course: EventCourse,
    design: np.ndarray,
    spec: CloneSpec,
    since: float,
) -> Decision:
    """Loss in each period from `first` on, among those alive and under observation at its beginning, first of all `since`."""
    rows = []
    for period in range(first, edges.size - 2):
        start, end = since if period == first else edges[period], edges[period + 1]
        ends_here = course.followed <= end
        is_lost = ~course.is_dead & ends_here
        asked = is_in & (course.followed > start) & ~(course.is_dead & ends_here)
        person = np.flatnonzero(asked)
        if person.size:
            rows.append((period, person, ~is_lost[person]))
    return pooled_decision("followed", rows, design, spec)


def _arm(
    is_in: np.ndarray, kept_until: np.ndarray, initial: np.ndarray, decisions: Sequence[Decision], n_periods: int
) -> ArmPeriods:
    added = np.zeros((is_in.size, n_periods))
    for each in decisions:
        np.add.at(added, (each.person, each.interval), -np.log(each.chance))
    before = np.cumsum(added, axis=1) - added
    weights = np.where(is_in, initial, 0.0)[:, None] * np.exp(before)
    is_cut = weights > MOST_WEIGHT
    return ArmPeriods(is_in, kept_until, np.minimum(weights, MOST_WEIGHT), is_cut, tuple(decisions))


def weighted_rows(pair: PairPeriods, course: EventCourse) -> WeightedRows:
    """Rows of one outcome, a row a period and arm; people without any keep one of no weight, which carries corrections.

    Raises:
        NotEstimable: nobody of an arm is at risk.
    """
    pieces = [_rows_of(pair.edges, arm, course) for arm in pair.arms]
    if not all(person.size for person, *_ in pieces):
        raise NotEstimable("nobody of an arm is at risk of the outcome")
    person, period, entry, leave, event = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    is_target = np.repeat([True, False], [pieces[0][0].size, pieces[1][0].size])
    weights = np.where(is_target, pair.target.weights[person, period], pair.comparator.weights[person, period])
    seen = np.zeros(pair.person_id.size, dtype=bool)
    seen[person] = True
    rest = np.flatnonzero(~seen)
    none = np.zeros(rest.size)
    rows = FollowUp(
        np.r_[entry, none], np.r_[leave, none + 1.0], np.r_[event, none.astype(np.int64)], np.r_[weights, none], 2
    )
    whose = np.r_[person, rest]
    first = np.full(pair.person_id.size, whose.size)
    np.minimum.at(first, whose, np.arange(whose.size))

    def correction(gradient: np.ndarray) -> np.ndarray:
        pull = gradient[: person.size] * weights
        added = np.zeros(whose.size)
        added[first] = _correction(pair, person, period, is_target, pull)
        return added

    with_rest = np.r_[is_target, np.zeros(rest.size, dtype=bool)]
    return WeightedRows(rows, with_rest, pair.person_id[whose], whose, correction)


def _rows_of(
    edges: np.ndarray, arm: ArmPeriods, course: EventCourse
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Person, period, entry, exit and event of the rows of one arm."""
    last = np.minimum(arm.kept_until, edges[-1])
    leave = np.minimum(course.exit, last)
    who = np.flatnonzero(arm.is_in & course.is_at_risk & (leave > 0))
    # The piece of follow-up ends in the period whose end is not before it.
    ends_in = np.searchsorted(edges[1:], leave[who], side="left")
    n_rows = ends_in + 1
    person = np.repeat(who, n_rows)
    period = np.arange(person.size) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    is_last = period == np.repeat(ends_in, n_rows)
    stop = np.where(is_last, leave[person], edges[period + 1])
    event = np.where(is_last & (course.exit <= last)[person], course.event[person], 0)
    return person, period, edges[period], stop, event


def _correction(
    pair: PairPeriods, person: np.ndarray, period: np.ndarray, is_target: np.ndarray, pull: np.ndarray
) -> np.ndarray:
    """[n] what estimating the models adds, from each row's derivative by its log weight [m]."""
    n, n_periods = pair.person_id.size, pair.edges.size - 1
    total = np.zeros(n)
    at_zero = np.zeros(n)
    for side, arm in ((is_target, pair.target), (~is_target, pair.comparator)):
        # A weight that was cut does not move with its models.
        moved = np.where(arm.is_cut[person[side], period[side]], 0.0, pull[side])
        if not moved.any():
            continue  # the risk of the other arm alone: nothing of this one's models is in it
        by_period = np.bincount(person[side] * n_periods + period[side], moved, n * n_periods).reshape(n, n_periods)
        onwards = np.cumsum(by_period[:, ::-1], axis=1)[:, ::-1]
        after = onwards - by_period
        at_zero += onwards[:, 0]
        for each in arm.decisions:
            total += each.correction_by_row(after[each.person, each.interval], n)
    if pair.treatment is not None:
        model = pair.treatment
        total += model.fit.correction(model.design, model.treated.astype(np.float64), at_zero * model.log_slope)
    return total
