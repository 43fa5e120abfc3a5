"""Simulation-extrapolation against its closed form for a straight line, and on a bent one."""

import numpy as np
import pytest

from pipelines.models.bent_line import BentLineSpec, place_and_slopes
from pipelines.models.errors import NotEstimable
from pipelines.models.measurement_error import LEVELS, error_sd_of_replicates, simulation_extrapolation


def slope(outcome: np.ndarray):
    return lambda exposure: np.array([np.cov(exposure, outcome)[0, 1] / exposure.var(ddof=1)])


def test_a_straight_line_as_the_closed_form_says() -> None:
    """Slope 1, error variance a fifth of the whole: 1 / (1 + 0.25 (1 + level)) is followed, and its quadratic read at -1."""
    rng = np.random.default_rng(1)
    true = rng.normal(size=200_000)
    measured, outcome = true + 0.5 * rng.normal(size=true.size), true + 0.5 * rng.normal(size=true.size)
    found = simulation_extrapolation(slope(outcome), measured, 0.5, seed=1, n_draws=5)
    at = np.array([0.0, *LEVELS])
    expected = 1 / (1 + 0.25 * (1 + at))
    assert found.by_level[:, 0] == pytest.approx(expected, abs=0.005)
    assert found.naive[0] == pytest.approx(0.8, abs=0.005)
    quadratic = np.polyval(np.polyfit(at, expected, 2), -1)
    assert found.corrected[0] == pytest.approx(quadratic, abs=0.02)
    assert abs(found.corrected[0] - 1) < 0.25 * abs(found.naive[0] - 1)


def test_slopes_of_a_bent_line_move_apart_again() -> None:
    rng = np.random.default_rng(2)
    true = rng.normal(size=8000)
    measured, outcome = (
        true + 0.4 * rng.normal(size=true.size),
        2 * np.minimum(true, 0) + 0.5 * rng.normal(size=true.size),
    )
    spec = BentLineSpec(seed=1, n_places=15)

    def bend(exposure: np.ndarray) -> np.ndarray:
        return np.array(place_and_slopes(outcome, exposure, np.zeros((true.size, 0)), spec))

    found = simulation_extrapolation(bend, measured, 0.4, seed=1, n_draws=3)
    apart = found.corrected[1] - found.corrected[2]
    assert found.naive[1] - found.naive[2] < 1.8 < apart < 2.2
    assert found.corrected[0] == pytest.approx(0.0, abs=0.15)


def test_no_error_changes_nothing() -> None:
    outcome = np.arange(50.0)
    found = simulation_extrapolation(slope(outcome), np.arange(50.0) * 2, 0.0, seed=1)
    assert found.corrected == pytest.approx(found.naive)


def test_error_of_a_reading_from_replicates() -> None:
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(4000), 2)
    values = rng.normal(size=4000)[person] * 3 + 0.5 * rng.normal(size=person.size)
    assert error_sd_of_replicates(values, person) == pytest.approx(0.5, rel=0.03)
    with pytest.raises(NotEstimable, match="twice"):
        error_sd_of_replicates(values[:4], np.arange(4))


@pytest.mark.parametrize(("error", "levels"), [(-0.1, LEVELS), (0.1, (1.0,)), (0.1, (0.0, 1.0))])
def test_nonsense_is_refused(error, levels) -> None:
    with pytest.raises(ValueError, match="simulation-extrapolation"):
        simulation_extrapolation(slope(np.arange(9.0)), np.arange(9.0), error, seed=1, levels=levels)
