"""Estimators of the truth and of the naive analyses, against figures worked out by hand and closed forms."""

import numpy as np
import pytest

from pipelines.synth.contrasts import (
    GROUPS,
    Estimate,
    event_contrast,
    jackknife,
    log_hazard_ratios,
    mean_contrast,
    means,
    risks,
    tally,
)

NEVER, STEP = 1e9, 28.0


def person(n: int) -> np.ndarray:
    return np.arange(1, n + 1)


def test_risk_without_loss_is_a_share_and_death_competes():
    day = np.array([10.0, 100.0, NEVER, 300.0])
    death = np.array([NEVER, 50.0, 20.0, NEVER])  # the second would have had the event after death
    counts = tally(day, death, np.inf, person(4))
    assert risks(counts, 1)[0] == pytest.approx(0.5)
    assert counts.events[0].sum() == 2
    assert counts.deaths[0].sum() == 2


def test_aalen_johansen_by_hand():
    # step 0: 4 at risk, one event. step 1: 3 at risk, one lost (counts half) and one death. step 2: 1 at risk, one event.
    day = np.array([5.0, NEVER, NEVER, 2 * STEP + 1])
    death = np.array([NEVER, NEVER, STEP + 9, NEVER])
    last = np.array([1e6, STEP + 3, 1e6, 1e6])
    free = (1 - 1 / 4) * (1 - 1 / 2.5)
    assert risks(tally(day, death, last, person(4)), 1)[0] == pytest.approx(1 / 4 + free * 1.0)


def test_who_had_the_event_before_is_not_at_risk():
    counts = tally(np.array([np.nan, 5.0, NEVER]), np.full(3, NEVER), np.inf, person(3))
    assert counts.people[0, 0] == 2
    assert risks(counts, 1)[0] == pytest.approx(0.5)


def test_hazard_ratio_solves_the_breslow_score_by_hand():
    # one step: 2 of 10 against 1 of 10; the score 2 = 3 * 10 r / (10 r + 10) has r = 2
    one = tally(np.where(np.arange(10) < 2, 1.0, NEVER), np.full(10, NEVER), np.inf, person(10))
    zero = tally(np.where(np.arange(10) < 1, 1.0, NEVER), np.full(10, NEVER), np.inf, person(10))
    assert np.exp(log_hazard_ratios(one, zero, 1)[0]) == pytest.approx(2.0)
    # a second step: 8 at risk with one event, 9 with none: 3 = 3 * 10r/(10r+10) + 8r/(8r+9), r = (-b + sqrt(b²+4ac))/2a
    later = np.where(np.arange(10) < 2, 1.0, np.where(np.arange(10) == 2, STEP + 1, NEVER))
    both = np.exp(log_hazard_ratios(tally(later, np.full(10, NEVER), np.inf, person(10)), zero, 1)[0])
    assert 3 * 10 * both / (10 * both + 10) + 8 * both / (8 * both + 9) == pytest.approx(3.0)


def test_hazard_ratio_of_exponential_times_is_the_ratio_of_rates():
    rng = np.random.default_rng(1)
    n, rate = 200_000, 0.02 / 365.25
    arms = [tally(rng.exponential(1 / (rate * k), n), np.full(n, NEVER), np.inf, person(n)) for k in (0.74, 1.0)]
    found = jackknife(log_hazard_ratios(*arms, 5))
    assert abs(found.value - np.log(0.74)) < 3 * found.standard_error
    events = [n * (1 - np.exp(-rate * k * 65 * STEP)) for k in (0.74, 1.0)]
    assert found.standard_error == pytest.approx(np.sqrt(1 / events[0] + 1 / events[1]), rel=0.25)


def test_standard_errors_of_independent_and_of_the_same_people():
    rng = np.random.default_rng(2)
    n = 20_000
    luck = rng.standard_normal(n)
    alone = jackknife(means(luck, person(n)))
    assert alone.standard_error == pytest.approx(1 / np.sqrt(n), rel=0.25)
    assert alone.value == pytest.approx(luck.mean())
    # the same people in both arms share their luck: only the effect's own spread is left
    effect = 1.0 + 0.1 * rng.standard_normal(n)
    paired = mean_contrast(means(luck + effect, person(n)), means(luck, person(n)))["difference"]
    assert paired["standard_error"] == pytest.approx(0.1 / np.sqrt(n), rel=0.25)
    assert paired["value"] == pytest.approx(effect.mean(), rel=1e-5)


def test_the_dead_and_the_unmeasured_are_left_out_of_means():
    assert means(np.array([1.0, np.nan, 3.0]), person(3))[0] == pytest.approx(2.0)


def test_identical_arms_differ_by_nothing_without_error():
    rng = np.random.default_rng(3)
    day = rng.exponential(3000.0, 500)
    arm = tally(day, np.full(500, NEVER), np.inf, person(500))
    told = event_contrast(arm, arm, 5)
    assert told["risk_difference"] == {"value": 0.0, "standard_error": 0.0}
    assert told["hazard_ratio"] == {"value": 1.0, "log_standard_error": 0.0}


def test_nothing_is_claimed_without_events_or_people():
    none = tally(np.full(300, NEVER), np.full(300, NEVER), np.inf, person(300))
    told = event_contrast(none, none, 10)
    assert told["risk"]["value"] == 0.0
    assert told["risk_ratio"] == {"value": None, "log_standard_error": None}
    assert told["hazard_ratio"] == {"value": None, "log_standard_error": None}
    empty = np.array([])
    assert jackknife(risks(tally(empty, empty, np.inf, empty.astype(int)), 1)) == Estimate(None, None)
    assert jackknife(means(empty, empty.astype(int))) == Estimate(None, None)


def test_one_person_more_or_less_is_one_group():
    replicates = means(np.arange(1.0, 201.0), person(200))
    assert replicates.shape == (GROUPS + 1,)
    kept = np.array([v for v in range(1, 201) if v % GROUPS != 1], dtype=float)
    assert replicates[1 + 1] == pytest.approx(kept.mean())
