"""Standardised risks of a population, a row a person and not a person-period: the numbers of `discrete_hazard`, to rounding.

A million people over 60 periods are walked through in blocks, with a covariate's work done once a person. Not here: columns
and their sums (`product_design`), links and scoring (`hazard_scoring`), what a risk is (`discrete_hazard`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.models.arm_risk import WeightCorrection
from pipelines.models.discrete_hazard import StandardisedRisk, contrast_risks, live, require_followed
from pipelines.models.hazard_scoring import (
    NEAR,
    SEPARATED,
    Derivatives,
    Link,
    hazard_of,
    intercept_at,
    pull_of,
    score_hazard,
    spread_of,
)
from pipelines.models.product_design import ProductDesign, ProductTerm, product_design
from pipelines.models.weighting import kish_effective_number

#: from numbers of people [m] and a number of periods t to weights [m, t], not negative; 0 leaves a period out
PeriodWeights = Callable[[np.ndarray, int], np.ndarray]
#: people at a time: what is as long as they are times periods stays in the processor's cache
_BLOCK = 2048
#: risk, time lived and time lost, as `discrete_hazard.live` gives them
_QUANTITIES = 3


@dataclass(frozen=True, slots=True, eq=False)
class PersonTime:
    """People followed from period 0 to their last; made by `person_time`.

    Attributes:
        last_period: [n] from 0, the last at risk.
        event: [n] 0 or the cause, from 1, that ended it.
        is_target: [n] arm.
        covariates: [n, q] at time zero; any float type, blocks are computed in double precision.
        weights: [n] of the person.
        period_weights: of the person's periods, multiplied with those of the person; None is 1.
        order: people of weight, by last period.
    """

    last_period: np.ndarray
    event: np.ndarray
    is_target: np.ndarray
    covariates: np.ndarray
    weights: np.ndarray
    period_weights: PeriodWeights | None
    order: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class ProductFit:
    """One cause's hazard: coefficients [p], intercept first, and the inverse of their observed information [p, p]."""

    design: ProductDesign
    coefficients: np.ndarray
    inverse: np.ndarray
    cause: int
    link: Link
    n_steps: int


@dataclass(frozen=True, slots=True, eq=False)
class _Mass:
    """Weight at risk in all, that of events by cause [causes + 1], mean over each person's periods [n], periods by arm."""

    at_risk: float
    of_event: np.ndarray
    mean: np.ndarray
    n_periods: tuple[int, int]


def person_time(
    last_period: np.ndarray,
    event: np.ndarray,
    is_target: np.ndarray,
    covariates: np.ndarray,
    weights: np.ndarray | None = None,
    period_weights: PeriodWeights | None = None,
) -> PersonTime:
    """People, checked. A late entry, or a gap, is a period's weight of 0.

    Raises:
        ValueError: shapes that differ, a period or event that is no whole number from 0, covariates that are not finite, or
            weights of people that are negative or not finite. What `period_weights` gives is checked as it is asked.
    """
    n = is_target.size
    own = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if covariates.ndim != 2 or {last_period.shape, event.shape, is_target.shape, own.shape} != {(covariates.shape[0],)}:
        raise ValueError("people must have one row each")
    for number in (last_period, event):
        if not np.issubdtype(number.dtype, np.integer) or (n and number.min() < 0):
            raise ValueError("periods and events must be whole numbers from 0")
    if not (np.all(np.isfinite(own)) and np.all(own >= 0)):
        raise ValueError("weights must be finite and not negative")
    if not all(np.all(np.isfinite(covariates[at : at + _BLOCK])) for at in range(0, n, _BLOCK)):
        raise ValueError("covariates must be finite: give missing values an indicator first")
    order = np.argsort(last_period, kind="stable")
    chosen = is_target.astype(bool)
    last, cause = last_period.astype(np.int64), event.astype(np.int64)
    return PersonTime(last, cause, chosen, covariates, own, period_weights, order[own[order] > 0])


