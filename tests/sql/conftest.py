"""SQL files on tiny tables drawn as text: `run_sql` makes the inputs, runs the real file and returns its rows.

Types and columns come from the contracts, code lists from `sql/ref`. What the steps around a file do is not here.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipelines.settings import Settings, sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse import sqlfile
from pipelines.warehouse.engine import connect
from pipelines.warehouse.publish import MACROS, WAREHOUSE_MACROS
from pipelines.warehouse.step import read_csv

Rows = list[dict[str, Any]]
PROVENANCE = {"source_id": "nhanes", "drop_id": "drop", "date_reason": "not_released"}


def drawn(table: str, text: str) -> Rows:
    """Rows of a table drawn with `|`; an empty cell is NULL. Where not drawn, provenance is one row of a file each."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    header, *body = ([cell.strip() or None for cell in line.split("|")] for line in lines)
    contract = {column.name for column in CONTRACTS[table].columns}
    unknown = set(header) - contract
    assert not unknown, f"{table} has no column {unknown}"
    rows = []
    for number, cells in enumerate(body, start=1):
        given = {"source_file": table, "source_row": number, **PROVENANCE, **dict(zip(header, cells, strict=True))}
        rows.append({name: value for name, value in given.items() if name in contract})
    return rows


def create(connection: duckdb.DuckDBPyConnection, table: str, rows: Rows) -> None:
    """Make a table of the contract's columns; those no row names are NULL."""
    contract = CONTRACTS[table]
    listed = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in contract.columns)
    connection.execute(f"create schema if not exists {contract.layer}")
    connection.execute(f"create table {table} ({listed})")
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        places = ", ".join("?" for _ in row)
        connection.execute(f"insert into {table} ({names}) values ({places})", list(row.values()))


@lru_cache(maxsize=16)
def code_list(table: str, path: Path) -> pa.Table:
    """A code list as the warehouse reads it."""
    return read_csv(path, CONTRACTS[table]).collect().to_arrow()


def create_reference(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make a code list from its real CSV; a `ref` table without one (studies) is empty."""
    path = sql_root() / "ref" / f"{table.split('.')[1]}.csv"
    if not path.exists():
        create(connection, table, [])
        return
    listing = code_list(table, path)
    connection.execute("create schema if not exists ref")
    connection.register("listing", listing)
    connection.execute(f"create table {table} as select * from listing")
    connection.unregister("listing")


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The limits of a small machine."""
    return Settings(home=tmp_path_factory.mktemp("sql"), memory_gb=1.0, threads=1)


@pytest.fixture
def run_sql(settings: Settings) -> Callable[..., Rows]:
    """`run_sql("features.x", {"staging.person": "person_id | sex_code\\n1 | male"})`: rows as dicts, in key order.

    Tables the file reads, itself or through views, but the test does not draw are empty. Columns must be the contract's,
    and keys unique; a view (`source.x`) has neither, and its rows come as they are.
    """

    def run(table: str, inputs: dict[str, str | Rows]) -> Rows:
        layer, name = table.split(".")
        file = sqlfile.read(sql_root() / layer / f"{name}.sql")
        reads = sqlfile.stored_inputs(file)
        stray = set(inputs) - set(reads)
        assert not stray, f"{table} does not read {stray}"
        with connect(settings) as connection:
            for source in reads:
                given = inputs.get(source)
                if given is None and source.startswith("ref."):
                    create_reference(connection, source)
                else:
                    create(connection, source, drawn(source, given) if isinstance(given, str) else given or [])
            for view in sqlfile.views_behind(file):
                connection.execute(f"create schema if not exists {view.schema}")
                connection.execute(view.definition)
            result = connection.execute(file.text)
            names = [column[0] for column in result.description]
            rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        if layer == sqlfile.VIEWS:
            return rows
        contract = CONTRACTS[table]
        assert sorted(names) == sorted(column.name for column in contract.columns)
        keys = [tuple(str(row[column]) for column in contract.key) for row in rows]
        assert len(set(keys)) == len(keys), f"{table}: a key occurs twice"
        return [row for _, row in sorted(zip(keys, rows, strict=True), key=lambda pair: pair[0])]

    return run


@pytest.fixture
def only() -> Callable[[Rows], dict[str, Any]]:
    """The one row there is."""

    def one(rows: Rows) -> dict[str, Any]:
        assert len(rows) == 1, f"{len(rows)} rows"
        return rows[0]

    return one


#: what the macros read beside `mart`
READ_BY_MACROS = (
    *("ref.e2_band", "ref.run_setting", "staging.person"),
    *("features.bmd_change", "features.ai_exposure", "features.ai_at_draw"),
)


@pytest.fixture
def ask(settings: Settings) -> Callable[..., list[tuple[Any, ...]]]:
    """`ask({"mart.claim": "claim_id | ...\\nH1 | ..."}, "from claims()")`: rows of a query where the macros are stored.

    Tables that the macros read and the test does not draw are empty; code lists are the real ones.
    """

    def asked(tables: dict[str, str], query: str) -> list[tuple[Any, ...]]:
        with connect(settings) as connection:
            for table in (*(name for name in CONTRACTS if name.startswith("mart.")), *READ_BY_MACROS):
                if table in tables:
                    create(connection, table, drawn(table, tables[table]))
                elif table.startswith("ref."):
                    create_reference(connection, table)
                else:
                    create(connection, table, [])
            for name in (MACROS, WAREHOUSE_MACROS):
                connection.execute((sql_root() / name).read_text())
            return connection.execute(query).fetchall()

    return asked
