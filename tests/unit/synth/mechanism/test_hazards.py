"""Events: the frequency simulated is the integral of the hazard, and each factor acts where it should."""

import numpy as np
import pytest

from pipelines.synth.mechanism import hazards
from pipelines.synth.mechanism.people import STEP_DAYS, YEAR, Design, make_people
from pipelines.synth.parameters import load_parameters

P = load_parameters()
SEED = 5


@pytest.fixture(scope="module")
def people():
    return make_people(P, SEED, 1, 20_000, Design(is_trial=True, horizon_years=6.0))


def state(people, **changes) -> hazards.StepState:
    n = people.person.size
    none = np.zeros(n, dtype=bool)
    settings = {
        "on_ai": none,
        "on_tamoxifen": none,
        "on_testosterone": none,
        "months_on_ai": np.full(n, 99.0),
        "estradiol": people.estradiol,
        "estradiol_to_usual": np.ones(n),
        "is_male": people.is_male,
        "bmd": people.bmd.astype(np.float32),
        "resorption": np.zeros(n, dtype=np.float32),
        "has_ihd": people.has_ihd,
        "antiresorptive": np.zeros(n),
    } | changes
    return hazards.StepState(**settings)


def one_step(people, **changes) -> np.ndarray:
    clock = hazards.make_clock(P, SEED, people, STEP_DAYS)
    return hazards.step_hazards(P, clock, state(people, **changes), people.person.size)


def test_share_with_an_event_is_the_mean_of_one_minus_exp_of_the_cumulative_hazard(people):
    n, steps = people.person.size, 65
    clock, cumulative = hazards.make_clock(P, SEED, people, STEP_DAYS), np.zeros((len(hazards.EVENTS), n))
    now = state(people)
    for step in range(steps):
        hazard = hazards.step_hazards(P, clock, now, n)
        first = clock.day == hazards.NEVER
        cumulative += np.where(first, hazard.astype(np.float64) * STEP_DAYS, 0.0)
        hazards.advance(P, clock, hazard, step * STEP_DAYS, STEP_DAYS, n)
    for name in ("forearm_fracture", "heart_failure", "venous_thromboembolism", "arthralgia", "other_death"):
        happened = clock.day[hazards.row(name)] < hazards.NEVER
        # events minus hazard spent while at risk is a martingale: mean zero, variance the hazard spent
        excess, spent = happened.sum() - cumulative[hazards.row(name)].sum(), cumulative[hazards.row(name)].sum()
        assert abs(excess) < 4.0 * np.sqrt(spent), name
        assert happened.sum() > 200, name


def test_event_days_lie_in_the_step_that_used_up_the_threshold(people):
    n = people.person.size
    clock = hazards.make_clock(P, SEED, people, STEP_DAYS)
    before = clock.left.copy()
    hazard = hazards.step_hazards(P, clock, state(people), n)
    hazards.advance(P, clock, hazard, 280.0, STEP_DAYS, n)
    happened = clock.day < hazards.NEVER
    assert happened.any()
    assert np.all((clock.day[happened] >= 280.0) & (clock.day[happened] <= 280.0 + STEP_DAYS))
    np.testing.assert_array_equal(happened, before <= hazard.astype(np.float64) * STEP_DAYS)


def test_drug_factors_are_those_of_the_truth(people):
    people = people.take(np.arange(1000))
    yes = np.ones(people.person.size, dtype=bool)
    off, on_ai, on_tamoxifen = one_step(people), one_step(people, on_ai=yes), one_step(people, on_tamoxifen=yes)
    for name in hazards.EVENTS:
        row = hazards.row(name)
        exposed = off[row] > 0.0
        if not exposed.any():
            continue
        for drug, on in (("ai", on_ai), ("tamoxifen", on_tamoxifen)):
            ratio = on[row][exposed] / off[row][exposed]
            np.testing.assert_allclose(ratio, P.number(f"event.{name}_{drug}_hazard_ratio"), rtol=1e-4, err_msg=name)


def test_lower_density_and_higher_turnover_raise_fracture_hazard(people):
    usual = one_step(people)
    fractures = slice(0, len(hazards.FRACTURES))
    thin = one_step(people, bmd=(people.bmd * 0.9).astype(np.float32))
    assert np.all(thin[fractures] > usual[fractures])
    np.testing.assert_array_equal(thin[len(hazards.FRACTURES) :], usual[len(hazards.FRACTURES) :])
    busy = one_step(people, resorption=np.full(people.person.size, 0.5, dtype=np.float32))
    factor = np.exp(0.5 * P.number("fracture.turnover_effect"))
    np.testing.assert_allclose(busy[fractures] / usual[fractures], factor, rtol=1e-4)


def test_gradient_of_risk_per_standard_deviation_of_density(people):
    sd = np.array(P.vector("fracture.reference_sd"))[hazards.FRACTURES.index("hip_fracture")]
    bmd = people.bmd.astype(np.float32).copy()
    bmd[1] -= np.float32(sd)
    ratio = one_step(people, bmd=bmd)[hazards.row("hip_fracture")] / one_step(people)[hazards.row("hip_fracture")]
    np.testing.assert_allclose(ratio, P.vector("fracture.relative_risk_per_sd")[0], rtol=1e-3)


def test_age_rates_grow_by_the_step(people):
    clock = hazards.make_clock(P, SEED, people, STEP_DAYS)
    slope = P.number("event.other_death_per_year_of_age")
    assert clock.growth[hazards.row("other_death"), 0] == pytest.approx(np.exp(slope * STEP_DAYS / YEAR), rel=1e-6)


def test_metastasis_opens_the_death_from_it(people):
    n = people.person.size
    clock = hazards.make_clock(P, SEED, people, STEP_DAYS)
    row = hazards.row("breast_cancer_metastasis")
    death = hazards.row("breast_cancer_death")
    assert not clock.rate[death].any()
    hazards.advance(P, clock, hazards.step_hazards(P, clock, state(people), n), 0.0, STEP_DAYS, n)
    spread = clock.day[row] < hazards.NEVER
    assert spread.any()
    np.testing.assert_array_equal(clock.rate[death] > 0.0, spread)
