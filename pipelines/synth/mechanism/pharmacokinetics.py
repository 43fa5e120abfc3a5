"""One-compartment pharmacokinetics of anastrozole: superposition of doses, and the mean over a step.

Here: closed forms in hours, mg and ng/mL. Not here: the effect of a concentration (`hormones`), or doses (`treatment`).
Source: Summaries of product characteristics (half-life 40-50 h, Tmax 2 h or less, 90-95 % of steady state by day 7,
accumulation 3-4 fold); Mauras 2009 (CL/F 1.54 L/h, half-life 46.8 h in boys).
"""

import numpy as np

HOURS_PER_DAY = 24.0
DAYS_PER_WEEK = 7.0


def superposition(
    dose_hours: np.ndarray,
    dose_mg: np.ndarray,
    at_hours: np.ndarray,
    clearance: float,
    volume: float,
    absorption: float,
) -> np.ndarray:
    """Concentration as the sum over doses of the one-compartment curve with first-order absorption.

    Args:
        dose_hours: [d] when each dose is taken.
        dose_mg: [d] how much.
        at_hours: [t] when the concentration is wanted.
        clearance: CL/F, L/h.
        volume: V/F, L.
        absorption: ka, 1/h; must differ from CL/V.

    Returns:
        [t] ng/mL.
    """
    k = clearance / volume
    since = np.asarray(at_hours)[:, None] - np.asarray(dose_hours)[None, :]
    taken = since >= 0.0
    since = np.where(taken, since, 0.0)
    curve = absorption / (absorption - k) * (np.exp(-k * since) - np.exp(-absorption * since))
    return 1000.0 / volume * (np.where(taken, curve, 0.0) * np.asarray(dose_mg)[None, :]).sum(axis=1)


def after_doses(
    since_first_hours: np.ndarray,
    interval_hours: np.ndarray,
    dose_mg: np.ndarray,
    clearance: np.ndarray | float,
    volume: float,
    absorption: float,
) -> np.ndarray:
    """Concentration in the first days of a regular regimen: `superposition` of equal doses at equal intervals, summed.

    Args:
        since_first_hours: [t] hours since the first dose; before it nothing is there.
        interval_hours: [t] between doses.
        dose_mg: [t] each dose.
        clearance: CL/F, L/h, [t] or one.
        volume: V/F, L.
        absorption: ka, 1/h; must differ from CL/V.

    Returns:
        [t] ng/mL.
    """
    k = clearance / volume
    doses = np.floor(np.maximum(since_first_hours, 0.0) / interval_hours) + 1.0
    last = np.maximum(since_first_hours, 0.0) - (doses - 1.0) * interval_hours

    def summed(rate: np.ndarray | float) -> np.ndarray:
        return np.exp(-rate * last) * (1.0 - np.exp(-rate * doses * interval_hours)) / -np.expm1(-rate * interval_hours)

    curve = absorption / (absorption - k) * (summed(k) - summed(absorption))
    return np.where(since_first_hours >= 0.0, 1000.0 / volume * dose_mg * curve, 0.0)


def accumulation_ratio(clearance: float, volume: float, interval_hours: float) -> float:
    """Steady state over first dose, 1 / (1 - exp(-k tau))."""
    return 1.0 / (1.0 - np.exp(-clearance / volume * interval_hours))


def days_to_fraction(clearance: float, volume: float, fraction: float) -> float:
    """Days of regular dosing until the mean concentration is this fraction of steady state."""
    return -np.log(1.0 - fraction) / (clearance / volume) / HOURS_PER_DAY


def steady_state(mg_per_week: np.ndarray, clearance: np.ndarray | float) -> np.ndarray:
    """Mean concentration at steady state, ng/mL: dose rate over clearance (L/h)."""
    return 1000.0 * mg_per_week / (DAYS_PER_WEEK * HOURS_PER_DAY * clearance)


def after_days(
    before: np.ndarray,
    mg_per_week: np.ndarray,
    days: np.ndarray | float,
    clearance: np.ndarray,
    volume: np.ndarray | float,
) -> np.ndarray:
    """Concentration `days` after a regimen replaced another whose concentration was `before`, input spread evenly.

    The limit of superposition for doses much closer together than the half-life; between doses the true curve swings
    around it.
    """
    rate = clearance / volume * HOURS_PER_DAY
    target = steady_state(mg_per_week, clearance)
    return target + (before - target) * np.exp(-rate * days)


def step_mean(
    before: np.ndarray,
    mg_per_week: np.ndarray,
    days: float,
    clearance: np.ndarray,
    volume: np.ndarray | np.floating | float,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean over a step and concentration at its end, both ng/mL: the exact integral of `after_days`."""
    rate = clearance / volume * HOURS_PER_DAY
    target = steady_state(mg_per_week, clearance)
    decay = np.exp(-rate * days)
    mean = target + (before - target) * (1.0 - decay) / (rate * days)
    return mean, target + (before - target) * decay
