"""Closed forms against the differential equation, and the published constants of anastrozole."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

from pipelines.domain.pharmacokinetics import (
    Kinetics,
    discrete,
    inhibition,
    inhibition_days,
    mean_towards,
    spread,
)
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import read_csv

HISTORIES = 1000


def of(ingredient: str, variant: str = "central") -> Kinetics:
    """Parameters as the warehouse has them."""
    rows = read_csv(sql_root() / "ref" / "pharmacokinetic.csv", CONTRACTS["ref.pharmacokinetic"]).collect().to_dicts()
    row = next(r for r in rows if (r["ingredient"], r["variant_code"]) == (ingredient, variant))
    return Kinetics(row["clearance_l_per_h"], row["volume_l"], row["absorption_per_h"])


def by_equation(kinetics: Kinetics, regimens: list[tuple[float, float, float, int]], at: float) -> float:
    """The two-state differential equation (gut, plasma), integrated from intake to intake."""
    k, ka, volume = float(kinetics.elimination_per_day), float(kinetics.absorption_per_day), float(kinetics.volume)
    intakes = sorted((start + j * tau, mg) for mg, start, tau, count in regimens for j in range(count))
    matrix = np.array([[-ka, 0.0], [ka, -k]])
    state, now = np.zeros(2), 0.0
    for when, mg in [*((t, mg) for t, mg in intakes if t <= at), (at, 0.0)]:
        if when > now:
            state, now = expm(matrix * (when - now)) @ state, when
        state = state + np.array([mg, 0.0])
    return 1000.0 * state[1] / volume


def test_superposition_solves_the_equation_on_random_histories():
    """Overlaps, gaps, changes of dose and rhythm; times within, between and after regimens."""
    rng = np.random.default_rng(20261)
    kinetics = of("anastrozole")
    worst = 0.0
    for _ in range(HISTORIES):
        regimens = [
            (
                rng.choice([0.25, 0.5, 1.0, 10.0]),
                rng.uniform(0, 20),
                rng.choice([0.5, 1.0, 3.5, 7 / 3]),
                rng.integers(1, 8),
            )
            for _ in range(rng.integers(1, 4))
        ]
        at = rng.uniform(0.1, 40)
        mg, start, tau, count = (np.array(column, dtype=float) for column in zip(*regimens, strict=True))
        exact = by_equation(kinetics, regimens, at)
        worst = max(worst, abs(discrete(kinetics, mg, tau, count, at - start).sum() - exact) / max(exact, 1.0))
    assert worst < 1e-6


def test_constants_of_anastrozole():
    """Half-life 40-50 h and accumulation 3-4 fold (label); 3.0-3.3 and 90 % by day 5.7-6.5 follow from 40-46 h."""
    assert 40 <= of("anastrozole").half_life_hours <= 50
    for hours, accumulation, days in ((41.1, 3.0, 5.7), (46.0, 3.3, 6.37)):
        kinetics = Kinetics(100 * np.log(2) / hours, 100, 4)
        assert kinetics.half_life_hours == pytest.approx(hours)
        assert kinetics.accumulation(1.0) == pytest.approx(accumulation, abs=0.03)
        assert kinetics.days_to_90_pct == pytest.approx(days, abs=0.03)


def test_steady_state_is_18_to_27_ng_ml_on_1_mg_daily_and_twice_weekly_a_seventh_of_it():
    """CL/F 1.5-2.3 L/h: 18-27 ng/mL at 1 mg daily, 2.6-3.9 at 0.5 mg twice weekly."""
    low, high = Kinetics(2.3, 133, 4), Kinetics(1.5, 108, 4)
    assert low.steady_state(7) == pytest.approx(18.1, abs=0.05)
    assert high.steady_state(7) == pytest.approx(27.8, abs=0.05)
    assert low.steady_state(1) == pytest.approx(2.6, abs=0.05)
    assert high.steady_state(1) == pytest.approx(3.97, abs=0.05)
    assert low.sustaining_dose(low.steady_state(2.5)) == pytest.approx(2.5)


def test_after_many_doses_the_mean_over_an_interval_is_the_steady_state():
    kinetics = of("anastrozole")
    times = np.linspace(350.0, 353.5, 20_001)
    swing = discrete(kinetics, 0.5, 3.5, 500, times)
    assert np.trapezoid(swing, times) / 3.5 == pytest.approx(float(kinetics.steady_state(1.0)), rel=1e-6)
    assert swing.max() / swing.min() > 2.5


def test_evenly_spread_intake_is_the_limit_of_small_doses():
    kinetics, at = of("letrozole"), np.array([-1.0, 0.0, 3.0, 30.0, 45.0])
    small = discrete(kinetics, 17.5 / 7 / 2000, 1 / 2000, 30 * 2000, at)
    assert spread(kinetics, 17.5, 30, at) == pytest.approx(small, rel=2e-2, abs=1e-9)
    assert spread(kinetics, 17.5, 30, at)[0] == 0


def test_mean_towards_is_the_mean_of_the_curve():
    kinetics = of("anastrozole")
    k = float(kinetics.elimination_per_day)
    integral, _ = quad(lambda t: 5 + (20 - 5) * np.exp(-k * t), 0, 9)
    assert float(mean_towards(kinetics, 20, 5, 9)) == pytest.approx(integral / 9, rel=1e-10)


@pytest.mark.parametrize(("start", "dose", "days"), [(0, 7, 90), (7, 0, 30), (1, 3.5, 14), (3.5, 1, 0.5)])
def test_inhibition_days_is_the_integral(start, dose, days):
    kinetics = of("anastrozole")
    k = float(kinetics.elimination_per_day)
    integral, _ = quad(lambda t: inhibition(dose + (start - dose) * np.exp(-k * t), 0.5, 0.65), 0, days, limit=200)
    assert float(inhibition_days(kinetics, start, dose, 0.5, 0.65, days)) == pytest.approx(integral, rel=1e-9)


def test_inhibition_of_the_published_fit():
    """Imax 0.65 and D50 0.5 mg a week: 43 % at 1 mg a week, 61 % at 7."""
    assert inhibition([1.0, 7.0], 0.5, 65) == pytest.approx([43.3, 60.7], abs=0.05)


def test_nothing_before_the_first_intake_and_no_overflow_after_decades():
    kinetics = of("exemestane")
    assert discrete(kinetics, 25, 1, 10, [-0.5, -1e-6]).tolist() == [0, 0]
    assert discrete(kinetics, 25, 1, 10, 20_000.0) == 0
    assert np.isfinite(discrete(kinetics, 25, 1, 20_000, 20_000.0))
