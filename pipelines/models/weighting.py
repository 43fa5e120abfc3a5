"""Weights of people by their propensity: whole population, treated, overlap; truncation, and what is left of the number.

Here: weights and their derivative by the linear predictor. Not here: the means they are used in (`inverse_weighting`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Estimand = Literal["ate", "att", "overlap"]


@dataclass(frozen=True, slots=True)
class TreatmentWeights:
    """Weights [n] for an estimand, and their derivative by the logit of the propensity (0 where truncated).

    `n_truncated` is how many were cut, `largest` the greatest weight after it, both before any scaling.
    """

    values: np.ndarray
    slope: np.ndarray
    estimand: Estimand
    n_truncated: int
    largest: float


def treatment_weights(
    treated: np.ndarray,
    propensity: np.ndarray,
    estimand: Estimand,
    is_stabilised: bool = False,
    maximum: float = np.inf,
) -> TreatmentWeights:
    """Weights that make the arms alike in the covariates of the propensity.

    ate: 1/e and 1/(1-e). att: 1 and e/(1-e). overlap: 1-e and e (Li, Morgan, Zaslavsky 2018, JASA 113:390).

    Args:
        treated: [n] true for the target arm.
        propensity: [n] inside (0, 1).
        estimand: whose effect.
        is_stabilised: ate only: multiply by the share of the own arm (Robins, Hernan, Brumback 2000).
        maximum: greatest weight before stabilising; larger ones are set to it, and counted.

    Raises:
        ValueError: a propensity of 0 or 1, or stabilised weights of an estimand that has none.
    """
    e = np.asarray(propensity, dtype=np.float64)
    if not np.all((e > 0) & (e < 1)):
        raise ValueError("propensities must lie inside (0, 1)")
    if estimand == "ate":
        values, slope = np.where(treated, 1 / e, 1 / (1 - e)), np.where(treated, -(1 - e) / e, e / (1 - e))
    elif estimand == "att":
        values, slope = np.where(treated, 1.0, e / (1 - e)), np.where(treated, 0.0, e / (1 - e))
    else:
        values, slope = np.where(treated, 1 - e, e), np.where(treated, -1.0, 1.0) * e * (1 - e)
    cut = values > maximum
    values, slope = np.where(cut, maximum, values), np.where(cut, 0.0, slope)
    largest = float(values.max()) if values.size else 0.0
    if is_stabilised:
        if estimand != "ate":
            raise ValueError("only weights to the whole population are stabilised")
        share = float(np.mean(treated))
        factor = np.where(treated, share, 1.0 - share)
        values, slope = values * factor, slope * factor
    return TreatmentWeights(values, slope, estimand, int(cut.sum()), largest)


def kish_effective_number(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2: people of equal weight with the same variance of a mean. 0 for nobody. Source: Kish (1965)."""
    squares = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / squares if squares > 0 else 0.0
