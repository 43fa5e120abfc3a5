"""Marginal structural models: outcomes under histories of treatment, weighted by the inverse chance of the history seen.

Person-periods in. Weights of treatment, of staying and of being measured are each a pooled (multinomial) logistic model;
their product weighs a linear or a logistic outcome model. The standard errors count persons and know that the weights were
estimated. Which history contrasts with which is the caller's: `MarginalFit.contrast` takes the combination.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975
from pipelines.models.logistic import expit
from pipelines.models.multinomial import MultinomialFit, fit_multinomial
from pipelines.models.weighting import kish_effective_number

Link = Literal["identity", "logit"]
#: log odds per SD of a covariate have a prior of SD 3.2: what few rows tell without exception has no finite fit else
PENALTY = 0.1
_MOST_STEPS = 60
_PERSONS_AT_ONCE = 20_000
#: share of the information that is left without a person, below which that person alone tells a term
_ALONE = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class WeightStage:
    """One thing that happened to people in periods, and by what its chance is told.

    Attributes:
        name: for messages.
        at_risk: [r] rows in which it could happen; others have chance one.
        category: [r] what happened, integers from 0: dose category; or 1 for stayed, or measured. Read at risk only.
        numerator: [r, q] columns of the stabilising model, what the outcome model conditions on; q may be 0.
        denominator: [r, p] columns of the full model: the history that tells what happened.
        is_carried: whether the weight stays with later periods (treatment, loss) or not (being measured).
    """

    name: str
    at_risk: np.ndarray
    category: np.ndarray
    numerator: np.ndarray
    denominator: np.ndarray
    is_carried: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class HistoryWeights:
    """Weights [r] of person-periods, with the fits behind them.

    `values` after truncation; `is_truncated` [r]; `mean`, `largest` before it and `limits` (low, high) of it.
    """

    values: np.ndarray
    is_truncated: np.ndarray
    mean: float
    largest: float
    limits: tuple[float, float]
    stages: tuple[WeightStage, ...]
    numerators: tuple[MultinomialFit, ...]
    denominators: tuple[MultinomialFit, ...]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A combination of coefficients with its normal 95 % interval."""

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True, eq=False)
class MarginalFit:
    """Coefficients [q] of the outcome model, intercept first, and their covariance [q, q].

    `n_rows` with an outcome, `n_persons` of them, `n_effective` Kish number of those rows, `n_truncated` of them.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    n_rows: int
    n_persons: int
    n_effective: float
    n_truncated: int

    @property
    def standard_errors(self) -> np.ndarray:
        """[q]"""
        return np.sqrt(np.diag(self.covariance))

    def contrast(self, combination: np.ndarray) -> Contrast:
        """`combination` [q] of the coefficients: one history less another, on the scale of the link."""
        estimate = float(combination @ self.coefficients)
        error = float(np.sqrt(combination @ self.covariance @ combination))
        return Contrast(estimate, error, estimate - Z975 * error, estimate + Z975 * error)


def history_weights(
    person: np.ndarray,
    stages: Sequence[WeightStage],
    truncation: tuple[float, float] | None = None,
    among: np.ndarray | None = None,
    penalty: float = 0.0,
) -> HistoryWeights:
    """Product over stages, and over periods where carried, of stabilising over full chance of what happened.

    Args:
        person: [r] integers; rows sorted by person, then period.
        stages: in any order.
        truncation: quantiles of the weights at which they are cut, as (0.01, 0.99); None: not cut.
        among: [r] rows whose weights are summarised and give the quantiles (those with an outcome); None: all.
        penalty: of `fit_multinomial`, for every model of a stage.

    Raises:
        ValueError: rows not sorted by person.
        NotEstimable: a model of a stage cannot be fitted; the message names the stage.

    Source: Robins, Hernan and Brumback (2000), Epidemiology 11:550; Cole and Hernan (2008), Am J Epidemiol 168:656;
    Buzkova and Lumley (2007), Can J Stat 35:485 (times of measuring).
    """
    starts = _starts(person)
    log_weight = np.zeros(person.size)
    numerators, denominators = [], []
    for stage in stages:
        rows = np.flatnonzero(stage.at_risk)
        happened = stage.category[rows]
        n_categories = int(happened.max()) + 1 if rows.size else 0
        try:
            if n_categories < 2:
                raise NotEstimable("everybody has the same category")
            top = fit_multinomial(stage.numerator[rows], happened, n_categories, penalty=penalty)
            bottom = fit_multinomial(stage.denominator[rows], happened, n_categories, penalty=penalty)
        except NotEstimable as error:
            raise NotEstimable(f"{stage.name}: {error}", error.columns) from error
        own = np.arange(rows.size), happened
        term = np.zeros(person.size)
        term[rows] = np.log(top.probabilities[own]) - np.log(bottom.probabilities[own])
        log_weight += _running(term, starts) if stage.is_carried else term
        numerators.append(top)
        denominators.append(bottom)
    raw = np.exp(log_weight)
    counted = raw if among is None else raw[among]
    low, high = (0.0, np.inf) if truncation is None else (float(q) for q in np.quantile(counted, truncation))
    cut = (raw < low) | (raw > high)
    facts = float(counted.mean()), float(counted.max()), (low, high)
    return HistoryWeights(np.clip(raw, low, high), cut, *facts, tuple(stages), tuple(numerators), tuple(denominators))


def fit_marginal(
    outcome: np.ndarray,
    design: np.ndarray,
    person: np.ndarray,
    weights: HistoryWeights,
    is_seen: np.ndarray,
    link: Link = "identity",
    are_weights_known: bool = False,
    leaves_out: bool = True,
) -> MarginalFit:
    """Weighted outcome model with independence between a person's rows; sandwich stacked with all weight models.

    A few heavy weights draw the fit to their own outcomes, and the errors of a plain sandwich come out short. Each person's
    residuals are therefore those of the fit without that person.

    Args:
        outcome: [r]; 0 or 1 for the logit link (pooled logistic: the event in the period). Not read where not seen.
        design: [r, q - 1] of the history, without intercept.
        person: [r] sorted, as for the weights.
        weights: of the same rows.
        is_seen: [r] rows with an outcome: not lost before, measured.
        link: identity for a mean, logit for a hazard.
        are_weights_known: leave out what estimating the weights does to the error, as published tables do.
        leaves_out: False is the plain sandwich, with everybody's residuals of one fit, as published tables have it.

    Raises:
        NotEstimable: collinear design, nobody seen, a term that one person alone tells, or no convergence.

    Source: stacked estimating equations, Stefanski and Boos (2002), Am Stat 56:29; Robins (1998); residuals of who is left
    out, Mancl and DeRouen (2001), Biometrics 57:126.
    """
    if not is_seen.any():
        raise NotEstimable("nobody has an outcome")
    y = np.where(is_seen, outcome, 0.0)
    if not np.all(np.isfinite(y)):
        raise ValueError("an outcome that counts as seen is missing")
    starts = _starts(person)
    x = np.column_stack([np.ones(person.size), design])
    w = np.where(is_seen, weights.values, 0.0)
    beta, bread = _solve(y, x, w, link)
    mean = x @ beta if link == "identity" else expit(x @ beta)
    term = x * (w * (y - mean))[:, None]
    by_row = term.copy()
    if not are_weights_known:
        moving = np.where(weights.is_truncated[:, None], 0.0, term)
        for stage, top, bottom in zip(weights.stages, weights.numerators, weights.denominators, strict=True):
            rows = np.flatnonzero(stage.at_risk)
            later = _remaining(moving, starts)[rows] if stage.is_carried else moving[rows]
            for sign, fit, columns in ((1.0, top, stage.numerator), (-1.0, bottom, stage.denominator)):
                happened, part = stage.category[rows], columns[rows]
                direction = fit.inverse_information @ fit.gathered(part, happened, later)
                by_row[rows] += sign * fit.spread(part, happened, direction)
    scores = np.add.reduceat(by_row, starts, axis=0)
    if leaves_out:
        slope = w if link == "identity" else w * mean * (1 - mean)
        scores += _left_out(np.add.reduceat(term, starts, axis=0), x, slope, bread, starts)
    covariance = bread @ (scores.T @ scores) @ bread
    n_persons = int(np.count_nonzero(np.add.reduceat(is_seen.astype(np.int64), starts)))
    sizes = int(is_seen.sum()), n_persons, kish_effective_number(w), int((weights.is_truncated & is_seen).sum())
    return MarginalFit(beta, covariance, *sizes)


def _left_out(
    scores: np.ndarray, x: np.ndarray, slope: np.ndarray, bread: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """[n, q] what is added to the scores [n, q] of persons where the fit that leaves each out takes the place of the one fit."""
    added = np.empty_like(scores)
    ends, identity = np.r_[starts[1:], x.shape[0]], np.eye(x.shape[1])
    for first in range(0, starts.size, _PERSONS_AT_ONCE):
        some = slice(first, first + _PERSONS_AT_ONCE)
        rows = slice(starts[some][0], ends[some][-1])
        outer = x[rows, :, None] * (x[rows] * slope[rows, None])[:, None, :]
        own = np.add.reduceat(outer, starts[some] - starts[first], axis=0)
        rest = identity - own @ bread
        if np.linalg.det(rest).min() <= _ALONE:
            raise NotEstimable("a term of the outcome model is told by one person alone")
        added[some] = np.linalg.solve(rest, scores[some, :, None])[:, :, 0] - scores[some]
    return added


def _starts(person: np.ndarray) -> np.ndarray:
    """First row of every person."""
    if person.size and np.any(np.diff(person) < 0):
        raise ValueError("person-periods must be sorted by person")
    return np.flatnonzero(np.r_[True, np.diff(person) > 0])


def _running(term: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """[r] sum of a person's terms up to and with each row."""
    total = np.cumsum(term)
    before = np.r_[0.0, total][starts]
    return total - np.repeat(before, np.diff(np.r_[starts, term.size]))


