"""Does the ratio of two exposures tell all that both tell? The additive model in logs, of which the ratio is a restriction.

With t and e the logs of both, b t + c e = b (t - e) + (b + c) e: the ratio tells all where b + c is 0, so that the coefficient of
e beside the ratio is the test. Arrays in, frozen results out; exposures may be imputed, pairs weighted, people repeated.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.imputation import Pooled, PooledEstimate, pool, pooled_estimate
from pipelines.models.person_regression import person_regression


@dataclass(frozen=True, slots=True, eq=False)
class RatioAgainstBoth:
    """Slopes per doubling, in the unit of the outcome, and how the two models fit.

    Attributes:
        both: change with both doubled, their ratio as it was; 0 where the ratio tells all.
        ratio: slope on the ratio, where nothing else of the two is in the model.
        numerator, denominator: slopes of either beside the other.
        aic: of the ratio less that of the additive model, mean over imputations: above 0 the additive model fits better.
    """

    both: PooledEstimate
    ratio: PooledEstimate
    numerator: PooledEstimate
    denominator: PooledEstimate
    aic: float


def ratio_against_both(
    outcome: np.ndarray,
    numerator: np.ndarray,
    denominator: np.ndarray,
    covariates: np.ndarray,
    person: np.ndarray,
    weights: np.ndarray,
) -> RatioAgainstBoth:
    """Both models on the same rows, imputations and weights.

    AIC is that of least squares with weights of mean 1, rows taken as independent (Burnham and Anderson 2002, section 2.2);
    errors of slopes are by person, which that does not know.

    Args:
        outcome: [n].
        numerator: [n] natural log of the numerator.
        denominator: [m, n] natural log of the denominator in each completed data set, m >= 2.
        covariates: [n, p] without intercept.
        person: [n] codes of people.
        weights: [n] positive, taken as known.

    Raises:
        NotEstimable: too few people for the terms, or terms that tell each other.
    """
    fixed = np.column_stack([np.ones(outcome.size), covariates])
    df = float(np.unique(person).size - fixed.shape[1] - 2)
    if df < 1:
        raise NotEstimable("fewer people than the additive model has terms")
    doublings = numerator / np.log(2)
    additive: list[_Fit] = []
    alone: list[_Fit] = []
    gaps = []
    for each in denominator / np.log(2):
        full = np.column_stack([doublings - each, each, fixed])
        restricted = np.delete(full, 1, axis=1)
        additive.append(person_regression(outcome, full, person, weights))
        alone.append(person_regression(outcome, restricted, person, weights))
        least, more = (
            float(weights @ (outcome - design @ fits[-1][0]) ** 2)
            for design, fits in ((full, additive), (restricted, alone))
        )
        gaps.append(outcome.size * np.log(more / least) - 2.0)
    whole = _pooled(additive, df)
    return RatioAgainstBoth(
        both=pooled_estimate(_of(additive, np.array([0.0, 1.0]), df)),
        ratio=pooled_estimate(_pooled(alone, df)),
        numerator=pooled_estimate(whole),
        denominator=pooled_estimate(_of(additive, np.array([-1.0, 1.0]), df)),
        aic=float(np.mean(gaps)),
    )


_Fit = tuple[np.ndarray, np.ndarray]


def _pooled(fits: list[_Fit], df: float) -> Pooled:
    return pool(np.array([beta for beta, _ in fits]), np.array([covariance for _, covariance in fits]), df)


def _of(fits: list[_Fit], combination: np.ndarray, df: float) -> Pooled:
    """A combination of the first two coefficients of the additive model, ratio and denominator beside it."""
    values = np.array([[combination @ beta[:2]] for beta, _ in fits])
    variances = np.array([[[combination @ covariance[:2, :2] @ combination]] for _, covariance in fits])
    return pool(values, variances, df)
