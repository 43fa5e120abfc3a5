"""Known truth: the g-formula gives back a sustained dose and a titrated one; forms without its remedies do not.

Standard errors are of resampled people, one resample a replication: their spread over replications is the mean bootstrap error
(a full bootstrap of one replication agrees). Truth of the rule comes from two million counterfactual people, frozen below.
"""

import runpy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.g_formula import (
    History,
    Model,
    Panel,
    Step,
    bootstrapped_contrast,
    fit_g_formula,
    natural_course,
    rule_contrast,
)
from pipelines.models.inference import resampled_rows

HERE = Path(__file__).parent
world = runpy.run_path(str(HERE / "dose_world.py"))
judged = runpy.run_path(str(HERE / "replication.py"))
QUARTERS = world["QUARTERS"]
#: standardised log estradiol below which 45 % of the readings lie, in steps of 0.6 of a natural logarithm
LIMIT, LOG_STEP = -0.5, 0.6
#: titrated less never, at the end: `frozen_truth` of 2,000,000 people; error of simulation 0.001
TITRATED = -0.9339


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def frozen_truth(blocks: int, size: int) -> float:
    """Mean of the rule less mean of never, everybody following it, from `blocks` of `size` people."""

    def never(e2: np.ndarray, before: np.ndarray) -> np.ndarray:
        return 0 * before

    ends = [
        [world["people"](10_000 + block, size, rule).bone[:, -1].mean() for rule in (world["titrated"], never)]
        for block in range(blocks)
    ]
    return float(np.mean([one - other for one, other in ends]))


def panel(people) -> Panel:
    after = np.where(people.stayed, people.e2[:, 1:], np.nan)
    return Panel(
        {"trait": people.trait, "e2": people.e2[:, 0]},
        {"dose": people.dose.astype(float), "e2": after},
        people.came,
        people.bone[:, -1],
        people.scanned[:, -1],
        np.arange(people.trait.size),
    )


def two_columns(dose: np.ndarray) -> np.ndarray:
    return np.column_stack([dose == 1, dose == 2]).astype(float)


def before(history: History) -> tuple[np.ndarray, np.ndarray]:
    return history.before("e2", history.baseline["e2"]), history.before("dose", 0.0)


def dose_terms(history: History) -> np.ndarray:
    e2, dose = before(history)
    return np.column_stack([two_columns(dose), e2])


def e2_terms(history: History) -> np.ndarray:
    return np.column_stack([two_columns(history.now("dose")), history.baseline["trait"]])


def bone_terms(history: History) -> np.ndarray:
    dose, e2 = history.up_to_now("dose"), history.up_to_now("e2")
    taken = np.column_stack([(dose == 1).sum(axis=1), (dose == 2).sum(axis=1)])
    return np.column_stack(
        [taken, history.baseline["trait"], history.baseline["e2"], e2[:, :-1].sum(axis=1), e2[:, -1]]
    )


def bone_terms_without_e2(history: History) -> np.ndarray:
    return bone_terms(history)[:, :3]


def model(outcome: Callable[[History], np.ndarray] = bone_terms, e2=e2_terms) -> Model:
    steps = (Step("dose", "categorical", dose_terms, 3), Step("e2", "normal", e2))
    return Model(steps, "dose", "mean", outcome)


def never(history: History) -> np.ndarray:
    return np.zeros(history.baseline["trait"].size)


def always_two(history: History) -> np.ndarray:
    return np.full(history.baseline["trait"].size, 2.0)


def titrated(history: History) -> np.ndarray:
    return world["titrated"](*before(history))


def e2_frozen(history: History) -> np.ndarray:
    """Estradiol as if no dose moved it: what adjusting for it in a regression of the outcome supposes."""
    return history.baseline["trait"][:, None]


RULES = {"sustained": (always_two, float(world["TRUTH"][2])), "titrated": (titrated, TITRATED)}


def sample_of(seed: int) -> Panel:
    return panel(world["people"](seed))


def doubled(seed: int) -> Panel:
    """Everybody twice: the two rows of a person are taken as two people."""
    whole = sample(seed)
    twice = whole.taken(np.repeat(np.arange(whole.person_id.size), 2))
    return replace(twice, person_id=np.arange(twice.person_id.size))


