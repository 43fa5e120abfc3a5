"""DuckDB files that others made, as input: listed and read, never written. Only stored tables; a view may reach outside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.errors import BadInput
from pipelines.warehouse.engine import quoted

_BATCH_ROWS = 262_144


@dataclass(frozen=True, slots=True)
class ForeignTable:
    """A stored table of a DuckDB file: where it stands, its columns in order, its rows."""

    path: Path
    schema: str
    name: str
    columns: tuple[str, ...]
    rows: int

    def read(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Some columns, a batch at a time."""
        listed = ", ".join(quoted(name) for name in columns)
        with _open(self.path) as connection:
            where = _place(connection, self.schema, self.name)
            reader = connection.sql(f"select {listed} from {where}").to_arrow_reader(_BATCH_ROWS)
            for batch in reader:
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                yield frame


def is_database(path: Path) -> bool:
    """Whether a file is a DuckDB database, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(12)[8:] == b"DUCK"
    except OSError:
        return False


def tables_of(path: Path) -> tuple[ForeignTable, ...]:
    """Every stored table of a DuckDB file.

    Raises:
        BadInput: the file cannot be read, is of a newer version, or is being written.
    """
    with _open(path) as connection:
        listed = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal and not temporary "
            "and database_name = current_database() order by all"
        ).fetchall()
        found = []
        for schema, name in listed:
            where = _place(connection, schema, name)
            columns = tuple(row[0] for row in connection.execute(f"describe {where}").fetchall())
            row = connection.execute(f"select count(*) from {where}").fetchone()
            found.append(ForeignTable(path, schema, name, columns, int(row[0]) if row else 0))
    return tuple(found)


def _place(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> str:
    """The full name of a table: a file cdm.duckdb often holds a schema cdm, and two parts alone would be ambiguous."""
    ((database,),) = connection.execute("select current_database()").fetchall()
    return f"{quoted(database)}.{quoted(schema)}.{quoted(name)}"


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(
            str(path),
            read_only=True,
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False},
        )
    except duckdb.Error as error:
        raise BadInput(
            f"{path}: cannot be opened as a DuckDB file ({type(error).__name__}): close other programs that write it, "
            "or write it again with an older storage version"
        ) from error
