"""Known truth: estimators of a point treatment give back bias, coverage and standard error; naive forms of each do not.

100 replications by default, with bands so wide that chance passes (bias within 0.35 SD, 3.5 Monte-Carlo errors) and narrow
enough for every mutant to fail; 1,000 when slow, with the bands the product promises.
"""

import runpy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.augmented import AugmentedSpec, augmented_contrast
from pipelines.models.design_matrix import design_matrix
from pipelines.models.inference import ContrastEstimate, clustered_standard_error, person_bootstrap
from pipelines.models.inverse_weighting import weighted_contrast
from pipelines.models.observation import FittedStage, Stage, fit_stages, observed
from pipelines.models.propensity import estimate_propensity
from pipelines.models.standardisation import standardised_contrast
from pipelines.models.weighting import treatment_weights

made = runpy.run_path(str(Path(__file__).with_name("point_treatment_world.py")))
WORLDS, TRUTH, Sample = made["WORLDS"], made["TRUTH"], made["Sample"]
judged = runpy.run_path(str(Path(__file__).with_name("replication.py")))
FEW, MANY, Found, summarised = (judged[name] for name in ("FEW", "MANY", "Found", "summarised"))
#: mean outcome of everybody without the treatment, in closed form
UNTREATED = {"straight": 1.5 * 0.3, "curved": float(np.exp(0.18)) + 0.3}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def terms(sample, *, leaks: bool = False, among: tuple[int, ...] = tuple(range(15))) -> np.ndarray:
    frame = pl.DataFrame({f"x{k}": sample.covariates[:, k] for k in among})
    if leaks:
        frame = frame.with_columns(leaked=sample.leaked)
    return design_matrix(frame, splines=sample.is_curved).values


def augmented(sample, *, leaks: bool = False) -> ContrastEstimate:
    spec = AugmentedSpec(seed=1, penalty=1.0, observation_penalty=1.0)
    design = terms(sample, leaks=leaks)
    return augmented_contrast(sample.outcome, sample.treated, design, sample.person_id, spec, sample.stages).contrast


def weighted(
    sample, *, knows_weights: bool = False, is_weighted: bool = True, sees: bool = True, leaks: bool = False
) -> ContrastEstimate:
    # Nine named covariates: unpenalised weights of 45 terms in 2,000 people would be mostly chance.
    design, treated = terms(sample, leaks=leaks, among=(0, 1, 2, 3, 4, 10, 11, 12, 13)), sample.treated
    propensity = estimate_propensity(treated, design, 0.0)
    weights = treatment_weights(treated, propensity.values if is_weighted else np.full(treated.size, 0.5), "ate")
    fitted = fit_stages(sample.stages, treated, design, 0.0) if sees else ()
    stages = fitted or tuple(known_stage(each) for each in sample.stages)
    fit = None if knows_weights or not is_weighted else propensity.fit
    return weighted_contrast(sample.outcome, treated, weights, design, fit, stages)


def known_stage(stage: Stage) -> FittedStage:
    """A stage of which nothing is modelled: whoever was seen stands for everybody."""
    return FittedStage(stage, np.zeros((0, 0)), None, np.ones(stage.asked.size))


def standardised(sample, *, leaks: bool = False) -> ContrastEstimate:
    design = terms(sample, leaks=leaks)

    def with_arm(arm: np.ndarray) -> np.ndarray:
        return np.column_stack([arm, design, arm[:, None] * design])

    n = sample.treated.size
    arms = sample.treated.astype(float), np.ones(n), np.zeros(n)
    seen = observed(sample.stages, n)
    return standardised_contrast(sample.outcome, *(with_arm(arm) for arm in arms), sample.treated, seen)


def doubled(sample):
    """Everybody twice: the two rows of a person are taken as two people."""
    twice = np.repeat(np.arange(sample.treated.size), 2)
    stages = tuple(type(each)(each.name, each.asked[twice], each.passed[twice]) for each in sample.stages)
    return Sample(
        *(getattr(sample, name)[twice] for name in ("covariates", "treated", "complete", "outcome", "leaked")),
        np.arange(twice.size),
        stages,
        sample.is_curved,
    )


