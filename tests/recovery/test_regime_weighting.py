"""Known truth: who kept to a regime, weighted, gives back bone had everybody kept to it; weights of one do not.

The world of `test_regime`, with more people, for few follow a regime that doses. Standard errors are of resampled people, one
resample a replication.
"""

import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models import regime_weighting
from pipelines.models.dosing_rule import rule_of
from pipelines.models.regime_weighting import weighted_regimes

HERE = Path(__file__).parent
world = runpy.run_path(str(HERE / "titration_world.py"))
judged = runpy.run_path(str(HERE / "replication.py"))
PLACE, N = 16.0, 8000
REFERENCE, FIXED, TITRATED = "no_inhibitor", "fixed_0.5_mg_twice_weekly", "titrate_to_20_30"
#: bone of `truth(rule_of(code, PLACE), (20.0, 30.0), 20, 100_000, forgives=True)`: what weights estimate, doses within what
#: followers may be off. To the letter of the rules it is 0.302, -0.905, -0.979
TRUTH = {REFERENCE: 0.302, FIXED: -0.935, TITRATED: -0.971}
#: 99.8 % binomial band of 95 % for 40 replications; bias and ratio likewise wide
BANDS = judged["Bands"]((0.825, 1.0), 0.5, (0.7, 1.4))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def replications(n: int) -> dict[str, np.ndarray]:
    """[n, 2] mean of bone under each regime, and that of a resample of people."""
    rules = {code: lambda draw, code=code: rule_of(code, PLACE) for code in TRUTH}
    found: dict[str, list[list[float]]] = {code: [] for code in TRUTH}
    for seed in range(n):
        for code, each in weighted_regimes(world["frame"](seed, N), rules, seed, 1).items():
            found[code].append([each.means.mean, each.means.replicates[0]])
    return {code: np.array(rows) for code, rows in found.items()}


sound = cache(replications)


def figures(rows: np.ndarray, truth: float):
    error = float(np.sqrt(np.mean((rows[:, 1] - rows[:, 0]) ** 2)))
    return judged["summarised"](rows[:, 0].tolist(), [error] * len(rows), truth)


def contrasted(found: dict[str, np.ndarray], code: str):
    return figures(found[code] - found[REFERENCE], TRUTH[code] - TRUTH[REFERENCE])


def test_truth_without_an_inhibitor_is_given_back() -> None:
    found = figures(sound(40)[REFERENCE], TRUTH[REFERENCE])
    assert found.lies_within(BANDS), found


@pytest.mark.parametrize("code", [FIXED, TITRATED])
def test_truth_is_given_back(code: str) -> None:
    found = contrasted(sound(40), code)
    assert found.lies_within(BANDS), (code, found)


@pytest.mark.slow
@pytest.mark.parametrize("code", [REFERENCE, FIXED, TITRATED])
def test_truth_is_given_back_a_thousand_times(code: str) -> None:
    many = sound(1000)
    found = figures(many[code], TRUTH[code]) if code == REFERENCE else contrasted(many, code)
    assert found.lies_within(judged["MANY"]), (code, found)


def test_kill_weights_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who needs no more than the rule allows is left: bone is better without weights under titration, worse without a drug."""

    def of_one(what, design, asked, happened):
        return np.ones(asked.size)

    monkeypatch.setattr(regime_weighting, "_chances", of_one)
    found = replications(40)
    assert contrasted(found, TITRATED).bias > 1.0
    assert figures(found[REFERENCE], TRUTH[REFERENCE]).bias < -BANDS.bias
