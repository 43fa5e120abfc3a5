"""Bone: deficit of estradiol, turnover, loss that is fast at first, recovery after stopping, menopause."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.synth import outcomes
from pipelines.synth.calibration.populations import TRIALS, enrol
from pipelines.synth.mechanism import bone
from pipelines.synth.mechanism.codes import BONE_SITES
from pipelines.synth.mechanism.course import run_course
from pipelines.synth.parameters import load_parameters

P = load_parameters()


@pytest.fixture(scope="module")
def arms():
    """Women on five years of anastrozole, and the same women without, seven years."""
    trial = TRIALS["adjuvant"]
    changed, people = enrol(P, 3, trial, 0.1)
    return {name: run_course(changed, 3, people, trial.arms[name], keep=trial.keep) for name in ("anastrozole", "none")}


def net(arms, site: str, month: float, since: float = 0.0) -> float:
    on, off = (outcomes.bmd_change(arms[name], site, month, since).mean() for name in ("anastrozole", "none"))
    return float(on - off)


def test_deficit_is_zero_at_the_threshold_of_each_sex_and_flat_above():
    level = np.array([P.number("bone.threshold_women"), P.number("bone.threshold_men")])
    male = np.array([False, True])
    np.testing.assert_allclose(bone.deficit(P, level, male), 0.0, atol=1e-12)
    np.testing.assert_allclose(bone.deficit(P, level / np.e, male), 1.0)
    np.testing.assert_allclose(bone.deficit(P, level * np.e, male), -P.number("bone.slope_above_threshold"))


def test_loss_against_none_is_front_loaded_at_every_site(arms):
    for site in BONE_SITES:
        first, later = net(arms, site, 24.0) / 2.0, net(arms, site, 60.0, 24.0) / 3.0
        assert first < 0.0, site
        assert first < later, site


def test_part_of_the_loss_comes_back_after_stopping_more_at_the_spine_than_at_the_hip(arms):
    spine, hip = net(arms, "lumbar_spine", 84.0, 60.0), net(arms, "total_hip", 84.0, 60.0)
    assert spine > hip > 0.0
    assert net(arms, "lumbar_spine", 84.0) < 0.0  # not all of it


def test_women_on_an_inhibitor_have_higher_resorption_and_formation(arms):
    on = arms["anastrozole"]
    for marker in ("ctx", "p1np"):
        assert outcomes.value_at(on, marker, 12.0).mean() > 0.1
        assert abs(outcomes.value_at(on, marker, 84.0).mean()) < 0.02


def test_menopause_speeds_loss_and_goserelin_counts_as_menopause():
    years = np.array([-5.0, 0.0, 4.0, 20.0, -5.0])
    shut = np.array([False, False, False, False, True])
    rate = bone.trend(P, np.zeros(5, dtype=bool), np.full(5, 51.0), years, shut)
    spine = rate[BONE_SITES.index("lumbar_spine")]
    np.testing.assert_allclose(spine[:4], P.vector("bone.lumbar_spine_trend_women"))
    assert spine[1] < spine[2] < spine[3] < spine[0] < 0.0
    assert spine[4] == spine[1]


def test_men_lose_faster_with_age():
    rate = bone.trend(P, np.ones(2, dtype=bool), np.array([60.0, 85.0]), np.full(2, 99.0), np.zeros(2, dtype=bool))
    hip = rate[BONE_SITES.index("total_hip")]
    assert hip[1] / hip[0] == pytest.approx(np.exp(20.0 * P.number("bone.aging_acceleration_per_year")), rel=1e-5)


def test_stopped_for_long_only_the_irreversible_part_is_left():
    """Three times the time constant after the stop, at most 1/e^3 of the reversible part remains in the net loss."""
    trial = TRIALS["adjuvant"]
    changed, people = enrol(P, 3, trial, 0.1)
    arm = replace(trial.arms["anastrozole"], stop_after_steps=13)
    on, off = (run_course(changed, 3, people, regime, keep=("bmd",)) for regime in (arm, trial.arms["none"]))
    longer = [
        outcomes.bmd_change(on, "lumbar_spine", month).mean() - outcomes.bmd_change(off, "lumbar_spine", month).mean()
        for month in (12.0, 48.0, 72.0)
    ]
    tau = P.number("bone.reversible_years")
    assert longer[0] < longer[1] < longer[2] < 0.0
    left = np.exp(-2.0 / tau)  # between 48 and 72 months the reversible rest shrinks by this factor
    irreversible = (longer[2] - left * longer[1]) / (1.0 - left)
    rest = longer[0] - irreversible
    assert longer[1] - irreversible == pytest.approx(rest * np.exp(-3.0 / tau), rel=0.25)


def test_tamoxifen_and_antiresorptives_lower_both_markers():
    zero, yes = np.zeros(1), np.ones(1)
    female = np.array([False])
    for tamoxifen, antiresorptive in ((yes, zero), (zero, yes)):
        down = bone.turnover_targets(P, zero, female, tamoxifen, antiresorptive, zero)
        assert down[0][0] < 0.0
        assert down[1][0] < 0.0
