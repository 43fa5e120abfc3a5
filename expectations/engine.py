"""Great Expectations on DuckDB: the SQLAlchemy dialect it needs, and the context and data source it runs in. Only here.

Three things do not fit out of the box: Great Expectations fetches rows after it has given the connection back, when
DuckDB has dropped them; reflection asks for a catalog table that DuckDB has not; and regular expressions are known for
other dialects only. Imports Great Expectations: import late.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import duckdb_engine
import great_expectations as gx
import sqlalchemy as sa
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity
from sqlalchemy.dialects import postgresql, registry

import expectations.rows  # noqa: F401  (registers our own expectation)
from expectations.suite import Check
from pipelines.settings import Settings
from pipelines.warehouse.engine import literal

# A verdict needs counts. A query that gives more rows than this was not meant for judging.
MOST_ROWS = 10_000

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


def to_expectation(check: Check) -> Expectation:
    """A check as Great Expectations knows it; its type must be one of theirs or the one in `rows`."""
    return ExpectationConfiguration(
        type=check.type,
        kwargs=dict(check.kwargs),
        meta={"id": check.id},
        notes=check.note,
        severity=FailureSeverity(check.severity),
    ).to_domain_obj()


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
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source = context.data_sources.add_sql(
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
