"""Concentrations: superposition against the differential equation, its steady state, and the label's figures."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pipelines.synth.mechanism import pharmacokinetics
from pipelines.synth.parameters import load_parameters

P = load_parameters()
CLEARANCE = P.number("pharmacokinetics.clearance")
VOLUME = P.number("pharmacokinetics.volume")
ABSORPTION = P.number("pharmacokinetics.absorption")


def by_equation(dose_hours: np.ndarray, dose_mg: np.ndarray, at_hours: np.ndarray) -> np.ndarray:
    """Gut and plasma amounts integrated from dose to dose, ng/mL."""
    state, now, found = np.zeros(2), 0.0, []
    times = np.unique(np.concatenate([dose_hours, at_hours]))
    for time in times:
        if time > now:
            run = solve_ivp(
                lambda _, y: [-ABSORPTION * y[0], ABSORPTION * y[0] - CLEARANCE / VOLUME * y[1]],
                (now, time),
                state,
                rtol=1e-10,
                atol=1e-12,
            )
            state, now = run.y[:, -1], time
        if time in at_hours:
            found.append(1000.0 * state[1] / VOLUME)
        state = state + np.array([dose_mg[dose_hours == time].sum(), 0.0])
    return np.array(found)


def test_superposition_solves_the_differential_equation_for_an_irregular_regimen():
    hours, mg = np.array([0.0, 24.0, 40.0, 110.0]), np.array([1.0, 1.0, 0.5, 2.0])
    at = np.array([1.0, 12.0, 39.0, 60.0, 111.5, 200.0])
    given = pharmacokinetics.superposition(hours, mg, at, CLEARANCE, VOLUME, ABSORPTION)
    np.testing.assert_allclose(given, by_equation(hours, mg, at), rtol=1e-6)


def test_label_half_life_peak_time_and_accumulation():
    """Label: half-life 40 to 50 h, peak within 2 h, three- to fourfold accumulation, steady state in about 7 days."""
    assert 40.0 <= np.log(2.0) * VOLUME / CLEARANCE <= 50.0
    at = np.linspace(0.05, 12.0, 240)
    curve = pharmacokinetics.superposition(np.zeros(1), np.ones(1), at, CLEARANCE, VOLUME, ABSORPTION)
    assert at[np.argmax(curve)] <= 2.0
    assert 3.0 <= pharmacokinetics.accumulation_ratio(CLEARANCE, VOLUME, 24.0) <= 4.0
    assert 6.0 <= pharmacokinetics.days_to_fraction(CLEARANCE, VOLUME, 0.9) <= 8.0
    assert 7.0 <= pharmacokinetics.days_to_fraction(CLEARANCE, VOLUME, 0.95) <= 10.0


def test_mean_over_a_dosing_interval_at_steady_state_is_dose_rate_over_clearance():
    doses = np.arange(0.0, 24.0 * 60, 24.0)
    at = 24.0 * 59 + (np.arange(2400) + 0.5) / 100.0
    mean = pharmacokinetics.superposition(doses, np.ones(60), at, CLEARANCE, VOLUME, ABSORPTION).mean()
    assert mean == pytest.approx(pharmacokinetics.steady_state(np.array(7.0), CLEARANCE), rel=1e-3)
    assert pharmacokinetics.steady_state(np.array(7.0), 1.0) == pytest.approx(1000.0 / 24.0)


def test_step_mean_is_the_integral_of_the_course_and_ends_where_it_ends():
    before, weekly = np.array([0.0, 30.0]), np.array([7.0, 2.0])
    mean, end = pharmacokinetics.step_mean(before, weekly, 28.0, np.full(2, CLEARANCE), VOLUME)
    grid = (np.arange(20_000) + 0.5) * 28.0 / 20_000
    path = np.array([pharmacokinetics.after_days(before, weekly, day, np.full(2, CLEARANCE), VOLUME) for day in grid])
    np.testing.assert_allclose(mean, path.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(
        end, pharmacokinetics.after_days(before, weekly, 28.0, np.full(2, CLEARANCE), VOLUME), rtol=1e-12
    )


def test_evenly_spread_input_is_what_frequent_doses_tend_to():
    hours = np.arange(0.0, 240.0, 0.5)
    many = pharmacokinetics.superposition(
        hours, np.full(hours.size, 7.0 / 336.0), np.array([240.0]), CLEARANCE, VOLUME, 50.0
    )
    even = pharmacokinetics.after_days(np.zeros(1), np.full(1, 7.0), 10.0, np.full(1, CLEARANCE), VOLUME)
    np.testing.assert_allclose(many, even, rtol=5e-3)


@pytest.mark.parametrize(("interval", "dose"), [(24.0, 1.0), (84.0, 0.5), (48.0, 2.0)])
def test_regular_doses_in_closed_form_are_their_superposition(interval, dose):
    at = np.array([-3.0, 0.0, 1.5, 23.9, 30.0, 84.0, 90.0, 335.0])
    hours = np.arange(0.0, 400.0, interval)
    summed = pharmacokinetics.superposition(hours, np.full(hours.size, dose), at, CLEARANCE, VOLUME, ABSORPTION)
    n = at.size
    closed = pharmacokinetics.after_doses(
        at, np.full(n, interval), np.full(n, dose), np.full(n, CLEARANCE), VOLUME, ABSORPTION
    )
    np.testing.assert_allclose(closed, summed, rtol=1e-10, atol=1e-12)