def _remaining(term: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """[r, q] sum of a person's terms from each row on."""
    total = np.cumsum(term, axis=0)
    ends = np.r_[starts[1:], term.shape[0]] - 1
    last = np.repeat(total[ends], np.diff(np.r_[starts, term.shape[0]]), axis=0)
    return last - total + term


def _solve(y: np.ndarray, x: np.ndarray, w: np.ndarray, link: Link) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and inverse of the derivative of their equations."""
    scale = np.abs(x[w > 0]).max(axis=0)
    if not np.all(scale > 0):
        raise NotEstimable("a term of the outcome model is 0 for everybody", np.flatnonzero(scale == 0).tolist())
    z = x / scale
    beta = np.zeros(x.shape[1])
    for _ in range(_MOST_STEPS):
        mean = z @ beta if link == "identity" else expit(z @ beta)
        slope = w if link == "identity" else w * mean * (1 - mean)
        derivative = z.T @ (z * slope[:, None])
        spread = np.sqrt(np.diag(derivative))
        if not np.all(spread > 0):
            raise NotEstimable("a logistic outcome model runs off to chances of 0 or 1")
        values, vectors = np.linalg.eigh(derivative / np.outer(spread, spread))
        if values[0] <= 1e-12 * values[-1]:
            raise NotEstimable("terms of the outcome model tell each other")
        inverse = (vectors / values) @ vectors.T / np.outer(spread, spread)
        move = inverse @ (z.T @ (w * (y - mean)))
        beta = beta + move
        if np.abs(move * spread).max() <= 1e-9 * max(1.0, np.abs(beta * spread).max()):
            return beta / scale, inverse / np.outer(scale, scale)
    raise NotEstimable("the outcome model did not converge")
