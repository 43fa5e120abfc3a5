"""Known truth: a hazard ratio of weighted rows, three to a person; without weights, or with rows as people, it is missed."""

import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.cox import fit_cox
from pipelines.models.survival_curve import follow_up

judged = runpy.run_path(str(Path(__file__).parent / "replication.py"))
SITES = 3
#: of the positive stable frailty: hazards given frailty exp(b) apart are exp(SHARED b) apart over everybody
SHARED = 0.6
TRUTH = SHARED * -0.8


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@cache
def people(seed: int, n: int = 400):
    """[3 n] time, event, arm and z, weight, person, site: a person's sites share a frailty, the frail have the arm more often.

    Frailty is positive stable (Hougaard 1986, Biometrika 73:671): hazards stay proportional when it is averaged out.
    """
    rng = np.random.default_rng([seed, 22])
    angle, draw = rng.uniform(0, np.pi, n), rng.exponential(size=n)
    frailty = np.sin(SHARED * angle) / np.sin(angle) ** (1 / SHARED)
    frailty *= (np.sin((1 - SHARED) * angle) / draw) ** ((1 - SHARED) / SHARED)
    chance = 0.2 + 0.6 * frailty / (1 + frailty)
    arm = rng.random(n) < chance
    person, site = np.repeat(np.arange(n), SITES), np.tile(np.arange(SITES), n)
    z = rng.normal(size=person.size)
    rate = (0.2 + 0.3 * site) * frailty[person] * np.exp(-0.8 * arm[person] + 0.5 * z)
    time, left = rng.exponential(size=person.size) / rate, rng.uniform(0.5, 4.0, n)[person]
    weight = np.where(arm, 1 / chance, 1 / (1 - chance))[person]
    design = np.column_stack([arm[person], z]).astype(float)
    return np.minimum(time, left), (time <= left).astype(int), design, weight, person, site


def contrast(seed: int, *, weighs=True, counts_people=True) -> tuple[float, float]:
    """Log hazard ratio of the arm and its error; a baseline a site."""
    time, event, design, weight, person, site = people(seed)
    rows = follow_up(time, event, None, weight if weighs else None)
    fit = fit_cox(rows, design, stratum=site, person_id=person if counts_people else None)
    return float(fit.coefficients[0]), float(fit.standard_errors[0])


def replicated(n: int, **how):
    found = [contrast(seed, **how) for seed in range(n)]
    return judged["summarised"]([f[0] for f in found], [f[1] for f in found], TRUTH)


def test_truth_is_given_back() -> None:
    found = replicated(100)
    assert found.lies_within(judged["FEW"]), found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_truth_is_given_back_a_thousand_times() -> None:
    found = replicated(1000)
    assert found.lies_within(judged["MANY"]), found


@pytest.mark.parametrize(
    "how", [{"weighs": False}, {"counts_people": False}], ids=["weights ignored", "rows taken as people"]
)
def test_the_naive_form_fails_the_same_test(how) -> None:
    found = replicated(100, **how)
    assert not found.lies_within(judged["FEW"]), found
