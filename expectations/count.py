"""Counting: of every check and stratum, how many rows were asked and how many do not hold. No verdict, no threshold.

What the footers of the files prove is asked of no row. Other row questions of a table are counted in one scan of each
person bucket (`scan` has its text); where rows are many, those of codes alone are asked of the combinations of codes.
Questions within a person are asked bucket by bucket, others of the whole table. Counts add up over buckets.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from expectations import footer
from expectations.question import QueryQuestion, RowQuestion, key_names
from expectations.scan import Rows, Scan, qualified, split
from expectations.suite import Suite
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.bucket import Bucket
from pipelines.warehouse.engine import connect, quoted
from pipelines.warehouse.parquet import row_count
from pipelines.warehouse.store import Store

ALL = "all"
NOTHING = "none"
COUNTS = {"check_id": pl.String, "stratum": pl.String, "n_violated": pl.Int64, "n_evaluated": pl.Int64}
# Of hashes of keys at once, 8 bytes each and twice while they are sorted.
_MOST_SORTED = 8_000_000
# Below, a second read costs more than it saves.
_MANY_ROWS = 100_000
_log = logging.getLogger(__name__)


Query = tuple[str, QueryQuestion]
#: check, stratum, rows that do not hold, rows asked; None where they could not be counted
Count = tuple[str, str, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted together, of one bucket or of the whole table: questions with the ids of their checks."""

    table: str
    source: str
    rows: tuple[Rows, ...]
    queries: tuple[Query, ...]

    @property
    def questions(self) -> tuple[Rows | Query, ...]:
        return (*self.rows, *self.queries)


def of_bucket(suite: Suite) -> Asked:
    """The questions that can be asked bucket by bucket."""
    rows = tuple((check.id, check.question) for check in suite.checks if isinstance(check.question, RowQuestion))
    return Asked(suite.table, suite.rows, rows, _queries(suite, is_within_person=True))


def of_table(suite: Suite) -> Asked:
    """The questions that compare people."""
    return Asked(suite.table, suite.rows, (), _queries(suite, is_within_person=False))


def count(asked: Asked, reads: tuple[str, ...], settings: Settings, bucket: Bucket | None = None) -> pl.DataFrame:
    """Count over the files of a table, and of the tables its questions read; with a bucket over those of its people.

    Returns:
        Columns of `COUNTS`, one row a check and stratum, `all` among them; the counts of a check that raised are NULL.

    Raises:
        duckdb.Error: a table cannot be read at all.
    """
    store = Store(settings)
    with connect(settings) as connection:
        for table in dict.fromkeys((asked.table, *reads)):
            store.create_view(connection, table, bucket)
        files = store.files(asked.table, bucket)
        n_rows = _n_rows(files)
        proved = _proved(asked, files)
        rest = replace(asked, rows=tuple(row for row in asked.rows if row[0] not in proved))
        found = [*_row_counts(connection, rest, n_rows), *_query_counts(connection, asked, n_rows)]
    return pl.DataFrame([*proved.values(), *found], schema=COUNTS, orient="row")


