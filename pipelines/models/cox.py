"""Proportional hazards: Cox's regression by its own kernel, with errors that count persons, and a check of proportionality.

Rows (start, stop], weights, strata, Efron's or Breslow's ties. Here: hazard ratios, baseline hazard with its influence, test
of drift in time. Not here: risks (`survival_curve`, `arm_risk`), which come first: a hazard ratio has selection built in.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.survival_curve import FollowUp
from pipelines.models.wald import WaldTest, f_test

Ties = Literal["efron", "breslow"]
_MOST_STEPS = 50
_MOST_HALVINGS = 20
#: log hazards of people further apart than this have no finite fit
_RUNS_OFF = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """Log hazard ratios [p] per unit of the covariates.

    Attributes:
        coefficients: [p].
        covariance: [p, p] sandwich over persons, no small-sample factor; `model_covariance` [p, p] by the information.
        log_likelihood: partial, at the fit; `null_log_likelihood` at 0.
        times, stratum: [k] of the events; `hazard` [k] increments of the baseline hazard at covariates of 0.
        n_events: rows with the event and weight.
        influence: [n, p] what each row adds to the coefficients, times its weight's pull; sums to 0.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    model_covariance: np.ndarray
    log_likelihood: float
    null_log_likelihood: float
    times: np.ndarray
    stratum: np.ndarray
    hazard: np.ndarray
    n_events: int
    influence: np.ndarray

    @property
    def standard_errors(self) -> np.ndarray:
        """[p] by persons."""
        return np.sqrt(np.diag(self.covariance))

    def baseline(self, at: np.ndarray, stratum: int = 0) -> np.ndarray:
        """[m] cumulative baseline hazard of a stratum at times `at` [m]."""
        own = self.stratum == stratum
        return np.r_[0.0, np.cumsum(self.hazard[own])][np.searchsorted(self.times[own], at, side="right")]


