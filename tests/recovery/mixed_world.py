"""Log bone density of people over years, with intercepts and slopes of their own and a dose that bends the slope.

Who was seen to lose much at the last scan is scanned less often after it. Nothing is fitted here.
"""

from dataclasses import dataclass

import numpy as np

PEOPLE, VISITS = 250, 6
#: change of log g/cm2 a year, per unit of dose (1 % a year)
TRUTH = -0.010
INTERCEPT_SD, SLOPE_SD, ERROR_SD = 0.10, 0.02, 0.015


@dataclass(frozen=True, slots=True)
class Scans:
    """Rows [n], sorted by person, then year."""

    person: np.ndarray
    year: np.ndarray
    dose: np.ndarray
    log_bmd: np.ndarray

    def design(self) -> np.ndarray:
        """[n, 4] intercept, year, dose, dose by year."""
        return np.column_stack([np.ones(self.year.size), self.year, self.dose, self.dose * self.year])


def scans(seed: int, people: int = PEOPLE) -> Scans:
    """A baseline scan and up to five more, about a year apart."""
    rng = np.random.default_rng([seed, 11])
    dose = rng.integers(0, 3, people).astype(float)
    own = rng.normal(size=(people, 2))
    start = INTERCEPT_SD * own[:, 0]
    slope = -0.005 + SLOPE_SD * (0.3 * own[:, 0] + np.sqrt(1 - 0.09) * own[:, 1])
    rows, last = [], np.zeros(people)
    is_followed = np.ones(people, dtype=bool)
    for visit in range(VISITS):
        year = np.full(people, float(visit)) + (rng.uniform(-0.2, 0.2, people) if visit else 0.0)
        value = np.log(1.0) + start + (slope + TRUTH * dose) * year + rng.normal(0.0, ERROR_SD, people)
        seen = np.flatnonzero(is_followed)
        rows.append(np.column_stack([seen, year[seen], dose[seen], value[seen]]))
        change = value - last if visit else np.zeros(people)
        last = value
        is_followed &= rng.random(people) < 1 / (1 + np.exp(-(1.5 + 25.0 * change)))
    joined = np.concatenate(rows)
    joined = joined[np.lexsort((joined[:, 1], joined[:, 0]))]
    return Scans(joined[:, 0].astype(np.int64), joined[:, 1], joined[:, 2], joined[:, 3])
