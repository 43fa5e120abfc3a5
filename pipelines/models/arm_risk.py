"""Risks of two arms at horizons without a model: difference, ratio, time lived and lost, with intervals by influence.

Curves are those of `survival_curve`; which rows, arms and weights is the caller's. With covariates: `discrete_hazard`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975, ContrastEstimate, clustered_standard_error, normal_contrast
from pipelines.models.survival_curve import FollowUp, Quantity, SurvivalCurve, curve_point, fit_curve
from pipelines.models.weighting import kish_effective_number

#: from the derivative of an estimate by each row's weight [n] to what estimating the weights adds to its influence [n]
WeightCorrection = Callable[[np.ndarray], np.ndarray]
_TIMES: tuple[Quantity, Quantity] = ("time_lost", "time_lived")


@dataclass(frozen=True, slots=True)
class ArmValue:
    """A risk with its standard error and a 95 % interval on the scale of log(-log(1 - risk)).

    The interval is NaN where the risk is 0 or 1: rows without event do not tell it.
    """

    value: float
    standard_error: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """Risk of the target over that of the comparator; `log_standard_error` is that of its logarithm, as the interval is."""

    estimate: float
    log_standard_error: float
    ci_low: float
    ci_high: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class RiskContrast:
    """Two arms at one horizon, one cause of event, others competing (total effect).

    Attributes:
        horizon: time since the origin.
        cause: number of the event.
        target, comparator: risk of either arm.
        difference: of risks.
        ratio: None where an arm has no event of the cause.
        time_lost: difference of mean times lost to the cause up to the horizon.
        time_lived: difference of mean times without any event up to the horizon.
    """

    horizon: float
    cause: int
    target: ArmValue
    comparator: ArmValue
    difference: ContrastEstimate
    ratio: RatioEstimate | None
    time_lost: ContrastEstimate
    time_lived: ContrastEstimate


def risk_contrasts(
    rows: FollowUp,
    is_target: np.ndarray,
    horizons: Sequence[float],
    cause: int = 1,
    person_id: np.ndarray | None = None,
    correction: WeightCorrection | None = None,
) -> tuple[RiskContrast, ...]:
    """Target less comparator at each horizon.

    Args:
        rows: of both arms.
        is_target: [n] true for the target arm; a person may have rows (clones, trials) in both.
        horizons: times since the origin, as 365.25 times 1, 3, 5, 10.
        cause: from 1.
        person_id: [n] for clustering; None where every row is a person.
        correction: what estimating the weights adds; None takes them as known, which is wide for estimated propensities.

    Raises:
        NotEstimable: an arm without rows of weight, nobody at risk in it at a horizon, or no event of the cause by a
            horizon in either arm: no variance can be told.

    Source: influence functions of Aalen-Johansen by arm (`curve_point`), summed by person.
    """
    arms = tuple(_masked(rows, chosen) for chosen in (is_target, ~is_target))
    curves = tuple(fit_curve(arm) for arm in arms)
    people = np.arange(rows.exit.size) if person_id is None else person_id
    sizes = tuple(np.unique(people[arm.weights > 0]).size for arm in arms)
    n_effective = kish_effective_number(_weight_of_person(rows, people))

    def values(quantity: Quantity, horizon: float) -> tuple[tuple[float, float], tuple[np.ndarray, np.ndarray]]:
        points = [curve_point(arm, curve, quantity, horizon, cause) for arm, curve in zip(arms, curves, strict=True)]
        found = []
        for point in points:
            influence = point.influence
            if correction is not None:
                influence = influence + correction(_by_weight(influence, rows.weights))
            found.append(influence * influence.size)
        return (points[0].value, points[1].value), (found[0], found[1])

    contrasts = []
    for horizon in horizons:
        risks, influences = values("risk", horizon)
        if max(risks) == 0:
            raise NotEstimable(f"no event of cause {cause} by {horizon:g} in either arm: no variance can be told")
        target, comparator = (arm_value(r, i, person_id) for r, i in zip(risks, influences, strict=True))
        difference = normal_contrast(risks, influences[0] - influences[1], person_id, (sizes[0], sizes[1]), n_effective)
        lost, lived = (values(quantity, horizon) for quantity in _TIMES)
        time_lost, time_lived = (
            normal_contrast(means, parts[0] - parts[1], person_id, (sizes[0], sizes[1]), n_effective)
            for means, parts in (lost, lived)
        )
        ratio = risk_ratio(risks, influences, person_id) if min(risks) > 0 else None
        contrasts.append(
            RiskContrast(float(horizon), cause, target, comparator, difference, ratio, time_lost, time_lived)
        )
    return tuple(contrasts)


def risk_ratios(
    rows: FollowUp,
    is_target: np.ndarray,
    horizons: Sequence[float],
    cause: int = 1,
    person_id: np.ndarray | None = None,
    correction: WeightCorrection | None = None,
) -> tuple[RatioEstimate | None, ...]:
    """The ratios of `risk_contrasts` alone, for the many outcomes of calibration: one correction a horizon, not six.

    None where an arm has no event of the cause by the horizon.

    Raises:
        NotEstimable: an arm without rows of weight, or nobody at risk in it at a horizon.
    """
    arms = tuple(_masked(rows, chosen) for chosen in (is_target, ~is_target))
    curves = tuple(fit_curve(arm) for arm in arms)
    found: list[RatioEstimate | None] = []
    for horizon in horizons:
        points = [curve_point(arm, curve, "risk", horizon, cause) for arm, curve in zip(arms, curves, strict=True)]
        risks = (points[0].value, points[1].value)
        if not min(risks) > 0:
            found.append(None)
            continue
        influence = points[0].influence / risks[0] - points[1].influence / risks[1]
        if correction is not None:
            influence = influence + correction(_by_weight(influence, rows.weights))
        found.append(_ratio(risks, clustered_standard_error(influence * influence.size, person_id)))
    return tuple(found)


def arm_risks(
    rows: FollowUp,
    is_target: np.ndarray,
    horizons: Sequence[float],
    cause: int = 1,
    person_id: np.ndarray | None = None,
    correction: WeightCorrection | None = None,
) -> tuple[tuple[ArmValue, ArmValue], ...]:
    """The risks of `risk_contrasts` alone, target first, at each horizon: for curves, two corrections a horizon, not six.

    Raises:
        NotEstimable: an arm without rows of weight, or nobody at risk in it at a horizon.
    """
    arms = tuple(_masked(rows, chosen) for chosen in (is_target, ~is_target))
    curves = tuple(fit_curve(arm) for arm in arms)

    def value(arm: FollowUp, curve: SurvivalCurve, horizon: float) -> ArmValue:
        point = curve_point(arm, curve, "risk", horizon, cause)
        influence = point.influence
        if correction is not None:
            influence = influence + correction(_by_weight(influence, rows.weights))
        return arm_value(point.value, influence * influence.size, person_id)

    found = []
    for horizon in horizons:
        target, comparator = (value(arm, curve, horizon) for arm, curve in zip(arms, curves, strict=True))
        found.append((target, comparator))
    return tuple(found)


def arm_value(risk: float, influence: np.ndarray, person_id: np.ndarray | None) -> ArmValue:
    """A risk and the interval of its influence function [n] (of a mean over n)."""
    error = clustered_standard_error(influence, person_id)
    if not 0 < risk < 1:
        return ArmValue(risk, error, np.nan, np.nan)
    survived = -np.log1p(-risk)
    width = Z975 * error / ((1 - risk) * survived)
    low, high = (float(-np.expm1(-survived * np.exp(side * width))) for side in (-1, 1))
    return ArmValue(risk, error, low, high)


def risk_ratio(
    risks: tuple[float, float], influences: tuple[np.ndarray, np.ndarray], person_id: np.ndarray | None
) -> RatioEstimate:
    """Ratio of two risks from their influence functions [n] (of means over n).

    Raises:
        NotEstimable: a risk of 0.
    """
    if not min(risks) > 0:
        raise NotEstimable("an arm has no event: there is no ratio of risks")
    return _ratio(risks, clustered_standard_error(influences[0] / risks[0] - influences[1] / risks[1], person_id))


def _ratio(risks: tuple[float, float], error: float) -> RatioEstimate:
    from scipy.special import ndtr

    log_ratio = float(np.log(risks[0]) - np.log(risks[1]))
    low, high = (float(np.exp(log_ratio + side * Z975 * error)) for side in (-1, 1))
    p_value = float(2 * ndtr(-abs(log_ratio) / error)) if error > 0 else float("nan")
    return RatioEstimate(float(np.exp(log_ratio)), error, low, high, p_value)


def _masked(rows: FollowUp, chosen: np.ndarray) -> FollowUp:
    """Rows of one arm: the others have no weight, so that influences of both arms have the same places."""
    if not (chosen & (rows.weights > 0)).any():
        raise NotEstimable("an arm has nobody")
    return replace(rows, weights=np.where(chosen, rows.weights, 0.0))


def _by_weight(influence: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.where(weights > 0, influence / np.where(weights > 0, weights, 1.0), 0.0)


def _weight_of_person(rows: FollowUp, people: np.ndarray) -> np.ndarray:
    """Mean weight over a person's rows."""
    _, codes = np.unique(people, return_inverse=True)
    return np.bincount(codes, rows.weights) / np.bincount(codes)