@dataclass(frozen=True, slots=True, eq=False)
class BaselineHazard:
    """Cumulative hazard up to a time at covariates `center` [p], and how it moves.

    Attributes:
        value: of the cumulative hazard.
        slope: [p] by the coefficients.
        influence: [n] of each row, times its weight's pull, coefficients moving with it.
    """

    value: float
    center: np.ndarray
    slope: np.ndarray
    influence: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """What does not depend on coefficients: x [n, p] centred and scaled, w [n], the cells of events, and steps of ties."""

    x: np.ndarray
    w: np.ndarray
    event: np.ndarray
    keys: tuple[np.ndarray, np.ndarray]
    orders: tuple[np.ndarray, np.ndarray]
    cells: np.ndarray
    base: int
    own: np.ndarray
    step_cell: np.ndarray
    fraction: np.ndarray
    step_weight: np.ndarray

    def at_risk(self, values: np.ndarray) -> np.ndarray:
        """[k, ...] sums of `values` [n, ...] over the rows at risk at each cell."""
        total = np.zeros((self.cells.size, *values.shape[1:]))
        ends = (self.cells // self.base + 1) * self.base
        for sign, key, order in ((1.0, self.keys[1], self.orders[1]), (-1.0, self.keys[0], self.orders[0])):
            sums = np.concatenate([np.cumsum(values[order][::-1], axis=0)[::-1], np.zeros((1, *values.shape[1:]))])
            lines = key[order]
            total += sign * (sums[np.searchsorted(lines, self.cells)] - sums[np.searchsorted(lines, ends)])
        return total

    def with_event(self, values: np.ndarray) -> np.ndarray:
        """[k, ...] sums over the rows with the event of each cell."""
        total = np.zeros((self.cells.size, *values.shape[1:]))
        np.add.at(total, self.own, values[self.event])
        return total

    def through(self, values: np.ndarray) -> np.ndarray:
        """[n, ...] sums of cells' `values` [k, ...] over the cells at which each row is at risk."""
        sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
        entry, leave = (np.searchsorted(self.cells, key, side="right") for key in self.keys)
        return sums[leave] - sums[entry]

    def by_cell(self, values: np.ndarray) -> np.ndarray:
        """[k, ...] sums of steps' values."""
        total = np.zeros((self.cells.size, *values.shape[1:]))
        np.add.at(total, self.step_cell, values)
        return total


def fit_cox(
    rows: FollowUp,
    design: np.ndarray,
    cause: int = 1,
    stratum: np.ndarray | None = None,
    person_id: np.ndarray | None = None,
    ties: Ties = "efron",
) -> CoxFit:
    """Hazard of a cause given covariates; other causes are censoring (cause-specific hazard).

    Args:
        rows: [n].
        design: [n, p] finite, no intercept.
        cause: number of the event.
        stratum: [n] integers, a baseline hazard each; None is one.
        person_id: [n] for the sandwich; None where every row is a person.
        ties: as R's coxph, Efron's by default.

    Raises:
        NotEstimable: no event, collinear or constant columns, a ratio that runs off, or no convergence.
        ValueError: shapes that differ, or covariates not finite.

    Source: Cox (1972), JRSS B 34:187; Efron (1977), JASA 72:557; Lin and Wei (1989), JASA 84:1074 (sandwich); weights,
    Binder (1992), Biometrika 79:139.
    """
    x = np.asarray(design, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] != rows.exit.size or not np.all(np.isfinite(x)):
        raise ValueError("design must be finite, one row each")
    center = np.average(x, axis=0, weights=rows.weights) if rows.weights.sum() > 0 else np.zeros(x.shape[1])
    scale = np.sqrt(((x - center) ** 2).mean(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    strata = np.zeros(x.shape[0], dtype=np.int64) if stratum is None else np.asarray(stratum).astype(np.int64)
    lay, moments, names = _layout(rows, (x - center) / scale, cause, strata, ties)
    beta = np.zeros(x.shape[1])
    null, gradient, information, _ = _derivatives(lay, beta)
    value = null
    for _ in range(_MOST_STEPS):
        move = _step(information, gradient)
        # The last step is taken too: without it the fit stops up to 1e-7 standard errors short.
        is_last = float(gradient @ move) < 1e-16 * max(1.0, abs(value))
        beta, value, gradient, information = _moved(lay, beta, move, value)
        if is_last:
            break
        if np.ptp(lay.x @ beta) > _RUNS_OFF:
            fault = [int(np.abs(beta).argmax())]
            raise NotEstimable("a hazard ratio runs off: a covariate tells who has the event", fault)
    else:
        raise NotEstimable(f"proportional hazards did not converge in {_MOST_STEPS} steps")
    _, _, _, (risk, mean, increment) = _derivatives(lay, beta)
    inverse = np.linalg.inv(information)
    scores = _scores(lay, risk, mean, increment)
    influence = scores @ inverse / scale
    if person_id is not None:
        _, codes = np.unique(person_id, return_inverse=True)
        gathered = np.zeros((int(codes.max()) + 1, beta.size))
        np.add.at(gathered, codes, scores)
        scores = gathered
    unit = np.outer(scale, scale)
    coefficients = beta / scale
    hazard = lay.by_cell(increment) * np.exp(-float(center @ coefficients))
    sandwich = inverse @ (scores.T @ scores) @ inverse
    sizes = int((lay.event & (lay.w > 0)).sum())
    return CoxFit(coefficients, sandwich / unit, inverse / unit, value, null, moments, names, hazard, sizes, influence)


def baseline_hazard(
    rows: FollowUp, design: np.ndarray, fit: CoxFit, at: float, cause: int = 1, ties: Ties = "efron"
) -> BaselineHazard:
    """Cumulative baseline hazard up to `at`, with what each row adds to it. One stratum.

    Args:
        rows, design, cause, ties: those of the fit.
        at: time since the origin.

    Source: Breslow (1972), JRSS B 34:216; linearised as in Lin (2000), Biometrika 87:37 (surveys).
    """
    x = np.asarray(design, dtype=np.float64)
    center = np.average(x, axis=0, weights=rows.weights)
    lay, times, _ = _layout(rows, x - center, cause, np.zeros(x.shape[0], dtype=np.int64), ties)
    _, _, _, (risk, mean, increment) = _derivatives(lay, fit.coefficients)
    step = np.where(times[lay.step_cell] <= at, increment, 0.0)
    slope = -(step @ mean)
    influence = -risk * _exposure(lay, step * increment / lay.step_weight)
    own = lay.by_cell(step) / lay.by_cell(lay.step_weight)
    influence[lay.event] += lay.w[lay.event] * own[lay.own]
    return BaselineHazard(float(step.sum()), center, slope, influence + fit.influence @ slope)


def proportionality(
    rows: FollowUp,
    design: np.ndarray,
    fit: CoxFit,
    time_scale: np.ndarray,
    cause: int = 1,
    stratum: np.ndarray | None = None,
    ties: Ties = "efron",
) -> tuple[WaldTest, ...]:
    """Score tests that log hazard ratios do not drift along `time_scale`: one a column, then all at once.

    Args:
        rows, design, cause, stratum, ties: those of the fit.
        time_scale: [k] value of g(t) at each of `fit.times`: the time, its logarithm, or 1 - survival just before it.

    Source: Grambsch and Therneau (1994), Biometrika 81:515, as the score test of R survival 3's cox.zph.
    """
    x = np.asarray(design, dtype=np.float64)
    center = x.mean(axis=0)
    strata = np.zeros(x.shape[0], dtype=np.int64) if stratum is None else np.asarray(stratum).astype(np.int64)
    lay, _, _ = _layout(rows, x - center, cause, strata, ties)
    _, _, _, (risk, mean, increment) = _derivatives(lay, fit.coefficients)
    p = x.shape[1]
    products = lay.x[:, :, None] * lay.x[:, None, :] * risk[:, None, None]
    cell, part = lay.step_cell, lay.fraction[:, None, None]
    second = lay.at_risk(products)[cell] - part * lay.with_event(products)[cell]
    spread = second * increment[:, None, None] - lay.step_weight[:, None, None] * mean[:, :, None] * mean[:, None, :]
    g = (time_scale - time_scale.mean())[cell]
    seen = lay.with_event(lay.x * lay.w[:, None])
    drift = (time_scale - time_scale.mean()) @ seen - (g * lay.step_weight) @ mean
    whole = np.block([[np.tensordot(g**power, spread, axes=(0, 0)) for power in row] for row in ((0, 1), (1, 2))])
    tests = []
    for chosen in [*([column] for column in range(p)), list(range(p))]:
        columns = np.r_[np.arange(p), p + np.array(chosen)]
        score = np.r_[np.zeros(p), drift[chosen]]
        statistic = float(score @ np.linalg.solve(whole[np.ix_(columns, columns)], score))
        tests.append(f_test(statistic / len(chosen), len(chosen), np.inf))
    return tuple(tests)


def _layout(
    rows: FollowUp, x: np.ndarray, cause: int, strata: np.ndarray, ties: Ties
) -> tuple[_Layout, np.ndarray, np.ndarray]:
    """Layout, times [k] and strata [k] of the cells."""
    _, rank = np.unique(np.r_[rows.entry, rows.exit], return_inverse=True)
    names, code = np.unique(strata, return_inverse=True)
    base = int(rank.max()) + 1 if rank.size else 1
    n = rows.exit.size
    keys = code * base + rank[:n], code * base + rank[n:]
    event = (rows.event == cause) & (rows.weights > 0)
    if not event.any():
        raise NotEstimable("nobody has the event: there is no hazard to compare")
    cells, first, own = np.unique(keys[1][event], return_index=True, return_inverse=True)
    deaths = np.bincount(own)
    mass = np.bincount(own, rows.weights[event])
    if ties == "breslow":
        step_cell, fraction, weight = np.arange(cells.size), np.zeros(cells.size), mass
    else:
        step_cell = np.repeat(np.arange(cells.size), deaths)
        place = np.arange(step_cell.size) - np.repeat(np.cumsum(deaths) - deaths, deaths)
        fraction, weight = place / deaths[step_cell], (mass / deaths)[step_cell]
    orders = np.argsort(keys[0], kind="stable"), np.argsort(keys[1], kind="stable")
    lay = _Layout(x, rows.weights, event, keys, orders, cells, base, own, step_cell, fraction, weight)
    return lay, rows.exit[event][first], names[cells // base]


def _derivatives(
    lay: _Layout, beta: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Log-likelihood, gradient, information; weighted risks [n], means [s, p] and increments [s] of the steps."""
    predictor = lay.x @ beta
    risk = lay.w * np.exp(predictor)
    stacked = np.column_stack([risk, lay.x * risk[:, None]])
    sums = lay.at_risk(stacked)[lay.step_cell] - lay.fraction[:, None] * lay.with_event(stacked)[lay.step_cell]
    mean, increment = sums[:, 1:] / sums[:, :1], lay.step_weight / sums[:, 0]
    seen = lay.w[lay.event]
    value = float(seen @ predictor[lay.event] - lay.step_weight @ np.log(sums[:, 0]))
    gradient = seen @ lay.x[lay.event] - lay.step_weight @ mean
    exposure = risk * _exposure(lay, increment)
    information = (lay.x * exposure[:, None]).T @ lay.x - (mean * lay.step_weight[:, None]).T @ mean
    return value, gradient, information, (risk, mean, increment)


def _exposure(lay: _Layout, increment: np.ndarray) -> np.ndarray:
    """[n, ...] steps' increments over a row's time at risk; of a tie, a row with the event takes its share only."""
    found = lay.through(lay.by_cell(increment))
    shape = (-1, *([1] * (increment.ndim - 1)))
    found[lay.event] -= lay.by_cell(increment * lay.fraction.reshape(shape))[lay.own]
    return found


def _scores(lay: _Layout, risk: np.ndarray, mean: np.ndarray, increment: np.ndarray) -> np.ndarray:
    """[n, p] score residuals times the weights; they sum to 0."""
    scores = risk[:, None] * (_exposure(lay, increment[:, None] * mean) - lay.x * _exposure(lay, increment)[:, None])
    typical = lay.by_cell(lay.step_weight[:, None] * mean) / lay.by_cell(lay.step_weight)[:, None]
    scores[lay.event] += lay.w[lay.event][:, None] * (lay.x[lay.event] - typical[lay.own])
    return scores


def _step(information: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    spread = np.sqrt(np.maximum(np.diag(information), 0.0))
    if not np.all(spread > 1e-10):
        raise NotEstimable("a covariate is the same for all at risk", np.flatnonzero(~(spread > 1e-10)).tolist())
    values, vectors = np.linalg.eigh(information / np.outer(spread, spread))
    if values[0] <= 1e-12 * values[-1]:
        raise NotEstimable("covariates tell each other", np.flatnonzero(np.abs(vectors[:, 0]) > 0.1).tolist())
    return vectors @ ((vectors.T @ (gradient / spread)) / values) / spread


def _moved(
    lay: _Layout, beta: np.ndarray, move: np.ndarray, value: float
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """A Newton step, halved until the likelihood does not fall."""
    for halved in range(_MOST_HALVINGS):
        tried = beta + move / 2**halved
        found, gradient, information, _ = _derivatives(lay, tried)
        if np.isfinite(found) and found >= value - 1e-12 * abs(value):
            return tried, found, gradient, information
    raise NotEstimable("proportional hazards did not converge: no step raises the likelihood")
