"""NHEFS as published, and the numbers of the book that stand beside it."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest


@pytest.fixture(scope="module")
def everybody(published: Path) -> pl.DataFrame:
    """All 1,629 people."""
    return pl.read_csv(published / "nhefs.csv", infer_schema_length=None)


@pytest.fixture(scope="module")
def weighed(everybody: pl.DataFrame) -> pl.DataFrame:
    """The 1,566 whose weight in 1982 is known."""
    return everybody.filter(pl.col("wt82_71").is_not_null())


@pytest.fixture(scope="module")
def value_of(published: Path) -> Callable[[str], list[float]]:
    """The published values of a row of `published_values.csv`."""
    table = pl.read_csv(published / "published_values.csv", infer_schema_length=None)
    return lambda row: [float(v) for v in table.filter(id=row)["value"][0].split("|")]
