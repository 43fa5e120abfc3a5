import numpy as np
import polars as pl
import pytest

from pipelines.models.design_matrix import design_matrix


def test_curves_levels_indicators_and_what_is_left_out() -> None:
    rng = np.random.default_rng(2)
    age = rng.normal(60, 8, 200)
    frame = pl.DataFrame(
        {
            "age": age,
            "race": rng.integers(1, 4, 200).astype(float),
            "smokes": (rng.random(200) < 0.3).astype(float),
            "again": age * 2,
            "nobody": np.zeros(200),
            "few": np.arange(200) < 3,
            "ldl": np.where(rng.random(200) < 0.2, np.nan, rng.normal(120, 30, 200)),
        }
    ).with_columns(pl.col("ldl").fill_nan(None), pl.col("few").cast(pl.Float64))
    made = design_matrix(frame, nominal=("race",))
    assert made.names == (
        *("age", "age: curve 1", "age: curve 2", "race: 1", "race: 2", "smokes"),
        *("ldl", "ldl: curve 1", "ldl: curve 2", "ldl: missing"),
    )
    assert dict(made.left_out) == {
        "race: 3": "told by other columns",
        "again": "told by other columns",
        "again: curve 1": "told by other columns",
        "again: curve 2": "told by other columns",
        "nobody": "constant",
        "few": "rare",
    }
    assert made.values.mean(axis=0) == pytest.approx(np.zeros(10), abs=1e-12)
    assert made.values.std(axis=0) == pytest.approx(np.ones(10))


def test_straight_lines_on_request_and_nothing_at_all() -> None:
    frame = pl.DataFrame({"age": np.linspace(40, 80, 50)})
    assert design_matrix(frame, splines=False).names == ("age",)
    assert design_matrix(pl.DataFrame({"age": [50.0] * 20})).values.shape == (20, 0)


def test_an_unknown_nominal_covariate_is_named() -> None:
    with pytest.raises(ValueError, match="race"):
        design_matrix(pl.DataFrame({"age": [1.0]}), nominal=("race",))
