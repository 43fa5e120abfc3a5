"""Risks standardised over a population, from hazards in periods: pooled logistic or complementary log-log, causes competing.

Person-periods in; risks, their difference and ratio, and time lived, of everybody in either arm, out. Not here: the same of
people too many for a row a period (`person_time`), curves without a model (`survival_curve`), hazard ratios (`cox`), where
weights come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.models.arm_risk import ArmValue, RatioEstimate, WeightCorrection, arm_value, risk_ratio
from pipelines.models.errors import NotEstimable
from pipelines.models.hazard_scoring import Derivatives, Link, hazard_of, intercept_at, pull_of, score_hazard, spread_of
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.weighting import kish_effective_number

#: from period [m], arm [m] (1 target, 0 comparator) and covariates [m, q] to the columns [m, p] of a hazard, no intercept
Terms = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
#: a mean over people, and its influence function [n]
Averaged = tuple[float, np.ndarray]
_BLOCK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class HazardFit:
    """Coefficients [p], intercept first; what each person [n] adds to them, `influence` [n, p] (sums to 0).

    `inverse` [p, p] is that of the observed information; `pull` [r] is what each row's unit of weight adds to the score, but
    for its terms.
    """

    coefficients: np.ndarray
    influence: np.ndarray
    link: Link
    inverse: np.ndarray
    pull: np.ndarray


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
    correction: WeightCorrection | None = None,
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
        weights: [r] not negative; None is 1.
        link: of every hazard.
        correction: from the derivative of an estimate by each row's weight [r] (0 where the weight is 0) to what
            estimating the weights adds to its influence by person [n]; None takes the weights as known.

    Raises:
        NotEstimable: a hazard that cannot be fitted, or a horizon beyond the last period at risk of an arm.
        ValueError: a cause without terms.

    Source: Young et al. (2020), Stat Med 39:1199 (total effect); Hernan and Robins (2020), What If, chapter 17; error by
    influence functions of stacked estimating equations (Stefanski and Boos 2002, Am Stat 56:29), summed by person.
    """
    n, n_causes = is_target.size, len(terms)
    mass = np.ones(row.size) if weights is None else np.asarray(weights, dtype=np.float64)
    if not 1 <= cause <= n_causes or (event.size and event.max() > n_causes):
        raise ValueError("every cause needs its terms")
    used = mass > 0
    for arm in (True, False):
        seen = period[used & (is_target[row] == arm)]
        require_followed(int(seen.max()) + 1 if seen.size else 0, horizons)

    def asked(place: int) -> np.ndarray:
        return np.flatnonzero(used & (event <= place + 1))

    def design(place: int) -> np.ndarray:
        rows = asked(place)
        return terms[place](period[rows], is_target[row[rows]].astype(np.float64), covariates[row[rows]])

    fits = []
    for place in range(n_causes):
        rows = asked(place)
        y = (event[rows] == place + 1).astype(np.float64)
        fits.append(fit_hazard(y, design(place), mass[rows], row[rows], n, link))

    def by_weight(slopes: Sequence[np.ndarray]) -> np.ndarray:
        """Derivative by each row's weight of a sum with these derivatives by the coefficients."""
        found = np.zeros(row.size)
        for place, (fit, slope) in enumerate(zip(fits, slopes, strict=True)):
            along = fit.inverse @ slope
            found[asked(place)] += fit.pull * (along[0] + design(place) @ along[1:])
        return found

    def averaged(arm: float, horizon: int) -> tuple[Averaged, ...]:
        found = []
        for values, slopes in _in_arm(fits, terms, arm, covariates, horizon, cause):
            mean = float(values.mean())
            by = sum((f.influence @ slope for f, slope in zip(fits, slopes, strict=True)), values - mean)
            if correction is not None:
                by = by + n * correction(by_weight(slopes) / n)
            found.append((mean, by))
        return tuple(found)

    n_effective = kish_effective_number(np.bincount(row, mass, n) / np.maximum(np.bincount(row, minlength=n), 1))
    sizes = int(is_target.sum()), int((~is_target).sum())
    return tuple(
        contrast_risks(horizon, cause, averaged(1.0, horizon), averaged(0.0, horizon), sizes, n_effective)
        for horizon in horizons
    )


def require_followed(n_periods: int, horizons: Sequence[int]) -> None:
    """Refuse a horizon beyond the periods in which an arm is at risk.

    Raises:
        NotEstimable: it is beyond them.
    """
    if n_periods < max(horizons):
        raise NotEstimable(f"nobody of an arm is at risk in period {max(horizons)}")


def contrast_risks(
    horizon: int,
    cause: int,
    target: Sequence[Averaged],
    comparator: Sequence[Averaged],
    sizes: tuple[int, int],
    n_effective: float,
) -> StandardisedRisk:
    """Either arm's risk, time lived and time lost, in this order, against the other's."""
    (risk_1, by_risk_1), (risk_0, by_risk_0) = target[0], comparator[0]
    ratio = risk_ratio((risk_1, risk_0), (by_risk_1, by_risk_0), None) if min(risk_1, risk_0) > 0 else None
    difference, lived, lost = (
        normal_contrast((one, none), by_one - by_none, None, sizes, n_effective)
        for (one, by_one), (none, by_none) in zip(target, comparator, strict=True)
    )
    values = arm_value(risk_1, by_risk_1, None), arm_value(risk_0, by_risk_0, None)
    return StandardisedRisk(horizon, cause, *values, difference, ratio, lived, lost)