def standardise(
    people: PersonTime,
    terms: Sequence[Sequence[ProductTerm]],
    horizons: Sequence[int],
    cause: int = 1,
    link: Link = "logit",
    correction: WeightCorrection | None = None,
) -> tuple[StandardisedRisk, ...]:
    """g-computation on discrete hazards, as `discrete_hazard.standardised_risks`, which see for what is asked and refused.

    Args:
        people: as `person_time` makes them.
        terms: for each cause, in order, without intercept.
        horizons: numbers of periods.
        cause: whose risk.
        link: of every hazard.
        correction: from the derivative of an estimate by each person's own weight [n] (0 where it is 0) to what estimating
            these weights adds to its influence [n]. Weights of periods are taken as known.

    Raises:
        NotEstimable: a hazard that cannot be fitted, or a horizon beyond the last period at risk of an arm.
        ValueError: a cause without terms, or weights of periods that are not finite, negative, or of another shape.
    """
    if not 1 <= cause <= len(terms) or (people.event.size and people.event.max() > len(terms)):
        raise ValueError("every cause needs its terms")
    mass = _mass(people, len(terms))
    require_followed(min(mass.n_periods), horizons)
    fits = [_fit(people, mass, part, number + 1, link) for number, part in enumerate(terms)]
    values, slopes = _in_both_arms(people, fits, horizons, cause)
    by_weight = _by_weight(people, fits, slopes)
    n = people.is_target.size
    sizes = int(people.is_target.sum()), int((~people.is_target).sum())
    n_effective = kish_effective_number(mass.mean)

    def averaged(place: int) -> tuple[float, np.ndarray]:
        mean = float(values[place].mean())
        influence = values[place] - mean + people.weights * by_weight[place]
        if correction is not None:
            influence += n * correction(by_weight[place] / n)
        return mean, influence

    found = []
    for number, horizon in enumerate(horizons):
        first = 2 * _QUANTITIES * number
        target, comparator = (
            [averaged(first + _QUANTITIES * arm + quantity) for quantity in range(_QUANTITIES)] for arm in (0, 1)
        )
        found.append(contrast_risks(horizon, cause, target, comparator, sizes, n_effective))
    return tuple(found)


def fit_products(people: PersonTime, terms: Sequence[ProductTerm], cause: int = 1, link: Link = "logit") -> ProductFit:
    """The hazard of one cause among those whom no later one took in the period; Fisher scoring over blocks of people.

    Raises:
        NotEstimable: no event or nothing else, a term that is 0, collinear terms, or no convergence (separation).
    """
    return _fit(people, _mass(people, max(cause, int(people.event.max(initial=0)))), terms, cause, link)


def _fit(people: PersonTime, mass: _Mass, terms: Sequence[ProductTerm], cause: int, link: Link) -> ProductFit:
    at_risk = mass.at_risk - float(mass.of_event[cause + 1 :].sum())
    intercept = intercept_at(float(mass.of_event[cause] / at_risk) if at_risk > 0 else 0.0, link)
    n_periods = int(people.last_period[people.order[-1]]) + 1
    design = product_design(terms, n_periods, people.covariates[:1].astype(np.float64))
    n_steps = 0

    def derivatives(beta: np.ndarray, is_observed: bool) -> Derivatives:
        nonlocal n_steps
        n_steps += 1
        score, information, largest = np.zeros(design.size), design.information(), 0.0
        for rows, z in _blocks(people, design):
            weight = _weight(people, rows, cause)
            predictor = design.predictor(z, beta, weight.shape[1])
            largest = max(largest, _largest(predictor, weight, SEPARATED))
            pull, spread = _pulled(people, rows, predictor, weight, cause, link, is_observed=is_observed)
            score += design.total(z, pull)
            information.add(z, spread)
        return Derivatives(score, information.matrix(), largest)

    def distance(move: np.ndarray) -> float:
        found = 0.0
        for rows, z in _blocks(people, design):
            weight = _weight(people, rows, cause)
            found = max(found, _largest(design.predictor(z, move, weight.shape[1]), weight, NEAR))
        return found

    start = np.zeros(design.size)
    start[0] = intercept
    scored = score_hazard(start, derivatives, distance)
    return ProductFit(design, scored.coefficients, scored.inverse, cause, link, n_steps)


def _blocks(people: PersonTime, design: ProductDesign) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Numbers of people [m] and their functions, for each term [m, d]; people of like last period together."""
    for start in range(0, people.order.size, _BLOCK):
        rows = people.order[start : start + _BLOCK]
        x = people.covariates[rows].astype(np.float64, copy=False)
        yield rows, design.people(people.is_target[rows].astype(np.float64), x)


def _weight(people: PersonTime, rows: np.ndarray, cause: int, *, is_own: bool = True) -> np.ndarray:
    """[m, t] of periods at risk of a cause, 0 elsewhere; without the person's own weight if asked."""
    last, event = people.last_period[rows], people.event[rows]
    n_periods = int(last[-1]) + 1
    there = np.arange(n_periods) <= last[:, None]
    later = np.flatnonzero(event > cause)
    there[later, last[later]] = False
    own = people.weights[rows] if is_own else np.ones(rows.size)
    if people.period_weights is not None:
        given = people.period_weights(rows, n_periods)
        if given.shape != there.shape:
            raise ValueError("weights of periods must be [m, t]")
        return np.where(there, own[:, None] * given, 0.0)
    return there * own[:, None]


