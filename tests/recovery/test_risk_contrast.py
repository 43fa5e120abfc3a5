"""Known truth: risks under the weights of studies, arms told at time zero or by clones, give back difference and coverage."""

import runpy
from functools import cache, lru_cache
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

HERE = Path(__file__).parent
made = runpy.run_path(str(HERE / "risk_forms.py"))
judged = runpy.run_path(str(HERE / "replication.py"))
NAIVE = [
    ("at time zero", "one_less_kaplan_meier"),
    ("at time zero", "losses_ignored"),
    ("at time zero", "arms_as_they_are"),
    ("by clones", "losses_ignored"),
    ("by clones", "unweighted"),
    ("rows taken as people", "whole"),
]
#: slower worlds: their frozen figures (`engine_figures.json`) are held every time, live ones now and then
NAIVE_OF_FIVE_YEARS = [
    ("five years", "one_less_kaplan_meier"),
    ("five years", "losses_ignored"),
    ("five years", "arms_as_they_are"),
    ("five years, Havercroft and Didelez", "losses_ignored"),
    ("five years, Havercroft and Didelez", "arms_as_they_are"),
]
WORLDS = made["WORLDS"] | made["TWICE"]
truth_of = cache(lambda world: WORLDS[world].truth())
sample = lru_cache(maxsize=200)(made["sample"])


def replicated(world: str, form: str, n: int):
    found = []
    with threadpool_limits(1):
        for seed in range(n):
            found.append(made["FORMS"][form](*sample(world, seed), WORLDS[world].horizon).difference)
    return judged["summarised"](
        [float(each.estimate) for each in found], [float(each.standard_error) for each in found], truth_of(world)
    )


@pytest.mark.parametrize("world", ["at time zero", "by clones"])
def test_truth_is_given_back(world: str) -> None:
    found = replicated(world, "whole", 60)
    assert found.lies_within(judged["FEW"]), found


@pytest.mark.parametrize(("world", "form"), NAIVE)
def test_the_naive_form_fails_the_same_test(world: str, form: str) -> None:
    found = replicated(world, form, 60)
    assert not found.lies_within(judged["FEW"]), found


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("world", made["WORLDS"])
def test_truth_is_given_back_a_thousand_times(world: str) -> None:
    found = replicated(world, "whole", 1000)
    assert found.lies_within(judged["MANY"]), found


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("world", "form"), NAIVE_OF_FIVE_YEARS)
def test_the_naive_form_fails_by_five_years(world: str, form: str) -> None:
    found = replicated(world, form, 200)
    assert not found.lies_within(judged["FEW"]), found


@pytest.mark.slow
def test_the_truth_by_five_years_is_what_the_worlds_give() -> None:
    five = made["five"]
    assert five["true_difference_of_lives"]() == pytest.approx(five["TRUTH_OF_LIVES"], abs=1e-9)
    assert five["true_difference_of_published"]() == pytest.approx(five["TRUTH_OF_PUBLISHED"], abs=1e-9)
