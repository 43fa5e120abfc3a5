"""Proportional hazards at the edges: refusals, units, order, persons in many rows; and known truth in one large draw."""

import numpy as np
import pytest

from pipelines.models.cox import fit_cox, proportionality
from pipelines.models.errors import NotEstimable
from pipelines.models.survival_curve import follow_up


def people(n: int = 300, seed: int = 3, drift: float = 0.0):
    """Months (tied), event, covariates [n, 2]; log hazard ratios 0.7 and -0.5; the first falls by `drift` after month 6."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.random(n) < 0.5, rng.normal(size=n)]).astype(float)
    early, late = (0.08 * np.exp(x @ [slope, -0.5]) for slope in (0.7, 0.7 - drift))
    need = rng.exponential(size=n)
    time = np.where(need < 6 * early, need / early, 6 + (need - 6 * early) / late)
    return np.minimum(np.ceil(time * 4) / 4, 24.0), (time <= 24.0).astype(int), x


def test_by_hand() -> None:
    """Times 1 (x = 1, event) and 2 (x = 0, event) and 3: likelihood e^b / (e^b + 2) x 1/2, without end as b grows."""
    rows = follow_up(np.array([1.0, 2.0, 3.0]), np.array([1, 1, 0]))
    with pytest.raises(NotEstimable, match="runs off|did not converge"):
        fit_cox(rows, np.array([[1.0], [0.0], [0.0]]))
    # x of the second to go: b solves 1/(2 + e^b) = 1/(1 + e^b) - ..., a score of 0 at e^b = sqrt(2).
    fit = fit_cox(rows, np.array([[0.0], [1.0], [0.0]]))
    assert fit.coefficients[0] == pytest.approx(np.log(2) / 2)
    assert fit.baseline(np.array([1.0, 3.0])) == pytest.approx([1 / (2 + 2**0.5), 1 / (2 + 2**0.5) + 1 / (1 + 2**0.5)])


def test_truth_in_a_large_draw() -> None:
    time, event, x = people(40_000)
    fit = fit_cox(follow_up(time, event), x)
    assert np.abs((fit.coefficients - [0.7, -0.5]) / fit.standard_errors).max() < 3
    assert fit.standard_errors == pytest.approx(np.sqrt(np.diag(fit.model_covariance)), rel=0.03)


def test_a_ratio_that_drifts_is_found_and_one_that_does_not_is_not() -> None:
    p_values = []
    for drift in (1.0, 0.0):
        time, event, x = people(3000, drift=drift)
        rows = follow_up(time, event)
        fit = fit_cox(rows, x)
        p_values.append([test.p_value for test in proportionality(rows, x, fit, fit.times)])
    assert p_values[0][0] < 1e-4 and p_values[0][2] < 1e-4
    assert min(p_values[1]) > 0.01


def test_units_and_order_change_nothing() -> None:
    time, event, x = people()
    fit = fit_cox(follow_up(time, event), x)
    other = np.random.default_rng(1).permutation(time.size)
    moved = fit_cox(follow_up(time[other], event[other]), 50.0 + 1e-3 * x[other])
    assert moved.coefficients == pytest.approx(1e3 * fit.coefficients, rel=1e-6)
    assert moved.standard_errors == pytest.approx(1e3 * fit.standard_errors, rel=1e-6)


def test_a_person_cut_into_rows_is_one_person_and_rows_as_people_are_not() -> None:
    time, event, x = people()
    cut = time > 5
    rows = follow_up(
        np.r_[np.minimum(time, 5.0), time[cut]],
        np.r_[np.where(cut, 0, event), event[cut]],
        np.r_[np.zeros(time.size), np.full(cut.sum(), 5.0)],
    )
    person = np.r_[np.arange(time.size), np.flatnonzero(cut)]
    whole, pieces = fit_cox(follow_up(time, event), x), fit_cox(rows, np.r_[x, x[cut]], person_id=person)
    assert pieces.coefficients == pytest.approx(whole.coefficients)
    assert pieces.standard_errors == pytest.approx(whole.standard_errors)
    twice = follow_up(np.r_[time, time], np.r_[event, event])
    both = fit_cox(twice, np.r_[x, x], person_id=np.tile(np.arange(time.size), 2), ties="breslow")
    once = fit_cox(follow_up(time, event), x, ties="breslow")
    assert both.standard_errors == pytest.approx(once.standard_errors)
    assert np.sqrt(np.diag(both.model_covariance)) == pytest.approx(np.sqrt(np.diag(once.model_covariance) / 2))


def test_rows_without_weight_are_nobody() -> None:
    time, event, x = people()
    weights = (np.arange(time.size) % 3 > 0).astype(float)
    kept = weights > 0
    fit, part = fit_cox(follow_up(time, event, None, weights), x), fit_cox(follow_up(time[kept], event[kept]), x[kept])
    assert fit.coefficients == pytest.approx(part.coefficients)
    assert fit.standard_errors == pytest.approx(part.standard_errors)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, e, x: (t, 0 * e, x), "nobody has the event"),
        (lambda t, e, x: (t, e, np.column_stack([x, np.ones(t.size)])), "same for all"),
        (lambda t, e, x: (t, e, np.column_stack([x, x[:, 0] - x[:, 1]])), "tell each other"),
        (lambda t, e, x: (t, e * (x[:, 0] == 1), x), "runs off|did not converge"),
    ],
)
def test_what_cannot_be_told_is_refused(change, words) -> None:
    time, event, x = change(*people())
    with pytest.raises(NotEstimable, match=words):
        fit_cox(follow_up(time, event), x)


def test_a_missing_covariate_is_refused() -> None:
    time, event, x = people()
    x[3, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        fit_cox(follow_up(time, event), x)
