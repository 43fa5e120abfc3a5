"""Propensity scores: the chance of the target arm given covariates, its penalty, and how far the arms overlap.

Here: fit, penalty by cross-validation, preference score and equipoise. Not here: weights made of it (`weighting`).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.domain.randomness import uniforms
from pipelines.models.errors import NotEstimable
from pipelines.models.logistic import LogisticFit, fit_logistic

#: Penalties tried, on standardised covariates; the sum of log-likelihoods is what they are weighed against.
PENALTIES = (1.0, 10.0, 100.0, 1000.0)
#: with more people than this the penalty hardly matters, and the least one is taken untried
_MOST_TRIED = 50_000
_EQUIPOISE = (0.3, 0.7)


@dataclass(frozen=True, slots=True)
class Propensity:
    """Probability of the target arm, [n], with the fit behind it and how the arms overlap.

    `auc` is the area under the ROC curve; `equipoise_target` and `equipoise_comparator` are the shares of either arm with
    a preference score from 0.3 to 0.7.
    """

    values: np.ndarray
    fit: LogisticFit
    auc: float
    equipoise_target: float
    equipoise_comparator: float

    @property
    def equipoise(self) -> float:
        """The smaller share of the two arms."""
        return min(self.equipoise_target, self.equipoise_comparator)


def estimate_propensity(treated: np.ndarray, design: np.ndarray, penalty: float) -> Propensity:
    """Ridge logistic propensity score of everybody.

    Args:
        treated: [n] true for the target arm.
        design: [n, p] covariates at time zero.
        penalty: of `fit_logistic`; `chosen_penalty` finds one.

    Raises:
        NotEstimable: an arm is empty, separation without a penalty, no convergence.
    """
    return described(fit_logistic(design, treated.astype(np.float64), penalty), treated)


def described(fit: LogisticFit, treated: np.ndarray) -> Propensity:
    """A fit of the arm with how the arms overlap in it.

    Raises:
        NotEstimable: an arm is empty.
    """
    auc = area_under_curve(treated, fit.probabilities)
    return Propensity(fit.probabilities, fit, auc, *equipoise(fit.probabilities, treated))


def equipoise(propensity: np.ndarray, treated: np.ndarray) -> tuple[float, float]:
    """Share of either arm, target first, with a preference between 0.3 and 0.7; neither arm may be empty."""
    preferred = preference_score(propensity, float(treated.mean()))
    inside = (preferred >= _EQUIPOISE[0]) & (preferred <= _EQUIPOISE[1])
    return float(inside[treated].mean()), float(inside[~treated].mean())


def chosen_penalty(
    outcome: np.ndarray, design: np.ndarray, person_id: np.ndarray, seed: int, n_folds: int = 5
) -> float:
    """The penalty of `PENALTIES` with the best cross-validated log-likelihood; folds are of people, not of rows.

    Above 50,000 rows the least penalty is taken untried.
    """
    if outcome.size > _MOST_TRIED:
        return PENALTIES[0]
    fold = folds(person_id, seed, n_folds, "penalty")
    loss = []
    for penalty in PENALTIES:
        total = 0.0
        for held in range(n_folds):
            out = fold == held
            if not out.any():
                continue
            chance = fit_logistic(design[~out], outcome[~out].astype(np.float64), penalty).predict(design[out])
            chance = np.clip(chance, 1e-12, 1 - 1e-12)
            total -= float(np.sum(np.where(outcome[out], np.log(chance), np.log1p(-chance))))
        loss.append(total)
    return PENALTIES[int(np.argmin(loss))]


def folds(person_id: np.ndarray, seed: int, n_folds: int, purpose: str) -> np.ndarray:
    """[n] fold 0 to n_folds - 1, a function of seed, person and purpose; all rows of a person share one."""
    return np.floor(uniforms(seed, person_id, f"fold: {purpose}") * n_folds).astype(np.int64)


def preference_score(propensity: np.ndarray, share_target: float) -> np.ndarray:
    """The propensity as if both drugs were equally common: logit F = logit e - logit share.

    Source: Walker et al. (2013), Comparative Effectiveness Research 3:11.
    """
    odds = propensity / (1.0 - propensity) * (1.0 - share_target) / share_target
    return odds / (1.0 + odds)


def area_under_curve(treated: np.ndarray, propensity: np.ndarray) -> float:
    """Chance that somebody of the target arm has the higher score of the two (Mann-Whitney, ties a half).

    Raises:
        NotEstimable: an arm is empty.
    """
    from scipy.stats import rankdata

    n_target = int(treated.sum())
    n_comparator = treated.size - n_target
    if not n_target or not n_comparator:
        raise NotEstimable("an arm is empty")
    ranks = rankdata(propensity)
    return float((ranks[treated].sum() - n_target * (n_target + 1) / 2) / (n_target * n_comparator))
