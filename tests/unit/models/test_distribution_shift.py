"""The stability index: a value worked out by hand, known shifts and none, and what has no reference."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.distribution_shift import distribution_shift, stability
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS

KEY = {"quantity": "lab", "item_code": "estradiol"}


def bins(n: list[int], reference: list[int]) -> pl.DataFrame:
    frame = pl.DataFrame({"bin_number": range(len(n)), "n": n, "n_reference": reference})
    return frame.with_columns(**{name: pl.lit(value) for name, value in KEY.items()}, place_code=pl.lit("x"))


def histogram(places: dict[str, np.ndarray]) -> pl.LazyFrame:
    """Values of estradiol by laboratory on the grid."""
    parts = [
        pl.DataFrame({"place_code": place, "bin_number": np.floor(50 * np.log10(values)).astype(np.int64)})
        for place, values in places.items()
    ]
    counted = pl.concat(parts).group_by("place_code", "bin_number").agg(pl.len().cast(pl.Int64).alias("n"))
    return counted.with_columns(**{name: pl.lit(value) for name, value in KEY.items()}).lazy()


def shifts(now: dict[str, np.ndarray], before: dict[str, np.ndarray] | None = None) -> dict[tuple[str, str], dict]:
    empty = CONTRACTS["raw.previous_histogram"].empty().lazy()
    inputs = {
        "models.value_histogram": histogram(now),
        "raw.previous_histogram": histogram(before) if before else empty,
    }
    facts = Run(Settings(home=Path("none"), source="omop")).facts
    rows = distribution_shift(inputs, facts).collect().to_dicts()
    return {(row["comparison"], row["place_code"]): row for row in rows}


def drawn(middle: float, size: int, seed: int) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(np.log(middle), 0.6, size))


def test_two_bins_by_hand() -> None:
    """(30.5/101 - 50.5/101) ln(30.5/50.5) + (70.5/101 - 50.5/101) ln(70.5/50.5), halves added."""
    (row,) = stability(bins([30, 70], [50, 50])).to_dicts()
    by_hand = (30.5 - 50.5) / 101 * math.log(30.5 / 50.5) + (70.5 - 50.5) / 101 * math.log(70.5 / 50.5)
    assert row["psi"] == pytest.approx(by_hand, rel=1e-12)
    assert row["psi"] == pytest.approx(0.16591, abs=1e-5)
    assert (row["n"], row["n_reference"], row["n_bins"]) == (100, 100, 2)


def test_bins_are_deciles_of_the_reference() -> None:
    (row,) = stability(bins([1] * 100, [7] * 100)).to_dicts()
    assert row["n_bins"] == 10
    assert row["psi"] == pytest.approx(0, abs=1e-12)


def test_one_value_of_half_the_reference_is_one_bin() -> None:
    (row,) = stability(bins([50, 10, 10, 10, 10, 10], [50, 10, 10, 10, 10, 10])).to_dicts()
    assert row["n_bins"] == 6


def test_a_value_that_the_reference_never_had_is_found() -> None:
    (row,) = stability(bins([0, 100, 900], [500, 500, 0])).to_dicts()
    assert row["psi"] > 1


def test_a_place_without_a_reference_is_no_row() -> None:
    assert stability(bins([5, 5], [0, 0])).is_empty()
    assert set(shifts({"only": drawn(30, 500, 1)})) == set()


def test_a_laboratory_that_writes_another_unit_is_found_among_others() -> None:
    values = {"one": drawn(30, 400, 1), "two": drawn(30, 400, 2), "molar": drawn(30, 400, 3) * 3.671}
    found = shifts(values)
    assert found["rest", "molar"]["psi"] > 1
    assert found["rest", "one"]["n_reference"] == 800
    alike = shifts({"one": drawn(30, 400, 1), "two": drawn(30, 400, 2), "three": drawn(30, 400, 3)})
    assert all(row["psi"] < 0.1 for row in alike.values())


def test_a_night_is_compared_with_the_publication_before() -> None:
    before = {"one": drawn(30, 400, 1), "gone": drawn(30, 400, 5)}
    found = shifts({"one": drawn(60, 400, 2), "new": drawn(60, 400, 3)}, before)
    nights = {place: row["psi"] for (comparison, place), row in found.items() if comparison == "previous_publication"}
    assert set(nights) == {"one"}
    assert nights["one"] > 0.5
    same = shifts(before, before)
    assert same["previous_publication", "one"]["psi"] == pytest.approx(0, abs=1e-12)


def test_chance_alone_seldom_passes_a_quarter_at_two_hundred_rows() -> None:
    """Under no change 200 rows a side give (1/200 + 1/200) times chi-squared of 9: mean 0.09, above 0.25 in 0.3 %."""
    found = [
        shifts({"a": drawn(30, 200, seed), "b": drawn(30, 200, 10_000 + seed)})["rest", "a"]["psi"]
        for seed in range(150)
    ]
    assert np.mean(found) == pytest.approx(0.09, abs=0.02)
    assert np.mean(np.array(found) >= 0.25) <= 0.04
