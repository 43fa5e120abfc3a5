"""Triangle and coefficients: those of numpy's least squares, near-collinear columns included; Longley's data to their digits."""

import numpy as np
import pytest

from pipelines.models.least_squares import coefficients, triangle

# Longley (1967), J Am Stat Assoc 62:819, as certified by NIST's Statistical Reference Datasets: deflator, GNP, unemployed, armed
# forces, population, year; employed.
LONGLEY = np.array(
    [
        [83.0, 234289, 2356, 1590, 107608, 1947, 60323], [88.5, 259426, 2325, 1456, 108632, 1948, 61122],
        [88.2, 258054, 3682, 1616, 109773, 1949, 60171], [89.5, 284599, 3351, 1650, 110929, 1950, 61187],
        [96.2, 328975, 2099, 3099, 112075, 1951, 63221], [98.1, 346999, 1932, 3594, 113270, 1952, 63639],
        [99.0, 365385, 1870, 3547, 115094, 1953, 64989], [100.0, 363112, 3578, 3350, 116219, 1954, 63761],
        [101.2, 397469, 2904, 3048, 117388, 1955, 66019], [104.6, 419180, 2822, 2857, 118734, 1956, 67857],
        [108.4, 442769, 2936, 2798, 120445, 1957, 68169], [110.8, 444546, 4681, 2637, 121950, 1958, 66513],
        [112.6, 482704, 3813, 2552, 123366, 1959, 68655], [114.2, 502601, 3931, 2514, 125368, 1960, 69564],
        [115.7, 518173, 4806, 2572, 127852, 1961, 69331], [116.9, 554894, 4007, 2827, 130081, 1962, 70551],
    ]
)  # fmt: skip
CERTIFIED = [
    -3482258.63459582, 15.0618722713733, -0.358191792925910e-01, -2.02022980381683, -1.03322686717359,
    -0.511041056535807e-01, 1829.15146461355,
]  # fmt: skip


def solved(design: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    return coefficients(design, outcome, np.linalg.inv(triangle(design)))


def test_longley_to_the_certified_digits() -> None:
    design = np.column_stack([np.ones(16), LONGLEY[:, :6]])
    scale = np.abs(design).max(axis=0)
    assert solved(design / scale, LONGLEY[:, 6]) / scale == pytest.approx(np.array(CERTIFIED), rel=1e-7)


def test_equals_qr_where_columns_are_apart() -> None:
    rng = np.random.default_rng(4)
    design = rng.normal(size=(3_000, 40)) @ (np.eye(40) + 0.3 * rng.normal(size=(40, 40)))
    outcome = design @ rng.normal(size=40) + rng.normal(size=3_000)
    r = triangle(design)
    assert np.allclose(np.tril(r, -1), 0)
    assert r.T @ r == pytest.approx(design.T @ design, rel=1e-12, abs=1e-9)
    assert solved(design, outcome) == pytest.approx(np.linalg.lstsq(design, outcome)[0], rel=1e-11)


@pytest.mark.parametrize("apart", [1e-2, 1e-4, 1e-6, 1e-7])
def test_coefficients_hold_where_columns_nearly_tell_each_other(apart: float) -> None:
    rng = np.random.default_rng(5)
    first = rng.normal(size=2_000)
    design = np.column_stack([np.ones(2_000), first, first + apart * rng.normal(size=2_000)])
    outcome = design @ np.array([1.0, 2.0, 3.0])
    assert solved(design, outcome) == pytest.approx(np.array([1.0, 2.0, 3.0]), rel=1e-9 / apart)


@pytest.mark.parametrize("told", [0.0, 1e-12])
def test_a_column_that_others_tell_shows_on_the_diagonal(told: float) -> None:
    rng = np.random.default_rng(6)
    first = rng.normal(size=500)
    size = np.abs(np.diag(triangle(np.column_stack([np.ones(500), first, first + told * rng.normal(size=500)]))))
    assert size[2] < 1e-10 * size.max()


def test_scale_of_a_column_is_no_reason_to_doubt_it() -> None:
    rng = np.random.default_rng(7)
    design = rng.normal(size=(200, 3)) * np.array([1.0, 1e-6, 1e6])
    assert np.all(np.diag(triangle(design)) > 0)
