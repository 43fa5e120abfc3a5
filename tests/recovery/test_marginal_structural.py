"""Known truth: marginal structural models give back hazards (Havercroft and Didelez) and a sustained dose; naive forms do not."""

import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.marginal_structural import Contrast, WeightStage, fit_marginal, history_weights
from pipelines.synth.havercroft import Setting, simulate

HERE = Path(__file__).parent
dose_world = runpy.run_path(str(HERE / "dose_world.py"))
judged = runpy.run_path(str(HERE / "replication.py"))
QUARTERS = dose_world["QUARTERS"]
#: twenty quarters of the published process
SETTING = Setting(steps=20)
#: log odds of dying in the tenth step: begun at once less never begun
AT_TEN = np.array([0.0, -10.0, 1.0, 10.0])
#: sustained dose 2 less none at the end: columns are quarter, quarters at 1 and 2, now at 1 and 2
SUSTAINED = np.array([0.0, 0.0, 0.0, QUARTERS, 0.0, 1.0])
TRUTH = {"hazard": float(AT_TEN @ SETTING.hazard), "dose": float(dose_world["TRUTH"][2])}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@cache
def sample(world: str, seed: int, people: int):
    return simulate(people, seed, SETTING) if world == "hazard" else dose_world["people"](seed, people)


def hazard(seen, *, knows_cd4: bool = True) -> Contrast:
    at_risk = seen.is_check_up.astype(bool) & (seen.treated_before == 0)
    time = seen.time.astype(float)[:, None]
    told = np.column_stack([time, seen.cd4 - 500.0]) if knows_cd4 else time
    weights = history_weights(seen.person, [WeightStage("treatment", at_risk, seen.treated, time, told)])
    everybody = np.ones(seen.person.size, dtype=bool)
    outcome = seen.died.astype(float)
    return fit_marginal(outcome, seen.design()[:, 1:], seen.person, weights, everybody, "logit").contrast(AT_TEN)


def two_columns(dose: np.ndarray) -> np.ndarray:
    return np.column_stack([dose == 1, dose == 2]).astype(float)


def sustained(
    people,
    *,
    weighs_dose: bool = True,
    weighs_leaving: bool = True,
    weighs_scans: bool = True,
    leaks: bool = False,
    copies: int = 1,
) -> Contrast:
    rows = np.flatnonzero(people.came.ravel())
    rows = np.concatenate([rows + copy * people.came.size for copy in range(copies)])

    def flat(values: np.ndarray) -> np.ndarray:
        return np.tile(values.ravel(), copies)[rows]

    n = people.trait.size
    person, quarter = rows // QUARTERS, (rows % QUARTERS).astype(float)
    before = flat(np.column_stack([np.zeros(n, dtype=int), people.dose[:, :-1]]))
    dose, stayed, scanned = flat(people.dose), flat(people.stayed), flat(people.scanned)
    at_one, at_two = (flat(np.cumsum(people.dose == level, axis=1)) for level in (1, 2))
    early, late, trait = flat(people.e2[:, :-1]), flat(people.e2[:, 1:]), flat(np.repeat(people.trait, QUARTERS))
    now, past = two_columns(dose), np.column_stack([two_columns(before), quarter])
    told = np.column_stack([now, quarter])

    def by(e2: np.ndarray) -> np.ndarray:
        return np.column_stack([told, e2, trait, now * e2[:, None]])

    everybody = np.ones(rows.size, dtype=bool)
    stages = []
    if weighs_dose:
        stages.append(
            WeightStage("dose", everybody, dose, past, np.column_stack([past, late if leaks else early, trait]))
        )
    if weighs_leaving:
        stages.append(WeightStage("staying", everybody, stayed.astype(np.int64), told, by(early)))
    if weighs_scans:
        stages.append(WeightStage("scan", stayed, scanned.astype(np.int64), told, by(late), is_carried=False))
    weights = history_weights(person, stages, among=scanned)
    design = np.column_stack([quarter, at_one, at_two, now])
    return fit_marginal(flat(people.bone), design, person, weights, scanned).contrast(SUSTAINED)


SOUND: dict[str, Callable[..., Contrast]] = {"hazard": hazard, "dose": sustained}
#: the remedy replaced by the naive form, and in which world it is caught
NAIVE: dict[str, tuple[str, Callable[..., Contrast]]] = {
    "weights of one, hazard": ("hazard", lambda s: hazard(s, knows_cd4=False)),
    "weights of one, dose": (
        "dose",
        lambda s: sustained(s, weighs_dose=False, weighs_leaving=False, weighs_scans=False),
    ),
    "leaving ignored": ("dose", lambda s: sustained(s, weighs_leaving=False)),
    "timing of scans ignored": ("dose", lambda s: sustained(s, weighs_scans=False)),
    "a value of after time zero in the weights of dose": ("dose", lambda s: sustained(s, leaks=True)),
    "copies of people taken as people": ("dose", lambda s: sustained(s, copies=2)),
}


def replicated(world: str, estimator: Callable[..., Contrast], n: int, people: int = 1000):
    each = [estimator(sample(world, seed, people)) for seed in range(n)]
    return judged["summarised"]([one.estimate for one in each], [one.standard_error for one in each], TRUTH[world])


@pytest.mark.parametrize("world", SOUND)
def test_truth_is_given_back(world: str) -> None:
    found = replicated(world, SOUND[world], 100)
    assert found.lies_within(judged["FEW"]), found


@pytest.mark.parametrize("name", NAIVE)
def test_the_naive_form_fails_the_same_test(name: str) -> None:
    world, estimator = NAIVE[name]
    # Twice the rows are twice the work, and an error too small by a root of two shows sooner.
    found = replicated(world, estimator, 40 if "copies" in name else 100)
    assert not found.lies_within(judged["FEW"]), found


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("world", SOUND)
def test_truth_is_given_back_a_thousand_times(world: str) -> None:
    sample.cache_clear()
    found = replicated(world, SOUND[world], 1000, people=2000)
    assert found.lies_within(judged["MANY"]), found
