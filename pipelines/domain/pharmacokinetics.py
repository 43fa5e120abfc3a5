"""One-compartment pharmacokinetics of a regimen in closed form, and the fall of estradiol a concentration leads to.

Here: functions of whole columns, one element a regimen; times in days, doses in mg, concentrations in ng/mL. A dose D taken at
0 gives D/V * ka/(ka-k) * (exp(-k t) - exp(-ka t)); doses of one regimen are a geometric series of each exponential, and
regimens add up (superposition). Not here: which regimens a person had (`features.ai_regimen`), nor parameters (`ref`).
Source: Gibaldi and Perrier 1982, Pharmacokinetics, chapters 1 and 3.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]

HOURS_PER_DAY = 24.0
DAYS_PER_WEEK = 7.0
NG_ML_PER_MG_L = 1000.0


@dataclass(frozen=True, slots=True)
class Kinetics:
    """Parameters, each a number or a column as long as the regimens.

    Attributes:
        clearance: apparent clearance CL/F, L/h, above 0.
        volume: apparent volume V/F, L, above 0.
        absorption: first-order absorption rate ka, 1/h; must differ from CL/V.
    """

    clearance: ArrayLike
    volume: ArrayLike
    absorption: ArrayLike

    @property
    def elimination_per_day(self) -> Values:
        """Elimination rate k = CL/V, 1/d."""
        return HOURS_PER_DAY * _column(self.clearance) / _column(self.volume)

    @property
    def absorption_per_day(self) -> Values:
        """Absorption rate ka, 1/d."""
        return HOURS_PER_DAY * _column(self.absorption)

    @property
    def half_life_hours(self) -> Values:
        """ln 2 / k, h."""
        return HOURS_PER_DAY * np.log(2.0) / self.elimination_per_day

    @property
    def days_to_90_pct(self) -> Values:
        """Days of regular intake to 90 % of steady state, ln 10 / k."""
        return np.log(10.0) / self.elimination_per_day

    def accumulation(self, interval_days: ArrayLike) -> Values:
        """Steady state over first dose, 1 / (1 - exp(-k tau))."""
        return -1.0 / np.expm1(-self.elimination_per_day * _column(interval_days))

    def steady_state(self, mg_per_week: ArrayLike) -> Values:
        """Mean concentration that a dose leads to: rate of intake over clearance, ng/mL."""
        return NG_ML_PER_MG_L * _column(mg_per_week) / (DAYS_PER_WEEK * HOURS_PER_DAY * _column(self.clearance))

    def sustaining_dose(self, ng_ml: ArrayLike) -> Values:
        """Dose a week that would hold a concentration: the inverse of `steady_state`, mg/wk."""
        return _column(ng_ml) * DAYS_PER_WEEK * HOURS_PER_DAY * _column(self.clearance) / NG_ML_PER_MG_L


def discrete(kinetics: Kinetics, mg: ArrayLike, interval_days: ArrayLike, intakes: ArrayLike, at: ArrayLike) -> Values:
    """Concentration from the intakes of one regimen, each at its time.

    Args:
        kinetics: of the drug.
        mg: of one intake.
        interval_days: between intakes, above 0.
        intakes: how many, 1 or more; the first at 0.
        at: days since the first intake; before it the concentration is 0.

    Returns:
        ng/mL; regimens of one person and drug add up.
    """
    mg, tau, since = _column(mg), _column(interval_days), _column(at)
    # A rounding error of the division must not delay an intake that falls on the moment asked for.
    taken = np.clip(np.floor(since / tau + 1e-9) + 1.0, 0.0, _column(intakes))
    after_last = np.maximum(since - (taken - 1.0) * tau, 0.0)
    k, ka = kinetics.elimination_per_day, kinetics.absorption_per_day
    scale = NG_ML_PER_MG_L / _column(kinetics.volume) * ka / (ka - k)
    return mg * scale * (_series(k, tau, taken, after_last) - _series(ka, tau, taken, after_last))


def spread(kinetics: Kinetics, mg_per_week: ArrayLike, length_days: ArrayLike, at: ArrayLike) -> Values:
    """Concentration from the same dose taken in evenly: what the concentration of `discrete` swings around.

    Args:
        kinetics: of the drug; absorption plays no part.
        mg_per_week: dose.
        length_days: of the regimen.
        at: days since its start; before it the concentration is 0.

    Returns:
        ng/mL.
    """
    since = np.maximum(_column(at), 0.0)
    inside = np.minimum(since, _column(length_days))
    k = kinetics.elimination_per_day
    return -kinetics.steady_state(mg_per_week) * np.expm1(-k * inside) * np.exp(-k * (since - inside))


def mean_towards(kinetics: Kinetics, start: ArrayLike, target: ArrayLike, days: ArrayLike) -> Values:
    """Mean over `days` of a concentration that moves from `start` towards `target` at the rate of elimination, ng/mL."""
    start, target = _column(start), _column(target)
    moved = kinetics.elimination_per_day * _column(days)
    return target - (start - target) * np.expm1(-moved) / moved


def inhibition(dose: ArrayLike, half_dose: ArrayLike, largest: ArrayLike) -> Values:
    """Fall of estradiol by the Emax model, in the unit of `largest`: largest * dose / (half_dose + dose)."""
    dose = _column(dose)
    return _column(largest) * dose / (_column(half_dose) + dose)


def inhibition_days(
    kinetics: Kinetics,
    start_dose: ArrayLike,
    dose: ArrayLike,
    half_dose: ArrayLike,
    largest: ArrayLike,
    days: ArrayLike,
) -> Values:
    """Integral of `inhibition` over `days` in which the sustaining dose moves from `start_dose` towards `dose`.

    With u = dose + (start_dose - dose) exp(-k t), the integral of 1 / (half_dose + u) has a closed form in logarithms.

    Returns:
        Days, in the unit of `largest`: with 1 as its unit, 1.0 is one day without estradiol.
    """
    start, dose, half, length = (_column(value) for value in (start_dose, dose, half_dose, days))
    k = kinetics.elimination_per_day
    final = half + dose + (start - dose) * np.exp(-k * length)
    missing = half / (k * (half + dose)) * (k * length + np.log(final / (half + start)))
    return _column(largest) * (length - missing)


def _series(rate: Values, tau: Values, taken: Values, after_last: Values) -> Values:
    """Sum over the intakes taken of exp(-rate * time since each)."""
    return np.exp(-rate * after_last) * np.expm1(-rate * tau * taken) / np.expm1(-rate * tau)


def _column(values: ArrayLike) -> Values:
    return np.asarray(values, dtype=np.float64)
