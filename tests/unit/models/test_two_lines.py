"""The two-lines test at its edges: nothing to see, an empty tail, whose rows count as one, weights."""

import tracemalloc

import numpy as np
import pytest

from pipelines.models.errors import NotEstimable
from pipelines.models.least_squares import beside
from pipelines.models.penalised_spline import cubic_basis, smooth_curve
from pipelines.models.two_lines import two_lines


def u_shaped(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, 61])
    x = rng.normal(size=n)
    return x, (rng.random(n) < np.minimum(0.1 + 0.15 * x**2, 0.95)).astype(np.float64)


def test_without_variation_there_is_no_answer() -> None:
    x, y = u_shaped(200, 1)
    for outcome in (np.zeros(200), np.ones(200)):
        with pytest.raises(NotEstimable, match="everybody, or nobody, has the outcome"):
            two_lines(x, outcome)
    with pytest.raises(NotEstimable, match="1 different values"):
        two_lines(np.zeros(200), y)
    with pytest.raises(NotEstimable, match="everybody, or nobody"):
        two_lines(np.zeros(0), np.zeros(0))


def test_an_empty_tail_is_refused() -> None:
    rng = np.random.default_rng(5)
    x = np.r_[rng.normal(size=100), np.full(4, 5.0)]
    # All the events lie left: the curve is lowest at the right, where nobody has the outcome.
    with pytest.raises(NotEstimable, match="in the tail above the break"):
        two_lines(x, (x < np.quantile(x, 0.3)).astype(np.float64))


def test_a_censored_value_is_no_exposure() -> None:
    x, y = u_shaped(100, 2)
    x[3] = np.nan
    with pytest.raises(ValueError, match="must be known"):
        two_lines(x, y)


def test_covariates_that_tell_each_other_are_refused() -> None:
    x, y = u_shaped(300, 3)
    with pytest.raises(NotEstimable, match="tell each other"):
        two_lines(x, y, np.column_stack([x**3, 2 * x**3]))


def test_everybody_twice_counts_once() -> None:
    x, y = u_shaped(2000, 4)
    twice = (np.r_[x, x], np.r_[y, y])
    by_person, by_row = two_lines(*twice, person_id=np.tile(np.arange(2000), 2)), two_lines(*twice)
    assert np.isclose(by_person.place, by_row.place)
    for one, other in ((by_person.below, by_row.below), (by_person.above, by_row.above)):
        assert np.isclose(one.slope, other.slope) and np.isclose(
            one.standard_error, other.standard_error * np.sqrt(2), rtol=1e-6
        )


def test_equal_weights_of_any_size_change_nothing_and_others_do() -> None:
    x, y = u_shaped(800, 5)
    plain, seven = two_lines(x, y), two_lines(x, y, weights=np.full(800, 7.0))
    assert np.isclose(plain.place, seven.place) and np.isclose(plain.below.slope, seven.below.slope)
    assert np.isclose(plain.above.standard_error, seven.above.standard_error)
    tilted = two_lines(x, y, weights=1.0 + y)
    assert tilted.above.slope > plain.above.slope * 1.05


def test_the_other_way_up_is_the_other_shape_and_the_order_of_rows_is_nothing() -> None:
    x, y = u_shaped(2000, 6)
    one, other = two_lines(x, y), two_lines(x, 1 - y)
    assert (one.shape, other.shape) == ("u", "inverted_u")
    assert np.isclose(one.place, other.place) and np.isclose(one.below.slope, -other.below.slope)
    order = np.random.default_rng(0).permutation(2000)
    assert np.isclose(two_lines(x[order], y[order]).place, one.place)


def test_the_basis_gives_back_lines_and_its_penalty_is_the_integral_of_the_bend() -> None:
    knots = np.array([0.0, 0.5, 1.7, 2.0, 4.0])
    x = np.linspace(0, 4, 4001)
    basis, penalty = cubic_basis(x, knots)
    assert np.allclose(basis @ (2 - 3 * knots), 2 - 3 * x) and np.allclose(basis.sum(axis=1), 1)
    values = np.array([1.0, -1.0, 0.5, 2.0, 0.0])
    second = np.gradient(np.gradient(basis @ values, x), x)
    assert np.isclose(values @ penalty @ values, np.trapezoid(second**2, x), rtol=0.01)
    assert np.allclose(penalty @ (2 - 3 * knots), 0)


def test_a_straight_line_has_a_straight_curve() -> None:
    x, _ = u_shaped(500, 7)
    y = 1 + 2 * x + 0.1 * np.random.default_rng(8).normal(size=500)
    curve = smooth_curve(x, y, beside(np.zeros((500, 0))), np.ones(500))
    assert curve.effective_df < 4 and np.abs(curve.fitted - 1 - 2 * x).max() < 0.1


def test_covariates_are_copied_once() -> None:
    n = 40_000
    x, y = u_shaped(n, 3)
    covariates = np.random.default_rng(7).normal(size=(n, 60))
    tracemalloc.start()
    try:
        two_lines(x, y, covariates, np.ones(n), np.arange(n) // 2)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1.9 * covariates.nbytes
