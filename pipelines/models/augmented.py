"""Augmented inverse-probability weighting with cross-fitting: the primary estimator of a point treatment.

Right where either the treatment and observation models, or the outcome models, are; every person's nuisances come from
other people. Here: nuisances by fold and the influence function. Not here: which covariates, and what happens to people.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.logistic import fit_logistic
from pipelines.models.observation import Stage, fit_stages, inverse_probability, observed
from pipelines.models.propensity import folds
from pipelines.models.weighting import kish_effective_number

#: Penalties of the outcome regressions, weighed against each other by leave-one-out error.
_RIDGES = (0.1, 1.0, 10.0, 100.0, 1000.0)
_LEAST_IN_ARM = 10


@dataclass(frozen=True, slots=True)
class AugmentedSpec:
    """How nuisances are fitted.

    `penalty` is that of the treatment and `observation_penalty` that of the observation models (`fit_logistic`);
    propensities are kept within `least_probability` and 1 less it, chances of observation above it. `maximum` is the greatest
    weight of a residual, their product; None: `greatest_weight` of the number of rows.
    """

    seed: int
    penalty: float
    observation_penalty: float
    n_folds: int = 5
    least_probability: float = 0.01
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class AugmentedEstimate:
    """The contrast, the cross-fitted nuisances [n] behind it, and how many propensities and weights were moved to a bound.

    `weight` [n] is that of each person's residual, normalised in the own arm; 0 where nothing was observed.
    """

    contrast: ContrastEstimate
    propensity: np.ndarray
    outcome_target: np.ndarray
    outcome_comparator: np.ndarray
    weight: np.ndarray
    n_bounded: int


def augmented_contrast(
    outcome: np.ndarray,
    treated: np.ndarray,
    design: np.ndarray,
    person_id: np.ndarray,
    spec: AugmentedSpec,
    stages: Sequence[Stage] = (),
) -> AugmentedEstimate:
    """Mean difference in the whole population, target less comparator.

    Args:
        outcome: [n]; not read where not observed.
        treated: [n] true for the target arm.
        design: [n, p] covariates at time zero.
        person_id: [n] integers: folds and clusters.
        spec: penalties, folds, seed.
        stages: to being observed; none: everybody is.

    Raises:
        NotEstimable: an arm with fewer than 10 observed outcomes outside some fold, or a nuisance that cannot be fitted.

    Source: Robins, Rotnitzky, Zhao (1994), JASA 89:846; Chernozhukov et al. (2018), Econometrics Journal 21:C1. Weights of
    the residuals are normalised by arm (Hajek).
    """
    n = treated.size
    seen = observed(stages, n)
    y = np.where(seen, outcome, 0.0)
    if not np.all(np.isfinite(y)):
        raise ValueError("an outcome that counts as observed is missing")
    fold = folds(person_id, spec.seed, spec.n_folds, "cross-fitting")
    propensity, chance = np.full(n, np.nan), np.ones(n)
    predicted = {True: np.zeros(n), False: np.zeros(n)}
    for held in range(spec.n_folds):
        out, train = fold == held, fold != held
        if not out.any():
            continue
        fit = fit_logistic(design[train], treated[train].astype(np.float64), spec.penalty)
        propensity[out] = fit.predict(design[out])
        fitted = fit_stages(stages, treated, design, spec.observation_penalty, train, spec.least_probability)
        chance[out] = 1.0 / inverse_probability(fitted, n)[out]
        for arm in (True, False):
            rows = train & seen & (treated == arm)
            if rows.sum() < _LEAST_IN_ARM:
                raise NotEstimable(f"an arm has fewer than {_LEAST_IN_ARM} outcomes outside a fold")
            predicted[arm][out] = ridge_prediction(design[rows], y[rows], design[out])
    most = greatest_weight(n) if spec.maximum is None else spec.maximum
    bounded = np.clip(propensity, spec.least_probability, 1.0 - spec.least_probability)
    means, by_arm, weights, n_cut = [], [], np.zeros(n), 0
    for arm in (True, False):
        own = bounded if arm else 1.0 - bounded
        weight = np.where((treated == arm) & seen, 1.0 / (own * chance), 0.0)
        n_cut += int((weight > most).sum())
        weight = np.minimum(weight, most)
        weight *= n / weight.sum()
        values = predicted[arm] + weight * (y - predicted[arm])
        means.append(float(values.mean()))
        # Normalised weights: their sum is estimated, too.
        residual = float(weight @ (y - predicted[arm])) / n
        by_arm.append(values - values.mean() - residual * (weight - 1.0))
        weights += weight
    sizes = (int((seen & treated).sum()), int((seen & ~treated).sum()))
    effective = kish_effective_number(weights)
    target, comparator = by_arm
    contrast = normal_contrast(
        (means[0], means[1]), target - comparator, person_id, sizes, effective, (target, comparator)
    )
    moved = int((bounded != propensity).sum()) + n_cut
    return AugmentedEstimate(contrast, bounded, predicted[True], predicted[False], weights, moved)


def greatest_weight(n: int) -> float:
    """Of n people: sqrt(n) ln(n) / 5. Somebody unlike all others of a fold cannot stand for a whole arm.

    Source: Gruber et al. (2022), Am J Epidemiol 191:1640, for the product of all probabilities.
    """
    return float(max(np.sqrt(n) * np.log(max(n, 1)) / 5.0, 1.0))


def ridge_prediction(design: np.ndarray, outcome: np.ndarray, elsewhere: np.ndarray) -> np.ndarray:
    """[m] ridge regression predictions for other people, its penalty by leave-one-out error, the mean where p = 0.

    The design is taken as standardised: its columns are penalised alike, the intercept is not.
    """
    if design.shape[1] == 0:
        return np.full(elsewhere.shape[0], outcome.mean())
    center, middle = design.mean(axis=0), outcome.mean()
    x, y = design - center, outcome - middle
    values, vectors = np.linalg.eigh(x.T @ x)
    values = np.maximum(values, 0.0)
    scores = x @ vectors
    along = scores.T @ y
    squares = scores**2
    best, chosen = np.inf, _RIDGES[0]
    for penalty in _RIDGES:
        leverage = squares @ (1.0 / (values + penalty)) + 1.0 / y.size
        residual = y - scores @ (along / (values + penalty))
        error = float(np.sum((residual / np.maximum(1.0 - leverage, 1e-8)) ** 2))
        if error < best:
            best, chosen = error, penalty
    return middle + (elsewhere - center) @ (vectors @ (along / (values + chosen)))
