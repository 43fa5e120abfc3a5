"""Golden weights by NCHS's rule for putting cycles together."""

import polars as pl
import pytest

from pipelines.models.survey_weights import pooled_weight

YEARS = {"A": 2.0, "B": 2.0, "C": 2.0, "H": 2.0, "P": 3.2}


def frame(*codes: str) -> pl.DataFrame:
    rows = [
        {
            "cycle_code": code,
            "cycle_years": YEARS[code],
            "examination_weight": weight,
            "examination_weight_1999_2002": weight * 0.45 if code in "AB" else None,
        }
        for code in codes
        for weight in (1000.0, 3000.0)
    ]
    return pl.DataFrame(rows, schema_overrides={"examination_weight_1999_2002": pl.Float64})


def pooled(*codes: str) -> dict[str, list[float]]:
    found = frame(*codes).with_columns(pooled_weight().alias("w"))
    return {str(code): part["w"].to_list() for (code,), part in found.group_by("cycle_code")}


def test_one_cycle_keeps_its_weights() -> None:
    assert pooled("H") == {"H": [1000.0, 3000.0]}


def test_two_cycles_count_half() -> None:
    assert pooled("C", "H") == {"C": [500.0, 1500.0], "H": [500.0, 1500.0]}


def test_1999_to_2002_takes_the_four_year_weight() -> None:
    assert pooled("A", "B") == {"A": [450.0, 1350.0], "B": [450.0, 1350.0]}


def test_1999_to_2004_is_two_thirds_of_four_year_and_one_third_of_two_year() -> None:
    found = pooled("A", "B", "C")
    assert found["A"] == pytest.approx([450 * 2 / 3, 1350 * 2 / 3])
    assert found["C"] == pytest.approx([1000 / 3, 1000])


def test_one_of_the_early_cycles_alone_keeps_two_year_weights() -> None:
    assert pooled("A", "H")["A"] == [500.0, 1500.0]


def test_pre_pandemic_cycle_counts_by_its_years() -> None:
    found = pooled("H", "P")
    assert found["H"] == pytest.approx([1000 * 2 / 5.2, 3000 * 2 / 5.2])
    assert found["P"] == pytest.approx([1000 * 3.2 / 5.2, 3000 * 3.2 / 5.2])


def test_a_missing_four_year_weight_is_not_guessed() -> None:
    held = frame("A", "B").with_columns(pl.lit(None, pl.Float64).alias("examination_weight_1999_2002"))
    assert held.select(pooled_weight()).to_series().null_count() == 4


def test_not_examined_weighs_nothing() -> None:
    held = frame("A", "B").with_columns(
        examination_weight=pl.lit(0.0), examination_weight_1999_2002=pl.lit(None, pl.Float64)
    )
    assert held.select(pooled_weight()).to_series().to_list() == [0.0] * 4
