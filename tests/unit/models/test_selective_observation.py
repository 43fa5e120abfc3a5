"""A contrast moved by a stated strength of selection: by hand, and where nothing is selected."""

import numpy as np
import pytest

from pipelines.models.augmented import AugmentedEstimate
from pipelines.models.inference import normal_contrast
from pipelines.models.observation import Stage
from pipelines.models.selective_observation import selective_contrast

TREATED = np.repeat([True, False], 8)
# Half of the target arm and a quarter of the comparator are not measured; residuals are -1 and 1, and 0.
PASSED = np.array([True] * 4 + [False] * 4 + [True] * 6 + [False] * 2)
OUTCOME = np.where(PASSED, np.array([-4.0, -2.0] * 4 + [-1.0] * 8), np.nan)


def primary(propensity: float | np.ndarray = 0.5, target: float | np.ndarray = -3.0) -> AugmentedEstimate:
    """Of a regression that says -3 and -1."""
    contrast = normal_contrast((-3.0, -1.0), np.zeros(16), np.arange(16), (4, 6), 10.0)
    return AugmentedEstimate(contrast, np.full(16, propensity), np.full(16, target), np.full(16, -1.0), np.ones(16), 0)


def moved(
    odds: float,
    *,
    asked: np.ndarray | None = None,
    propensity: float | np.ndarray = 0.5,
    target: float | np.ndarray = -3.0,
):
    """Residuals stay -1 and 1 whatever the regression says of the target arm."""
    measured = Stage("measured", np.ones(16, dtype=bool) if asked is None else asked, PASSED)
    outcome = OUTCOME + np.where(TREATED, target + 3.0, 0.0)
    return selective_contrast(primary(propensity, target), outcome, TREATED, measured, np.arange(16), odds)


def test_residuals_of_plus_and_minus_one_by_hand() -> None:
    """Tilted by g the mean of -1 and 1 is tanh(g); half of the arm was not measured, so its mean moves by tanh(g) / 2."""
    found = moved(1.3)
    assert found.mean_target == pytest.approx(-3 + np.tanh(np.log(1.3)) / 2)
    assert found.mean_comparator == -1
    assert found.estimate == pytest.approx(-2 + np.tanh(np.log(1.3)) / 2)
    assert (found.n_target, found.n_comparator) == (4, 6)


def test_a_gain_brings_nobody_to_a_scan_and_keeps_nobody_from_one() -> None:
    """Both outcomes are gains: nothing moves. Of a loss and a gain of 1 the loss alone counts: tanh(g / 2)."""
    assert moved(1.3, target=3.0).mean_target == -3
    assert moved(1.3, target=0.0).mean_target == pytest.approx(-3 + np.tanh(np.log(1.3) / 2) / 2)


def test_who_is_missed_is_moved_by_the_prediction_of_her_own() -> None:
    """Those measured lost 2 to 4; of those not measured half are predicted to, half to gain: only the former are moved."""
    target = np.array([-3.0] * 6 + [3.0] * 2 + [-3.0] * 8)
    assert moved(1.3, target=target).mean_target == pytest.approx(-3 + np.tanh(np.log(1.3)) / 4)


def test_no_selection_is_the_primary_answer_and_the_other_way_round_the_other_shift() -> None:
    assert moved(1.0).estimate == -2
    assert moved(1.0).standard_error == 0
    assert moved(1 / 1.3).estimate + 2 == pytest.approx(-(moved(1.3).estimate + 2))


def test_lost_to_follow_up_is_not_chosen() -> None:
    """Where only those measured were still followed, nobody was passed over for a scan."""
    assert moved(1.3, asked=PASSED).estimate == -2


def test_shares_are_of_the_whole_population() -> None:
    """Those not measured are twice as many by weights of 4 as of 2: a share of 2/3."""
    propensity = np.where(PASSED, 0.5, 0.25)
    assert moved(1.3, propensity=propensity).mean_target == pytest.approx(-3 + 2 / 3 * np.tanh(np.log(1.3)))


def test_the_error_of_the_shift_by_hand() -> None:
    """Per row of the target arm: half the influence of the tilted less the plain mean, and tanh(g) times that of the share."""
    g = np.log(1.3)
    low, high = 1 / (1 + 1.3**2), 1.3**2 / (1 + 1.3**2)
    tilted = np.tanh(g)
    of_tilted = np.array([low * (-1 - tilted), high * (1 - tilted)]) * 2 / 4 - np.array([-1.0, 1.0]) / 4
    rows = [0.5 * of_tilted[i % 2] + tilted * (0 - 0.5) / 8 for i in range(4)] + [tilted * 0.5 / 8] * 4
    assert moved(1.3).standard_error == pytest.approx(np.sqrt(np.sum(np.square(rows))))


def test_a_residual_that_would_overflow_does_not() -> None:
    outcome = OUTCOME.copy()
    outcome[0] = -20_000.0
    measured = Stage("measured", np.ones(16, dtype=bool), PASSED)
    found = selective_contrast(primary(), outcome, TREATED, measured, np.arange(16), 0.5)
    assert np.isfinite(found.estimate)
