"""Curves of time to event without a model: survival, competing events, time lived and lost, with influence functions.

Kaplan-Meier, Aalen-Johansen and Nelson-Aalen under weights of rows, with late entry. Not here: how two arms differ
(`arm_risk`), regression of hazards (`cox`, `discrete_hazard`), where weights come from (`weighting`, `observation`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.models.errors import NotEstimable

#: survival, risk of a cause, its cumulative hazard, time lived without event, and time lost to a cause, up to a horizon
Quantity = Literal["survival", "risk", "hazard", "time_lived", "time_lost"]
_EMPTY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class FollowUp:
    """Rows under observation over (entry, exit]; a person may have several, end to end, each with its own weight.

    Attributes:
        entry: [n] time since the origin; minus infinity where observed from the origin on, events at it included.
        exit: [n] time since the origin, same unit.
        event: [n] 0 none (censored, or the row goes on), else the number of the cause, from 1.
        weights: [n] not negative.
        n_causes: causes 1 to n_causes.
    """

    entry: np.ndarray
    exit: np.ndarray
    event: np.ndarray
    weights: np.ndarray
    n_causes: int


@dataclass(frozen=True, slots=True, eq=False)
class CutRows:
    """Rows [m] cut at given times, the row [m] each comes from, and its part [m]: 0 up to the first cut, 1 after it, ..."""

    rows: FollowUp
    origin: np.ndarray
    part: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """Steps of the curves at the k times of events, causes competing.

    Attributes:
        times: [k] increasing.
        at_risk: [k] weighted, just before each time; `n_at_risk` [k] rows of positive weight.
        events: [k, c] weighted, by cause.
        survival: [k] without any event, at each time and until the next.
        incidence: [k, c] risk by cause (Aalen-Johansen): survival and incidences sum to 1.
        last: the last time at which somebody is at risk.
    """

    times: np.ndarray
    at_risk: np.ndarray
    n_at_risk: np.ndarray
    events: np.ndarray
    survival: np.ndarray
    incidence: np.ndarray
    last: float

    @property
    def hazard(self) -> np.ndarray:
        """[k, c] increments of the cause-specific cumulative hazards (Nelson-Aalen)."""
        return self.events / self.at_risk[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class CurvePoint:
    """A quantity at a horizon, and its influence [n]: what each row adds, times its weight's pull; sums to 0.

    The influence over the weight is the derivative by the weight, so that fits behind weights can correct it.
    """

    value: float
    influence: np.ndarray


def follow_up(
    exit: np.ndarray,
    event: np.ndarray,
    entry: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    n_causes: int | None = None,
) -> FollowUp:
    """Checked rows of follow-up.

    Args:
        exit: [n] time since the origin, not negative.
        event: [n] 0, or number of the cause.
        entry: [n] of late entry or of rows end to end; None where everybody is observed from the origin on.
        weights: [n]; None is 1.
        n_causes: where a cause may have no event in these rows.

    Raises:
        ValueError: shapes that differ, values not finite, negative times or weights, or a row that ends before it begins.
    """
    stop = np.asarray(exit, dtype=np.float64)
    cause = np.asarray(event)
    mass = np.ones(stop.size) if weights is None else np.asarray(weights, dtype=np.float64)
    start = np.full(stop.size, -np.inf) if entry is None else np.asarray(entry, dtype=np.float64)
    if stop.ndim != 1 or not stop.shape == cause.shape == mass.shape == start.shape:
        raise ValueError("exit, event, entry and weights must be one row each")
    if not (np.all(np.isfinite(stop)) and np.all(stop >= 0)):
        raise ValueError("times since the origin must be finite and not negative")
    if entry is not None and not (np.all(start >= 0) and np.all(start < stop)):
        raise ValueError("a row must begin at the origin or after it, and end after it begins")
    if not (np.all(np.isfinite(mass)) and np.all(mass >= 0)):
        raise ValueError("weights must be finite and not negative")
    numbers = cause.astype(np.int64)
    if not np.array_equal(numbers, cause) or (cause.size and numbers.min() < 0):
        raise ValueError("events must be 0 or the number of a cause")
    most = int(numbers.max()) if numbers.size else 0
    causes = max(most, 1) if n_causes is None else n_causes
    if most > causes:
        raise ValueError(f"an event of cause {most} where {causes} are told of")
    return FollowUp(start, stop, numbers, mass, causes)


def only_cause(rows: FollowUp, cause: int) -> FollowUp:
    """Other causes as if they were censoring: 1 - survival is then the risk were they abolished, not the risk seen."""
    return FollowUp(rows.entry, rows.exit, (rows.event == cause).astype(np.int64), rows.weights, 1)


def cut_rows(rows: FollowUp, at: Sequence[float] | np.ndarray) -> CutRows:
    """The same follow-up in shorter rows, so that a covariate may act otherwise after a time; pieces of a row lie together.

    Args:
        rows: [n].
        at: cuts since the origin, unit of the rows; what happens at a cut belongs to the part that it ends.

    Raises:
        ValueError: cuts that are not positive, finite and increasing.

    Source: as survSplit() of R survival; Therneau and Grambsch (2000), Modeling Survival Data, section 3.7.
    """
    cuts = np.asarray(at, dtype=np.float64)
    if cuts.ndim != 1 or not (np.all(np.isfinite(cuts)) and np.all(np.diff(np.r_[0.0, cuts]) > 0)):
        raise ValueError("cuts must be positive, finite and increasing")
    first, last = np.searchsorted(cuts, rows.entry, side="right"), np.searchsorted(cuts, rows.exit, side="left")
    pieces = last - first + 1
    origin = np.repeat(np.arange(rows.exit.size), pieces)
    part = np.arange(origin.size) - np.repeat(np.cumsum(pieces) - pieces - first, pieces)
    is_first, is_last = part == first[origin], part == last[origin]
    start = np.where(is_first, rows.entry[origin], np.r_[-np.inf, cuts][part])
    stop = np.where(is_last, rows.exit[origin], np.r_[cuts, np.inf][part])
    event = np.where(is_last, rows.event[origin], 0)
    return CutRows(FollowUp(start, stop, event, rows.weights[origin], rows.n_causes), origin, part)


def fit_curve(rows: FollowUp) -> SurvivalCurve:
    """Weighted Kaplan-Meier and Aalen-Johansen curves; at a tied time events come before censoring.

    Raises:
        NotEstimable: no row with weight, or a time before the last event at which nobody was at risk.

    Source: Kaplan and Meier (1958), JASA 53:457; Aalen and Johansen (1978), Scand J Stat 5:141; with weights, Xie and
    Liu (2005), Stat Med 24:3089.
    """
    used = rows.weights > 0
    if not used.any():
        raise NotEstimable("nobody is at risk: no row has weight")
    entry, leave, weights, event = (part[used] for part in (rows.entry, rows.exit, rows.weights, rows.event))
    times = np.unique(leave[event > 0])
    at_risk = _at_risk(entry, leave, weights, times)
    n_at_risk = _at_risk(entry, leave, np.ones(leave.size), times)
    happened = event > 0
    cell = np.searchsorted(times, leave[happened]) * rows.n_causes + event[happened] - 1
    events = np.bincount(cell, weights[happened], times.size * rows.n_causes).reshape(times.size, rows.n_causes)
    # Sums that differ by rounding alone: at risk are at least those who have the event.
    at_risk = np.maximum(at_risk, events.sum(axis=1))
    _require_no_gap(entry, leave, times)
    kept = 1.0 - events.sum(axis=1) / at_risk
    kept[kept < _EMPTY] = 0.0
    survival = np.cumprod(kept)
    before = np.r_[1.0, survival[:-1]]
    incidence = np.cumsum(before[:, None] * events / at_risk[:, None], axis=0)
    curve = SurvivalCurve(times, at_risk, n_at_risk.astype(np.int64), events, survival, incidence, float(leave.max()))
    if times.size and survival[-1] == 0 and np.argmax(survival == 0) < times.size - 1:
        raise NotEstimable("everybody then at risk had the event before others came under observation")
    return curve


def step_values(curve: SurvivalCurve, at: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Survival [m] and incidence [m, c] at times `at` [m]; NaN beyond what was observed. For drawing; no errors."""
    moments = np.asarray(at, dtype=np.float64)
    place = np.searchsorted(curve.times, moments, side="right")
    survival = np.r_[1.0, curve.survival][place]
    incidence = np.vstack([np.zeros((1, curve.incidence.shape[1])), curve.incidence])[place]
    unseen = (moments > curve.last) & (survival > 0)
    survival[unseen], incidence[unseen] = np.nan, np.nan
    return survival, incidence


