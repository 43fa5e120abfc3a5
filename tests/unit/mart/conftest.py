"""What leaves as a table of the mart, made of the rows of its source."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from pipelines import mart
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS

Rows = list[dict[str, Any]]


def _frame(table: str, rows: Rows) -> pl.LazyFrame:
    schema = CONTRACTS[table].empty().schema
    assert not {key for row in rows for key in row} - set(schema)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema).lazy()


@pytest.fixture
def leaving() -> Callable[..., Rows]:
    """The rows of a mart table made from the rows of its source (and of others, `__` for the dot); columns are the contract's."""
    facts = RunFacts("run", "nhanes", ("nhanes_e2_bmd",), "white_female", 11, "public_survey")

    def leave(table: str, source: str, rows: Rows, **others: Rows) -> Rows:
        given = {"models.diagnostic": [], source: rows} | {name.replace("__", "."): o for name, o in others.items()}
        inputs = {name: _frame(name, of) for name, of in given.items()}
        made = getattr(mart, table)(inputs, facts).collect()
        assert made.columns == [column.name for column in CONTRACTS[f"mart.{table}"].columns]
        return made.to_dicts()

    return leave


@pytest.fixture
def is_small() -> Callable[[float | None], bool]:
    """Whether a number of people may not leave."""
    return lambda n: n is not None and 0 < n < 11
