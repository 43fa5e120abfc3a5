"""Known truth: risks under the weights of studies, arms told at time zero or by clones, give back difference and coverage."""

import json
import runpy
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
made = runpy.run_path(str(HERE / "risk_replications.py"))
judged = made["judged"]
FROZEN = json.loads(made["FROZEN"].read_text(encoding="utf-8"))
LIVE, REPLICATIONS = ("at time zero", "by clones"), 60
#: a naive form and a world that tells it from the whole
NAIVE = [
    ("at time zero", "one_less_kaplan_meier"),
    ("at time zero", "losses_ignored"),
    ("at time zero", "arms_as_they_are"),
    ("by clones", "unweighted"),
    ("by clones", "losses_ignored"),
]
NAIVE_OF_MANY = [
    ("by clones", "unweighted"),
    ("by clones", "losses_ignored"),
    ("five years", "one_less_kaplan_meier"),
    ("five years", "losses_ignored"),
    ("five years", "arms_as_they_are"),
    ("five years, Havercroft and Didelez", "losses_ignored"),
    ("five years, Havercroft and Didelez", "arms_as_they_are"),
]


@cache
def replicated(name: str):
    forms = ("whole", *(form for world, form in NAIVE if world == name))
    found = [made["replication"](name, seed, forms) for seed in range(REPLICATIONS)]
    truth = made["WORLDS"][name].truth()
    return {
        form: judged["summarised"]([each[form][0] for each in found], [each[form][1] for each in found], truth)
        for form in forms
    }


@pytest.mark.parametrize("name", LIVE)
def test_truth_is_given_back(name: str) -> None:
    assert replicated(name)["whole"].lies_within(judged["FEW"]), replicated(name)


@pytest.mark.parametrize(("name", "form"), NAIVE)
def test_the_naive_form_fails_the_same_test(name: str, form: str) -> None:
    assert not replicated(name)[form].lies_within(judged["FEW"]), replicated(name)


def frozen(name: str, form: str):
    return judged["Found"](**FROZEN[name]["forms"][form])


@pytest.mark.parametrize("name", FROZEN)
def test_a_thousand_replications_lie_within_the_narrow_band(name: str) -> None:
    assert FROZEN[name]["replications"] >= 1000
    assert frozen(name, "whole").lies_within(judged["MANY"]), frozen(name, "whole")


@pytest.mark.parametrize(("name", "form"), NAIVE_OF_MANY)
def test_a_naive_form_falls_out_of_it(name: str, form: str) -> None:
    assert not frozen(name, form).lies_within(judged["MANY"]), frozen(name, form)


@pytest.mark.parametrize("name", FROZEN)
def test_the_first_replications_are_as_frozen(name: str) -> None:
    for seed, kept in enumerate(FROZEN[name]["first"]):
        assert made["replication"](name, seed, ("whole",))["whole"] == pytest.approx(kept, rel=1e-6)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", FROZEN)
def test_others_say_the_same(name: str) -> None:
    found = [made["replication"](name, seed, ("whole",)) for seed in range(1000, 1200)]
    told = judged["summarised"](*([each["whole"][k] for each in found] for k in (0, 1)), FROZEN[name]["truth"])
    assert told.lies_within(judged["FEW"]), told
