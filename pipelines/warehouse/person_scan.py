"""Looks for people in everything a home stores: Parquet files, databases, logs. It reads and counts; removing is `withdrawal`.

Two depths. `rows_of` counts rows by their `person_id`, fast. `search` looks into every 64-bit whole number, every text, every
stored table of every database and every other file byte by byte, and so does not rest on a column having the right name.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.settings import INBOX, Settings
from pipelines.warehouse import tombstone
from pipelines.warehouse.engine import connect, literal, quoted
from pipelines.warehouse.parquet import column_names

_CHUNK = 8 * 2**20
_WHOLE = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT")
_FEWEST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Found:
    """A file that holds people of the list: its path inside the home, where in it, and how many rows or mentions."""

    file: str
    place: str
    n: int


@dataclass(frozen=True, slots=True)
class Search:
    """What a search looked at and found; `unreadable` names files that nobody can vouch for."""

    people: int
    files: int
    rows: int
    found: tuple[Found, ...]
    unreadable: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not self.found and not self.unreadable


def stored_parquet(folder: Path) -> tuple[Path, ...]:
    """Parquet files below a folder that have a person in each row, half-written ones included, links left out.

    Copies of drops (`HOME/inbox`) are left out as the drops are: their ids are the source's.
    """
    found = (path for path in sorted(folder.rglob("*")) if ".parquet" in path.name and path.is_file())
    found = (path for path in found if not path.is_relative_to(folder / INBOX))
    return tuple(path for path in found if not path.is_symlink() and "person_id" in (column_names(path) or ()))


def rows_of(settings: Settings, files: Sequence[Path], ids: Iterable[int]) -> pl.DataFrame:
    """Rows of people by file and person: `file` (path), `person_id`, `n`; files without any are not named."""
    empty = pl.DataFrame(schema={"file": pl.String, "person_id": pl.Int64, "n": pl.Int64})
    if not files:
        return empty
    with connect(settings) as connection:
        put_list(connection, ids)
        listed = ", ".join(literal(path) for path in files)
        return connection.sql(
            f"select filename as file, person_id, count(*) as n from read_parquet([{listed}], filename = true, "
            "union_by_name = true, hive_partitioning = false) semi join withdrawn using (person_id) group by all"
        ).pl()


def put_list(connection: duckdb.DuckDBPyConnection, ids: Iterable[int]) -> None:
    """Make the temporary table `withdrawn` of a connection."""
    connection.register("given", pl.DataFrame({"person_id": sorted(ids)}, {"person_id": pl.Int64}).to_arrow())
    connection.execute("create or replace temp table withdrawn as select person_id from given")
    connection.unregister("given")


def search(settings: Settings, ids: frozenset[int]) -> Search:
    """Look for people in every file of the home but the list of those who withdrew itself, and copies of drops."""
    found: list[Found] = []
    unreadable: list[str] = []
    files = rows = 0
    mentions = _Mentions(ids)
    with connect(settings) as connection:
        put_list(connection, ids)
        for path in _files(settings):
            name = str(path.relative_to(settings.home))
            files += 1
            try:
                if ".parquet" in path.name:
                    relation = f"read_parquet({literal(path)}, hive_partitioning = false)"
                    rows += _search_relation(connection, relation, name, mentions.fewest, found)
                elif path.suffix == ".duckdb":
                    rows += _search_database(connection, path, name, mentions.fewest, found)
                elif n := mentions.count(path):
                    found.append(Found(name, "bytes", n))
            except (OSError, duckdb.Error):
                unreadable.append(name)
    return Search(len(ids), files, rows, tuple(found), tuple(unreadable))


class _Mentions:
    """People of a list in text: their ids written out in digits."""

    def __init__(self, ids: frozenset[int]) -> None:
        self._written = {str(person).encode() for person in ids}
        self.fewest = max(_FEWEST_DIGITS, min((len(text) for text in self._written), default=_FEWEST_DIGITS))
        self._digits = re.compile(rb"\d{%d,19}" % self.fewest)

    def count(self, path: Path) -> int:
        """How often a file names one of them; read in pieces that overlap by the length of an id."""
        n, before = 0, b""
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                piece = before + chunk
                end = len(piece) - 20 if len(chunk) == _CHUNK else len(piece)
                n += sum(m.group() in self._written for m in self._digits.finditer(piece) if m.start() < end)
                before = piece[end:]
        return n


def _files(settings: Settings) -> Iterator[Path]:
    """Every stored file once, whatever names it has: builds share files with the working record."""
    own = settings.landing / tombstone.FILE
    seen: set[tuple[int, int]] = set()
    for path in sorted(settings.home.rglob("*")):
        if path.is_symlink() or not path.is_file() or path == own or path.is_relative_to(settings.inbox):
            continue
        status = path.stat()
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            yield path


def _search_relation(
    connection: duckdb.DuckDBPyConnection, relation: str, name: str, fewest: int, found: list[Found]
) -> int:
    """Count mentions in every column that could hold an id; returns the rows that were looked at."""
    described = connection.execute(f"describe select * from {relation}").fetchall()
    asked = [(row[0], _mentions(row[0], row[1], fewest)) for row in described]
    counts = [(column, count) for column, count in asked if count]
    listed = "".join(f", count(*) filter (where {count})" for _, count in counts)
    row = connection.execute(f"select count(*){listed} from {relation}").fetchone() or (0,)
    found += [Found(name, column, n) for (column, _), n in zip(counts, row[1:], strict=True) if n]
    return int(row[0])


def _mentions(column: str, duckdb_type: str, fewest: int) -> str | None:
    """The condition that a cell holds an id of the list; None where its type cannot."""
    cell = quoted(column)
    if duckdb_type in _WHOLE:
        return f"{cell} in (select person_id from withdrawn)"
    if duckdb_type == "VARCHAR" or duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT", "MAP")):
        text, digits = f"{cell}::varchar", literal(f"[0-9]{{{fewest},19}}")
        written = "(select list(person_id::varchar) from withdrawn)"
        return (
            f"case when regexp_matches({text}, {digits}) "
            f"then list_has_any(regexp_extract_all({text}, {digits}), {written}) else false end"
        )
    return None


def _search_database(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, fewest: int, found: list[Found]
) -> int:
    """Stored tables only: what the views of a database read are files of the home, and are searched as such."""
    connection.execute(f"attach {literal(path)} as searched (read_only)")
    try:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'searched' and not internal"
        ).fetchall()
        rows = 0
        for schema, table in tables:
            relation = f"searched.{quoted(schema)}.{quoted(table)}"
            rows += _search_relation(connection, relation, f"{name}: {schema}.{table}", fewest, found)
        return rows
    finally:
        connection.execute("detach searched")
