"""How far and how fast estradiol falls after a first dose, within people: arrays in, frozen results out.

A non-linear mixed model of log estradiol by maximum likelihood (`e2_time_course_likelihood`, `e2_time_course_maximum`). People
differ in where they start and in how far they fall; the rate is everybody's. Not here: whose draws count
(`e2_time_course_frame`), gates and rows (`e2_time_course_tables`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from pipelines.errors import BadInput
from pipelines.models.e2_time_course_likelihood import DELTA, LOG_K, LOG_OMEGA, LOG_TAU, MU, N_COMMON, Draws, course
from pipelines.models.e2_time_course_maximum import (
    Box,
    Maximum,
    at_once,
    covariances,
    evaluated,
    maximised,
    profile_end,
    told_apart,
)
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975

#: after so many days a draw no longer tells how fast estradiol fell
EARLY_DAYS = 7
#: fewer do not tell how people differ
LEAST_PEOPLE = 10
LOG_10 = float(np.log(10.0))
#: times to 90 % of the fall that are looked at: a tenth of a day, and as many times the last day drawn
SHORTEST_DAYS, LONGEST_TIMES = 0.1, 4.0
_LEAST_LOG_SD = float(np.log(0.02))
_CRITICAL = Z975**2
_POINTS, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)


@dataclass(frozen=True, slots=True)
class Fall:
    """Percent by which the geometric mean has fallen by a day (infinite: in the end), with its 95 % interval."""

    day: float
    percent: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class TimeToNinety:
    """Days until 90 % of the fall is reached; an end of the interval that is 0 or infinite is not bounded by the data."""

    days: float
    standard_error: float
    ci_low: float
    ci_high: float

    @property
    def is_bounded(self) -> bool:
        """Whether the data bound it on both sides."""
        return self.ci_low > 0 and bool(np.isfinite(self.ci_high))


@dataclass(frozen=True, slots=True, eq=False)
class TimeCourse:
    """The fitted model.

    Attributes:
        mu, tau: mean and standard deviation between people of log estradiol at the start, by the first class of assay.
        delta, omega: the same of the log of the level in the end over that at the start.
        k: rate, 1/day, of everybody.
        shift: [c] of each class of assay, of log estradiol; 0 for the first. sigma: [c] standard deviation of a draw.
        covariance: [p, p] sandwich by person, of (mu, log tau, delta, log omega, log k, shifts, log sigma); zero in what
            lies at its bound.
        t90: of the rate, by profile likelihood.
        n_people, n_draws, n_censored: what was fitted.
    """

    mu: float
    tau: float
    delta: float
    omega: float
    k: float
    shift: np.ndarray
    sigma: np.ndarray
    covariance: np.ndarray
    t90: TimeToNinety
    log_likelihood: float
    n_people: int
    n_draws: int
    n_censored: int

    def fall(self, day: float) -> Fall:
        """By a day, or in the end (infinity); limits on the log scale, as ratios have them.

        Raises:
            NotEstimable: the rate is not bounded, so that the level on this day is a guess.
        """
        if not np.isfinite(self.t90.ci_high):
            raise NotEstimable("estradiol may still be falling when the draws end: nothing tells how far")
        if self.t90.ci_low <= 0 and day < self.t90.ci_high:
            raise NotEstimable("draws begin when most of the fall is over: nothing tells how far it was by this day")
        d = self.delta + self.omega * _POINTS
        weight = _WEIGHTS / _WEIGHTS.sum()
        level, by_fall, by_log_k = course(np.array(min(day, 1e6)), d, float(np.log(self.k)))
        log_ratio = float(weight @ level)
        gradient = np.zeros(self.covariance.shape[0])
        gradient[DELTA] = weight @ by_fall
        gradient[LOG_OMEGA] = weight @ (by_fall * self.omega * _POINTS)
        gradient[LOG_K] = weight @ by_log_k
        error = float(np.sqrt(gradient @ self.covariance @ gradient))
        low, high = (-100 * np.expm1(log_ratio + sign * Z975 * error) for sign in (1, -1))
        p_value = float(2 * ndtr(-abs(log_ratio) / error))
        ratio = float(np.exp(log_ratio))
        return Fall(day, 100 * (1 - ratio), 100 * ratio * error, float(low), float(high), p_value)


def fit_time_course(
    lower: np.ndarray, upper: np.ndarray, days: np.ndarray, person: np.ndarray, assay: np.ndarray
) -> TimeCourse:
    """Fit log E2_ij = b_i + log(1 - F_i (1 - exp(-k t_ij))) + shift + e_ij, log(1 - F_i) normal between people.

    Args:
        lower, upper: [n] bounds of log estradiol: equal where measured; -inf and the limit where left-censored; any interval
            else. Nothing is put in the place of a censored draw: its likelihood is an integral.
        days: [n] since the first dose; 0 for draws before it.
        person: [n] any integers; one residual standard deviation and one shift for each code of `assay` [n], 0 to c - 1.

    Raises:
        BadInput: shapes differ, a bound or day is not a number, lower > upper, a day below 0, codes of assay with a gap.
        NotEstimable: fewer than ten people, nobody drawn both before and after, nobody in the first week, a class of assay
            without measured draws, no fall that is told from none, or no maximum.

    Source: Pinheiro and Bates (1995), J Comput Graph Stat 4:12 (adaptive quadrature); Thiebaut and Jacqmin-Gadda (2004),
    Comput Methods Programs Biomed 74:255 (censored mixed models); White (1982), Econometrica 50:1 (sandwich); Chandler and
    Bate (2007), Biometrika 94:167 (the profile scaled to it).
    """
    draws = _checked(lower, upper, days, person, assay)
    blocks = draws.blocks()
    box = _box(draws)
    starts = [_start(draws, t90) for t90 in (0.7, 3.0, 12.0)]
    first = [evaluated(blocks, np.clip(each, box.low, box.high), None) for each in starts]
    best = maximised(blocks, box, max(first, key=lambda each: each.found.total))
    information, moving = told_apart(blocks, box, best)
    if information is None:
        # A rate so fast that no draw lies within the fall: it may be any, and what comes after the fall is told all the same.
        best, box = at_once(blocks, box, best)
        information, moving = told_apart(blocks, box, best)
    if information is None:
        raise NotEstimable("the draws do not tell level, fall and rate apart")
    plain, covariance = covariances(best, information, moving)
    if not moving[DELTA] or abs(best.theta[DELTA]) < Z975 * np.sqrt(covariance[DELTA, DELTA]):
        raise NotEstimable("no fall of estradiol is told from none: nothing tells how fast it was")
    c = draws.n_classes
    return TimeCourse(
        mu=float(best.theta[MU]),
        tau=float(np.exp(best.theta[LOG_TAU])),
        delta=float(best.theta[DELTA]),
        omega=float(np.exp(best.theta[LOG_OMEGA])),
        k=float(np.exp(best.theta[LOG_K])),
        shift=np.r_[0.0, best.theta[N_COMMON : N_COMMON + c - 1]],
        sigma=np.exp(best.theta[N_COMMON + c - 1 :]),
        covariance=covariance,
        t90=_time_to_ninety(blocks, box, best, information, (plain[LOG_K, LOG_K], covariance[LOG_K, LOG_K])),
        log_likelihood=best.found.total,
        n_people=draws.n_people,
        n_draws=draws.days.size,
        n_censored=int((draws.lower < draws.upper).sum()),
    )


def _checked(lower: np.ndarray, upper: np.ndarray, days: np.ndarray, person: np.ndarray, assay: np.ndarray) -> Draws:
    n = lower.size
    if any(each.shape != (n,) for each in (lower, upper, days, person, assay)):
        raise BadInput("time course: bounds, days, people and assays must have one entry a draw")
    if np.any(np.isnan(lower)) or np.any(np.isnan(upper)) or np.any(lower > upper):
        raise BadInput("time course: a bound is not a number, or a lower bound lies above its upper")
    if np.any(np.isinf(lower) & np.isinf(upper)):
        raise BadInput("time course: a draw without any bound says nothing; leave it out")
    if not np.all(np.isfinite(days)) or np.any(days < 0):
        raise BadInput("time course: days count from the first dose and are never below 0")
    known = np.unique(assay)
    if not np.array_equal(known, np.arange(known.size)):
        raise BadInput("time course: classes of assay must be numbered from 0 without a gap")
    people, code = np.unique(person, return_inverse=True)
    if people.size < LEAST_PEOPLE:
        raise NotEstimable(f"fewer than {LEAST_PEOPLE} people have draws: how people differ cannot be told")
    is_measured = lower == upper
    before = np.bincount(code, (days == 0) & is_measured, people.size) > 0
    after = np.bincount(code, days > 0, people.size) > 0
    if not np.any(before & after):
        raise NotEstimable("nobody has a measured draw before the first dose and another after it")
    if not np.any((days > 0) & (days <= EARLY_DAYS)):
        raise NotEstimable(f"nobody was drawn in the first {EARLY_DAYS} days: nothing tells how fast estradiol fell")
    if np.any(np.bincount(assay[is_measured], minlength=known.size) < LEAST_PEOPLE):
        raise NotEstimable(f"a class of assay has fewer than {LEAST_PEOPLE} measured draws")
    order = np.lexsort((days, code))
    return Draws(lower[order], upper[order], days[order], code[order], assay[order], known.size)


def _box(draws: Draws) -> Box:
    p = N_COMMON + 2 * draws.n_classes - 1
    low, high = np.full(p, -np.inf), np.full(p, np.inf)
    low[[LOG_TAU, LOG_OMEGA]] = low[N_COMMON + draws.n_classes - 1 :] = _LEAST_LOG_SD
    low[LOG_K] = np.log(LOG_10 / (LONGEST_TIMES * max(draws.days.max(), EARLY_DAYS)))
    high[LOG_K] = np.log(LOG_10 / SHORTEST_DAYS)
    return Box(low, high, np.ones(p, dtype=bool))


def _start(draws: Draws, t90: float) -> np.ndarray:
    """[p] where to begin, from means of what is measured and of limits."""
    value = np.where(np.isfinite(draws.lower), draws.lower, draws.upper)
    value = np.where(np.isfinite(value), value, draws.lower)
    is_before, is_late = draws.days == 0, draws.days >= np.median(draws.days[draws.days > 0])
    mean = value[is_before].mean()
    theta = np.zeros(N_COMMON + 2 * draws.n_classes - 1)
    theta[MU], theta[DELTA] = mean, value[is_late].mean() - mean
    theta[LOG_TAU] = np.log(max(float(value[is_before].std()), 0.1))
    theta[LOG_OMEGA], theta[LOG_K] = np.log(0.3), np.log(LOG_10 / t90)
    for code in range(1, draws.n_classes):
        mine = is_before & (draws.assay == code)
        theta[N_COMMON + code - 1] = value[mine].mean() - mean if mine.any() else 0.0
    theta[N_COMMON + draws.n_classes - 1 :] = np.log(0.3)
    return theta


def _time_to_ninety(
    blocks: list[Draws], box: Box, best: Maximum, information: np.ndarray, variances: tuple[float, float]
) -> TimeToNinety:
    """ln(10) / k, where the profile of log k falls by the critical value; widened where the sandwich is wider."""
    plain, robust = variances
    inflation = max(robust / plain, 1.0) if plain > 0 else 1.0
    at = best.theta[LOG_K]
    error = np.sqrt(robust) if robust > 0 else 0.5
    slow, fast = (
        profile_end(blocks, box, best, information, (sign, Z975 * error, _CRITICAL * inflation)) for sign in (-1, 1)
    )
    days = LOG_10 / np.exp(at)
    low = LOG_10 / np.exp(fast) if np.isfinite(fast) else 0.0
    high = LOG_10 / np.exp(slow) if np.isfinite(slow) else np.inf
    return TimeToNinety(float(days), float(days * np.sqrt(robust)), float(low), float(high))
