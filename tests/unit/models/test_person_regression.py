"""Least squares with errors by person: against the formula written out person by person, and what has no answer."""

import tracemalloc

import numpy as np
import pytest

from pipelines.models.errors import NotEstimable
from pipelines.models.person_regression import person_regression


def sample(n: int = 120):
    rng = np.random.default_rng(1)
    person = np.sort(rng.integers(0, 40, n))
    person = np.unique(person, return_inverse=True)[1]
    design = np.column_stack([np.ones(n), rng.normal(size=(n, 2)) * [1.0, 1e6]])
    outcome = design @ [1.0, 0.5, 1e-6] + rng.normal(size=40)[person] + rng.normal(size=n)
    return outcome, design, person, rng.uniform(0.5, 2.0, n)


def test_coefficients_and_errors_by_the_formula() -> None:
    outcome, design, person, weights = sample()
    beta, covariance = person_regression(outcome, design, person, weights)
    bread = np.linalg.inv(design.T @ np.diag(weights) @ design)
    known = bread @ design.T @ (weights * outcome)
    assert beta == pytest.approx(known, rel=1e-9)
    meat = np.zeros((3, 3))
    k = int(person.max()) + 1
    for one in range(k):
        rows = person == one
        score = design[rows].T @ (weights[rows] * (outcome[rows] - design[rows] @ known))
        meat += np.outer(score, score)
    assert covariance == pytest.approx(bread @ meat @ bread * k / (k - 1), rel=1e-6)


def test_rows_of_one_person_are_no_more_people() -> None:
    outcome, design, person, weights = sample()
    once = person_regression(outcome, design, person, weights)
    thrice = person_regression(*(np.concatenate([each] * 3) for each in (outcome, design, person, weights)))
    assert thrice[0] == pytest.approx(once[0])
    assert thrice[1] == pytest.approx(once[1])


def test_what_has_no_answer() -> None:
    outcome, design, person, weights = sample()
    with pytest.raises(NotEstimable, match="tell each other"):
        person_regression(outcome, np.column_stack([design, design[:, 1] * 2]), person, weights)
    with pytest.raises(NotEstimable, match="0 for everybody"):
        person_regression(outcome, np.column_stack([design, np.zeros(outcome.size)]), person, weights)
    with pytest.raises(NotEstimable, match="4 people are too few"):
        person_regression(outcome, design, person % 4, weights)


def test_a_design_is_copied_once_or_not_at_all() -> None:
    rng = np.random.default_rng(2)
    n = 40_000
    person = np.arange(n) // 2
    design, outcome = np.column_stack([np.ones(n), rng.normal(size=(n, 40))]), rng.normal(size=n)
    held, found = [], []
    for overwrite in (False, True):
        tracemalloc.start()
        try:
            found.append(person_regression(outcome, design, person, np.full(n, 2.0), overwrite_design=overwrite))
            held.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert held[0] < 1.6 * design.nbytes
    assert held[1] < 0.6 * design.nbytes
    assert np.array_equal(found[0][0], found[1][0]) and np.array_equal(found[0][1], found[1][1])
