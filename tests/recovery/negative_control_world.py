"""People, a confounder that nobody records, and outcomes it moves: negative controls of no effect, one outcome of some effect.

Loaded by the recovery test of empirical calibration; knows no estimator. People of an arm, with and without the confounder, are
alike, so that counting their events by binomial draws is the same as drawing each person.
"""

from typing import NamedTuple

import numpy as np

N_CONTROLS = 50
TRUE_LOG_RATIO = float(np.log(1.5))
_PEOPLE = 20_000
_RISK = 0.02


class World(NamedTuple):
    """Log odds-like strengths of the confounder: of the controls Normal(mean, sd), of the outcome of interest one draw."""

    control_mean: float
    control_sd: float
    interest_mean: float
    interest_sd: float


#: controls share the confounding of the outcome of interest
EXCHANGEABLE = World(0.8, 0.5, 0.8, 0.5)
#: the confounder hardly touches what the controls are, and moves the outcome of interest
APART = World(0.0, 0.2, 1.6, 0.2)
#: no confounding at all
CLEAN = World(0.0, 0.0, 0.0, 0.0)


def log_risk_ratios(world: World, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Log risk ratios and standard errors [N_CONTROLS + 1]; the last is of the outcome with an effect."""
    rng = np.random.default_rng([seed, 21])
    n_target = rng.binomial(_PEOPLE, 0.5)
    sizes = np.array([n_target, _PEOPLE - n_target])
    with_it = rng.binomial(sizes, [0.55, 0.2])
    strength = world.control_mean + world.control_sd * rng.normal(size=N_CONTROLS + 1)
    strength[-1] = world.interest_mean + world.interest_sd * rng.normal()
    effect = np.zeros(N_CONTROLS + 1)
    effect[-1] = TRUE_LOG_RATIO
    baseline = _RISK * np.exp(rng.uniform(-0.7, 0.7, N_CONTROLS + 1))
    events = []
    for arm in (0, 1):
        risk = baseline * np.exp(effect * (arm == 0))
        among = rng.binomial(with_it[arm], np.minimum(risk * np.exp(strength), 1.0))
        events.append(among + rng.binomial(sizes[arm] - with_it[arm], risk))
    target, comparator = events
    error = np.sqrt(1 / target - 1 / sizes[0] + 1 / comparator - 1 / sizes[1])
    return np.log(target / sizes[0] * sizes[1] / comparator), error
