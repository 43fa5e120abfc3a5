"""Courses: adherence and stopping, treatment of men and women, and the switches of the difficulties in the people."""

import numpy as np
import pytest

from pipelines.synth import outcomes
from pipelines.synth.calibration.populations import TRIALS, enrol
from pipelines.synth.mechanism.course import TRIAL_TRACKS, run_course
from pipelines.synth.mechanism.people import ADJUVANT, Design, make_people
from pipelines.synth.mechanism.regimes import NATURAL
from pipelines.synth.parameters import load_parameters
from pipelines.synth.studies import only

P = load_parameters()
SEED = 4


@pytest.fixture(scope="module")
def women():
    """Adjuvant women in the natural course."""
    p = P.replace(only(ADJUVANT))
    return run_course(p, SEED, make_people(p, SEED, 1, 2500, Design()), NATURAL, keep=TRIAL_TRACKS)


def test_adherence_is_a_share_that_differs_between_people_and_falls_with_time(women):
    taken = women.tracks["taken"]
    assert taken.min() >= 0.0
    assert taken.max() <= 1.0
    trial = TRIALS["practice"]
    changed, people = enrol(P, SEED, trial, 0.1)
    course = run_course(changed, SEED, people, trial.arms["women_on_ai"], keep=trial.keep)
    first, fourth = course.tracks["taken"][:13].mean(axis=0), course.tracks["taken"][39:52].mean(axis=0)
    assert first.std() > 0.08
    assert first.mean() - fourth.mean() == pytest.approx(3.0 * P.number("adherence.decline_per_year") * 0.85, abs=0.04)
    assert np.corrcoef(first, fourth)[0, 1] > 0.8  # a trait


def test_stopping_rate_is_that_of_the_truth_when_nothing_informs_it():
    trial = TRIALS["practice"]
    p = P.replace(
        {
            "difficulty.informative_stopping": False,
            "stopping.first_year_factor": 1.0,
            "cancer.metastasis_rate_by_stage": (0.0,) * 4,
        }
    )
    changed, people = enrol(p, SEED, trial, 0.2)
    course = run_course(changed, SEED, people, NATURAL, keep=trial.keep)
    on = course.tracks["ai_kind"] > 0
    began, years = on[1], 3.0
    left = on[round(years * 365.25 / 28)][began].mean()
    expected = np.exp(-P.number("stopping.endocrine_rate") * years)
    assert abs(left - expected) < 4.0 * np.sqrt(expected * (1.0 - expected) / began.sum())


def test_joint_pain_makes_women_stop_when_stopping_is_informative():
    trial = TRIALS["practice"]
    stay = []
    for factor in (1.0, 8.0):
        changed, people = enrol(P.replace({"stopping.arthralgia_factor": factor}), SEED, trial, 0.1)
        course = run_course(changed, SEED, people, NATURAL, keep=trial.keep)
        stay.append((course.tracks["ai_kind"][39] > 0)[course.tracks["ai_kind"][1] > 0].mean())
    assert stay[1] < stay[0] - 0.05


def test_hormones_and_density_are_positive_and_finite(women):
    steps = women.tracks["estradiol"].shape[0]
    followed = np.arange(steps)[:, None] < women.people.steps[None, :]
    for name in ("estradiol", "testosterone", "lh", "shbg"):
        track = women.tracks[name]
        assert np.isfinite(track).all(), name
        assert (track[followed] > 0.0).all(), name
    bmd = np.moveaxis(women.tracks["bmd"], 1, 2)[followed]
    assert np.isfinite(bmd).all()
    assert bmd.min() > 0.15
    assert bmd.max() < 2.2


def test_trial_of_older_men_moves_the_axis_as_published():
    """Estradiol down, LH, FSH and testosterone up, bone lost (Leder 2004, Burnett-Bowie 2009: directions)."""
    trial = TRIALS["men_older"]
    changed, people = enrol(P, SEED, trial, 0.15)
    keep = (*trial.keep, "fsh")
    on, off = (run_course(changed, SEED, people, trial.arms[a], keep=keep) for a in ("anastrozole_7", "untreated"))

    def ratio(name: str) -> float:
        return float((outcomes.value_at(on, name, 6.0) / outcomes.value_at(off, name, 6.0)).mean())

    assert ratio("estradiol") < 0.8
    assert min(ratio("lh"), ratio("fsh"), ratio("testosterone")) > 1.15
    assert outcomes.bmd_change(on, "lumbar_spine", 12.0).mean() < outcomes.bmd_change(off, "lumbar_spine", 12.0).mean()


def test_adherence_of_a_sustained_arm_is_complete():
    trial = TRIALS["adjuvant"]
    changed, people = enrol(P, SEED, trial, 0.05)
    course = run_course(changed, SEED, people, trial.arms["anastrozole"], keep=("taken", "ai_kind"))
    assert (course.tracks["taken"] == 1.0).all()
    assert (course.tracks["ai_kind"][:65] == 1).all()
    assert not course.tracks["ai_kind"][65:].any()