def curve_point(rows: FollowUp, curve: SurvivalCurve, quantity: Quantity, horizon: float, cause: int = 1) -> CurvePoint:
    """A quantity at a horizon with its influence function.

    Args:
        rows: those of the curve.
        curve: `fit_curve` of them.
        quantity: survival; risk of `cause` with the other causes competing (total effect); its cumulative hazard; mean
            time without any event up to the horizon (RMST); mean time lost to `cause` up to it, in the unit of time.
        horizon: time since the origin.
        cause: from 1; not read for survival and time lived.

    Raises:
        NotEstimable: nobody is under observation at the horizon while some would still be without event.
        ValueError: a cause that is not there, or a negative horizon.

    Source: the infinitesimal jackknife of Aalen-Johansen, as R survival 3 gives it (Therneau, vignette on methods);
    without weights or late entry its sum of squares is Greenwood's (1926) variance. Andersen, Hansen, Klein (2004), Lifetime
    Data Anal 10:335 (time lived); Andersen (2013), Stat Med 32:5278 (time lost).
    """
    if not 1 <= cause <= rows.n_causes or not horizon >= 0:
        raise ValueError("a cause must be one of those told of, and a horizon not negative")
    _require_observed(curve, horizon)
    if quantity in ("survival", "time_lived"):
        parts = [_parts(curve, horizon, place, quantity == "time_lived") for place in range(rows.n_causes)]
        whole = 1.0 if quantity == "survival" else horizon
        value = whole - sum(part[0] for part in parts)
        own = -np.stack([part[1] for part in parts], axis=1)
        every = -np.sum([part[2] for part in parts], axis=0)
    elif quantity == "hazard":
        inside = curve.times <= horizon
        value = float(curve.hazard[inside, cause - 1].sum())
        own, every = np.zeros_like(curve.events), np.zeros(curve.times.size)
        own[:, cause - 1] = np.where(inside, 1 / curve.at_risk, 0.0)
    else:
        value, column, every = _parts(curve, horizon, cause - 1, quantity == "time_lost")
        own = np.zeros_like(curve.events)
        own[:, cause - 1] = column
    return CurvePoint(float(value), _influence(rows, curve, own, every))


