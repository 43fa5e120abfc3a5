"""Rules of dosing beside testosterone: what each named regime does from test to test, and who is seen to follow it.

Doses are whole steps of .25 mg a dose twice a week. What a regime does to anybody is `regime`.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.models.g_formula import History, Rule
from pipelines.models.regime_frame import RegimeFrame

#: mg a week of one step, .25 mg a dose twice a week; doses are whole numbers of steps, to 7 mg a week
STEP_MG = 0.5
N_LEVELS = 15
_FIRST, _DAILY, _MOST = 2, 14, 8
#: steps by which a follower may be off, or share of the dose if that is more: a late refill moves the mean of a period, and four
#: fifths of the days covered count as adherent
_TOLERANCE, _TOLERATED_SHARE = 1, 0.2


def never(history: History) -> np.ndarray:
    """No inhibitor."""
    return np.zeros(_n(history))


def fixed(level: int) -> Rule:
    """One dose, whatever is measured."""
    return lambda history: np.full(_n(history), float(level))


def titrate(low: float, high: float) -> Rule:
    """.5 mg twice a week, .25 mg more a dose after a test above `high`, .25 mg less below `low` (pg/mL), to 2 mg a dose."""

    def rule(history: History) -> np.ndarray:
        if history.period == 0:
            return np.full(_n(history), float(_FIRST))
        e2, before = last_known(history), history.before("dose", 0.0)
        return np.clip(before + (e2 > np.log(high)) - (e2 < np.log(low)), 0, _MOST)

    return rule


def stop_below(low: float) -> Rule:
    """.5 mg twice a week until a test is below `low` (pg/mL), then none for good."""

    def rule(history: History) -> np.ndarray:
        if history.period == 0:
            return np.full(_n(history), float(_FIRST))
        goes_on = (history.before("dose", 0.0) > 0) & (last_known(history) >= np.log(low))
        return np.where(goes_on, float(_FIRST), 0.0)

    return rule


def rule_of(code: str, change_point: float | None) -> Rule | None:
    """The rule of a named regime; None where it needs a change-point (pg/mL) and there is none.

    Raises:
        KeyError: no regime has this name.
    """
    if code == "titrate_above_change_point":
        return None if change_point is None else titrate(change_point, np.inf)
    return {
        "no_inhibitor": never,
        "fixed_0.5_mg_twice_weekly": fixed(_FIRST),
        "fixed_1_mg_daily": fixed(_DAILY),
        "titrate_to_20_30": titrate(20.0, 30.0),
        "stop_below_20": stop_below(20.0),
    }[code]


def last_known(history: History) -> np.ndarray:
    """[n] log estradiol of the last test before the action of this period; the one of time zero where none came since."""
    found = history.baseline["e2"]
    for period in range(history.period):
        own = history.series["e2"][:, period]
        found = np.where(np.isfinite(own), own, found)
    return found


def tested_before(history: History) -> np.ndarray:
    """[n] whether a test was made in the period before, or at time zero before the first.

    A regime tests in every period, so that only these tell what follows a test: others would flatten its slope.
    """
    return np.isfinite(history.before("e2", history.baseline["e2"]))


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What a rule asks of people [n] in the periods before the scan [P], and who has kept to it so far.

    Attributes:
        asked: [n, P] steps, given the tests seen and the steps asked for before.
        tolerated: [n, P] steps by which a dose may be off.
        is_kept: [n, P] present, and within what is tolerated, in this period and every one before.
    """

    asked: np.ndarray
    tolerated: np.ndarray
    is_kept: np.ndarray


def course(frame: RegimeFrame, rule: Rule) -> Course:
    """A rule followed period by period, on what was measured of each person."""
    n_periods = frame.n_before_scan
    levels, e2 = dose_levels(frame)[:, :n_periods], frame.middle()
    asked = np.zeros(levels.shape)
    for period in range(n_periods):
        asked[:, period] = rule(History({"e2": frame.e2_at_zero}, {"e2": e2, "dose": asked}, period))
    tolerated = np.maximum(_TOLERANCE, _TOLERATED_SHARE * asked)
    keeps = (np.abs(levels - asked) <= tolerated) & ((levels > 0) == (asked > 0))
    return Course(asked, tolerated, np.logical_and.accumulate(keeps & frame.is_present[:, :n_periods], axis=1))


def followers(frame: RegimeFrame, rule: Rule) -> np.ndarray:
    """[n] whose doses were those of the rule, given what was measured, in every period before the scan, none lost before."""
    return course(frame, rule).is_kept[:, -1]


def dose_levels(frame: RegimeFrame) -> np.ndarray:
    """[n, T] doses in whole steps; 0 where not present."""
    steps = np.rint(np.nan_to_num(frame.mg_per_week) / STEP_MG)
    # Any dose is a dose: a little is not none.
    steps = np.where((np.nan_to_num(frame.mg_per_week) > 0) & (steps == 0), 1, steps)
    return np.clip(steps, 0, N_LEVELS - 1).astype(np.int64)


def _n(history: History) -> int:
    return next(iter(history.baseline.values())).shape[0]
