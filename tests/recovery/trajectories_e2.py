"""People with several draws of estradiol, 40 % of them below the limit, and an outcome that follows the person's level."""

from dataclasses import dataclass

import numpy as np

MEAN, BY_Z, TAU, SIGMA, SLOPE = np.log(12.0), 0.3, 0.6, 0.5, 0.05
SHAPES = ("log_normal", "mixture", "heavy_tails")
NON_SUPPRESSORS, HIGHER_BY = 0.09, 1.5
DEGREES_OF_FREEDOM = 4


@dataclass(frozen=True, slots=True)
class People:
    """`log_e2` [n] as it is; `person` [n]; `z` and `outcome` [k]; `limit` the log of the limit."""

    log_e2: np.ndarray
    person: np.ndarray
    z: np.ndarray
    outcome: np.ndarray
    limit: float

    @property
    def lower(self) -> np.ndarray:
        return np.where(self.log_e2 < self.limit, -np.inf, self.log_e2)

    @property
    def upper(self) -> np.ndarray:
        return np.maximum(self.log_e2, self.limit)

    @property
    def model(self) -> np.ndarray:
        """Columns of the imputation: intercept, z, outcome."""
        return np.column_stack([np.ones(self.person.size), self.z[self.person], self.outcome[self.person]])

    def naive(self) -> np.ndarray:
        """The limit over the square root of two in place of what is below it."""
        return np.where(self.log_e2 < self.limit, self.limit - np.log(2) / 2, self.log_e2)

    def analysis(self, log_e2: np.ndarray) -> tuple[float, float]:
        """Geometric mean of estradiol, pg/mL, and the slope of the outcome a unit of the person's mean log."""
        level = np.bincount(self.person, log_e2) / np.bincount(self.person)
        x = np.column_stack([level, np.ones(level.size), self.z])
        slope = np.linalg.lstsq(x, self.outcome)[0][0]
        return float(np.exp(log_e2.mean())), float(slope)


def people(shape: str, persons: int, seed: int) -> People:
    """Two to six draws each; `shape` says what the estradiol of a person and of a draw is like."""
    rng = np.random.default_rng([seed, SHAPES.index(shape)])
    draws = rng.integers(2, 7, persons)
    person = np.repeat(np.arange(persons), draws)
    z = rng.standard_normal(persons)
    effect, noise = TAU * rng.standard_normal(persons), SIGMA * rng.standard_normal(person.size)
    if shape == "mixture":
        effect += HIGHER_BY * (rng.random(persons) < NON_SUPPRESSORS)
    if shape == "heavy_tails":
        scale = SIGMA / np.sqrt(DEGREES_OF_FREEDOM / (DEGREES_OF_FREEDOM - 2))
        noise = scale * rng.standard_t(DEGREES_OF_FREEDOM, person.size)
    level = MEAN + BY_Z * z + effect
    log_e2 = level[person] + noise
    true_mean = np.bincount(person, log_e2) / draws
    outcome = 0.8 + SLOPE * true_mean + 0.02 * z + 0.06 * rng.standard_normal(persons)
    return People(log_e2, person, z, outcome, float(np.quantile(log_e2, 0.4)))
