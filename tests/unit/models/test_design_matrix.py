import tracemalloc

import numpy as np
import polars as pl
import pytest

from pipelines.models.design_matrix import design_matrix, terms


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


@pytest.fixture(scope="module")
def many() -> pl.DataFrame:
    """[20,000 rows] 40 flags, the last of them the first again, and two scales: more than a block of rows."""
    rng = np.random.default_rng(3)
    flags = {f"flag {n}": (rng.random(20_000) < 0.1 + n / 100).astype(float) for n in range(40)}
    return pl.DataFrame(
        flags | {"flag 39": flags["flag 0"], "age": rng.normal(60, 8, 20_000), "bmi": rng.random(20_000)}
    )


def test_columns_beside_others_are_those_of_the_matrix(many: pl.DataFrame) -> None:
    made, found = design_matrix(many), terms(many)
    wider = np.full((many.height, 3 + len(found.names)), -7.0)
    assert np.array_equal(found.into(wider[:, 3:]), made.values)
    assert np.array_equal(wider[:, 3:], made.values) and np.all(wider[:, :3] == -7.0)
    assert made.left_out == (("flag 39", "told by other columns"),)
    for name in ("flag 7", "age"):
        given = many[name].to_numpy()
        expected = (given - given.mean()) / given.std()
        assert np.array_equal(made.values[:, made.names.index(name)], expected)
    bytes_alone = design_matrix(many.with_columns(pl.col("^flag .*$").cast(pl.Int8)))
    assert bytes_alone.names == made.names and np.array_equal(bytes_alone.values, made.values)


def test_no_second_copy_of_the_matrix_is_held(many: pl.DataFrame) -> None:
    design_matrix(many.head(100))  # what is imported late
    tracemalloc.start()
    try:
        size = design_matrix(many).values.nbytes
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 40 * 8 * many.height
    assert most < 1.75 * size  # flags a byte each, three curves of each scale, and a block
