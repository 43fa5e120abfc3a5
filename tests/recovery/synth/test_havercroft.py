"""The second generator gives back its own truth: a correct weighted analysis finds it, a naive one does not."""

import ast
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pipelines.synth import havercroft
from pipelines.synth.havercroft import PAPER, PersonTime, Setting, simulate, true_survival

PEOPLE = 20_000


def logistic(x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Coefficients of an unpenalised weighted logistic regression; the first column of x is the intercept."""
    fit = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8, max_iter=500)
    return fit.fit(x, y, sample_weight=weight).coef_[0]


def expit(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-z))


def stabilised_weights(data: PersonTime) -> np.ndarray:
    """Product over the check-ups up to each row of P(A | time) / P(A | time, CD4), among the untreated."""
    asked = data.is_check_up & (data.treated_before == 0)
    t, cd4 = data.time[asked].astype(float), data.cd4[asked]
    one = np.ones(t.size)
    full, short = (
        np.stack([one, t / 10.0, (cd4 - 500.0) / 100.0], axis=1),
        np.stack([one, t / 10.0, (t / 10.0) ** 2], axis=1),
    )
    chosen = data.treated[asked]
    factor = np.ones(data.person.size)
    p_full, p_short = (expit(x @ logistic(x, chosen)) for x in (full, short))
    factor[asked] = np.where(chosen == 1, p_short / p_full, (1.0 - p_short) / (1.0 - p_full))
    logs = np.cumsum(np.log(factor))
    first = np.concatenate([[True], data.person[1:] != data.person[:-1]])
    before = np.where(first, logs - np.log(factor), 0.0)
    return np.exp(logs - before[np.maximum.accumulate(np.where(first, np.arange(logs.size), 0))])


@pytest.fixture(scope="module")
def replicates() -> np.ndarray:
    """[10, 2, 4] coefficients of ten independent data sets: weighted, naive."""
    found = []
    for seed in range(10):
        data = simulate(PEOPLE // 4, seed)
        x = data.design()
        found.append([logistic(x, data.died, stabilised_weights(data)), logistic(x, data.died)])
    return np.array(found)


def test_weighted_analysis_recovers_the_published_parameters(replicates):
    weighted = replicates[:, 0]
    error = weighted.mean(axis=0) - np.array(PAPER.hazard)
    standard_error = weighted.std(axis=0, ddof=1) / np.sqrt(len(weighted))
    assert np.all(np.abs(error) < 3.0 * standard_error + 0.01 * np.abs(PAPER.hazard))
    assert np.all(standard_error < [0.05, 0.01, 0.1, 0.01])


def test_naive_analysis_hides_most_of_the_benefit(replicates):
    naive = replicates[:, 1]
    bias = naive.mean(axis=0) - np.array(PAPER.hazard)
    standard_error = naive.std(axis=0, ddof=1) / np.sqrt(len(naive))
    assert bias[2] > 0.8  # treatment looks less useful than it is: the ill are treated first
    assert bias[2] > 10.0 * standard_error[2]


def test_treatment_follows_the_published_model():
    data = simulate(PEOPLE, 5)
    asked = data.is_check_up & (data.treated_before == 0)
    x = np.stack([np.ones(asked.sum()), data.time[asked] / 10.0, (data.cd4[asked] - 500.0) / 100.0], axis=1)
    found = logistic(x, data.treated[asked])
    p = expit(x @ found)
    standard_error = np.sqrt(np.diag(np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x)))
    assert np.all(np.abs(found - np.array([-0.405, 0.205, -0.405])) < 3.5 * standard_error)


def test_survival_of_the_untreated_is_the_closed_form():
    never = Setting(treatment=(-50.0, 0.0, 0.0))
    data = simulate(PEOPLE, 11, never)
    assert data.treated.sum() == 0
    alive = 1.0 - np.cumsum(np.bincount(data.time, weights=data.died, minlength=41)) / PEOPLE
    truth = true_survival(None)
    assert np.all(np.abs(alive - truth) < 4.0 * np.sqrt(truth * (1 - truth) / PEOPLE) + 1e-9)
    assert truth[0] == pytest.approx(1.0 - 1.0 / (1.0 + np.exp(3.0)), rel=1e-12)


def test_survival_of_all_treated_at_once_is_the_closed_form():
    at_once = Setting(treatment=(50.0, 0.0, 0.0))
    data = simulate(PEOPLE, 12, at_once)
    assert data.treated.min() == 1
    assert set(np.unique(data.start)) == {0}
    alive = 1.0 - np.bincount(data.time, weights=data.died, minlength=41).cumsum() / PEOPLE
    truth = true_survival(0)
    assert np.all(np.abs(alive - truth) < 4.0 * np.sqrt(truth * (1 - truth) / PEOPLE) + 1e-9)
    # by hand: logit -4.5 at time 0, -4.4 at time 1
    assert truth[1] == pytest.approx((1 - 1 / (1 + np.exp(4.5))) * (1 - 1 / (1 + np.exp(4.4))), rel=1e-12)


def test_layout():
    data = simulate(500, 3)
    same = data.person[1:] == data.person[:-1]
    assert np.all(np.diff(data.time)[same] == 1)
    assert np.all(data.time[np.concatenate([[True], ~same])] == 0)
    assert np.all(data.died[:-1][same] == 0)  # nobody lives on after death
    assert np.all((data.treated[1:] >= data.treated[:-1])[same])  # treatment never stops
    assert np.all(data.treated_before[1:][same] == data.treated[:-1][same])
    changed = (data.cd4[1:] != data.cd4[:-1]) & same
    assert np.all(data.is_check_up[1:][changed])
    assert data.cd4.min() >= 0.0
    assert (data.health.min(), data.health.max()) >= (0.0, 0.0)
    assert data.health.max() <= 1.0
    assert np.all((data.start <= data.time) == (data.treated == 1))


def test_same_seed_same_people_and_edge_cases():
    one, two, other = simulate(200, 7), simulate(200, 7), simulate(200, 8)
    for name in PersonTime.__dataclass_fields__:
        assert np.array_equal(getattr(one, name), getattr(two, name))
    assert not np.array_equal(one.cd4[:50], other.cd4[:50])
    assert simulate(0, 1).person.size == 0
    assert simulate(10, 1, Setting(steps=0)).time.max() == 0
    everyone_dies = simulate(50, 1, Setting(hazard=(50.0, 0.0, 0.0, 0.0)))
    assert everyone_dies.died.sum() == everyone_dies.person.size == 50
    for wrong in ({"steps": -1}, {"check_up": 0}):
        with pytest.raises(ValueError, match="must be"):
            Setting(**wrong)


def test_it_shares_no_code_with_the_first_generator():
    tree = ast.parse(Path(havercroft.__file__).read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert names
    assert not [name for name in names if name.startswith((".", "pipelines"))]