def _pulled(
    people: PersonTime,
    rows: np.ndarray,
    predictor: np.ndarray,
    weight: np.ndarray,
    cause: int,
    link: Link,
    *,
    is_observed: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """[m, t] each: what a period adds to score and information, but for its terms."""
    mean, slope = hazard_of(predictor, link)
    pull = weight * pull_of(mean, slope, link)
    to_score = -pull * mean
    had = np.flatnonzero(people.event[rows] == cause)
    at = had, people.last_period[rows[had]]
    to_score[at] += pull[at]
    return to_score, spread_of(pull, to_score, mean, slope, link, is_observed=is_observed)


def _largest(predictor: np.ndarray, weight: np.ndarray, limit: float) -> float:
    """Largest size of a predictor at risk, exact from `limit` on."""
    reached = max(float(predictor.max()), -float(predictor.min()))
    # Beyond somebody's last period a curve may run off.
    return reached if reached < limit else float(np.abs(np.where(weight > 0, predictor, 0.0)).max())


def _mass(people: PersonTime, n_causes: int) -> _Mass:
    at_risk, of_event = 0.0, np.zeros(n_causes + 1)
    mean, n_periods = np.zeros(people.is_target.size), [0, 0]
    for start in range(0, people.order.size, _BLOCK):
        rows = people.order[start : start + _BLOCK]
        weight = _weight(people, rows, n_causes)
        if not (np.all(np.isfinite(weight)) and np.all(weight >= 0)):
            raise ValueError("weights of periods must be finite and not negative")
        last = people.last_period[rows]
        at_risk += float(weight.sum())
        of_event += np.bincount(people.event[rows], weight[np.arange(rows.size), last], n_causes + 1)
        mean[rows] = weight.sum(axis=1) / (last + 1)
        for arm, chosen in enumerate((people.is_target[rows], ~people.is_target[rows])):
            seen = np.flatnonzero((weight[chosen] > 0).any(axis=0))
            n_periods[arm] = max(n_periods[arm], int(seen[-1]) + 1 if seen.size else 0)
    return _Mass(at_risk, of_event, mean, (n_periods[0], n_periods[1]))


def _in_both_arms(
    people: PersonTime, fits: Sequence[ProductFit], horizons: Sequence[int], cause: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Everybody's values in either arm [s, n], s by horizon, arm (target first), quantity; and sums' derivatives [s, p]."""
    n, longest = people.is_target.size, max(horizons)
    values = np.empty((2 * _QUANTITIES * len(horizons), n))
    slopes = [np.zeros((values.shape[0], fit.design.size)) for fit in fits]
    for start in range(0, n, _BLOCK):
        x = people.covariates[start : start + _BLOCK].astype(np.float64, copy=False)
        for arm in (0, 1):
            everyone = [fit.design.people(np.full(x.shape[0], 1.0 - arm), x) for fit in fits]
            parts = [
                hazard_of(f.design.predictor(z, f.coefficients, longest), f.link)
                for f, z in zip(fits, everyone, strict=True)
            ]
            hazard = np.stack([mean for mean, _ in parts])
            for number, horizon in enumerate(horizons):
                first = _QUANTITIES * (2 * number + arm)
                lived, by_hazard = live(hazard[:, :, :horizon], cause)
                values[first : first + _QUANTITIES, start : start + x.shape[0]] = lived
                for place, fit in enumerate(fits):
                    for quantity, by in enumerate(by_hazard[place] * parts[place][1][:, :horizon]):
                        slopes[place][first + quantity] += fit.design.total(everyone[place], by)
    return values, slopes


def _by_weight(people: PersonTime, fits: Sequence[ProductFit], slopes: Sequence[np.ndarray]) -> np.ndarray:
    """[s, n] derivative by each person's own weight of sums with these derivatives [s, p] by each fit's coefficients."""
    found = np.zeros((slopes[0].shape[0], people.is_target.size))
    for fit, slope in zip(fits, slopes, strict=True):
        directions = fit.inverse @ slope.T
        for rows, z in _blocks(people, fit.design):
            weight = _weight(people, rows, fit.cause, is_own=False)
            predictor = fit.design.predictor(z, fit.coefficients, weight.shape[1])
            pull, _ = _pulled(people, rows, predictor, weight, fit.cause, fit.link, is_observed=True)
            found[:, rows] += fit.design.along(z, pull, directions).T
    return found
