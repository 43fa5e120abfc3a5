"""Options of the people: a mixture of non-suppressors, and Student-t tails of the response of bone."""

import numpy as np
import pytest
from scipy.stats import kurtosis, t

from pipelines.synth.calibration.populations import TRIALS, enrol
from pipelines.synth.mechanism.course import run_course
from pipelines.synth.mechanism.people import Design, make_people
from pipelines.synth.parameters import load_parameters

P = load_parameters()


def people(count: int = 40_000, **changes):
    p = P.replace({key.replace("__", "."): value for key, value in changes.items()})
    return make_people(p, 11, 1, count, Design())


def deviate(who) -> np.ndarray:
    sd = P.number("bone.response_log_sd")
    return (np.log(who.bone_response) + 0.5 * sd**2) / sd


def test_share_of_non_suppressors_is_that_of_the_truth_and_none_when_switched_off():
    n = 40_000
    share = P.number("aromatase.non_suppressor_share")
    assert 0.09 < share < 0.2  # of those who do not suppress, chance shows half below baseline: about 9 % are seen
    found = people(n).is_non_suppressor.mean()
    assert abs(found - share) < 4.0 * np.sqrt(share * (1.0 - share) / n)
    assert not people(2000, difficulty__non_suppressors=False).is_non_suppressor.any()
    assert people(20_000, aromatase__non_suppressor_share=0.3).is_non_suppressor.mean() == pytest.approx(0.3, abs=0.02)


def test_estradiol_falls_in_two_separate_groups():
    trial = TRIALS["adjuvant"]
    changed, who = enrol(P, 11, trial, 0.2)
    course = run_course(changed, 11, who, trial.arms["anastrozole"], keep=("estradiol",))
    left = course.tracks["estradiol"][13] / course.people.estradiol_postmenopausal
    odd = course.people.is_non_suppressor & (course.people.menopause != 1)
    usual = ~course.people.is_non_suppressor & (course.people.menopause != 1)
    assert odd.sum() > 20
    assert left[odd].min() > 0.9
    assert left[usual].max() < 0.4


def test_heavy_tails_are_student_t_scaled_to_unit_variance_and_clipped():
    heavy, normal = deviate(people()), deviate(people(difficulty__heavy_tails=False))
    df = 2.0 * P.number("bone.response_tail_pairs")
    # scaled: t_df * sqrt((df - 2) / df); tail beyond 3 standard deviations
    expected = 2.0 * t.sf(3.0 / np.sqrt((df - 2.0) / df), df)
    found = (np.abs(heavy) > 3.0).mean()
    assert abs(found - expected) < 4.0 * np.sqrt(expected / heavy.size)
    assert (np.abs(normal) > 3.0).mean() < 0.5 * expected
    assert np.abs(heavy).max() <= 6.0 + 1e-6
    assert kurtosis(heavy) > 2.0
    assert abs(kurtosis(normal)) < 0.2
    assert heavy.std() == pytest.approx(1.0, abs=0.05)


def test_more_degrees_of_freedom_make_the_tails_normal():
    assert abs(kurtosis(deviate(people(bone__response_tail_pairs=50.0)))) < 0.25


def test_the_options_change_nothing_else():
    plain, both = people(500, difficulty__heavy_tails=False, difficulty__non_suppressors=False), people(500)
    for name in plain.__dataclass_fields__:
        if name not in ("bone_response", "is_non_suppressor"):
            np.testing.assert_array_equal(getattr(plain, name), getattr(both, name), err_msg=name)