def _at_risk(entry: np.ndarray, leave: np.ndarray, weights: np.ndarray, times: np.ndarray) -> np.ndarray:
    """[k] weight of rows with entry < time <= exit, summed from the far end: small risk sets there stay exact."""
    total = np.zeros(times.size)
    for sign, moments in ((1.0, leave), (-1.0, entry)):
        order = np.argsort(moments, kind="stable")
        from_here = np.r_[np.cumsum(weights[order][::-1])[::-1], 0.0]
        total += sign * from_here[np.searchsorted(moments[order], times, side="left")]
    return total


def _require_no_gap(entry: np.ndarray, leave: np.ndarray, times: np.ndarray) -> None:
    """Refuse where nobody was at risk somewhere between the origin and the last event."""
    if not times.size:
        return
    starts = np.maximum(entry, 0.0)
    order = np.argsort(starts, kind="stable")
    reached = np.maximum.accumulate(np.r_[0.0, leave[order]])[:-1]
    gap = (starts[order] > reached) & (reached < times[-1])
    if gap.any():
        where = int(np.argmax(gap))
        raise NotEstimable(f"nobody is at risk between {reached[where]:g} and {starts[order][where]:g}")


def _require_observed(curve: SurvivalCurve, horizon: float) -> None:
    # Where everybody has had an event the curve is known for ever.
    is_over = curve.survival.size > 0 and curve.survival[-1] == 0
    if horizon > curve.last and not is_over:
        raise NotEstimable(f"nobody is at risk at {horizon:g}: the last one was at {curve.last:g}")


def _parts(curve: SurvivalCurve, horizon: float, place: int, is_area: bool) -> tuple[float, np.ndarray, np.ndarray]:
    """Risk of a cause, or the area under it, and what a row adds at each time: by its own event [k], by any event [k].

    d risk = sum over times of S- dM_cause / Y - (F(horizon) - F) dM / (Y (1 - h)); under an integral the same of areas.
    """
    inside = curve.times <= horizon
    risk = curve.incidence[:, place]
    before = np.r_[1.0, curve.survival[:-1]]
    left = np.where(inside, horizon - curve.times, 0.0)
    if is_area:
        # Area under the step function from each time to the horizon.
        until = np.minimum(np.r_[curve.times[1:], np.inf], horizon)
        steps = np.where(inside, risk * np.maximum(until - curve.times, 0.0), 0.0)
        area = np.cumsum(steps[::-1])[::-1]
        value = float(area[0]) if area.size else 0.0
        ahead, pull = area - left * risk, before * left
    else:
        value = float(risk[inside][-1]) if inside.any() else 0.0
        ahead, pull = value - risk, before
    kept = 1.0 - curve.hazard.sum(axis=1)
    passes = inside & (kept > _EMPTY)
    own = np.where(inside, pull / curve.at_risk, 0.0)
    every = np.where(passes, ahead / (curve.at_risk * np.where(passes, kept, 1.0)), 0.0)
    return value, own, -every


def _influence(rows: FollowUp, curve: SurvivalCurve, own: np.ndarray, every: np.ndarray) -> np.ndarray:
    """[n] w_i (sum of own dM_cause + every dM) for coefficients `own` [k, c] and `every` [k]; dM = dN - at risk x hazard."""
    hazard = curve.hazard
    compensator = np.r_[0.0, np.cumsum((own * hazard).sum(axis=1) + every * hazard.sum(axis=1))]
    through = compensator[np.searchsorted(curve.times, rows.exit, side="right")]
    missed = compensator[np.searchsorted(curve.times, rows.entry, side="right")]
    found = missed - through
    happened = np.flatnonzero((rows.event > 0) & (rows.weights > 0))
    place = np.searchsorted(curve.times, rows.exit[happened])
    found[happened] += own[place, rows.event[happened] - 1] + every[place]
    return rows.weights * found