def fit_hazard(
    outcome: np.ndarray, design: np.ndarray, weights: np.ndarray, row: np.ndarray, n: int, link: Link
) -> HazardFit:
    """Weighted binomial regression of person-periods; Fisher scoring.

    Raises:
        NotEstimable: no event or nothing else, collinear columns, or no convergence (separation).
    """
    start = np.zeros(design.shape[1] + 1)
    start[0] = intercept_at(float(np.average(outcome, weights=weights)) if outcome.size else 0.0, link)
    x = np.column_stack([np.ones(outcome.size), design])
    scale = np.abs(x).max(axis=0)
    if not np.all(scale > 0):
        raise NotEstimable("a term of a hazard is 0 for everybody", (np.flatnonzero(scale == 0) - 1).tolist())
    z = x / scale

    def pulled(predictor: np.ndarray, is_observed: bool) -> tuple[np.ndarray, np.ndarray]:
        """What a row's unit of weight adds to score and information, but for its terms."""
        mean, slope = hazard_of(predictor, link)
        pull = pull_of(mean, slope, link)
        to_score = pull * (outcome - mean)
        return to_score, spread_of(pull, to_score, mean, slope, link, is_observed=is_observed)

    def derivatives(beta: np.ndarray, is_observed: bool) -> Derivatives:
        predictor = z @ beta
        pull, spread = pulled(predictor, is_observed)
        return Derivatives(z.T @ (weights * pull), (z * (weights * spread)[:, None]).T @ z, np.abs(predictor).max())

    found = score_hazard(start, derivatives, lambda move: float(np.abs(z @ move).max()))
    pull, _ = pulled(z @ found.coefficients, True)
    by_person = np.zeros((n, start.size))
    np.add.at(by_person, row, z * (weights * pull)[:, None])
    inverse = found.inverse / np.outer(scale, scale)
    return HazardFit(found.coefficients / scale, by_person @ found.inverse / scale, link, inverse, pull)


def live(hazard: np.ndarray, cause: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """What comes of hazards: risk of the cause, time lived, time lost to it.

    Args:
        hazard: [causes, m, horizon].
        cause: from 1.

    Returns:
        values [3, m], and for each cause their derivatives [3, m, horizon] by its hazards.
    """
    horizon = hazard.shape[2]
    # Time from the middle of each period to the horizon.
    left_over = horizon - np.arange(horizon) - 0.5
    kept = np.cumprod(np.prod(1 - hazard, axis=0), axis=1)
    before = np.column_stack([np.ones(kept.shape[0]), kept[:, :-1]])
    # Those whom a later cause took in the period come to this one no more.
    come = before * np.prod(1 - hazard[cause:], axis=0)
    happened = come * hazard[cause - 1]
    ahead, missed = (v.sum(axis=1, keepdims=True) - np.cumsum(v, axis=1) for v in (happened, happened * left_over))
    area = (before + kept) / 2
    after = kept / 2 + area.sum(axis=1, keepdims=True) - np.cumsum(area, axis=1)
    slopes = []
    for place in range(hazard.shape[0]):
        left = 1 - hazard[place]
        own = come if place == cause - 1 else (-happened / left if place >= cause else 0.0)
        slopes.append(np.stack([own - ahead / left, -after / left, own * left_over - missed / left]))
    return np.stack([happened.sum(axis=1), area.sum(axis=1), happened @ left_over]), slopes


def _in_arm(
    fits: Sequence[HazardFit], terms: Sequence[Terms], arm: float, covariates: np.ndarray, horizon: int, cause: int
) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """Risk, time lived and time lost of everybody in one arm [n], each with its sum's derivative [p] by each cause's fit."""
    n = covariates.shape[0]
    values = np.empty((3, n))
    totals = [np.zeros((3, fit.coefficients.size)) for fit in fits]
    for start in range(0, n, _BLOCK):
        people = covariates[start : start + _BLOCK]
        m = people.shape[0]
        moment = np.tile(np.arange(horizon), m)
        columns = [t(moment, np.full(m * horizon, arm), np.repeat(people, horizon, axis=0)) for t in terms]
        designs = [np.column_stack([np.ones(m * horizon), part]) for part in columns]
        parts = [hazard_of(d @ f.coefficients, f.link) for d, f in zip(designs, fits, strict=True)]
        hazard, slope = (np.stack([p[k].reshape(m, horizon) for p in parts]) for k in (0, 1))
        values[:, start : start + m], by_hazard = live(hazard, cause)
        for place, total in enumerate(totals):
            total += (by_hazard[place] * slope[place]).reshape(3, -1) @ designs[place]
    return [(values[number], [total[number] for total in totals]) for number in range(3)]
