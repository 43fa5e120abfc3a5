"""Two worlds with a known effect of a treatment at one point: straight and curved. Truth in closed form, nothing fitted.

Fifteen covariates at time zero; who is treated, followed and measured depends on them, and the outcome too. `leaked` is a
value of after time zero that the treatment moves, as bone turnover under an inhibitor: no covariate, but a trap.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.observation import Stage

PEOPLE = 2000
COVARIATES = 15
#: mean effect, in either world
TRUTH = -2.0
# The mean of log cosh of a standard normal, by quadrature: a bend with straight tails, as a natural spline has them.
_POINTS, _MASS = np.polynomial.hermite_e.hermegauss(80)
_MEAN_BEND = float(_MASS @ np.log(np.cosh(_POINTS)) / _MASS.sum())


@dataclass(frozen=True, slots=True)
class Sample:
    """People [n] of one replication; `outcome` is NaN where not measured, `complete` is what nobody sees."""

    covariates: np.ndarray
    treated: np.ndarray
    complete: np.ndarray
    outcome: np.ndarray
    leaked: np.ndarray
    person_id: np.ndarray
    stages: tuple[Stage, ...]
    is_curved: bool


def logistic(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def bend(x: np.ndarray) -> np.ndarray:
    """log cosh, centred at its mean: a square near 0, straight lines far from it."""
    return np.log(np.cosh(x)) - _MEAN_BEND


def straight(seed: int, n: int = PEOPLE) -> Sample:
    """Ten normal covariates and five of presence; log odds and means are straight lines; the effect differs by person."""
    rng = np.random.default_rng([seed, 1])
    x = rng.normal(size=(n, COVARIATES))
    x[:, 10:] = rng.random((n, 5)) < 0.3
    index = 0.6 * x[:, 0] + 0.4 * x[:, 1] - 0.4 * x[:, 2] + 0.7 * (x[:, 10] - 0.3)
    mean = 2.5 * x[:, 0] + 2.0 * x[:, 1] - 1.5 * x[:, 2] + 1.5 * x[:, 10] + 2.0 * x[:, 4]
    return _sample(rng, x, -0.3 + index, mean, TRUTH + 0.5 * x[:, 0], is_curved=False)


def curved(seed: int, n: int = PEOPLE) -> Sample:
    """The same covariates, one of them skewed; treatment by a curve of one, outcome by a bend and a skewed line."""
    rng = np.random.default_rng([seed, 2])
    x = rng.normal(size=(n, COVARIATES))
    x[:, 10:] = rng.random((n, 5)) < 0.3
    x[:, 3] = np.exp(0.6 * x[:, 3])
    index = 0.8 * bend(x[:, 0]) + 0.5 * x[:, 1] + 0.3 * (x[:, 3] - np.exp(0.18))
    mean = 3.0 * bend(x[:, 0]) + 1.5 * x[:, 1] + 1.0 * x[:, 3] + 1.0 * x[:, 11]
    return _sample(rng, x, -0.3 + index, mean, TRUTH + 1.0 * bend(x[:, 0]), is_curved=True)


WORLDS = {"straight": straight, "curved": curved}


def _sample(
    rng: np.random.Generator, x: np.ndarray, odds: np.ndarray, mean: np.ndarray, effect: np.ndarray, *, is_curved: bool
) -> Sample:
    n = x.shape[0]
    treated = rng.random(n) < logistic(odds)
    complete = mean + effect * treated + rng.normal(0.0, 2.0, n)
    leaked = 1.0 * treated + 0.3 * (complete - mean) + rng.normal(0.0, 0.5, n)
    followed = rng.random(n) < logistic(2.0 - 0.6 * treated - 1.0 * x[:, 1] * treated)
    measured = followed & (rng.random(n) < logistic(1.0 + 0.8 * treated + 0.9 * x[:, 0] * (1 - 2 * treated)))
    stages = (Stage("followed", np.ones(n, dtype=bool), followed), Stage("measured", followed, measured))
    outcome = np.where(measured, complete, np.nan)
    return Sample(x, treated, complete, outcome, leaked, np.arange(n), stages, is_curved)
