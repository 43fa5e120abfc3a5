"""Worlds with a grace period of known truth: a mean that a treatment moves, also per protocol, and an event that nothing moves.

In each interval first observation may end, then another drug may be begun, then the treatment. Truth by quadrature. `pull` is
how strongly covariates decide who begins, leaves and is measured: at 1 there are people of whose kind next to nobody begins
nothing in four intervals, and a weight of some hundreds falls to one of 2,000; at 0.6 the greatest is some tens.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.clone_weighting import NOTHING, GraceCourse
from pipelines.models.contrast_frame import stages_to
from pipelines.models.observation import Stage

PEOPLE, COVARIATES, INTERVALS = 2000, 4, 4
TREATMENT, OTHER = 0, 1
_LATE, _OTHER_CHANCE = -0.4, 0.03
ALIKE, APART = 0.6, 1.0


@dataclass(frozen=True, slots=True)
class Graced:
    """People [n] of one replication; `outcome` is NaN where nobody sees it."""

    covariates: np.ndarray
    course: GraceCourse
    outcome: np.ndarray
    stages: tuple[Stage, ...]


def logistic(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def start_chance(x: np.ndarray, interval: int, pull: float) -> np.ndarray:
    """Of beginning the treatment in an interval."""
    return logistic(-1.4 + pull * (0.5 * x[..., 0] - 0.3 * x[..., 1]) + 0.15 * interval)


def effect(interval: np.ndarray | int) -> np.ndarray:
    """Of the treatment begun in an interval: the later, the less."""
    return np.asarray(-3.0 - _LATE * np.asarray(interval))


def truth_of_means(pull: float = ALIKE, is_due_of_all: bool = False) -> float:
    """Mean effect of beginning at the pace of people alike, over beginning nothing.

    Whoever would not have begun does so in the last interval; where everybody who began is due, at the pace of those who do.
    """
    points, mass = np.polynomial.hermite_e.hermegauss(60)
    x = np.stack(np.meshgrid(points, points, indexing="ij"), axis=-1)
    weight = np.outer(mass, mass) / mass.sum() ** 2
    waiting, total = np.ones(weight.shape), np.zeros(weight.shape)
    for interval in range(INTERVALS):
        is_due = interval == INTERVALS - 1 and not is_due_of_all
        begins = np.ones(weight.shape) if is_due else start_chance(x, interval, pull)
        total += waiting * begins * effect(interval)
        waiting = waiting * (1 - begins)
    return float((weight * total / (1 - waiting)).sum())


def means(seed: int, n: int = PEOPLE, pull: float = ALIKE) -> Graced:
    """A measured outcome; people are lost within and after the grace period, and measured by what they are like."""
    rng = np.random.default_rng([seed, 11])
    x, course, complete = _moved(rng, n, pull)
    followed = (course.end == INTERVALS) & (rng.random(n) < logistic(2.0 - pull * 0.6 * x[:, 1]))
    side = np.where(course.begun == TREATMENT, 1.0, -1.0)
    measured = followed & (rng.random(n) < logistic(0.8 + pull * 0.9 * x[:, 0] * side))
    stages = (Stage("followed", course.end == INTERVALS, followed), Stage("measured", followed, measured))
    return Graced(x, course, np.where(measured, complete, np.nan), stages)


def protocol(seed: int, n: int = PEOPLE, is_censored: bool = True) -> Graced:
    """The same, but after the grace period people deviate, by what moves the outcome, and are not seen from then on.

    Those with a high outcome keep the treatment up, and those with a low one go on without. Who stops it gets back half of
    what it did, who begins it late has half of that. With `is_censored` false the deviated are followed as if nothing were.
    Of deviation and loss the first counts, so that neither stage is quite a logistic model.
    """
    rng = np.random.default_rng([seed, 13])
    x, course, complete = _moved(rng, n, ALIKE)
    side = np.where(course.begun == TREATMENT, 1.0, -1.0)
    deviates, leaves = (
        rng.random(n) > logistic(1.0 + 0.5 * x[:, 0] * side),
        rng.random(n) > logistic(2.0 - 0.4 * x[:, 1]),
    )
    first, second = rng.random((2, n))
    is_deviated = deviates & (~leaves | (first < second))
    followed = (course.end == INTERVALS) & ~leaves & ~(is_deviated & is_censored)
    measured = followed & (rng.random(n) < logistic(1.0 + 0.3 * x[:, 0] * side))
    lived = complete + np.where(is_deviated, 1.5 * side, 0.0)
    stages = stages_to(followed, measured, is_deviated if is_censored else None)
    return Graced(x, course, np.where(measured, lived, np.nan), stages)


def _moved(rng: np.random.Generator, n: int, pull: float) -> tuple[np.ndarray, GraceCourse, np.ndarray]:
    """Covariates, what was begun, and the outcome that nobody deviates from."""
    x = rng.normal(size=(n, COVARIATES))

    def ends(_: int, begun: np.ndarray) -> np.ndarray:
        return logistic(-3.2 + pull * 0.7 * x[:, 1] + 0.5 * begun)

    course = _course(rng, x, ends, lambda x, at: start_chance(x, at, pull), False)
    moved = np.where(course.begun == TREATMENT, effect(course.begun_at), np.where(course.begun == OTHER, 1.0, 0.0))
    return x, course, 2.0 * x[:, 0] + 1.5 * x[:, 1] - x[:, 2] + moved + rng.normal(0, 1.5, n)


def events(seed: int, n: int = PEOPLE) -> Graced:
    """An event by the horizon, by covariates alone: beginning the treatment changes nothing. Nobody is lost."""
    rng = np.random.default_rng([seed, 12])
    x = rng.normal(size=(n, COVARIATES))
    chance = logistic(-1.6 + 0.8 * x[:, 2])
    course = _course(rng, x, lambda at, begun: chance, lambda x, at: np.full(x.shape[0], 0.2), True)
    later = rng.random(n) < 1 - (1 - chance) ** 2
    everybody = np.ones(n, dtype=bool)
    outcome = (course.is_settled_early | later).astype(np.float64)
    return Graced(x, course, outcome, (Stage("followed", everybody, everybody),))


def _course(rng: np.random.Generator, x: np.ndarray, ends, starts, is_settled: bool) -> GraceCourse:
    n = x.shape[0]
    begun, begun_at, ended_at = np.full(n, NOTHING), np.full(n, INTERVALS), np.full(n, INTERVALS)
    for interval in range(INTERVALS):
        ends_now = (ended_at == INTERVALS) & (rng.random(n) < ends(interval, begun == TREATMENT))
        ended_at[ends_now] = interval
        for code, chance in ((OTHER, np.full(n, _OTHER_CHANCE)), (TREATMENT, starts(x, interval))):
            begins = (ended_at == INTERVALS) & (begun == NOTHING) & (rng.random(n) < chance)
            begun[begins], begun_at[begins] = code, interval
    return GraceCourse(INTERVALS, begun, begun_at, ended_at, np.full(n, is_settled))
