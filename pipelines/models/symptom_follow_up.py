"""Draws that a question asks about, how long each was followed, and the chance of that; no symptom after a draw is looked at.

What both bands (`symptom_risk`) and the scale (`symptom_line`) stand on. Not here: chances of a band.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.design_matrix import Terms, terms
from pipelines.models.errors import NotEstimable
from pipelines.models.folded_matrix import FoldedMatrix
from pipelines.models.repeated_logistic import Decided, RepeatedFit, fit_repeated
from pipelines.models.symptom_frame import SymptomFrame

NOMINAL = ("race_ethnicity",)
#: no covariate counts beyond so many SDs: one wild value must not tell a band
_MOST_SDS = 5.0
#: of the loss model, on standardised covariates
_LOSS_PENALTY = 1.0
#: periods in which the window is cut for the chance of being followed; the days before it are one more
_PERIODS = 4


@dataclass(frozen=True, slots=True, eq=False)
class LossModel:
    """Chance of being followed through each period, of draws that began it.

    Attributes:
        rows: [r] periods begun, whose draw among those kept [m] each is, and whether it was followed to its end; covariates of
            draws [m, b - 1 + p] are indicators of the bands after the first, then those of the question.
        period: [r].
        fit: None where nobody was lost.
        probability: [r] of staying.
        edges: [k + 1] first days of the periods, and the day after the last.
    """

    rows: Decided
    period: np.ndarray
    fit: RepeatedFit | None
    probability: np.ndarray
    edges: np.ndarray

    def log_chance(self, until: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[m] log chance of being followed until a day, and the part of each row's period [r] that lies before it."""
        starts, ends = self.edges[self.period], self.edges[self.period + 1]
        part = np.clip((until[self.rows.person] - starts) / (ends - starts), 0.0, 1.0)
        return self.rows.summed(part * np.log(self.probability)), part


@dataclass(frozen=True, slots=True, eq=False)
class FollowedSymptom:
    """Draws kept [m] with their chances of follow-up.

    Attributes:
        kept: [m] rows of the frame: with a band, and not prompted unless those were asked for.
        band: [m] numbers of `present`, the bands that occur.
        loss: chance of being followed.
    """

    frame: SymptomFrame
    kept: np.ndarray
    present: np.ndarray
    band: np.ndarray
    loss: LossModel

    @property
    def design(self) -> FoldedMatrix:
        """[m, p] covariates: the columns of the loss model after its indicators of bands."""
        base = self.loss.rows.base
        assert isinstance(base, FoldedMatrix)
        return base.without(self.present.size - 1)

    @property
    def person_id(self) -> np.ndarray:
        """[m]"""
        return self.frame.person_id[self.kept]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Draws at risk of one outcome [m], and those whose window is known.

    Attributes:
        at_risk: no record in the year before or until the window opens, followed to its first day.
        is_seen: of them, with an event, or followed to the end of the window.
        event: [m] 1 for an event in the window, else 0.
        until: [m] day of the event, or the end of the window.
        by_follow_up: [m] weights of follow-up alone; 0 where not seen.
    """

    at_risk: np.ndarray
    is_seen: np.ndarray
    event: np.ndarray
    until: np.ndarray
    by_follow_up: np.ndarray


def follow(frame: SymptomFrame, *, with_prompted: bool = False) -> FollowedSymptom:
    """Draws of the question and their chance of being followed.

    Raises:
        NotEstimable: fewer than two bands with draws, none in the reference, or a model that cannot be fitted.
    """
    kept = np.flatnonzero((frame.band >= 0) & (with_prompted | ~frame.is_prompted))
    present, band = np.unique(frame.band[kept], return_inverse=True)
    if present.size < 2 or frame.reference not in present:
        raise NotEstimable("there are no draws in the reference and another band")
    # One matrix for both models: see `design`.
    both = covariate_terms(frame.covariates[kept]).folded(band[:, None] == np.arange(1, present.size), _MOST_SDS)
    return FollowedSymptom(frame, kept, present, band, _loss_model(frame, kept, both))


def covariate_terms(covariates: pl.DataFrame) -> Terms:
    """Covariates of draws as models take them: curves, levels, indicators of missing."""
    return terms(covariates, tuple(name for name in NOMINAL if name in covariates.columns))


def covariate_columns(found: Terms, n_before: int) -> np.ndarray:
    """[m, n_before + p] terms after columns that are the caller's to fill; SDs beyond the most count as the most."""
    both = np.empty((found.n_rows, n_before + len(found.names)))
    matrix = found.into(both[:, n_before:])
    np.clip(matrix, -_MOST_SDS, _MOST_SDS, out=matrix)
    return both


def window(followed: FollowedSymptom, outcome: int) -> Window:
    """Who is at risk of an outcome, and whose window is known."""
    frame, kept = followed.frame, followed.kept
    days = frame.followed_days[kept]
    free = ~(frame.is_prevalent[kept, outcome] | frame.is_early[kept, outcome]) & (days >= frame.lag_days)
    day = frame.event_day[kept, outcome]
    event = free & np.isfinite(day)
    seen = event | (free & (days >= frame.end_days - 1))
    until = np.where(event, day, float(frame.end_days))
    log_chance, _ = followed.loss.log_chance(until)
    return Window(free, seen, event.astype(np.float64), until, np.where(seen, np.exp(-log_chance), 0.0))


def _loss_model(frame: SymptomFrame, kept: np.ndarray, design: FoldedMatrix) -> LossModel:
    edges = np.r_[0.0, np.linspace(frame.lag_days, frame.end_days, _PERIODS + 1).round()]
    # Followed through a day is followed to the first of the next.
    until = frame.followed_days[kept] + 1
    n_begun = np.clip(np.searchsorted(edges, until, side="right"), 1, edges.size - 1)
    draw = np.repeat(np.arange(kept.size), n_begun)
    period = np.arange(draw.size) - np.repeat(np.cumsum(n_begun) - n_begun, n_begun)
    stayed = until[draw] >= edges[period + 1]
    later = (period[:, None] == np.arange(1, edges.size - 1)).astype(np.float64)
    rows = Decided(draw, design, later, stayed.astype(np.float64))
    if stayed.all():
        return LossModel(rows, period, None, np.ones(draw.size), edges)
    try:
        fit = fit_repeated(rows, _LOSS_PENALTY)
    except NotEstimable as error:
        raise NotEstimable(f"staying: {error}", error.columns) from error
    return LossModel(rows, period, fit, fit.probabilities, edges)
