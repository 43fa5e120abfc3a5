"""The g-formula at its edges: rules that look ahead or give no category, people who come back, equal chances for every rule."""

import numpy as np
import pytest

from pipelines.models.errors import NotEstimable
from pipelines.models.g_formula import Model, Panel, Step, fit_g_formula, rule_contrast, simulate

N, T = 400, 3


def panel(seed: int = 1, **changes) -> Panel:
    rng = np.random.default_rng(seed)
    dose = rng.integers(0, 2, (N, T)).astype(float)
    parts = {
        "baseline": {"x": rng.normal(size=N)},
        "series": {"dose": dose},
        "is_present": np.ones((N, T), dtype=bool),
        "outcome": dose.sum(axis=1) + rng.normal(size=N),
        "is_seen": np.ones(N, dtype=bool),
        "person_id": np.arange(N),
    }
    return Panel(**(parts | changes))


MODEL = Model(
    (Step("dose", "categorical", lambda h: h.baseline["x"][:, None]),),
    "dose",
    "mean",
    lambda h: h.up_to_now("dose").sum(axis=1)[:, None],
)


def test_a_rule_against_itself_is_exactly_nothing() -> None:
    assert rule_contrast(panel(), MODEL, None, None, seed=3, copies=1) == 0.0


def test_shares_of_the_natural_course_are_those_of_the_model() -> None:
    whole = panel()
    found = simulate(fit_g_formula(whole, MODEL), whole.baseline, None, seed=3, copies=50)
    assert found.category_shares[:, 1] == pytest.approx(np.full(T, whole.series["dose"].mean()), abs=0.01)


def test_a_rule_that_looks_ahead_meets_nothing() -> None:
    fit = fit_g_formula(panel(), MODEL)

    def clairvoyant(history):
        return history.series["dose"][:, -1]

    with pytest.raises(ValueError, match="from what is known by then"):
        simulate(fit, panel().baseline, clairvoyant, seed=1)


def test_a_rule_must_give_categories() -> None:
    with pytest.raises(ValueError, match="categories 0 to 1"):
        simulate(fit_g_formula(panel(), MODEL), panel().baseline, lambda h: np.full(N, 0.5), seed=1)


def test_nobody_comes_back() -> None:
    gone = np.ones((N, T), dtype=bool)
    gone[0, 1] = False
    with pytest.raises(ValueError, match="come back"):
        fit_g_formula(panel(is_present=gone), MODEL)


def test_a_variable_that_cannot_be_fitted_is_named() -> None:
    with pytest.raises(NotEstimable, match="dose: nobody is in category 1"):
        fit_g_formula(panel(series={"dose": np.zeros((N, T))}), MODEL)


def test_treatment_must_be_a_categorical_step() -> None:
    with pytest.raises(ValueError, match="categorical"):
        fit_g_formula(panel(), Model(MODEL.steps, "e2", "mean", MODEL.outcome_terms))


def test_a_missing_outcome_that_counts_as_seen_is_refused() -> None:
    outcome = panel().outcome.copy()
    outcome[5] = np.nan
    with pytest.raises(ValueError, match="outcome"):
        fit_g_formula(panel(outcome=outcome), MODEL)
