"""A confounder that nobody recorded: intervals as they are miss, calibrated ones hold, where controls are like the outcome.

Where they are not, calibration mends nothing, and leaving controls out does not show it: the last test says so in figures.
"""

import runpy
from pathlib import Path

import numpy as np
import pytest

from pipelines.models.empirical_null import calibrate, fit_null, leave_one_out

_world = runpy.run_path(str(Path(__file__).with_name("negative_control_world.py")))
log_risk_ratios, TRUTH = _world["log_risk_ratios"], _world["TRUE_LOG_RATIO"]
EXCHANGEABLE, APART, CLEAN = (_world[name] for name in ("EXCHANGEABLE", "APART", "CLEAN"))
Z975 = 1.959963984540054


def left_out(world, n: int) -> tuple[float, float]:
    """Coverage of n studies' controls: calibrated by the others, and as they are."""
    found = []
    for seed in range(n):
        y, error = (part[:-1] for part in log_risk_ratios(world, seed))
        each = leave_one_out(y, error)
        found.append((each.coverage, each.coverage_uncalibrated))
    return tuple(np.mean(found, axis=0))


def of_interest(world, n: int) -> np.ndarray:
    """Coverage over n studies of the one true effect: calibrated, with parameters taken as known, as it is; mean bias left."""
    rows = []
    for seed in range(n):
        y, error = log_risk_ratios(world, seed)
        null = fit_null(y[:-1], error[:-1])
        found, known = (calibrate(null, y[-1:], error[-1:], are_parameters_known=known) for known in (False, True))
        holds = [each.ci_low[0] <= TRUTH <= each.ci_high[0] for each in (found, known)]
        rows.append((*holds, abs(y[-1] - TRUTH) <= Z975 * error[-1], found.estimate[0] - TRUTH))
    return np.mean(rows, axis=0)


def test_controls_left_out_are_held_and_as_they_are_missed() -> None:
    """1,500 controls of 30 studies; the band of 95 % is 0.937 to 0.963 where studies share nothing, and a little is shared."""
    calibrated, plain = left_out(EXCHANGEABLE, 30)
    assert 0.935 <= calibrated <= 0.97
    assert plain < 0.7


def test_the_true_effect_is_held() -> None:
    calibrated, _, plain, bias = of_interest(EXCHANGEABLE, 300)
    assert 0.92 <= calibrated <= 0.98
    assert plain < 0.7
    assert abs(bias) < 0.03


def test_without_confounding_calibration_does_no_harm() -> None:
    calibrated, _, plain, bias = of_interest(CLEAN, 300)
    assert 0.92 <= calibrated <= 0.99
    assert 0.91 <= plain <= 0.98
    assert abs(bias) < 0.03


def test_controls_unlike_the_outcome_mend_nothing_and_do_not_say_so() -> None:
    """The controls hardly share the confounder: they look well calibrated, the true effect is missed as often as before."""
    coverage, _ = left_out(APART, 10)
    calibrated, _, plain, bias = of_interest(APART, 200)
    assert coverage > 0.92
    assert calibrated < 0.2
    assert plain < 0.2
    assert bias > 0.3


@pytest.mark.slow
def test_thirty_controls_and_parameters_taken_as_known() -> None:
    """Normal errors of 4,000 studies with 30 controls: mixed over what is not known 95 %, as if known below."""
    rng = np.random.default_rng(5)
    holds = np.zeros(2)
    for _ in range(4000):
        error = rng.uniform(0.05, 0.3, 31)
        y = 0.2 + 0.3 * rng.normal(size=31) + error * rng.normal(size=31)
        null = fit_null(y[:30], error[:30])
        for place, known in enumerate((False, True)):
            found = calibrate(null, y[30:], error[30:], are_parameters_known=known)
            holds[place] += found.ci_low[0] <= 0 <= found.ci_high[0]
    mixed, plugged = holds / 4000
    assert 0.943 <= mixed <= 0.963
    assert plugged < mixed
    assert 0.92 <= plugged <= 0.945
