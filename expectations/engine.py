"""Great Expectations at work: on the counts of a suite, and on a table in DuckDB with the dialect that this needs. Only here.

Three things do not fit out of the box: Great Expectations fetches rows after it has given the connection back, when
DuckDB has dropped them; reflection asks for a catalog table that DuckDB has not; and regular expressions are known for
other dialects only. Imports Great Expectations: import late.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import duckdb_engine
import great_expectations as gx
import pandas as pd
import polars as pl
import sqlalchemy as sa
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context import AbstractDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity
from sqlalchemy.dialects import postgresql, registry

from expectations.counted import ExpectCountedRowsToHold
from expectations.question import COLUMNS, TableQuestion
from expectations.suite import Check, Suite
from pipelines.settings import Settings
from pipelines.warehouse.engine import connect, literal, quoted, scratch_folder
from pipelines.warehouse.store import Store

# A verdict needs counts. A query that gives more rows than this was not meant for judging.
MOST_ROWS = 10_000
# With lists of length 0 the queries behind them bring no row into Python.
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}

_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "BIGINT": sa.BigInteger,
    "DOUBLE": sa.Double,
    "VARCHAR": sa.String,
    "BOOLEAN": sa.Boolean,
    "DATE": sa.Date,
    "TIMESTAMP": sa.DateTime,
}
_COLUMNS = """
select column_name, data_type, is_nullable from duckdb_columns()
where schema_name = coalesce(:schema, current_schema()) and table_name = :table order by column_index
"""


class TooManyRowsError(RuntimeError):
    """All rows of a result were asked for, and there are more than `MOST_ROWS`."""


class BufferingCursor(duckdb_engine.CursorWrapper):
    """Keeps up to `MOST_ROWS` rows of a result in Python, where a rollback cannot reach them."""

    _rows: list[tuple[Any, ...]] | None = None
    _description: list[Any] | None = None
    _is_cut: bool = False

    def execute(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        self._rows, self._description, self._is_cut = None, None, False
        super().execute(statement, parameters, context)
        if description := self.__getattr__("description"):
            self._description = list(description)
            rows = self.__getattr__("fetchmany")(MOST_ROWS + 1)
            self._rows, self._is_cut = list(rows[:MOST_ROWS]), len(rows) > MOST_ROWS

    @property
    def description(self) -> list[Any] | None:
        return self._description

    def fetchall(self) -> list[tuple[Any, ...]]:
        if self._is_cut:
            raise TooManyRowsError(f"a check gave more than {MOST_ROWS} rows; it should count them in DuckDB")
        return self.fetchmany(len(self._rows or ()))

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        size = 1 if size is None else size
        rows = self._rows or []
        taken, self._rows = rows[:size], rows[size:]
        return taken


class BufferingConnection(duckdb_engine.ConnectionWrapper):
    """A quiet connection whose cursors buffer, in one schema."""

    def __init__(self, wrapped: duckdb_engine.ConnectionWrapper, schema: str) -> None:
        self._connection = wrapped._ConnectionWrapper__c
        self._connection.execute("set enable_progress_bar = false")
        self._connection.execute(f"set schema = {literal(schema)}")
        super().__init__(self._connection)

    def cursor(self) -> BufferingCursor:
        return BufferingCursor(self._connection, self)


class GxDuckDBDialect(duckdb_engine.Dialect):
    """`duckdb+gx:///file.duckdb`: results outlive their connection, and columns are read from DuckDB's own catalog."""

    driver = "gx"
    supports_statement_cache = False

    def connect(self, *cargs: Any, **cparams: Any) -> BufferingConnection:  # ty: ignore[incompatible-method-override]
        schema = cparams.pop("schema", "main")
        return BufferingConnection(super().connect(*cargs, **cparams), schema)

    def get_columns(
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        found = connection.execute(sa.text(_COLUMNS), {"schema": schema, "table": table_name}).fetchall()
        return [
            {"name": name, "type": _TYPES.get(kind, sa.types.NullType)(), "nullable": nullable, "default": None}
            for name, kind, nullable in found
        ]


registry.register("duckdb.gx", __name__, "GxDuckDBDialect")


def judge_counts(counts: pl.DataFrame, suite: Suite) -> dict[tuple[str, str], dict[str, Any]]:
    """What holds of the counts of a suite: one expectation a check and stratum, asked all at once.

    Returns:
        By check and stratum what Great Expectations says: `success`, `result` and `exception_info`.
    """
    checks = {check.id: check for check in suite.checks}
    asked = [(name, stratum) for name, stratum in counts.select("check_id", "stratum").iter_rows() if name in checks]
    if not asked:
        return {}
    expected = [_of_counts(checks[name], stratum) for name, stratum in asked]
    batch = _without_database().get_batch({"dataframe": counts.to_pandas()})
    outcomes = batch.validate(gx.ExpectationSuite(name=suite.table, expectations=expected), result_format="BASIC")
    named = ((found.expectation_config, found) for found in outcomes.results)
    return {(config.kwargs["check"], config.kwargs["stratum"]): _plain(found) for config, found in named if config}


def judge_table(suite: Suite, settings: Settings) -> dict[str, dict[str, Any]]:
    """What Great Expectations finds of the table itself, by check; nothing where the suite does not ask it."""
    asked = [check for check in suite.checks if isinstance(check.question, TableQuestion)]
    of_columns = [check for check in asked if _question(check).type == COLUMNS]
    of_rows = [check for check in asked if check not in of_columns]
    found: dict[str, dict[str, Any]] = {}
    if of_columns:
        # Which columns there are needs no row: a frame without any is judged at once, a database takes half a second.
        batch = _without_database().get_batch({"dataframe": _no_rows(suite.table, settings)})
        found |= {check.id: _asked(batch, check) for check in of_columns}
    if of_rows:
        with scratch_folder(settings) as folder:
            database = folder / "judged.duckdb"
            with connect(settings, database=database) as connection:
                Store(settings).create_view(connection, suite.table)
            with open_batch(database, suite.table, settings) as batch:
                found |= {check.id: _asked(batch, check) for check in of_rows}
    return found


def _no_rows(table: str, settings: Settings) -> pd.DataFrame:
    store = Store(settings)
    layer, name = table.split(".")
    if layer != "raw":
        return pd.DataFrame(columns=store.scan(table).collect_schema().names())
    # Of what is landed the view has more columns than a file: variables that no file holds.
    with connect(settings) as connection:
        store.create_view(connection, table)
        return pd.DataFrame(columns=connection.sql(f"from {quoted(layer)}.{quoted(name)} limit 0").columns)


def _asked(batch: Batch, check: Check) -> dict[str, Any]:
    # One call a check: metrics are computed together, and one that raises takes others along.
    try:
        return _plain(batch.validate(_of_table(check), result_format=_COUNTS_ONLY))
    except Exception as error:
        text = f"{type(error).__name__}:"
        return {"exception_info": {"raised_exception": True, "exception_traceback": text}}


def _plain(outcome: Any) -> dict[str, Any]:
    return {"success": bool(outcome.success), "result": outcome.result, "exception_info": outcome.exception_info}


def _of_counts(check: Check, stratum: str) -> ExpectCountedRowsToHold:
    return ExpectCountedRowsToHold(
        check=check.id,
        stratum=stratum,
        mostly=check.threshold,
        least=check.least,
        notes=check.note,
        severity=FailureSeverity(check.severity),
    )


def _of_table(check: Check) -> Expectation:
    """A check as Great Expectations knows it; its type must be one of theirs."""
    question = _question(check)
    return ExpectationConfiguration(
        type=question.type,
        kwargs=dict(question.arguments),
        meta={"id": check.id},
        notes=check.note,
        severity=FailureSeverity(check.severity),
    ).to_domain_obj()


def _question(check: Check) -> TableQuestion:
    assert isinstance(check.question, TableQuestion)
    return check.question


def _quiet_context() -> AbstractDataContext:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


@lru_cache(maxsize=1)
def _without_database() -> BatchDefinition:
    source = _quiet_context().data_sources.add_pandas("frames")
    return source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("all")


@contextmanager
def open_batch(database: Path, table: str, settings: Settings) -> Generator[Batch]:
    """All rows of `<schema>.<table>` in a DuckDB file that is opened read-only, within the limits of this machine.

    The file must be on disk: Great Expectations opens several connections.
    """
    schema, name = table.split(".")
    options = {
        "schema": schema,
        "read_only": True,
        "config": {
            "memory_limit": f"{settings.memory_gb}GB",
            "temp_directory": str(settings.spill),
            "threads": settings.threads,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    }
    source = _quiet_context().data_sources.add_sql(
        "judged",
        connection_string=f"duckdb+gx:///{database}",
        kwargs={"connect_args": options},  # ty: ignore[unknown-argument]
    )
    engine = source.get_execution_engine()
    engine.dialect_module = postgresql
    try:
        asset = source.add_table_asset(name, table_name=name)
        yield asset.add_batch_definition_whole_table("all").get_batch()
    finally:
        engine.close()
        source.get_engine().dispose()