def added_up(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Counts of several buckets as one; NULL in one of them is NULL in all."""
    whole = pl.concat([pl.DataFrame(schema=COUNTS), *parts])
    sums = [
        pl.when(pl.col(name).is_null().any()).then(None).otherwise(pl.col(name).sum()).alias(name)
        for name in ("n_violated", "n_evaluated")
    ]
    return whole.group_by("check_id", "stratum", maintain_order=True).agg(sums)


def _proved(asked: Asked, files: tuple[Path, ...]) -> dict[str, Count]:
    """Counts of the questions that footers answer, by the id of their check."""
    plain = [row for row in asked.rows if not row[1].by]
    # What is landed is read as other types than its files have.
    if CONTRACTS[asked.table].layer == "raw" or not files:
        return {}
    try:
        found = footer.read(files, asked.source.split()[2], (question for _, question in plain))
    except (OSError, pa.ArrowException):
        # Asked of the rows, the same file tells what is wrong with it.
        return {}
    return {name: (name, ALL, 0, found.rows) for name, question in plain if found.proves(question)}


def _row_counts(connection: duckdb.DuckDBPyConnection, asked: Asked, n_rows: float) -> list[Count]:
    if not asked.rows:
        return []
    whole = Scan(asked.table, asked.source, asked.rows)
    try:
        parts = split(whole) if n_rows >= _MANY_ROWS else (whole,)
        return [row for part in parts for row in _scanned(connection, part)]
    except duckdb.Error:
        # One question that cannot be asked must not take the others along: each on its own tells which.
        return [row for alone in asked.rows for row in _scanned_alone(connection, replace(whole, rows=(alone,)))]


def _scanned_alone(connection: duckdb.DuckDBPyConnection, scan: Scan) -> list[Count]:
    try:
        return list(_scanned(connection, scan))
    except duckdb.Error as error:
        return [_uncounted(scan.rows[0][0], error)]


def _scanned(connection: duckdb.DuckDBPyConnection, scan: Scan) -> Iterator[Count]:
    """Scan once, then take the bits apart; on arrays, for a table has some forty questions and few rows that differ."""
    alike = connection.sql(scan.query).pl()
    n, strata = alike["n"].to_numpy(), scan.strata
    labels: dict[tuple[str, ...], tuple[list[str], np.ndarray]] = {}
    for name, question in scan.rows:
        column, asked, broken = scan.bits(question)
        answers = alike[column].to_numpy()
        n_asked, n_broken = (np.where(answers & bit, n, 0) for bit in (asked, broken))
        yield name, ALL, int(n_broken.sum()), int(n_asked.sum())
        if question.by:
            if question.by not in labels:
                labels[question.by] = _labelled(alike, [f"s{strata.index(each)}" for each in question.by])
            names, place = labels[question.by]
            asked_of, broken_of = (_summed(place, values, len(names)) for values in (n_asked, n_broken))
            for label, violated, evaluated in zip(names, broken_of, asked_of, strict=True):
                if evaluated:
                    yield name, label, violated, evaluated


def _labelled(alike: pl.DataFrame, columns: list[str]) -> tuple[list[str], np.ndarray]:
    """The strata of some columns by name, and which of them each row is in."""
    texts = [pl.col(column).cast(pl.String).fill_null(NOTHING) for column in columns]
    names, place = np.unique(
        alike.select(pl.concat_str(texts, separator=", ")).to_series().to_numpy(), return_inverse=True
    )
    return names.tolist(), place


def _summed(place: np.ndarray, values: np.ndarray, length: int) -> list[int]:
    sums = np.zeros(length, dtype=np.int64)
    np.add.at(sums, place, values)
    return sums.tolist()


def _query_counts(connection: duckdb.DuckDBPyConnection, asked: Asked, n_rows: float) -> list[Count]:
    """Each query counted: of few rows in one statement, for planning them one by one takes longer than running them."""
    table = asked.table
    found: dict[str, list[Count]] = {
        name: [(name, ALL, 0, int(n_rows))]
        for name, question in asked.queries
        if (names := key_names(question.query)) and _are_different(connection, table, names, n_rows)
    }
    rest = [query for query in asked.queries if query[0] not in found]
    if len(rest) > 1 and n_rows < _MANY_ROWS:
        # One that cannot be asked must not take the others along: each on its own tells which.
        with suppress(duckdb.Error):
            found |= _queried(connection, table, rest)
    for query in rest:
        if query[0] not in found:
            found[query[0]] = _queried_alone(connection, table, query)
    return [row for name, _ in asked.queries for row in found[name]]


def _queried_alone(connection: duckdb.DuckDBPyConnection, table: str, query: Query) -> list[Count]:
    try:
        return _queried(connection, table, [query])[query[0]]
    except duckdb.Error as error:
        return [_uncounted(query[0], error)]


def _queried(connection: duckdb.DuckDBPyConnection, table: str, queries: Sequence[Query]) -> dict[str, list[Count]]:
    sums = "count(*) filter (where holds is not true), count(*)"
    parts = [
        f"select {number}, {_label(question.by)} as stratum, {sums} "
        f"from ({question.query.replace('{batch}', qualified(table))}) group by all"
        for number, (_, question) in enumerate(queries)
    ]
    rows = connection.sql(" union all ".join(parts)).fetchall()
    found: dict[str, list[Count]] = {}
    for number, (name, question) in enumerate(queries):
        own = [row[1:] for row in rows if row[0] == number]
        whole = (name, ALL, sum(row[1] for row in own), sum(row[2] for row in own))
        found[name] = [whole, *((name, *row) for row in own if question.by)]
    return found


def _label(names: tuple[str, ...]) -> str:
    """The stratum of a row as SQL."""
    if not names:
        return f"'{ALL}'"
    return " || ', ' || ".join(f"coalesce(cast({quoted(name)} as varchar), '{NOTHING}')" for name in names)


def _are_different(connection: duckdb.DuckDBPyConnection, table: str, names: str, n_rows: float) -> bool:
    """Whether no two hashes of the keys of rows are equal; False too where nobody should sort so many.

    Sorting numbers costs a third of grouping them, and most tables have no key twice.
    """
    if n_rows > _MOST_SORTED:
        return False
    try:
        hashes = connection.sql(f"select hash({names}) as key_hash from {qualified(table)}").pl()["key_hash"].to_numpy()
    except duckdb.Error:
        # The query itself tells what is wrong.
        return False
    hashes = np.sort(hashes)
    return not np.any(hashes[1:] == hashes[:-1])


def _n_rows(files: tuple[Path, ...]) -> float:
    """Rows by the footers; no end of them where a file cannot be read, which the questions themselves tell."""
    try:
        return row_count(files)
    except (OSError, pa.ArrowException):
        return inf


def _uncounted(name: str, error: duckdb.Error) -> Count:
    # The kind of error only: its text may quote a value.
    _log.error("%s could not be evaluated: %s", name, type(error).__name__)
    return name, ALL, None, None


def _queries(suite: Suite, is_within_person: bool) -> tuple[Query, ...]:
    asked = ((check.id, check.question) for check in suite.checks)
    return tuple(
        (name, question)
        for name, question in asked
        if isinstance(question, QueryQuestion) and question.is_within_person == is_within_person
    )
