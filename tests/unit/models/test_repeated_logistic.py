"""Decisions of the same people: the numbers of a logistic regression on the stacked rows, its correction and its refusals."""

import numpy as np
import pytest

from pipelines.models import standardised
from pipelines.models.errors import NotEstimable
from pipelines.models.logistic import fit_logistic
from pipelines.models.repeated_logistic import Decided, fit_repeated


def decided(seed: int = 1, n: int = 300, most: int = 5) -> Decided:
    rng = np.random.default_rng(seed)
    base = np.column_stack([rng.normal(size=n), 5.0 + rng.normal(size=n), (rng.random(n) < 0.3).astype(float)])
    times = rng.integers(0, most, n)
    person = np.repeat(np.arange(n), times)
    place = np.arange(person.size) - np.repeat(np.cumsum(times) - times, times)
    terms = np.column_stack([(place == k).astype(float) for k in range(1, most - 2)])
    odds = 0.4 - 0.7 * base[person, 0] + 0.5 * base[person, 2] - 0.6 * terms[:, 1]
    return Decided(person, base, terms, (rng.random(person.size) < 1 / (1 + np.exp(-odds))).astype(float))


@pytest.mark.parametrize("most", [5, 14], ids=["few further columns", "many, held sparse"])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 100.0])
def test_the_numbers_are_those_of_the_stacked_rows(penalty, most):
    rows = decided(most=most)
    stacked = np.hstack([rows.base[rows.person], rows.terms])
    asked = fit_logistic(stacked, rows.outcome, penalty)
    found = fit_repeated(rows, penalty)
    np.testing.assert_allclose(found.probabilities, asked.probabilities, rtol=1e-7)
    upper = np.triu(found.factor[0])
    np.testing.assert_allclose(upper.T @ upper, asked.information, rtol=1e-6, atol=1e-8)
    gradient = np.random.default_rng(2).normal(size=rows.person.size)
    by_row = asked.correction(stacked, rows.outcome, gradient)
    np.testing.assert_allclose(found.correction(gradient), rows.summed(by_row), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("most", [5, 14], ids=["few further columns", "many, held sparse"])
def test_several_corrections_at_once_are_those_of_each_by_itself(most, monkeypatch):
    rows = decided(most=most)
    found = fit_repeated(rows, 1.0)
    gradients = np.random.default_rng(4).normal(size=(rows.person.size, 3))
    each = np.stack([found.correction(column) for column in gradients.T], axis=1)
    np.testing.assert_allclose(found.corrections(gradients), each, rtol=1e-9, atol=1e-12)
    monkeypatch.setattr(standardised, "ROWS", 32)
    monkeypatch.setattr(standardised, "KEPT", 32)
    by_blocks = fit_repeated(rows, 1.0)
    np.testing.assert_allclose(by_blocks.coefficients, found.coefficients, rtol=1e-9)


def test_without_further_columns_and_with_people_who_decide_nothing():
    rows = decided()
    plain = Decided(rows.person, rows.base, np.zeros((rows.person.size, 0)), rows.outcome)
    asked = fit_logistic(rows.base[rows.person], rows.outcome, 1.0)
    np.testing.assert_allclose(fit_repeated(plain, 1.0).probabilities, asked.probabilities, rtol=1e-7)
    idle = np.setdiff1d(np.arange(rows.base.shape[0]), rows.person)
    assert idle.size and not fit_repeated(plain, 1.0).correction(np.ones(rows.person.size))[idle].any()


@pytest.mark.parametrize("what", ["everybody", "separated", "collinear", "nobody"])
def test_refuses_what_has_no_fit(what):
    rows = decided()
    base, outcome, person, terms = rows.base, rows.outcome, rows.person, rows.terms
    if what == "everybody":
        outcome = np.ones_like(outcome)
    elif what == "separated":
        outcome = (base[person, 0] > 0).astype(float)
    elif what == "collinear":
        base = np.column_stack([base, base[:, 0] + base[:, 1]])
    else:
        person, outcome, terms = person[:0], outcome[:0], terms[:0]
    with pytest.raises(NotEstimable):
        fit_repeated(Decided(person, base, terms, outcome))
