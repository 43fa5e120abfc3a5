"""Forced courses and what clinicians may know: the rules of the mechanism that the truth rests on."""

import numpy as np
import pytest

from pipelines.synth.mechanism.assignment import AI, FAR
from pipelines.synth.mechanism.course import run_course
from pipelines.synth.mechanism.hazards import NEVER, row
from pipelines.synth.mechanism.people import ADJUVANT, MALE_T, STEP_DAYS, Design, make_people
from pipelines.synth.mechanism.regimes import NATURAL, Regime
from pipelines.synth.parameters import load_parameters
from pipelines.synth.studies import adjuvant_arms, only

SEED = 9


def lives(
    changes: dict, regime: Regime = NATURAL, persons: int = 1500, keep: tuple[str, ...] = ("ai_kind", "tamoxifen")
):
    p = load_parameters().replace(changes)
    return run_course(p, SEED, make_people(p, SEED, 1, persons, Design()), regime, keep=keep)


def test_switching_is_a_trait_that_only_tamoxifen_users_live():
    course = lives(only(ADJUVANT), adjuvant_arms()["tamoxifen"])
    starts = course.people.index_step
    assert np.array_equal(course.plan.start, starts)
    planned = course.plan.planned_switch < FAR
    natural = lives(only(ADJUVANT))
    assert np.array_equal(natural.plan.planned_switch < FAR, planned)
    assert 0.25 < planned.mean() < 0.45
    switched = (course.tracks["ai_kind"] > 0).any(axis=0)
    early = course.people.steps <= starts + 19  # followed for less than a year and a half
    assert not switched[early].any()
    assert not switched[~planned].any()
    assert switched[planned].mean() > 0.3
    alone = lives(only(ADJUVANT), adjuvant_arms()["aromatase_inhibitor"])
    first = np.argmax(alone.tracks["ai_kind"] > 0, axis=0)
    began = (first > 0) & (alone.people.index_step > 0)
    assert np.array_equal(first[began], alone.people.index_step[began])


def test_nobody_starts_in_the_arm_without_a_drug():
    course = lives(only(ADJUVANT), adjuvant_arms()["none"], 400)
    assert not course.tracks["ai_kind"].any()
    assert not course.tracks["tamoxifen"].any()
    assert np.all(course.plan.start == FAR)


def test_prevalent_users_are_past_the_early_joint_pain():
    """The factor of the first months applies to new users only."""
    changes = only(ADJUVANT) | {"people.prevalent_share": 1.0, "difficulty.informative_stopping": False}
    days = [
        lives(changes | {"symptom.arthralgia_early_factor": factor}).event_day[row("arthralgia")]
        for factor in (1.0, 9.0)
    ]
    course = lives(changes)
    long_on = (course.people.index_step <= -6) & (course.plan.agent == AI) & (course.tracks["ai_kind"][0] > 0)
    assert long_on.sum() > 300
    within = [(day[long_on] < 4 * STEP_DAYS).mean() for day in days]
    assert within[0] == within[1]
    new = only(ADJUVANT) | {"difficulty.prevalent_users": False}
    early = []
    for factor in (1.0, 9.0):
        course = lives(new | {"symptom.arthralgia_early_factor": factor})
        since = course.event_day[row("arthralgia")] - course.people.index_step * STEP_DAYS
        early.append(((since >= 0) & (since < 4 * STEP_DAYS))[course.plan.agent == AI].mean())
    assert early[1] > 3 * early[0]


@pytest.mark.parametrize(("share", "more"), [(0.0, False), (1.0, True)])
def test_a_silent_fracture_prompts_no_scan(share, more):
    """The scans of the 28 days of a vertebral fracture: as usual when nobody notices it, many when it hurts."""
    base = only(ADJUVANT) | {"event.vertebral_fracture_rate_women": 60.0, "fracture.vertebral_clinical_share": share}
    course = lives(
        base | {"monitoring.scan_at_start": 0.0, "monitoring.scan_gap_steps": 0.0}, persons=3000, keep=("scanned",)
    )
    day = course.event_day[row("vertebral_fracture")]
    broke = np.nonzero((day < NEVER) & (day < course.death_day()) & (day < course.people.steps * STEP_DAYS))[0]
    step = (day[broke] // STEP_DAYS).astype(int)
    assert broke.size > 300
    at, before = (
        course.tracks["scanned"][step, broke].mean(),
        course.tracks["scanned"][np.maximum(step - 2, 0), broke].mean(),
    )
    assert (at > 0.4) == more
    assert (at < before + 0.1) != more


def test_co_start_forces_all_or_nobody():
    for everybody in (True, False):
        course = lives(only(MALE_T) | {"difficulty.prevalent_users": False}, Regime(co_start=everybody), 300)
        who = np.nonzero(course.people.index_step < course.people.steps)[0]
        at_start = course.tracks["ai_kind"][course.people.index_step[who], who] > 0
        # a few give up testosterone, and the inhibitor with it, in the step they start
        assert at_start.mean() > 0.93 if everybody else not at_start.any()
