"""Strategies decided over a grace period: everybody is cloned into each; clones that deviate are censored and weighed for.

Here: from what people did in the grace period, interval by interval, to weights and a contrast of two strategies. A strategy
is to begin one treatment in the period and no other before it, at the pace of people alike, at the latest in the last
interval; or to begin none. Not here: who is compared in what (`clone_frame`), and what closes a gate (`clone_gate`).

Sources: Cain et al. (2010), Int J Biostat 6(2):18; Hernán (2018), BMJ 360:k182; Maringe et al. (2020), Int J Epidemiol 49:1719.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.observation import Stage
from pipelines.models.repeated_logistic import Decided, RepeatedFit, fit_repeated
from pipelines.models.weighting import kish_effective_number

#: no treatment is begun
NOTHING = -1
#: two were begun on one day: no strategy says so
SEVERAL = -2
#: an interval has a term of its own where at least so many stayed and so many did not
_LEAST_OF_EITHER = 10


@dataclass(frozen=True, slots=True)
class GraceCourse:
    """What n people did in a grace period.

    Attributes:
        n_intervals: of the period, numbered from 0.
        begun: [n] number of the treatment begun first; NOTHING, or SEVERAL.
        begun_at: [n] interval in which; `n_intervals` where nothing was begun.
        ended_at: [n] interval in which observation ended; `n_intervals` where it lasted through the period.
        is_settled: [n] it ended because the outcome had happened: known, and not lost.
    """

    n_intervals: int
    begun: np.ndarray
    begun_at: np.ndarray
    ended_at: np.ndarray
    is_settled: np.ndarray

    def __post_init__(self) -> None:
        places = np.concatenate([self.begun_at, self.ended_at])
        if self.n_intervals < 1 or (places.size and not (places.min() >= 0 and places.max() <= self.n_intervals)):
            raise ValueError("intervals are numbered from 0 to the end of the grace period")
        if np.any((self.begun == NOTHING) != (self.begun_at == self.n_intervals)):
            raise ValueError("what was begun was begun in an interval, and nothing in none")
        if np.any((self.begun != NOTHING) & (self.begun_at > self.ended_at)):
            raise ValueError("nobody begins after the end of observation")

    @property
    def end(self) -> np.ndarray:
        """[n] interval before whose decision observation ended: who began and ended in one interval had decided in it."""
        began_first = (self.begun_at == self.ended_at) & (self.ended_at < self.n_intervals)
        return self.ended_at + began_first

    @property
    def is_lost(self) -> np.ndarray:
        """[n] lost within the period."""
        return (self.end < self.n_intervals) & ~self.is_settled

    @property
    def is_settled_early(self) -> np.ndarray:
        """[n] the outcome happened within the period."""
        return (self.end < self.n_intervals) & self.is_settled


@dataclass(frozen=True, slots=True)
class CloneSpec:
    """Ridge penalty of every model, least chance of staying, greatest weight; larger ones are cut to it, and counted.

    `is_due_of_all` tells who stands, after the period, for those who never begin: everybody who began in it, as if the rest
    began on its last day and it did not matter since when (Maringe et al. 2020); else those who began in its last interval
    (Cain et al. 2010), who are few where people begin early.
    """

    penalty: float
    minimum: float = 0.0
    maximum: float = np.inf
    is_due_of_all: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Chances of staying in, a row each time it was decided: whose [m], and the chance [m].

    `interval` [m] is that in which it was decided; what is due by the end of the grace period, or a stage after it, has the
    number of intervals. Without a fit everybody stayed.
    """

    name: str
    person: np.ndarray
    interval: np.ndarray
    chance: np.ndarray
    fit: RepeatedFit | None
    is_bounded: np.ndarray

    def correction(self, gradient: np.ndarray) -> np.ndarray:
        """[n] what estimating the chances adds to an influence function; `gradient` [n] is each person's term."""
        return self.correction_by_row(gradient[self.person], gradient.size)

    def correction_by_row(self, gradient: np.ndarray, n: int) -> np.ndarray:
        """[n] the same, where `gradient` [m] is the derivative by the log of the weight that each decision multiplies."""
        if self.fit is None:
            return np.zeros(n)
        slope = np.where(self.is_bounded, 0.0, self.chance - 1.0)
        return self.fit.correction(gradient * slope)


