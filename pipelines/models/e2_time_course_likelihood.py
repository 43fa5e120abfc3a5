"""Likelihood of people's log estradiol since a first dose: two random effects a person, integrated by adaptive quadrature.

Here: mean of a draw, its integral over what a person's start and fall may be, and the score. What is made of a maximum is in
`e2_time_course`.

A draw of person i on day t is b_i + shift + g(t, d_i) + error, with g(t, d) = log(exp(-k t) + (1 - exp(-k t)) exp(d)): so the
level goes from 1 to exp(d) of its start, at the rate k. With F = 1 - exp(d) this is log(1 - F (1 - exp(-k t))), and every d
has a meaning: whose estradiol does not fall has d of 0 or above.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipelines.models.truncated_normal import interval_probability

#: nodes each way; with 25 in place of 7 the log likelihood of 200 people moves by less than 0.01
NODES = 7
#: draws that are worked on at once: what fits the cache of a processor
_BLOCK = 4000
_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
_LARGEST_STEP = 1.0
#: of a ratio of levels, beyond what anybody's can be: so far numbers do not overflow
_MOST_LOG = 300.0
MU, LOG_TAU, DELTA, LOG_OMEGA, LOG_K = range(5)
#: before shifts and standard deviations by class of assay
N_COMMON = 5


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Draws [n] of people [k], sorted by person.

    `lower`, `upper` bounds of log estradiol, equal where measured; `days` since the first dose, 0 before it; `person` codes
    0 to k - 1; `assay` codes 0 to c - 1.
    """

    lower: np.ndarray
    upper: np.ndarray
    days: np.ndarray
    person: np.ndarray
    assay: np.ndarray
    n_classes: int

    @property
    def n_people(self) -> int:
        """How many people."""
        return int(self.person[-1]) + 1

    @property
    def starts(self) -> np.ndarray:
        """[k] first row of each person."""
        return np.flatnonzero(np.r_[True, self.person[1:] != self.person[:-1]])

    def blocks(self) -> list["Draws"]:
        """The same people, a few at a time."""
        starts = self.starts
        cuts = [0, *np.flatnonzero(np.diff(starts // _BLOCK)) + 1, starts.size]
        ends = np.r_[starts, self.person.size]
        found = []
        for first, last in pairwise(cuts):
            rows = slice(ends[first], ends[last])
            kept = (self.lower[rows], self.upper[rows], self.days[rows], self.person[rows] - first, self.assay[rows])
            found.append(Draws(*kept, self.n_classes))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Where the integral of each person is taken: `start` (b) and `fall` (d) [k, q], `log_weight` [k, q]."""

    start: np.ndarray
    fall: np.ndarray
    log_weight: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """`by_person` [k] log likelihoods, and `scores` [k, p] their gradients."""

    by_person: np.ndarray
    scores: np.ndarray

    @property
    def total(self) -> float:
        """Of everybody."""
        return float(self.by_person.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Each:
    """Of each draw at each node, in its mean: log density, slope and curvature (negative second derivative); by log sd."""

    log_density: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray
    by_log_sd: np.ndarray


def course(days: np.ndarray, fall: np.ndarray, log_k: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """g(t, d), and its derivatives in d and in log k; shapes as `days` and `fall` broadcast."""
    gone_days = np.exp(log_k) * days
    left, ratio = np.exp(-gone_days), np.exp(np.clip(fall, -_MOST_LOG, _MOST_LOG))
    to_come = -np.expm1(-gone_days) * ratio
    level = left + to_come
    return np.log(level), to_come / level, gone_days * left * (ratio - 1.0) / level


def adapted(draws: Draws, theta: np.ndarray, nodes: Nodes | None = None) -> Nodes:
    """Nodes about each person's most likely start and fall, as far apart as these are uncertain.

    Source: Pinheiro and Bates (1995), J Comput Graph Stat 4:12; the curvature by Gauss-Newton, so that it is always positive.
    """
    tau, omega = np.exp(theta[LOG_TAU]), np.exp(theta[LOG_OMEGA])
    middle = NODES**2 // 2
    b = np.full(draws.n_people, theta[MU]) if nodes is None else nodes.start[:, middle].copy()
    d = np.full(draws.n_people, theta[DELTA]) if nodes is None else nodes.fall[:, middle].copy()
    starts = draws.starts
    for step in range(25 if nodes is None else 6):
        level, by_fall, _ = course(draws.days, d[draws.person], theta[LOG_K])
        each = _each(draws, theta, (b[draws.person] + level)[:, None])
        slope, curvature = each.slope[:, 0], each.curvature[:, 0]
        gradient_b = np.add.reduceat(slope, starts) - (b - theta[MU]) / tau**2
        gradient_d = np.add.reduceat(slope * by_fall, starts) - (d - theta[DELTA]) / omega**2
        bb = np.add.reduceat(curvature, starts) + 1 / tau**2
        bd = np.add.reduceat(curvature * by_fall, starts)
        dd = np.add.reduceat(curvature * by_fall**2, starts) + 1 / omega**2
        determinant = bb * dd - bd**2
        step_b = (dd * gradient_b - bd * gradient_d) / determinant
        step_d = (bb * gradient_d - bd * gradient_b) / determinant
        if max(np.abs(step_b).max(), np.abs(step_d).max()) < 1e-4 and step > 0:
            break
        b += np.clip(step_b, -_LARGEST_STEP, _LARGEST_STEP)
        d += np.clip(step_d, -_LARGEST_STEP, _LARGEST_STEP)
    # Inverse of the curvature as L L', so that the nodes lie along the ridge on which start and fall make up for each other.
    first = np.sqrt(dd / determinant)
    across, second = -bd / determinant / first, 1 / np.sqrt(dd)
    points, weights = np.polynomial.hermite_e.hermegauss(NODES)
    one, other = (each.ravel() for each in np.meshgrid(points, points, indexing="ij"))
    log_weight = np.add.outer(np.log(weights), np.log(weights)).ravel() + (one**2 + other**2) / 2
    return Nodes(
        b[:, None] + first[:, None] * one,
        d[:, None] + across[:, None] * one + second[:, None] * other,
        np.log(first * second)[:, None] + log_weight,
    )


def likelihood(draws: Draws, theta: np.ndarray, nodes: Nodes) -> Likelihood:
    """Log likelihoods and scores with the nodes held where they are.

    Args:
        theta: [p] mu, log tau, delta, log omega, log k, shifts of the classes of assay after the first, log sd of each class.
    """
    starts, person = draws.starts, draws.person
    level, _, by_log_k = course(draws.days[:, None], nodes.fall[person], theta[LOG_K])
    each = _each(draws, theta, nodes.start[person] + level)
    tau, omega = np.exp(theta[LOG_TAU]), np.exp(theta[LOG_OMEGA])
    z_start, z_fall = (nodes.start - theta[MU]) / tau, (nodes.fall - theta[DELTA]) / omega
    log_prior = -(z_start**2 + z_fall**2) / 2 - theta[LOG_TAU] - theta[LOG_OMEGA] - 2 * _LOG_SQRT_2PI
    joint = np.add.reduceat(each.log_density, starts, axis=0) + log_prior + nodes.log_weight
    top = joint.max(axis=1, keepdims=True)
    posterior = np.exp(joint - top)
    total = posterior.sum(axis=1, keepdims=True)
    posterior /= total
    at_draw = posterior[person]
    slope = (at_draw * each.slope).sum(axis=1)
    scores = np.empty((draws.n_people, theta.size))
    scores[:, MU] = (posterior * z_start).sum(axis=1) / tau
    scores[:, LOG_TAU] = (posterior * z_start**2).sum(axis=1) - 1
    scores[:, DELTA] = (posterior * z_fall).sum(axis=1) / omega
    scores[:, LOG_OMEGA] = (posterior * z_fall**2).sum(axis=1) - 1
    scores[:, LOG_K] = np.add.reduceat((at_draw * each.slope * by_log_k).sum(axis=1), starts)
    by_log_sd = (at_draw * each.by_log_sd).sum(axis=1)
    for code in range(draws.n_classes):
        mine = draws.assay == code
        if code:
            scores[:, N_COMMON + code - 1] = np.add.reduceat(np.where(mine, slope, 0.0), starts)
        scores[:, N_COMMON + draws.n_classes - 1 + code] = np.add.reduceat(np.where(mine, by_log_sd, 0.0), starts)
    return Likelihood((top + np.log(total))[:, 0], scores)


def _each(draws: Draws, theta: np.ndarray, mean: np.ndarray) -> _Each:
    """[n, q] of draws about their means [n, q] before the shift of their class; a draw below a limit is an integral."""
    shift = np.r_[0.0, theta[N_COMMON : N_COMMON + draws.n_classes - 1]][draws.assay][:, None]
    log_sd = theta[N_COMMON + draws.n_classes - 1 :][draws.assay][:, None]
    sd, mean = np.exp(log_sd), mean + shift
    is_measured = draws.lower == draws.upper
    z = (np.where(is_measured, draws.lower, 0.0)[:, None] - mean) / sd
    found = _Each(-(z**2) / 2 - log_sd - _LOG_SQRT_2PI, z / sd, np.broadcast_to(1 / sd**2, z.shape).copy(), z**2 - 1)
    rows = np.flatnonzero(~is_measured)
    if rows.size:
        low, high = ((bound[rows][:, None] - mean[rows]) / sd[rows] for bound in (draws.lower, draws.upper))
        p = interval_probability(low, high)
        found.log_density[rows] = p.log_probability
        found.slope[rows] = -(p.slope_lower + p.slope_upper) / sd[rows]
        found.curvature[rows] = -(p.curvature_lower + 2 * p.curvature_mixed + p.curvature_upper) / sd[rows] ** 2
        ends = [np.where(np.isfinite(end), end, 0.0) for end in (low, high)]
        found.by_log_sd[rows] = -(ends[0] * p.slope_lower + ends[1] * p.slope_upper)
    return found
