"""A world with a grace period in days: beginning a treatment doubles the hazard of an event, death competes, people are lost.

One normal covariate moves beginning, event, death and loss. Times in days. The truth is a large population made to follow either
strategy, with nobody lost. Loaded by the recovery test of risks; knows no estimator.
"""

from dataclasses import dataclass

import numpy as np

GRACE_DAYS, INTERVALS, HORIZON = 183, 6, 1096.0
WIDTH = (GRACE_DAYS + 1) / INTERVALS
_YEAR = 365.25
_HALF_YEARS = GRACE_DAYS + 0.5 + 182.625 * np.arange(5)
RATIO = 2.0


@dataclass(frozen=True, slots=True)
class Lives:
    """[n] each: covariate, day of beginning (NaN: nothing), day of the event and of death (infinite: never), day of loss."""

    x: np.ndarray
    begun: np.ndarray
    event: np.ndarray
    death: np.ndarray
    lost: np.ndarray


def _chance(x: np.ndarray) -> np.ndarray:
    """Of beginning in an interval."""
    return 1 / (1 + np.exp(2.0 - 0.5 * x))


def lives(seed: int, n: int = 1500) -> Lives:
    """People as they are."""
    rng = np.random.default_rng([seed, 31])
    x = rng.normal(size=n)
    began = rng.random((INTERVALS, n)) < _chance(x)
    begun = _first(rng, began, x)
    stays = 1 / (1 + np.exp(-(2.6 - 0.9 * x)))
    leaves = rng.random((_HALF_YEARS.size, n)) > stays
    lost = np.where(leaves.any(axis=0), _HALF_YEARS[np.argmax(leaves, axis=0)], np.inf)
    return Lives(x, begun, *_ends(rng, x, begun), lost)


def _first(rng: np.random.Generator, began: np.ndarray, x: np.ndarray) -> np.ndarray:
    """[n] day of the first beginning, somewhere in its interval."""
    at = np.argmax(began, axis=0)
    day = np.floor((at + rng.random(x.size)) * WIDTH)
    return np.where(began.any(axis=0), day, np.nan)


def _ends(rng: np.random.Generator, x: np.ndarray, begun: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    of_event, of_death = 0.12 * np.exp(0.7 * x) / _YEAR, 0.05 * np.exp(0.5 * x) / _YEAR
    until = np.where(np.isnan(begun), np.inf, begun)
    spent = rng.exponential(size=x.size)
    before = spent / of_event
    event = np.where(
        before <= until, before, until + (spent - of_event * np.minimum(until, before)) / (RATIO * of_event)
    )
    return np.ceil(event), np.ceil(rng.exponential(size=x.size) / of_death)


def true_difference(n: int = 1_500_000) -> float:
    """Risk by the horizon of beginning in the period, all who had not on its last day, less that of beginning nothing."""
    rng = np.random.default_rng(77)
    x = rng.normal(size=n)
    begun = _first(rng, rng.random((INTERVALS, n)) < _chance(x), x)
    risks = []
    for start in (np.where(np.isnan(begun), GRACE_DAYS + 0.5, begun), np.full(n, np.nan)):
        event, death = _ends(rng, x, start)
        risks.append(float(((event <= HORIZON) & (event <= death)).mean()))
    return risks[0] - risks[1]