@dataclass(frozen=True, slots=True)
class CloneArm:
    """The clones [n] of one strategy.

    Attributes:
        is_adherent: who kept to it and was not lost within the grace period.
        is_seen: of those, whose outcome is known.
        adherence: weights for deviations and losses within the period; 0 for who is not adherent.
        weights: those times the weights of the stages after it; 0 for who is not seen.
        decisions: the models behind them.
        is_cut: whose weight was cut to the greatest.
    """

    is_adherent: np.ndarray
    is_seen: np.ndarray
    adherence: np.ndarray
    weights: np.ndarray
    decisions: tuple[Decision, ...]
    is_cut: np.ndarray


def clone_arm(
    course: GraceCourse, strategy: int, design: np.ndarray, stages: Sequence[Stage], spec: CloneSpec
) -> CloneArm:
    """Everybody as a clone of one strategy.

    Args:
        course: what people did.
        strategy: number of the treatment to begin, or NOTHING.
        design: [n, p] as known at time zero.
        stages: to the outcome after the grace period; who is settled early needs none of them.
        spec: of the models and weights.

    Raises:
        NotEstimable: nobody keeps to the strategy, or a model cannot be fitted.
    """
    n = course.begun.size
    within = (*_deviations(course, strategy, design, spec), _losses(course, strategy, design, spec))
    is_adherent = _keeps_to(course, strategy) & ~course.is_lost
    if not is_adherent.any():
        raise NotEstimable("nobody kept to a strategy to the end of the grace period")
    adherence = np.where(is_adherent, _inverse(within, n), 0.0)
    is_seen, later = is_adherent.copy(), []
    for stage in stages:
        asked = is_seen & stage.asked & ~course.is_settled_early
        person = np.flatnonzero(asked)
        later.append(_decided(stage.name, person, course.n_intervals, design, stage.passed[person], spec))
        is_seen &= stage.passed | course.is_settled_early
    weights = np.where(is_seen, adherence * _inverse(later, n), 0.0)
    is_cut = weights > spec.maximum
    weights = np.minimum(weights, spec.maximum)
    return CloneArm(is_adherent, is_seen, adherence, weights, (*within, *later), is_cut)


def cloned_contrast(
    outcome: np.ndarray, target: CloneArm, comparator: CloneArm, person_id: np.ndarray | None = None
) -> ContrastEstimate:
    """Difference of the weighted means of two strategies. The sandwich is stacked, and a person's clones are one cluster.

    Args:
        outcome: [n]; not read where not seen.
        target, comparator: the clones of either strategy, of the same people.
        person_id: [n] where a person begins several trials; None where every row is a person.

    Raises:
        NotEstimable: a strategy without an outcome.
    """
    n = outcome.size
    means, by_arm = [], []
    for arm in (target, comparator):
        mass = float(arm.weights.sum())
        if not mass > 0:
            raise NotEstimable("a strategy has nobody with an outcome")
        y = np.where(arm.is_seen, outcome, 0.0)
        if not np.all(np.isfinite(y)):
            raise ValueError("an outcome that counts as seen is missing")
        mean = float(arm.weights @ y) / mass
        means.append(mean)
        term = arm.weights * (y - mean)
        gradient = np.where(arm.is_cut, 0.0, term)
        term = term + sum((each.correction(gradient) for each in arm.decisions), np.zeros(n))
        by_arm.append(term * (n / mass))
    sizes = (int(target.is_seen.sum()), int(comparator.is_seen.sum()))
    effective = sum(kish_effective_number(arm.weights) for arm in (target, comparator))
    influence = by_arm[0] - by_arm[1]
    return normal_contrast((means[0], means[1]), influence, person_id, sizes, effective, (by_arm[0], by_arm[1]))


def uncut(arm: CloneArm) -> CloneArm:
    """The same clones with weights as they come."""
    weights = np.where(arm.is_seen, _inverse(arm.decisions, arm.is_seen.size), 0.0)
    return replace(arm, weights=weights, is_cut=np.zeros_like(arm.is_cut))


def _keeps_to(course: GraceCourse, strategy: int) -> np.ndarray:
    """[n] did nothing against it while observed; who was lost undecided did not, either."""
    if strategy == NOTHING:
        return course.begun == NOTHING
    undecided = (course.begun == NOTHING) & (course.end < course.n_intervals)
    return (course.begun == strategy) | undecided


