"""Inputs of Python steps from a few rows: code lists as they are, other tables with the columns and types of their contracts."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from pipelines.run_facts import Inputs
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import read_csv


def frame(table: str, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    """Rows with the types of the contract; columns not named are null."""
    schema = {
        name: pl.String if dtype.base_type() == pl.Enum else dtype
        for name, dtype in CONTRACTS[table].empty().schema.items()
    }
    unknown = {name for row in rows for name in row} - set(schema)
    assert not unknown, f"{table} has no column {unknown}"
    return pl.LazyFrame({name: [row.get(name) for row in rows] for name in schema}, schema)


@pytest.fixture
def step_inputs() -> Callable[..., Inputs]:
    """`step_inputs(("ref.drug", "staging.person"), staging__person=[...])`: the inputs a step names; not given is empty."""

    def make(tables: tuple[str, ...], **rows: list[dict[str, Any]]) -> Inputs:
        given = {name.replace("__", "."): values for name, values in rows.items()}
        assert set(given) <= set(tables), f"the step does not read {set(given) - set(tables)}"
        inputs = {}
        for table in tables:
            path = sql_root() / "ref" / f"{table.split('.')[1]}.csv"
            is_list = table.startswith("ref.") and table not in given
            rows_of_list = read_csv(path, CONTRACTS[table]).cast({pl.Enum: pl.String}) if is_list else None
            inputs[table] = frame(table, given.get(table, [])) if rows_of_list is None else rows_of_list
        return inputs

    return make


@pytest.fixture
def only() -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
    """The one row there is."""

    def one(rows: list[dict[str, Any]]) -> dict[str, Any]:
        assert len(rows) == 1, f"{len(rows)} rows"
        return rows[0]

    return one
