"""A dose that follows estradiol, and estradiol that follows the dose; bone follows both. Truth in closed form where linear.

Six quarters, doses 0, 1, 2. Estradiol raises the dose and keeps bone, so that the doses of the high look harmless; it is
itself lowered by the dose, so that adjusting for it takes away what the dose does through it. People leave, and are
scanned, by dose and estradiol. Nothing is fitted here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

QUARTERS = 6
#: what a quarter of a dose does to bone directly (%), and to standardised log estradiol after it
DIRECT, ON_E2 = np.array([0.0, -0.1, -0.3]), np.array([0.0, -0.5, -1.0])
#: % of bone a quarter per unit of estradiol at its end, at its start, and of the trait
LATE, EARLY, TRAIT = 0.3, 0.2, 0.3
#: mean change at six quarters of a sustained dose less none
TRUTH = QUARTERS * (DIRECT + (LATE + EARLY) * ON_E2) - EARLY * ON_E2


@dataclass(frozen=True, slots=True)
class People:
    """[n] people, [n, 6] quarters. `e2[:, 0]` is before the first dose: [n, 7]. Bone [n, 6] is at the end of a quarter, in %.

    Quarters are present until the person leaves (the quarter of leaving has a dose, and nothing after it).
    """

    trait: np.ndarray
    e2: np.ndarray
    dose: np.ndarray
    bone: np.ndarray
    came: np.ndarray
    stayed: np.ndarray
    scanned: np.ndarray


Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]


def titrated(e2: np.ndarray, dose_before: np.ndarray) -> np.ndarray:
    """A step up where estradiol is high, a step down where it is low."""
    return np.clip(dose_before + (e2 > 0.6) - (e2 < -0.6), 0, 2)


def people(seed: int, n: int = 1000, rule: Rule | None = None) -> People:
    """Draw people; with a rule everybody follows it, stays and is scanned."""
    rng = np.random.default_rng([seed, 21])
    trait = rng.normal(size=n)
    e2, dose = np.empty((n, QUARTERS + 1)), np.zeros((n, QUARTERS), dtype=np.int64)
    bone = np.empty((n, QUARTERS))
    came, stayed, scanned = (np.zeros((n, QUARTERS), dtype=bool) for _ in range(3))
    e2[:, 0] = 0.6 * trait + 0.7 * rng.normal(size=n)
    here, level, before = np.ones(n, dtype=bool), np.zeros(n), np.zeros(n, dtype=np.int64)
    for t in range(QUARTERS):
        odds = np.column_stack([
            np.zeros(n),
            0.35 * e2[:, t] + 0.7 * (before == 1) + 0.4 * (before == 2),
            -0.5 + 0.5 * e2[:, t] + 0.4 * (before == 1) + 1.2 * (before == 2),
        ])  # fmt: skip
        ladder = np.cumsum(np.exp(odds), axis=1)
        drawn = (rng.random(n)[:, None] * ladder[:, [-1]] > ladder[:, :2]).sum(axis=1)
        dose[:, t] = drawn if rule is None else rule(e2[:, t], before)
        e2[:, t + 1] = 0.6 * trait + ON_E2[dose[:, t]] + 0.7 * rng.normal(size=n)
        level = level - 0.1 + DIRECT[dose[:, t]] + LATE * e2[:, t + 1] + EARLY * e2[:, t] + TRAIT * trait
        level = level + 0.4 * rng.normal(size=n)
        bone[:, t] = level
        came[:, t] = here
        turn = np.where(dose[:, t] == 2, -1.0, 1.0)
        leaves = rng.random(n) > chance(2.2 + 1.0 * turn * e2[:, t])
        here = here & (~leaves if rule is None else True)
        stayed[:, t] = here
        scanned[:, t] = here & ((rng.random(n) < chance(0.3 + 1.0 * turn * e2[:, t + 1])) | (rule is not None))
        before = dose[:, t]
    return People(trait, e2, dose, bone, came, stayed, scanned)


def chance(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-log_odds))