def filled(seed: int) -> Panel:
    """What lies below the limit is filled with it over the root of two."""
    people = world["people"](seed)
    return panel(replace(people, e2=np.where(people.e2 < LIMIT, LIMIT - np.log(2) / 2 / LOG_STEP, people.e2)))


#: the remedy replaced by the naive form: people, and the model of them
NAIVE = {
    "estradiol left out": (sample_of, model(outcome=bone_terms_without_e2)),
    "estradiol adjusted for, not simulated": (sample_of, model(e2=e2_frozen)),
    "rows taken as people": (doubled, model()),
    "limit over root two": (filled, model()),
}
sample = cache(sample_of)


@cache
def estimates(name: str, rule: str, n: int) -> np.ndarray:
    """[n, 2] estimate, and estimate of a resample of people, by replication."""
    made, asked = (sample, model()) if name == "sound" else NAIVE[name]
    found = []
    for seed in range(n):
        whole = made(seed)
        again = whole.taken(resampled_rows(whole.person_id, seed, 0))
        found.append([rule_contrast(each, asked, RULES[rule][0], never, seed, 1) for each in (whole, again)])
    return np.array(found)


def replicated(name: str, rule: str, n: int):
    found = estimates(name, rule, n)
    error = float(np.sqrt(np.mean((found[:, 1] - found[:, 0]) ** 2)))
    return judged["summarised"](found[:, 0].tolist(), [error] * n, RULES[rule][1])


@pytest.mark.parametrize("rule", RULES)
def test_truth_is_given_back(rule: str) -> None:
    found = replicated("sound", rule, 100)
    assert found.lies_within(judged["FEW"]), found


@pytest.mark.parametrize("name", NAIVE)
def test_the_naive_form_fails_the_same_test(name: str) -> None:
    found = replicated(name, "sustained", 100)
    assert not found.lies_within(judged["FEW"]), found


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rule", RULES)
def test_truth_is_given_back_a_thousand_times(rule: str) -> None:
    found = replicated("sound", rule, 1000)
    assert found.lies_within(judged["MANY"]), found


@pytest.mark.slow
def test_the_frozen_truth_is_what_the_world_gives() -> None:
    assert frozen_truth(8, 250_000) == pytest.approx(TITRATED, abs=0.0001)


def test_a_full_bootstrap_agrees() -> None:
    whole = sample(1)
    estimate, found = bootstrapped_contrast(whole, model(), titrated, never, seed=1, copies=1, n_resamples=40)
    assert found.ci_low < estimate < found.ci_high
    each = estimates("sound", "titrated", 100)
    assert found.standard_error == pytest.approx(np.sqrt(np.mean((each[:, 1] - each[:, 0]) ** 2)), rel=0.35)


def with_quarter(terms: Callable[[History], np.ndarray]) -> Callable[[History], np.ndarray]:
    def told(history: History) -> np.ndarray:
        own = terms(history)
        return np.column_stack([own, np.full(own.shape[0], float(history.period))])

    return told


def test_the_natural_course_is_reproduced_and_a_wrong_model_shows() -> None:
    """Estradiol with a drift over the quarters: a model that knows it, and one that does not."""
    people = world["people"](5, 4000)
    whole = panel(people)
    # Nobody leaves here: otherwise those present differ from those simulated, though every model be right.
    drifting = Panel(
        whole.baseline,
        {"dose": people.dose.astype(float), "e2": people.e2[:, 1:] + 0.2 * np.arange(QUARTERS)},
        np.ones_like(whole.is_present),
        whole.outcome,
        whole.is_seen,
        whole.person_id,
    )
    dose = Step("dose", "categorical", with_quarter(dose_terms), 3)
    gaps = {}
    for name, terms in (("right", with_quarter(e2_terms)), ("wrong", e2_terms)):
        asked = Model((dose, Step("e2", "normal", terms)), "dose", "mean", bone_terms)
        found = natural_course(fit_g_formula(drifting, asked), drifting, seed=1, copies=2)
        assert {gap.name for gap in found} == {"dose: 1", "dose: 2", "e2"}
        gaps[name] = max(abs(gap.standardised_gap) for gap in found)
    assert gaps["right"] < 0.08
    assert gaps["wrong"] > 0.3
