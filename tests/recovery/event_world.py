"""A world of events with death competing, for the engines of time to event. Its true risks are known by integration.

Two normal covariates; treatment depends on both. Events come at constant hazards given arm and covariates; people leave at
half-years, the more so where sick and treated. Times in years. Loaded by recovery tests; knows no estimator.
"""

from dataclasses import dataclass

import numpy as np

YEARS = 5.0
#: periods in which a discrete hazard lives, and at whose ends people leave
PERIODS = 10
STEP = YEARS / PERIODS
_POINTS, _MASS = np.polynomial.hermite_e.hermegauss(60)
_MASS = _MASS / _MASS.sum()


@dataclass(frozen=True, slots=True)
class People:
    """[n] each: covariates [n, 2], arm, years followed, event (0 left or alive at the end, 1 event, 2 death)."""

    covariates: np.ndarray
    treated: np.ndarray
    years: np.ndarray
    event: np.ndarray


def hazards(treated: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A year, of event and of death."""
    return 0.08 * np.exp(0.6 * x[..., 0] + 0.2 * treated), 0.2 * np.exp(0.6 * x[..., 0] - 1.4 * treated)


def people(seed: int, n: int = 800, *, leaving: bool = True) -> People:
    """One draw; `leaving` False follows everybody to the end."""
    rng = np.random.default_rng([seed, 8])
    x = rng.normal(size=(n, 2))
    treated = rng.random(n) < 1 / (1 + np.exp(-(0.8 * x[:, 0] + 0.5 * x[:, 1])))
    of_event, of_death = hazards(treated, x)
    time = rng.exponential(1 / (of_event + of_death))
    cause = np.where(rng.random(n) < of_event / (of_event + of_death), 1, 2)
    stays = 1 / (1 + np.exp(-(2.4 - 1.2 * x[:, 0] * treated)))
    # Periods stayed: the first period at whose end a person leaves.
    periods = np.where(stays < 1, np.ceil(np.log(rng.random(n)) / np.log(stays)), np.inf)
    left = np.minimum(periods * STEP, YEARS) if leaving else np.full(n, YEARS)
    return People(x, treated, np.minimum(time, left), np.where(time <= left, cause, 0))


def doubled(seen: People) -> People:
    """Everybody twice."""
    return People(*(np.repeat(part, 2, axis=0) for part in (seen.covariates, seen.treated, seen.years, seen.event)))


def true_risk(treated: bool, cause: int = 1, years: float = YEARS) -> float:
    """Risk of a cause by a time, everybody in one arm, death competing."""
    x = np.stack([_POINTS, np.zeros_like(_POINTS)], axis=1)
    parts = hazards(np.full(_POINTS.size, float(treated)), x)
    whole = parts[0] + parts[1]
    return float(_MASS @ (parts[cause - 1] / whole * -np.expm1(-whole * years)))


def true_time_lived(treated: bool, years: float = YEARS) -> float:
    """Mean years without event or death, everybody in one arm."""
    x = np.stack([_POINTS, np.zeros_like(_POINTS)], axis=1)
    whole = sum(hazards(np.full(_POINTS.size, float(treated)), x))
    return float(_MASS @ (-np.expm1(-whole * years) / whole))


def in_periods(seen: People) -> tuple[np.ndarray, np.ndarray]:
    """Person-periods: row number of the person and period from 0, up to and with the period of the last moment."""
    last = np.minimum(np.ceil(seen.years / STEP - 1e-9), PERIODS).astype(np.int64)
    last = np.maximum(last, 1)
    row = np.repeat(np.arange(last.size), last)
    return row, np.arange(row.size) - np.repeat(np.cumsum(last) - last, last)
