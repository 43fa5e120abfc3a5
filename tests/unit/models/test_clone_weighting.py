"""Clones: whose clone of which strategy stays, one interval as ordinary weighting, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.models.clone_weighting import (
    NOTHING,
    SEVERAL,
    CloneSpec,
    GraceCourse,
    clone_arm,
    cloned_contrast,
)
from pipelines.models.errors import NotEstimable
from pipelines.models.inverse_weighting import weighted_contrast
from pipelines.models.observation import Stage
from pipelines.models.propensity import estimate_propensity
from pipelines.models.weighting import treatment_weights

PLAIN = CloneSpec(penalty=0.0)
A, B = 0, 1


def course(n_intervals: int, *people: tuple[int, int, int, bool]) -> GraceCourse:
    """Of people, each: begun, begun at, ended at, settled."""
    begun, begun_at, ended_at, is_settled = (np.array(column) for column in zip(*people, strict=True))
    return GraceCourse(n_intervals, begun, begun_at, ended_at, is_settled.astype(bool))


def kept(given: GraceCourse, strategy: int) -> list[bool]:
    everybody = np.ones(given.begun.size, dtype=bool)
    stages = (Stage("measured", everybody, everybody),)
    nothing_known = np.zeros((given.begun.size, 0))
    return clone_arm(given, strategy, nothing_known, stages, PLAIN).is_adherent.tolist()


def test_whose_clone_stays() -> None:
    people = course(
        3,
        (A, 0, 3, False),  # begins the first
        (A, 2, 3, False),  # begins it in the last interval
        (B, 1, 3, False),  # begins another
        (NOTHING, 3, 3, False),  # begins nothing
        (SEVERAL, 1, 3, False),  # two at once: no strategy says so
        (NOTHING, 3, 1, False),  # lost before deciding
        (NOTHING, 3, 1, True),  # the event comes before deciding: it counts in every strategy
        (A, 1, 1, False),  # begins, and is lost in the same interval
        (A, 1, 2, True),  # begins, and then has the event
    )
    assert kept(people, A) == [True, True, False, False, False, False, True, False, True]
    assert kept(people, NOTHING) == [False, False, False, True, False, False, True, False, False]


def test_one_interval_is_ordinary_weighting_with_the_same_error() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(900, 3))
    begins = rng.random(900) < 1 / (1 + np.exp(-x[:, 0]))
    outcome = x[:, 0] + 2.0 * begins + rng.normal(size=900)
    whole = np.ones(900, dtype=bool)
    given = GraceCourse(
        1, np.where(begins, A, NOTHING), np.where(begins, 0, 1), np.ones(900, dtype=np.int64), np.zeros(900, dtype=bool)
    )
    arms = [clone_arm(given, strategy, x, (Stage("measured", whole, whole),), PLAIN) for strategy in (A, NOTHING)]
    found = cloned_contrast(outcome, arms[0], arms[1])
    propensity = estimate_propensity(begins, x, 0.0)
    weights = treatment_weights(begins, propensity.values, "ate")
    usual = weighted_contrast(outcome, begins, weights, x, propensity.fit)
    assert found.estimate == pytest.approx(usual.estimate, rel=1e-9)
    assert found.standard_error == pytest.approx(usual.standard_error, rel=1e-7)


def test_by_hand_without_covariates() -> None:
    """Of ten, in two intervals: 2 begin A and 1 begins B first, then 3 of 7 begin A."""
    begun = np.array([A, A, B, A, A, A, NOTHING, NOTHING, NOTHING, NOTHING])
    begun_at = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
    given = GraceCourse(2, begun, begun_at, np.full(10, 2), np.zeros(10, dtype=bool))
    whole, nothing_known = np.ones(10, dtype=bool), np.zeros((10, 0))
    stages = (Stage("measured", whole, whole),)
    to_begin = clone_arm(given, A, nothing_known, stages, PLAIN)
    # Staying in the first interval: 9 of 10; due in the last: 3 of 7.
    assert to_begin.weights == pytest.approx([10 / 9, 10 / 9, 0, *[10 / 9 * 7 / 3] * 3, 0, 0, 0, 0])
    # Beginning nothing: pooled over both intervals, 11 of 17 decisions, for no interval has ten of either.
    nothing = clone_arm(given, NOTHING, nothing_known, stages, PLAIN)
    assert nothing.weights == pytest.approx([0] * 6 + [(17 / 11) ** 2] * 4)


def test_a_person_in_two_trials_is_one_cluster_and_a_cut_weight_is_counted() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(600, 2))
    begins = rng.random(600) < 1 / (1 + np.exp(-2 * x[:, 0]))
    given = GraceCourse(
        1, np.where(begins, A, NOTHING), np.where(begins, 0, 1), np.ones(600, dtype=np.int64), np.zeros(600, dtype=bool)
    )
    whole = np.ones(600, dtype=bool)
    arms = [clone_arm(given, s, x, (Stage("measured", whole, whole),), PLAIN) for s in (A, NOTHING)]
    outcome = x[:, 0] + rng.normal(size=600)
    once = cloned_contrast(outcome, arms[0], arms[1], np.arange(600))
    assert cloned_contrast(outcome, arms[0], arms[1]).standard_error == pytest.approx(once.standard_error)
    same = cloned_contrast(outcome, arms[0], arms[1], np.repeat(np.arange(300), 2))
    assert same.estimate == once.estimate
    assert same.standard_error != pytest.approx(once.standard_error, rel=1e-3)
    cut = clone_arm(given, A, x, (Stage("measured", whole, whole),), replace(PLAIN, maximum=3.0))
    assert cut.weights.max() == 3.0
    assert cut.is_cut.sum() == (arms[0].weights > 3.0).sum() > 0


def test_what_has_no_answer() -> None:
    nobody = course(2, *[(NOTHING, 2, 2, False)] * 5)
    with pytest.raises(NotEstimable, match="due in the last interval"):
        kept(nobody, A)
    everybody_begins = course(1, *[(A, 0, 1, False)] * 5)
    with pytest.raises(NotEstimable, match="staying"):
        kept(everybody_begins, NOTHING)
    unmeasured = np.zeros(5, dtype=bool)
    with pytest.raises(NotEstimable, match="nobody was measured"):
        clone_arm(nobody, NOTHING, np.zeros((5, 0)), (Stage("measured", ~unmeasured, unmeasured),), PLAIN)


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ((A, 3, 3, False), "begun in an interval"),
        ((NOTHING, 1, 3, False), "begun in an interval"),
        ((A, 2, 1, False), "after the end of observation"),
        ((A, 0, 4, False), "numbered from 0"),
        ((A, -1, 3, False), "numbered from 0"),
    ],
)
def test_a_course_that_cannot_be(person: tuple[int, int, int, bool], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        course(3, person)
