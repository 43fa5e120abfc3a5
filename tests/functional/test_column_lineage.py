"""Column lineage held against the engine: what moves when one stored column is changed must be made of that column.

Every column of every input of a table is emptied, then given to the next row, on the people of a finished home; the real SQL
runs again. Values that differ at the same key must name the column among those they are made of, or it must be among those
that decide which rows there are; rows that come or go must be decided by it.
"""

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse import sqlfile
from pipelines.warehouse.engine import connect, quoted
from pipelines.warehouse.store import Store

FILES = {file.table: file for file in sqlfile.all_files()}
#: quick ones, with windows, views, CTEs, conditional aggregates and unions between them
FEW = ("features.bmd_change", "features.genotype")


@pytest.fixture(scope="module")
def origins(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "docs" / "column_lineage.py"))["origins"]()


def _laid_out(connection: duckdb.DuckDBPyConnection, store: Store, table: str) -> list[str]:
    """Inputs of a table with their rows, each behind a view that can be changed. Returns those that have rows."""
    connection.execute("create schema source")
    filled = []
    for name in sqlfile.stored_inputs(FILES[table]):
        contract = CONTRACTS[name]
        connection.execute(f"create schema if not exists {contract.layer}")
        listed = ", ".join(f"{quoted(column.name)} {column.duckdb_type}" for column in contract.columns)
        connection.execute(f"create table {name}_kept ({listed})")
        if files := [str(path) for path in store.files(name)]:
            connection.execute(f"insert into {name}_kept by name select * from read_parquet(?)", [files])
        connection.execute(f"create view {name} as select * from {name}_kept")
        if connection.execute(f"select count(*) from {name}_kept").fetchone() != (0,):
            filled.append(name)
    for view in sqlfile.views_behind(FILES[table]):
        connection.execute(f"create view {view.table} as {view.text}")
    return filled


def _changes(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, column: str
) -> Iterator[tuple[bool, set[str]]]:
    """For each way to change a column of an input: whether rows came or went, and the columns in which kept rows differ."""
    kept, own = CONTRACTS[name], quoted(column)
    kind = next(each.duckdb_type for each in kept.columns if each.name == column)
    for other in (f"null::{kind}", f"coalesce(lead({own}) over (order by rowid), first({own}) over (order by rowid))"):
        connection.execute(f"create or replace view {name} as select * replace ({other} as {own}) from {name}_kept")
        try:
            connection.execute(f"create or replace table after as {FILES[table].text}")
        except duckdb.Error:
            continue  # a value that cannot stand there, such as the name of a unit in place of a day
        same_key = " and ".join(
            f"b.{quoted(each)} is not distinct from a.{quoted(each)}" for each in CONTRACTS[table].key
        )
        names = [each.name for each in CONTRACTS[table].columns]
        differs = [f"coalesce(bool_or(b.{quoted(each)} is distinct from a.{quoted(each)}), false)" for each in names]
        found = connection.execute(
            f"select count(*), (select count(*) from before), (select count(*) from after), {', '.join(differs)} "
            f"from before as b join after as a on {same_key}"
        ).fetchone()
        assert found
        yield len(set(found[:3])) > 1, {each for each, is_other in zip(names, found[3:], strict=True) if is_other}
    connection.execute(f"create or replace view {name} as select * from {name}_kept")


def _held(table: str, home: Path, tmp_path: Path, origin: Any) -> tuple[int, int, list[str]]:
    """Columns that moved, columns that could (edges whose input has rows), and what moved though it should not."""
    key = frozenset().union(*(origin.values[name] for name in CONTRACTS[table].key))
    moved, wrong = set(), []
    with connect(Settings(home=tmp_path), threads=1) as connection:
        filled = _laid_out(connection, Store(Settings(home=home)), table)
        connection.execute(f"create table before as {FILES[table].text}")
        for name in filled:
            for column in CONTRACTS[name].columns:
                source = (name, column.name)
                for are_rows_others, changed in _changes(connection, table, name, column.name):
                    made_of = {each for each in changed if source in origin.values[each]}
                    moved |= {(each, source) for each in made_of}
                    # With another key or other rows, what stands at a key is another row.
                    if source not in origin.rows | key and (are_rows_others or changed != made_of):
                        wrong.append(f"{table}: {sorted(changed - made_of) or 'rows'} hang on {'.'.join(source)}")
    could = {(each, source) for each, of in origin.values.items() for source in of if source[0] in filled}
    assert moved <= could
    return len(moved), len(could), wrong


@pytest.mark.parametrize("table", FEW)
def test_what_moves_is_made_of_what_was_changed(table: str, omop_base: Path, tmp_path: Path, origins: dict) -> None:
    moved, could, wrong = _held(table, omop_base / "home", tmp_path, origins[table])
    assert wrong == []
    assert moved >= 0.8 * could > 0


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_of_all_tables(omop_base: Path, tmp_path: Path, origins: dict) -> None:
    found = {}
    for table in FILES:
        found[table] = _held(table, omop_base / "home", tmp_path / table, origins[table])
        print(table, *found[table][:2], flush=True)
    moved, could = (sum(each[place] for each in found.values()) for place in (0, 1))
    print(f"{len(found)} tables: {moved} of {could} moved")
    assert [line for *_, wrong in found.values() for line in wrong] == []
    assert moved >= 0.5 * could


def test_a_forgotten_column_is_noticed(omop_base: Path, tmp_path: Path, origins: dict) -> None:
    whole = origins["features.ai_regimen"]
    forgotten = type(whole)({**whole.values, "dose_mg_per_week": frozenset()}, whole.rows)
    *_, wrong = _held("features.ai_regimen", omop_base / "home", tmp_path, forgotten)
    assert any("dose_mg_per_week" in line for line in wrong)
