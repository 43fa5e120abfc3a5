"""Edge cases of the estimators of a point treatment; their truth is tested in tests/recovery."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.models.augmented import AugmentedSpec, augmented_contrast, greatest_weight, ridge_prediction
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import person_bootstrap, resampled_rows
from pipelines.models.inverse_weighting import weighted_contrast
from pipelines.models.matching import matched_contrast
from pipelines.models.observation import Stage, fit_stages
from pipelines.models.standardisation import standardised_contrast
from pipelines.models.stratification import stratified_contrast
from pipelines.models.weighting import treatment_weights

SPEC = AugmentedSpec(seed=1, penalty=1.0, observation_penalty=1.0)


def world(n: int = 600):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, 2))
    treated = rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))
    outcome = 1.5 * treated + 2 * x[:, 0] + rng.normal(size=n)
    return x, treated, outcome, np.arange(n) + 10**12


def test_every_estimator_finds_the_effect_of_1_5() -> None:
    x, treated, outcome, person = world(3000)
    score = 1 / (1 + np.exp(-x[:, 0]))
    everybody = np.ones(3000, dtype=bool)
    found = [
        augmented_contrast(outcome, treated, x, person, SPEC).contrast.estimate,
        stratified_contrast(outcome, treated, score, everybody, n_strata=20).estimate,
        matched_contrast(outcome, treated, score).estimate,
        matched_contrast(outcome, treated, score, n_neighbours=3).estimate,
        weighted_contrast(outcome, treated, treatment_weights(treated, score, "overlap"), x, None).estimate,
    ]
    assert found == pytest.approx([1.5] * 5, abs=0.2)
    assert outcome[treated].mean() - outcome[~treated].mean() > 2.5


def test_rows_in_another_order_give_the_same() -> None:
    x, treated, outcome, person = world()
    order = np.random.default_rng(6).permutation(600)
    once = augmented_contrast(outcome, treated, x, person, SPEC).contrast
    again = augmented_contrast(outcome[order], treated[order], x[order], person[order], SPEC).contrast
    assert again.estimate == pytest.approx(once.estimate, rel=1e-10)
    assert again.standard_error == pytest.approx(once.standard_error, rel=1e-10)


def test_somebody_unlike_all_others_does_not_stand_for_an_arm() -> None:
    """One person far out in a covariate, in the arm it speaks against and measured against the odds, with a far outcome."""
    x, treated, outcome, person = world(2000)
    x[0, 0], treated[0], outcome[0] = 70.0, False, -300.0
    seen = np.random.default_rng(7).random(2000) < 1 / (1 + np.exp(1.5 * x[:, 0] - 1.0))
    seen[0] = True
    stage = (Stage("measured", np.ones(2000, dtype=bool), seen),)
    kept = augmented_contrast(outcome, treated, x, person, SPEC, stage)
    alone = replace(SPEC, maximum=np.inf)
    taken = augmented_contrast(outcome, treated, x, person, alone, stage)
    rest = np.arange(2000) > 0
    others = augmented_contrast(
        outcome[rest],
        treated[rest],
        x[rest],
        person[rest],
        SPEC,
        (Stage("measured", stage[0].asked[rest], seen[rest]),),
    )
    moved = [abs(each.contrast.estimate - others.contrast.estimate) for each in (kept, taken)]
    assert moved[1] > 5 * moved[0], moved
    assert greatest_weight(2000) == pytest.approx(67.98, abs=0.01)
    assert kept.n_bounded > taken.n_bounded


def test_an_outcome_not_observed_is_never_read() -> None:
    x, treated, outcome, person = world()
    seen = np.random.default_rng(7).random(600) < 0.7
    stage = (Stage("measured", np.ones(600, dtype=bool), seen),)
    found = [
        augmented_contrast(np.where(seen, outcome, other), treated, x, person, SPEC, stage).contrast.estimate
        for other in (np.nan, 1e9)
    ]
    assert found[0] == found[1]
    with pytest.raises(ValueError, match="missing"):
        augmented_contrast(np.where(seen, outcome, np.nan), treated, x, person, SPEC)


def test_no_answer_where_an_arm_or_a_stage_is_empty() -> None:
    x, treated, outcome, person = world()
    nobody = np.zeros(600, dtype=bool)
    everybody = ~nobody
    with pytest.raises(NotEstimable, match="arm is empty"):
        augmented_contrast(outcome, nobody, x, person, SPEC)
    with pytest.raises(NotEstimable, match="nobody was scanned"):
        fit_stages((Stage("scanned", everybody, nobody),), treated, x, 1.0)
    with pytest.raises(NotEstimable, match="fewer than 10 outcomes"):
        augmented_contrast(outcome, np.arange(600) < 8, x, person, SPEC)
    with pytest.raises(NotEstimable, match="arm"):
        stratified_contrast(outcome, x[:, 0] > 0, 1 / (1 + np.exp(-x[:, 0])), everybody)
    with pytest.raises(NotEstimable, match="caliper"):
        matched_contrast(outcome, np.arange(600) < 300, np.where(np.arange(600) < 300, 0.9, 0.1), caliper=0.1)
    with pytest.raises(NotEstimable, match="collinear"):
        both = np.column_stack([x, x[:, 0]])
        standardised_contrast(outcome, both, both, both, treated)


def test_nobody_passes_a_stage_uninvited() -> None:
    x, treated, _, _ = world()
    with pytest.raises(ValueError, match="was not asked"):
        fit_stages((Stage("scanned", treated, ~treated),), treated, x, 1.0)


def test_a_stage_that_everybody_passes_weighs_nobody() -> None:
    x, treated, outcome, _ = world()
    everybody = np.ones(600, dtype=bool)
    stages = fit_stages((Stage("followed", everybody, everybody),), treated, x, 1.0)
    weights = treatment_weights(treated, np.full(600, 0.5), "ate")
    with_stage = weighted_contrast(outcome, treated, weights, x, None, stages)
    assert with_stage.estimate == weighted_contrast(outcome, treated, weights, x, None).estimate


def test_matches_by_hand() -> None:
    outcome = np.array([10.0, 20.0, 1.0, 2.0, 50.0])
    treated = np.array([True, True, False, False, False])
    score = np.array([0.50, 0.60, 0.51, 0.61, 0.05])
    found = matched_contrast(outcome, treated, score, caliper=1.0)
    assert found.estimate == pytest.approx((9 + 18) / 2)
    assert (found.n_matched, found.n_used, found.n_unmatched) == (2, 2, 0)


def test_resamples_are_of_people_and_repeatable() -> None:
    person = np.repeat(np.arange(200), 2)
    rows = resampled_rows(person, 3, 0)
    times = np.bincount(rows, minlength=400)
    assert np.array_equal(times[::2], times[1::2])
    assert times[::2].mean() == pytest.approx(1.0, abs=0.25)
    assert not np.array_equal(rows, resampled_rows(person, 3, 1))
    values = np.repeat(np.random.default_rng(8).normal(size=200), 2)
    found = person_bootstrap(person, lambda rows: float(values[rows].mean()), 200, 1)
    assert found.standard_error == pytest.approx(values.std() / np.sqrt(200), rel=0.2)
    with pytest.raises(NotEstimable, match="resamples"):
        person_bootstrap(person, _never, 10, 1)


def _never(rows: np.ndarray) -> float:
    raise NotEstimable("no")


def test_ridge_learns_a_line_and_no_noise() -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(300, 100))
    line = ridge_prediction(x, 3 * x[:, 0] + 0.1 * rng.normal(size=300), x)
    assert np.corrcoef(line, x[:, 0])[0, 1] > 0.99
    noise = ridge_prediction(x, rng.normal(size=300), rng.normal(size=(300, 100)))
    assert noise.std() < 0.3
    assert ridge_prediction(x[:, :0], np.arange(300.0), x[:2, :0]).tolist() == [149.5, 149.5]
