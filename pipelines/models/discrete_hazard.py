"""Risks standardised over a population, from hazards in periods: pooled logistic or complementary log-log, causes competing.

Person-periods in; risks, their difference and ratio, and time lived, of everybody in either arm, out. Weights are taken as
known. Not here: curves without a model (`survival_curve`), hazard ratios (`cox`), where weights come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.models.arm_risk import ArmValue, RatioEstimate, arm_value, risk_ratio
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.logistic import expit
from pipelines.models.weighting import kish_effective_number

Link = Literal["logit", "cloglog"]
#: from period [m], arm [m] (1 target, 0 comparator) and covariates [m, q] to the columns [m, p] of a hazard, no intercept
Terms = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
_BLOCK = 4096
_MOST_STEPS = 60
_Hazards = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class HazardFit:
    """Coefficients [p], intercept first; what each person [n] adds to them, `influence` [n, p] (sums to 0)."""

    coefficients: np.ndarray
    influence: np.ndarray
    link: Link


@dataclass(frozen=True, slots=True, eq=False)
class StandardisedRisk:
    """Everybody in the target arm against everybody in the comparator, at the end of `horizon` periods.

    `ratio` is None where a risk is 0; `time_lived` without any event, and `time_lost` to the cause, are in periods, events
    spread over their period: over all causes, lost and lived are the horizon.
    """

    horizon: int
    cause: int
    target: ArmValue
    comparator: ArmValue
    difference: ContrastEstimate
    ratio: RatioEstimate | None
    time_lived: ContrastEstimate
    time_lost: ContrastEstimate


def standardised_risks(
    row: np.ndarray,
    period: np.ndarray,
    event: np.ndarray,
    is_target: np.ndarray,
    covariates: np.ndarray,
    terms: Sequence[Terms],
    horizons: Sequence[int],
    cause: int = 1,
    weights: np.ndarray | None = None,
    link: Link = "logit",
) -> tuple[StandardisedRisk, ...]:
    """g-computation on discrete hazards: fitted once a cause, averaged over all people, by the arm each might have had.

    Within a period the last cause comes first (death before event), so that the hazard of an earlier one is among those
    whom no later one took in the period.

    Args:
        row: [r] number of the person, 0 to n - 1, of each period at risk.
        period: [r] from 0.
        event: [r] 0 or the cause, from 1, that ended the period.
        is_target: [n] arm; covariates: [n, q] at time zero.
        terms: one a cause, in order of cause.
        horizons: numbers of periods.
        cause: whose risk.
        weights: [r] not negative, taken as known; None is 1.
        link: of every hazard.

    Raises:
        NotEstimable: a hazard that cannot be fitted, or a horizon beyond the last period at risk of an arm.
        ValueError: a cause without terms.

    Source: Young et al. (2020), Stat Med 39:1199 (total effect); Hernan and Robins (2020), What If, chapter 17; error by
    influence functions of stacked estimating equations, summed by person.
    """
    n, n_causes = is_target.size, len(terms)
    mass = np.ones(row.size) if weights is None else np.asarray(weights, dtype=np.float64)
    if not 1 <= cause <= n_causes or (event.size and event.max() > n_causes):
        raise ValueError("every cause needs its terms")
    used = mass > 0
    for arm in (True, False):
        seen = period[used & (is_target[row] == arm)]
        if not seen.size or seen.max() + 1 < max(horizons):
            raise NotEstimable(f"nobody of an arm is at risk in period {max(horizons)}")
    fits = []
    for place in range(n_causes):
        asked = used & (event <= place + 1)
        x = terms[place](period[asked], is_target[row[asked]].astype(np.float64), covariates[row[asked]])
        y = (event[asked] == place + 1).astype(np.float64)
        fits.append(fit_hazard(y, x, mass[asked], row[asked], n, link))
    n_effective = kish_effective_number(np.bincount(row, mass, n) / np.maximum(np.bincount(row, minlength=n), 1))
    sizes = int(is_target.sum()), int((~is_target).sum())
    found = []
    for horizon in horizons:
        arms = [_averaged(fits, terms, float(arm), covariates, horizon, cause) for arm in (1, 0)]
        values = [arm_value(value, by, None) for (value, by), *_ in arms]
        (risk_1, by_risk_1), (risk_0, by_risk_0) = arms[0][0], arms[1][0]
        ratio = risk_ratio((risk_1, risk_0), (by_risk_1, by_risk_0), None) if min(risk_1, risk_0) > 0 else None
        difference, lived, lost = (
            normal_contrast((one, none), by_one - by_none, None, sizes, n_effective)
            for (one, by_one), (none, by_none) in zip(*arms, strict=True)
        )
        found.append(StandardisedRisk(horizon, cause, values[0], values[1], difference, ratio, lived, lost))
    return tuple(found)


def fit_hazard(
    outcome: np.ndarray, design: np.ndarray, weights: np.ndarray, row: np.ndarray, n: int, link: Link
) -> HazardFit:
    """Weighted binomial regression of person-periods; Fisher scoring.

    Raises:
        NotEstimable: no event or nothing else, collinear columns, or no convergence (separation).
    """
    share = float(np.average(outcome, weights=weights)) if outcome.size else 0.0
    if not 0 < share < 1:
        raise NotEstimable("a hazard has no event, or nothing else")
    x = np.column_stack([np.ones(outcome.size), design])
    scale = np.abs(x).max(axis=0)
    if not np.all(scale > 0):
        raise NotEstimable("a term of a hazard is 0 for everybody", (np.flatnonzero(scale == 0) - 1).tolist())
    z = x / scale
    beta = np.zeros(x.shape[1])
    beta[0] = np.log(share / (1 - share)) if link == "logit" else np.log(-np.log1p(-share))
    is_settled = False
    for _ in range(_MOST_STEPS):
        mean, slope = _hazard(z @ beta, link)
        spread = np.maximum(mean * (1 - mean), 1e-300)
        pull = weights * slope / spread
        score = z * (pull * (outcome - mean))[:, None]
        information = (z * (pull * slope)[:, None]).T @ z
        size = np.sqrt(np.diag(information))
        values, vectors = np.linalg.eigh(information / np.outer(size, size))
        if not values[0] > 1e-12 * values[-1]:
            raise NotEstimable("terms of a hazard tell each other")
        inverse = (vectors / values) @ vectors.T / np.outer(size, size)
        if is_settled:
            by_person = np.zeros((n, beta.size))
            np.add.at(by_person, row, score)
            return HazardFit(beta / scale, by_person @ inverse / scale, link)
        move = inverse @ score.sum(axis=0)
        # Far within a standard error, whatever the columns' correlation; and nobody runs off. One step more, then out.
        is_settled = float(score.sum(axis=0) @ move) < 1e-14 and float(np.abs(z @ move).max()) < 1e-4
        beta = beta + move
        if np.abs(z @ beta).max() > 40:
            raise NotEstimable("separation: terms of a hazard tell the event without error")
    raise NotEstimable("a hazard did not converge")


def _hazard(predictor: np.ndarray, link: Link) -> _Hazards:
    """Chance of the event, and its derivative by the predictor."""
    if link == "logit":
        mean = expit(predictor)
        return mean, mean * (1 - mean)
    rate = np.exp(np.minimum(predictor, 40.0))
    return -np.expm1(-rate), rate * np.exp(-rate)


def _averaged(
    fits: Sequence[HazardFit], terms: Sequence[Terms], arm: float, covariates: np.ndarray, horizon: int, cause: int
) -> tuple[tuple[float, np.ndarray], ...]:
    """Risk, time lived and time lost of everybody in one arm, each with its influence [n] (of a mean over n)."""
    n, causes = covariates.shape[0], len(fits)
    risk, lived, lost = np.empty(n), np.empty(n), np.empty(n)
    slopes = [np.zeros((3, fit.coefficients.size)) for fit in fits]
    # Time from the middle of each period to the horizon.
    left_over = horizon - np.arange(horizon) - 0.5
    for start in range(0, n, _BLOCK):
        people = covariates[start : start + _BLOCK]
        m = people.shape[0]
        moment = np.tile(np.arange(horizon), m)
        columns = [t(moment, np.full(m * horizon, arm), np.repeat(people, horizon, axis=0)) for t in terms]
        designs = [np.column_stack([np.ones(m * horizon), part]) for part in columns]
        parts = [_hazard(d @ f.coefficients, f.link) for d, f in zip(designs, fits, strict=True)]
        hazard, slope = (np.stack([p[k].reshape(m, horizon) for p in parts]) for k in (0, 1))
        kept = np.cumprod(np.prod(1 - hazard, axis=0), axis=1)
        before = np.column_stack([np.ones(m), kept[:, :-1]])
        # Those whom a later cause took in the period come to this one no more.
        come = before * np.prod(1 - hazard[cause:], axis=0)
        happened = come * hazard[cause - 1]
        ahead, missed = (v.sum(axis=1, keepdims=True) - np.cumsum(v, axis=1) for v in (happened, happened * left_over))
        area = (before + kept) / 2
        after = kept / 2 + area.sum(axis=1, keepdims=True) - np.cumsum(area, axis=1)
        risk[start : start + m], lived[start : start + m] = happened.sum(axis=1), area.sum(axis=1)
        lost[start : start + m] = happened @ left_over
        for place in range(causes):
            left = 1 - hazard[place]
            own = come if place == cause - 1 else (-happened / left if place >= cause else 0.0)
            by_hazard = own - ahead / left, -after / left, own * left_over - missed / left
            for total, part in zip(slopes[place], by_hazard, strict=True):
                total += designs[place].T @ (part * slope[place]).ravel()
    found = []
    for number, values in enumerate((risk, lived, lost)):
        mean = float(values.mean())
        by = sum((f.influence @ total[number] for f, total in zip(fits, slopes, strict=True)), values - mean)
        found.append((mean, by))
    return tuple(found)
