"""The two-lines test against R: curve, break, slopes, robust errors and p-values, frozen by `oracles/two_lines.R`."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.least_squares import beside as anew
from pipelines.models.penalised_spline import smooth_curve
from pipelines.models.two_lines import two_lines

ORACLES = Path(__file__).with_name("oracles")
SHAPES = {
    "u": "u",
    "inverted": "inverted_u",
    "monotone": "none",
    "flattening": "none",
    "none": "none",
    "confounded": "u",
}


@pytest.fixture(scope="module")
def oracle() -> dict:
    return json.loads((ORACLES / "two_lines.json").read_text())


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return pl.read_csv(ORACLES / "two_lines_input.csv")


def taken(rows: pl.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    beside = rows.select("z1", "z2").to_numpy() if name == "confounded" else np.zeros((rows.height, 0))
    return rows["x"].to_numpy(), rows[name].to_numpy().astype(np.float64), beside


@pytest.mark.parametrize("name", list(SHAPES))
def test_two_lines_equal_the_published_algorithm_in_r(oracle: dict, rows: pl.DataFrame, name: str) -> None:
    x, y, beside = taken(rows, name)
    found, theirs = two_lines(x, y, beside), oracle[name]
    assert np.isclose(found.first_place, theirs["first"], rtol=1e-12)
    assert np.isclose(found.place, theirs["place"], rtol=1e-10)
    lines = (found.below, found.above)
    assert np.allclose([line.slope for line in lines], theirs["slopes"], rtol=1e-9)
    assert np.allclose([line.standard_error for line in lines], theirs["se"], rtol=1e-9)
    assert np.allclose([line.p_value for line in lines], theirs["p"], rtol=1e-7)
    assert found.shape == SHAPES[name]


@pytest.mark.parametrize("name", list(SHAPES))
def test_the_curve_equals_mgcv(oracle: dict, rows: pl.DataFrame, name: str) -> None:
    x, y, beside = taken(rows, name)
    curve, theirs = smooth_curve(x, y, anew(beside), np.ones(x.size)), oracle[name]
    assert np.isclose(curve.effective_df, theirs["edf"], atol=1e-3)
    assert np.allclose(curve.fitted[:20], theirs["fitted"], atol=1e-5)
    assert np.allclose(curve.standard_error[:20], theirs["fitted_se"], atol=1e-5)


def test_without_covariates_the_confounded_u_has_other_slopes(oracle: dict, rows: pl.DataFrame) -> None:
    """A form that forgets the covariates does not pass the oracle."""
    x, y, _ = taken(rows, "confounded")
    found = two_lines(x, y)
    assert abs(found.above.slope - oracle["confounded"]["slopes"][1]) > 1e-3