def _deviations(course: GraceCourse, strategy: int, design: np.ndarray, spec: CloneSpec) -> tuple[Decision, ...]:
    """Beginning what the strategy does not say; and, where it says to begin, not having begun by the end."""
    last = course.n_intervals - 1
    stayed, due = [], None
    for interval in range(course.n_intervals):
        person = np.flatnonzero((course.begun_at >= interval) & (course.end > interval))
        begins = course.begun_at[person] == interval
        if strategy == NOTHING:
            stayed.append((interval, person, ~begins))
        elif interval < last:
            stayed.append((interval, person, ~begins | (course.begun[person] == strategy)))
        else:
            if spec.is_due_of_all:
                person = np.flatnonzero(((course.begun == strategy) | (course.begun_at >= last)) & (course.end > last))
            begun = course.begun[person] == strategy
            due = _decided("due in the last interval", person, course.n_intervals, design, begun, spec)
    pooled = pooled_decision("staying", stayed, design, spec)
    return (pooled,) if due is None else (pooled, due)


def _losses(course: GraceCourse, strategy: int, design: np.ndarray, spec: CloneSpec) -> Decision:
    """Loss within the period, which may go with having begun."""
    rows = []
    for interval in range(course.n_intervals):
        adherent = course.begun_at >= interval
        if strategy != NOTHING:
            adherent |= course.begun == strategy
        person = np.flatnonzero(adherent & (course.end >= interval))
        rows.append((interval, person, (course.end[person] > interval) | course.is_settled[person]))
    return pooled_decision("followed through the grace period", rows, design, spec, course.begun_at)


def pooled_decision(
    name: str,
    intervals: Sequence[tuple[int, np.ndarray, np.ndarray]],
    design: np.ndarray,
    spec: CloneSpec,
    begun_at: np.ndarray | None = None,
) -> Decision:
    """One logistic model over person and interval; terms of intervals in which enough stayed and enough did not.

    Intervals with fewer share one term. Those in which everybody stayed are no decision: their chance is 1, and in the model they
    would lower the hazard of the others.

    Args:
        name: what is decided.
        intervals: number, people [m] asked in it, and who of them stayed [m].
        design: [n, p].
        spec: of the model.
        begun_at: [n] interval of the treatment; having begun is then a term.

    Raises:
        NotEstimable: nobody stayed, or the model cannot be fitted.
    """
    decided = [each for each in intervals if not each[2].all()]
    if not decided:
        empty = np.zeros(0, dtype=np.int64)
        return _decided(name, empty, empty, design, empty.astype(bool), spec)
    person = np.concatenate([whose for _, whose, _ in decided])
    stayed = np.concatenate([which for _, _, which in decided])
    when = np.concatenate([np.full(whose.size, interval) for interval, whose, _ in decided])
    known = [k for k, _, which in decided if min(which.sum(), (~which).sum()) >= _LEAST_OF_EITHER]
    reference = 0 if len(known) < len(decided) else 1
    terms = [(when == k).astype(np.float64) for k in known[reference:]]
    if begun_at is not None and np.any(has_begun := begun_at[person] < when):
        terms.append(has_begun.astype(np.float64))
    return _decided(name, person, when, design, stayed, spec, terms)


def _decided(
    name: str,
    person: np.ndarray,
    interval: np.ndarray | int,
    design: np.ndarray,
    stayed: np.ndarray,
    spec: CloneSpec,
    terms: Sequence[np.ndarray] = (),
) -> Decision:
    """Chances of staying, on the covariates of people and further terms [m] of the rows."""
    when = np.broadcast_to(np.asarray(interval, dtype=np.int64), person.shape)
    if person.size and not stayed.any():
        raise NotEstimable(f"nobody was {name}")
    if stayed.all():
        return Decision(name, person, when, np.ones(person.size), None, np.zeros(person.size, bool))
    columns = np.stack(terms, axis=1) if terms else np.zeros((person.size, 0))
    fit = fit_repeated(Decided(person, design, columns, stayed.astype(np.float64)), spec.penalty)
    is_bounded = fit.probabilities < spec.minimum
    return Decision(name, person, when, np.maximum(fit.probabilities, spec.minimum), fit, is_bounded)


def _inverse(decisions: Iterable[Decision], n: int) -> np.ndarray:
    """[n] one over the product of the chances of a person's decisions."""
    weights = np.ones(n)
    for each in decisions:
        np.multiply.at(weights, each.person, 1.0 / each.chance)
    return weights
