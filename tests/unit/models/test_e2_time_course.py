"""The time course of estradiol: the published course comes out, the score is the gradient, and what is not told is refused."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from threadpoolctl import threadpool_limits

from pipelines.errors import BadInput
from pipelines.models import e2_time_course_likelihood as engine
from pipelines.models.e2_time_course import fit_time_course
from pipelines.models.e2_time_course_likelihood import Draws, adapted, course, likelihood
from pipelines.models.errors import NotEstimable

made = runpy.run_path(str(Path(__file__).parents[2] / "recovery" / "e2_time_course_world.py"))
drawn = made["drawn"]
THETA = np.array([3.0, np.log(0.4), np.log(0.4), np.log(0.3), np.log(0.7), 0.1, np.log(0.2), np.log(0.25)])


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def two_classes(censored: float = 0.3) -> Draws:
    lower, upper, days, person, _ = drawn(1, 60, censored=censored).arrays
    return Draws(lower, upper, days, person, person % 2, 2)


def test_the_course_goes_from_the_start_to_the_end_at_its_rate() -> None:
    """By hand: half of a fall of 80 % after one half-life of the rest."""
    days = np.array([0.0, np.log(2), 1e6])
    level, by_fall, by_log_k = course(days, np.log(0.2), 0.0)
    assert np.exp(level) == pytest.approx([1.0, 0.6, 0.2])
    assert by_fall == pytest.approx([0.0, 0.1 / 0.6, 1.0])
    assert by_log_k == pytest.approx([0.0, -0.4 * np.log(2) / 0.6, 0.0])
    assert np.isfinite(course(days, 60.0, 3.0)[0]).all() and np.isfinite(course(days, -60.0, -6.0)[2]).all()


def test_the_score_is_the_gradient() -> None:
    draws = two_classes()
    nodes = adapted(draws, THETA)
    score = likelihood(draws, THETA, nodes).scores.sum(axis=0)
    steps = 1e-5 * np.eye(THETA.size)
    ends = [[likelihood(draws, THETA + sign * step, nodes).total for sign in (1, -1)] for step in steps]
    assert score == pytest.approx([(up - down) / 2e-5 for up, down in ends], rel=1e-5, abs=1e-5)


def test_with_everything_measured_long_after_the_fall_it_is_a_multivariate_normal() -> None:
    """Then the model is linear: level before b, after b + d."""
    some = drawn(2, 40, censored=0.0, days=(500, 600, 700, 800, 900))
    draws = Draws(*some.arrays[:4], some.arrays[4], 1)
    theta = np.delete(THETA, [5, 7])
    expected = 0.0
    for each in range(draws.n_people):
        mine = draws.person == each
        z = np.column_stack([np.ones(mine.sum()), draws.days[mine] > 0])
        covariance = z @ np.diag(np.exp(2 * theta[[1, 3]])) @ z.T + np.exp(2 * theta[5]) * np.eye(mine.sum())
        expected += multivariate_normal(z @ theta[[0, 2]], covariance).logpdf(draws.lower[mine])
    assert likelihood(draws, theta, adapted(draws, theta)).total == pytest.approx(expected, abs=1e-6)


def test_more_nodes_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = two_classes(0.5)
    few = likelihood(draws, THETA, adapted(draws, THETA)).total
    monkeypatch.setattr(engine, "NODES", 25)
    assert likelihood(draws, THETA, adapted(draws, THETA)).total == pytest.approx(few, abs=0.01)


def test_people_in_blocks_are_the_same_people(monkeypatch: pytest.MonkeyPatch) -> None:
    some = drawn(3, 300).arrays
    whole = fit_time_course(*some)
    monkeypatch.setattr(engine, "_BLOCK", 100)
    parts = fit_time_course(*some)
    assert parts.t90.days == pytest.approx(whole.t90.days, rel=1e-5)
    assert parts.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-5)
    shuffled = np.random.default_rng(1).permutation(some[0].size)
    again = fit_time_course(*(each[shuffled] for each in some))
    assert again.fall(28).percent == pytest.approx(parts.fall(28).percent, rel=1e-6)


def test_the_published_course_comes_out() -> None:
    """Label of anastrozole: estradiol 70 % lower within 24 hours and 80 % after 14 days, in women past menopause."""
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(100), 4)
    days = np.tile([0.0, 1.0, 14.0, 84.0], 100)
    log_e2 = rng.normal(np.log(15.0), 0.4, 100)[person] + np.log(np.tile([1.0, 0.3, 0.2, 0.2], 100))
    log_e2 += 0.05 * rng.standard_normal(person.size)
    found = fit_time_course(log_e2, log_e2, days, person, np.zeros(400, dtype=int))
    assert found.fall(1).percent == pytest.approx(70, abs=1.0)
    assert found.fall(14).percent == pytest.approx(80, abs=0.7)
    # 70 of 80 after a day: exp(-k) is 1/8.
    assert found.t90.days == pytest.approx(np.log(10) / np.log(8), abs=0.06)


def test_a_class_of_assay_has_its_own_level_and_error() -> None:
    some = drawn(4, 600, censored=0.0)
    rng = np.random.default_rng(6)
    assay = some.person % 2
    log_e2 = some.log_e2 + assay * (0.4 + 0.3 * rng.standard_normal(some.person.size))
    found = fit_time_course(log_e2, log_e2, some.days, some.person, assay)
    assert found.shift == pytest.approx([0.0, 0.4], abs=0.1)
    assert found.sigma == pytest.approx([0.2, np.hypot(0.2, 0.3)], abs=0.02)
    assert abs(found.fall(28).percent - 60) < 3 * found.fall(28).standard_error


@pytest.mark.parametrize(
    ("some", "said"),
    [
        (drawn(1, days=(14, 28, 56, 84)), "nobody was drawn in the first 7 days"),
        (drawn(1, fallen=0.0, omega=0.0), "no fall of estradiol is told from none"),
        (drawn(1, fallen=0.0, omega=0.3, censored=0.0), "no fall of estradiol is told from none"),
        (drawn(1, 9), "fewer than 10 people"),
        (drawn(1, censored=1.0), "fewer than 10 measured draws"),
    ],
    ids=["nobody early", "all flat", "flat on average", "few people", "nothing measured"],
)
def test_what_the_draws_do_not_tell_is_refused(some, said: str) -> None:
    with pytest.raises(NotEstimable, match=said):
        fit_time_course(*some.arrays)


def test_nobody_drawn_again_and_a_class_without_measured_draws_are_refused() -> None:
    lower, upper, days, person, assay = drawn(1).arrays
    with pytest.raises(NotEstimable, match="before the first dose and another after"):
        fit_time_course(lower, upper, days * 0, person, assay)
    rare = assay.copy()
    rare[:3] = 1
    with pytest.raises(NotEstimable, match="fewer than 10 measured draws"):
        fit_time_course(lower, upper, days, person, rare)


@pytest.mark.parametrize("t90", [0.5, 1.5])
def test_a_fall_that_is_over_at_the_first_draw_has_no_least_time(t90: float) -> None:
    """Draws from day 6 on: it may have been at once. What is known is that it was over, and how far it went."""
    found = fit_time_course(*drawn(2, t90=t90, days=(6, 7, 14, 28, 56, 84)).arrays)
    assert not found.t90.is_bounded
    assert found.t90.ci_low == 0 and t90 < found.t90.ci_high < 7
    with pytest.raises(NotEstimable, match="draws begin when most of the fall is over"):
        found.fall(1)
    assert abs(found.fall(28).percent - 60) < 3 * found.fall(28).standard_error


def test_a_fall_that_goes_on_at_the_last_draw_has_no_greatest_time() -> None:
    """Draws up to day 7 of a fall of a month: how far it goes is a guess, and so is every day of it."""
    fitted = fit_time_course(*drawn(1).arrays)
    slow = replace(fitted, t90=replace(fitted.t90, ci_high=np.inf))
    assert not slow.t90.is_bounded
    with pytest.raises(NotEstimable, match="may still be falling"):
        slow.fall(28)
    with pytest.raises(NotEstimable):
        fit_time_course(*drawn(3, t90=200.0, days=(1, 2, 3, 4, 5, 6, 7)).arrays)


def test_intervals_are_those_of_ratios() -> None:
    found = fit_time_course(*drawn(1).arrays)
    fall = found.fall(28)
    logs = np.log1p(-np.array([fall.ci_high, fall.percent, fall.ci_low]) / 100)
    assert np.diff(logs)[0] == pytest.approx(np.diff(logs)[1])
    assert fall.ci_low < fall.percent < fall.ci_high and fall.p_value < 1e-10
    assert found.fall(1).percent < found.fall(7).percent < found.fall(np.inf).percent
    assert (found.n_people, found.n_draws) == (200, drawn(1).days.size)
    assert found.n_censored == drawn(1).is_below.sum()


@pytest.mark.parametrize(
    "change",
    [
        {"lower": np.zeros(3)},
        {"lower": np.array([2.0, np.nan, 1.0, 1.0])},
        {"lower": np.array([2.0, 5.0, 1.0, 1.0])},
        {"lower": np.array([2.0, -np.inf, 1.0, 1.0]), "upper": np.array([2.0, np.inf, 1.0, 1.0])},
        {"days": np.array([-1.0, 1.0, 2.0, 3.0])},
        {"days": np.array([np.nan, 1.0, 2.0, 3.0])},
        {"assay": np.array([0, 0, 2, 2])},
    ],
)
def test_bad_arrays_are_bad_input(change: dict[str, np.ndarray]) -> None:
    right = {
        "lower": np.array([2.0, 1.5, 1.0, 1.0]),
        "upper": np.array([2.0, 1.5, 1.0, 1.0]),
        "days": np.array([0.0, 1.0, 0.0, 3.0]),
        "person": np.array([0, 0, 1, 1]),
        "assay": np.zeros(4, dtype=int),
    }
    with pytest.raises(BadInput):
        fit_time_course(**(right | change))
