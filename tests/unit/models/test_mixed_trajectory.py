"""The mixed model at its edges: no spread between people, too little to fit, and what clustering is robust to."""

import numpy as np
import pytest

from pipelines.models.errors import NotEstimable
from pipelines.models.mixed_trajectory import fit_mixed


def balanced(people: int = 40, visits: int = 4, slope_sd: float = 0.0, seed: int = 1):
    rng = np.random.default_rng(seed)
    person, time = np.repeat(np.arange(people), visits), np.tile(np.arange(visits, dtype=float), people)
    outcome = 1.0 + 0.5 * time + (slope_sd * rng.normal(size=people))[person] * time + rng.normal(size=person.size)
    return outcome, np.column_stack([np.ones(time.size), time]), time, person


def test_people_who_do_not_differ_are_a_fit_at_the_edge() -> None:
    outcome, design, time, person = balanced()
    # Every person's own line is taken out: what is left has neither intercepts nor slopes that differ.
    lines = np.stack([np.linalg.lstsq(design[:4], outcome[person == who], rcond=None)[0] for who in range(40)])
    flat = outcome - (design * lines[person]).sum(axis=1) + design @ [1.0, 0.5]
    fit = fit_mixed(flat, design, time, person)
    assert fit.is_singular
    assert [fit.intercept_sd, fit.slope_sd] == pytest.approx([0.0, 0.0], abs=1e-4)
    ordinary = np.linalg.lstsq(design, flat, rcond=None)[0]
    assert fit.coefficients == pytest.approx(ordinary, abs=1e-9), "balanced: equal to least squares"


def test_the_robust_error_agrees_with_the_model_where_it_holds() -> None:
    fit = fit_mixed(*balanced(people=400, slope_sd=0.5))
    assert np.sqrt(np.diag(fit.robust_covariance)) == pytest.approx(fit.standard_errors, rel=0.1)


def test_order_of_rows_changes_nothing() -> None:
    outcome, design, time, person = balanced(slope_sd=0.5)
    shuffled = np.random.default_rng(2).permutation(outcome.size)
    one = fit_mixed(outcome, design, time, person)
    other = fit_mixed(outcome[shuffled], design[shuffled], time[shuffled], person[shuffled] + 1000)
    assert other.coefficients == pytest.approx(one.coefficients, rel=1e-7)
    assert other.slope_sd == pytest.approx(one.slope_sd, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y, x, t, p: (y, np.column_stack([x, x[:, 1] * 2]), t, p), "depend on each other"),
        (lambda y, x, t, p: (y, x, np.ones(t.size), p), "at two times"),
        (lambda y, x, t, p: (y, x, t, np.minimum(p, 1)), "too few"),
    ],
)
def test_what_cannot_be_told_is_said(change, words) -> None:
    with pytest.raises(NotEstimable, match=words):
        fit_mixed(*change(*balanced()))


def test_a_missing_reading_is_refused() -> None:
    outcome, design, time, person = balanced()
    outcome[3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        fit_mixed(outcome, design, time, person)