ESTIMATORS: dict[str, Callable[..., ContrastEstimate]] = {
    "augmented": augmented,
    "weighted": weighted,
    "standardised": standardised,
}
#: the remedy replaced by the naive form, and in which world it is caught
MUTANTS: dict[str, tuple[str, Callable[..., ContrastEstimate]]] = {
    "weights of one": ("straight", lambda s: weighted(s, is_weighted=False, sees=False)),
    "loss and missed scans ignored": ("straight", lambda s: weighted(s, sees=False)),
    "weights taken as known": ("straight", lambda s: weighted(s, knows_weights=True)),
    "rows taken as people": ("straight", lambda s: weighted(doubled(s))),
    "rows taken as people, augmented": ("straight", lambda s: augmented(doubled(s))),
    "rows taken as people, standardised": ("straight", lambda s: standardised(doubled(s))),
    "a value of after time zero as covariate": ("straight", lambda s: standardised(s, leaks=True)),
    "a value of after time zero as covariate, augmented": ("straight", lambda s: augmented(s, leaks=True)),
    "a value of after time zero as covariate, weighted": ("straight", lambda s: weighted(s, leaks=True)),
}


@cache
def sample_of(world: str, seed: int):
    return WORLDS[world](seed)


@cache
def answers(world: str, estimator: Callable[..., ContrastEstimate], n: int) -> tuple[ContrastEstimate, ...]:
    """Of each replication, without influence functions."""
    found = (estimator(sample_of(world, seed)) for seed in range(n))
    return tuple(replace(each, influence=np.zeros(0)) for each in found)


def replicated(world: str, estimator: Callable[..., ContrastEstimate], n: int) -> Found:
    each = answers(world, estimator, n)
    estimates = np.array([one.estimate for one in each])
    errors = np.array([one.standard_error for one in each])
    covered = np.mean([one.ci_low <= TRUTH <= one.ci_high for one in each])
    spread = estimates.std(ddof=1)
    return Found(float(covered), float((estimates.mean() - TRUTH) / spread), float(errors.mean() / spread))


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_truth_is_given_back(world: str, name: str) -> None:
    found = replicated(world, ESTIMATORS[name], 100)
    assert found.lies_within(FEW), found


@pytest.mark.parametrize("name", MUTANTS)
def test_the_naive_form_fails_the_same_test(name: str) -> None:
    world, estimator = MUTANTS[name]
    found = replicated(world, estimator, 100)
    assert not found.lies_within(FEW), found


@pytest.mark.parametrize("world", WORLDS)
def test_the_mean_of_either_arm_is_given_back_with_an_error_of_its_own(world: str) -> None:
    each = answers(world, augmented, 100)
    target = summarised([a.mean_target for a in each], [a.error_target for a in each], UNTREATED[world] + TRUTH)
    comparator = summarised([a.mean_comparator for a in each], [a.error_comparator for a in each], UNTREATED[world])
    assert target.lies_within(FEW) and comparator.lies_within(FEW), (target, comparator)


def test_half_the_variance_of_the_difference_is_no_error_of_an_arm() -> None:
    """Arms share their people, whose spread leaves the difference and not the means."""
    each = answers("straight", augmented, 100)
    halved = [a.standard_error / np.sqrt(2) for a in each]
    assert not summarised([a.mean_comparator for a in each], halved, UNTREATED["straight"]).lies_within(FEW)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_truth_is_given_back_a_thousand_times(world: str, name: str) -> None:
    found = replicated(world, ESTIMATORS[name], 1000)
    assert found.lies_within(MANY), found


def test_everybody_twice_leaves_the_clustered_error_alone() -> None:
    sample = sample_of("straight", 3)
    once = augmented(sample)
    twice = np.repeat(once.influence, 2)
    person = np.repeat(sample.person_id, 2)
    assert clustered_standard_error(twice, person) == pytest.approx(once.standard_error, rel=1e-12)
    assert clustered_standard_error(twice, None) == pytest.approx(once.standard_error / np.sqrt(2), rel=1e-6)


def test_the_bootstrap_of_people_agrees_with_the_stacked_error() -> None:
    sample = sample_of("straight", 5)

    def again(rows: np.ndarray) -> float:
        stages = tuple(type(each)(each.name, each.asked[rows], each.passed[rows]) for each in sample.stages)
        part = Sample(
            *(getattr(sample, name)[rows] for name in ("covariates", "treated", "complete", "outcome", "leaked")),
            sample.person_id[rows],
            stages,
            sample.is_curved,
        )
        return weighted(part).estimate

    found = person_bootstrap(sample.person_id, again, 100, seed=1)
    assert found.n_failed == 0
    assert found.standard_error == pytest.approx(weighted(sample).standard_error, rel=0.25)
    known = weighted(sample, knows_weights=True).standard_error
    assert known > 1.3 * found.standard_error, "taking weights as known is far too wide here"
