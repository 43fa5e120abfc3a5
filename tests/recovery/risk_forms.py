"""Risks under the weights of studies in worlds whose truth is known, and what naive forms make of them; judges nothing."""

import runpy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from pipelines.models.arm_risk import RiskContrast
from pipelines.models.clone_frame import CloneFrame, grace_course
from pipelines.models.clone_weighting import NOTHING
from pipelines.models.contrast_frame import ContrastFrame
from pipelines.models.point_treatment import prepare
from pipelines.models.risk_contrast import PreparedRisk, cloned, contrasts_of, rows_of
from pipelines.models.risk_frame import EventCourse, RiskFrame
from pipelines.models.risk_weighting import PairPeriods
from pipelines.models.survival_curve import only_cause

HERE = Path(__file__).parent
simple = runpy.run_path(str(HERE / "event_world.py"))
graced = runpy.run_path(str(HERE / "grace_event_world.py"))
five = runpy.run_path(str(HERE / "five_year_world.py"))
YEAR = 365.25


@dataclass(frozen=True, slots=True)
class World:
    """People by seed, ready for estimates; days to the horizon; the true difference of risks."""

    make: Callable[[int], PreparedRisk]
    horizon: float
    truth: Callable[[], float]


def framed(treated: np.ndarray, covariates: dict[str, np.ndarray], dead: np.ndarray) -> ContrastFrame:
    """The frame of two arms without a measured outcome."""
    n = treated.size
    nothing, none = np.full(n, np.nan), np.zeros(n, dtype=bool)
    columns = pl.DataFrame(covariates)
    return ContrastFrame(np.arange(n), treated, columns, nothing, (), dead, none, "risk", float("nan"))


def at_time_zero(covariates: np.ndarray, treated: np.ndarray, days: np.ndarray, event: np.ndarray) -> PreparedRisk:
    """Arms told at time zero. Nobody is looked at after the event: to models of loss it is an end that is known, as death is."""
    columns = {f"x{k}": covariates[:, k] for k in range(covariates.shape[1])}
    frame = framed(treated, columns, event == 2)
    course = EventCourse(np.ones(days.size, dtype=bool), days, event, days, event > 0, days, event)
    return PreparedRisk(RiskFrame(frame, None, {"event": course}), prepare(frame))


def simply(seed: int) -> PreparedRisk:
    """Two covariates, 1,500 people."""
    seen = simple["people"](seed, 1500)
    return at_time_zero(seen.covariates, seen.treated, seen.years * YEAR, seen.event)


def simply_twice(seed: int) -> PreparedRisk:
    """The same people, each of them there twice, and both taken as people."""
    seen = simple["doubled"](simple["people"](seed, 1500))
    return at_time_zero(seen.covariates, seen.treated, seen.years * YEAR, seen.event)


def five_years(people: Callable, seed: int) -> PreparedRisk:
    """Fifteen covariates, 4,000 people."""
    seen = people(seed)
    return at_time_zero(seen.covariates, seen.treated, seen.days, seen.event)


def by_clones(seed: int) -> PreparedRisk:
    """Strategies of a grace period, 3,000 people."""
    seen, horizon = graced["lives"](seed, 3000), graced["HORIZON"]
    followed = np.minimum(np.minimum(seen.death, seen.lost), horizon)
    dead = seen.death <= followed
    exit_ = np.minimum(seen.event, followed)
    event = np.where(seen.event <= followed, 1, np.where(dead, 2, 0))
    begun = np.where(seen.begun <= followed, seen.begun, np.nan)
    rows = pl.DataFrame({"strategy_days": begun, "followed_days": followed}).with_columns(
        pl.col("strategy_days").fill_nan(None)
    )
    rows = rows.with_columns(strategy_code=pl.when(pl.col("strategy_days").is_not_null()).then(pl.lit("begin")))
    course = grace_course(rows, {"begin": 0}, graced["GRACE_DAYS"], graced["INTERVALS"])
    course = replace(course, is_settled=dead & (followed < graced["GRACE_DAYS"]))
    frame = framed(~np.isnan(begun), {"x": seen.x}, dead)
    clones = CloneFrame(frame, course, 0, NOTHING, begun, graced["GRACE_DAYS"])
    followed_for = EventCourse(np.ones(begun.size, dtype=bool), exit_, event, followed, dead, exit_, event)
    whole_frame = RiskFrame(frame, clones, {"event": followed_for})
    return PreparedRisk(whole_frame, cloned(whole_frame, 1.0))


WORLDS = {
    "at time zero": World(simply, 5 * YEAR, lambda: simple["true_risk"](True) - simple["true_risk"](False)),
    "by clones": World(by_clones, graced["HORIZON"], graced["true_difference"]),
    "five years": World(partial(five_years, five["lives"]), five["HORIZON"], lambda: five["TRUTH_OF_LIVES"]),
    "five years, Havercroft and Didelez": World(
        partial(five_years, five["published"]), five["HORIZON"], lambda: five["TRUTH_OF_PUBLISHED"]
    ),
}


#: the same world; what is naive is done to its people
TWICE = {"rows taken as people": World(simply_twice, WORLDS["at time zero"].horizon, WORLDS["at time zero"].truth)}


def whole(found: PreparedRisk, periods: PairPeriods, horizon: float) -> RiskContrast:
    """As the studies do."""
    return contrasts_of(rows_of(found, "event", periods), [horizon])[0]


def one_less_kaplan_meier(found: PreparedRisk, periods: PairPeriods, horizon: float) -> RiskContrast:
    """Deaths taken as leaving."""
    rows = rows_of(found, "event", periods)
    return contrasts_of(replace(rows, rows=only_cause(rows.rows, 1)), [horizon])[0]


def losses_ignored(found: PreparedRisk, periods: PairPeriods, horizon: float) -> RiskContrast:
    """No weights for loss: those of time zero throughout."""
    return _with_weights(found, periods, horizon, lambda w: np.broadcast_to(w[:, :1], w.shape))


def arms_as_they_are(found: PreparedRisk, periods: PairPeriods, horizon: float) -> RiskContrast:
    """Weights for loss alone; nothing of clones, who all begin with a weight of 1."""
    return _with_weights(found, periods, horizon, lambda w: w / np.where(w[:, :1] > 0, w[:, :1], 1.0))


def unweighted(found: PreparedRisk, periods: PairPeriods, horizon: float) -> RiskContrast:
    """No weights at all."""
    return _with_weights(found, periods, horizon, lambda w: (w > 0).astype(float))


def weights_taken_as_known(found: PreparedRisk, periods: PairPeriods, horizon: float) -> RiskContrast:
    """Errors that do not know that weights were estimated."""
    rows = rows_of(found, "event", periods)
    return contrasts_of(replace(rows, correction=lambda gradient: np.zeros(gradient.size)), [horizon])[0]


def _with_weights(found: PreparedRisk, periods: PairPeriods, horizon: float, keep) -> RiskContrast:
    arms = [replace(arm, weights=keep(arm.weights), decisions=()) for arm in periods.arms]
    return whole(found, replace(periods, target=arms[0], comparator=arms[1]), horizon)


FORMS = {
    form.__name__: form
    for form in (
        *(whole, one_less_kaplan_meier, losses_ignored),
        *(arms_as_they_are, unweighted, weights_taken_as_known),
    )
}


def sample(name: str, seed: int) -> tuple[PreparedRisk, PairPeriods]:
    """People of a world with their weights, which every form begins with."""
    with threadpool_limits(1):
        world = (WORLDS | TWICE)[name]
        found = world.make(seed)
        return found, found.periods("event", world.horizon)
