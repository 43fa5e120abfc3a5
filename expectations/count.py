"""Counting: of every check and stratum, how many rows were asked and how many do not hold. No verdict, no threshold.

What the footers of the files prove is asked of no row. Other row questions of a table are counted in one scan of each
person bucket (`scan` has its text); where rows are many, those of codes alone are asked of the combinations of codes.
Questions within a person are asked bucket by bucket, others of the whole table. Counts add up over buckets.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
        queries = [_query_counts(connection, asked.table, *query) for query in asked.queries]
        proved = _proved(asked, store.files(asked.table, bucket))
        rest = replace(asked, rows=tuple(row for row in asked.rows if row[0] not in proved))
        parts = [*proved.values(), *_row_counts(connection, rest), *queries]
    return pl.concat([pl.DataFrame(schema=COUNTS), *parts])


def added_up(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Counts of several buckets as one; NULL in one of them is NULL in all."""
    whole = pl.concat([pl.DataFrame(schema=COUNTS), *parts])
    sums = [
        pl.when(pl.col(name).is_null().any()).then(None).otherwise(pl.col(name).sum()).alias(name)
        for name in ("n_violated", "n_evaluated")
    ]
    return whole.group_by("check_id", "stratum", maintain_order=True).agg(sums)


def _proved(asked: Asked, files: tuple[Path, ...]) -> dict[str, pl.DataFrame]:
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
    counts = pl.DataFrame({"n_violated": 0, "n_evaluated": found.rows})
    return {name: _shaped(counts, name, pl.lit(ALL)) for name, question in plain if found.proves(question)}


def _row_counts(connection: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    if not asked.rows:
        return
    whole = Scan(asked.table, asked.source, asked.rows)
    try:
        parts = split(whole) if _n_rows(connection, asked.table) >= _MANY_ROWS else (whole,)
        found = [frame for part in parts for frame in _scanned(connection, part)]
    except duckdb.Error:
        # One question that cannot be asked must not take the others along: each on its own tells which.
        for alone in asked.rows:
            try:
                yield from _scanned(connection, replace(whole, rows=(alone,)))
            except duckdb.Error as error:
                yield _uncounted(alone[0], error)
    else:
        yield from found


def _scanned(connection: duckdb.DuckDBPyConnection, scan: Scan) -> Iterator[pl.DataFrame]:
    """Scan once, then take the bits apart."""
    alike = connection.sql(scan.query).pl()
    strata = scan.strata
    for name, question in scan.rows:
        answers, is_asked, is_broken = scan.bits(question)
        found = alike.filter((pl.col(answers) & is_asked) > 0)
        broken = (pl.col(answers) & is_broken) > 0
        sums = (
            pl.col("n").filter(broken).sum().cast(pl.Int64).alias("n_violated"),
            pl.col("n").sum().cast(pl.Int64).alias("n_evaluated"),
        )
        yield _shaped(found.select(sums), name, pl.lit(ALL))
        if question.by:
            labels = [f"s{strata.index(column)}" for column in question.by]
            yield _shaped(found.group_by(labels).agg(sums), name, _label(labels))


def _query_counts(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, question: QueryQuestion
) -> pl.DataFrame:
    labels = [quoted(column) for column in question.by]
    if (names := key_names(question.query)) and (rows := _rows_of_different_keys(connection, table, names)) is not None:
        return _shaped(pl.DataFrame({"n_violated": 0, "n_evaluated": rows}), name, pl.lit(ALL))
    query = question.query.replace("{batch}", qualified(table))
    sums = "count(*) filter (where holds is not true) as n_violated, count(*) as n_evaluated"
    try:
        found = connection.sql(f"select {', '.join([*labels, sums])} from ({query}) group by all").pl()
    except duckdb.Error as error:
        return _uncounted(name, error)
    parts = [_shaped(found.select(pl.col("n_violated", "n_evaluated").sum()), name, pl.lit(ALL))]
    if question.by:
        parts.append(_shaped(found, name, _label(list(question.by))))
    return pl.concat(parts)


def _rows_of_different_keys(connection: duckdb.DuckDBPyConnection, table: str, names: str) -> int | None:
    """How many rows there are where no two hashes of their keys are equal; None where some are, or nobody should sort so many.

    Sorting numbers costs a third of grouping them, and most tables have no key twice.
    """
    try:
        rows = _n_rows(connection, table)
        if rows > _MOST_SORTED:
            return None
        hashes = connection.sql(f"select hash({names}) as key_hash from {qualified(table)}").pl()["key_hash"].to_numpy()
    except duckdb.Error:
        # The query itself tells what is wrong.
        return None
    hashes = np.sort(hashes)
    return None if np.any(hashes[1:] == hashes[:-1]) else rows


def _n_rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return connection.execute(f"select count(*) from {qualified(table)}").fetchall()[0][0]


def _label(names: list[str]) -> pl.Expr:
    return pl.concat_str([pl.col(name).cast(pl.String).fill_null(NOTHING) for name in names], separator=", ")


def _shaped(frame: pl.DataFrame, name: str, stratum: pl.Expr) -> pl.DataFrame:
    facts = [pl.lit(name).alias("check_id"), stratum.alias("stratum"), "n_violated", "n_evaluated"]
    return frame.select(facts).cast(COUNTS)  # ty: ignore[invalid-argument-type]


def _uncounted(name: str, error: duckdb.Error) -> pl.DataFrame:
    # The kind of error only: its text may quote a value.
    _log.error("%s could not be evaluated: %s", name, type(error).__name__)
    return pl.DataFrame([(name, ALL, None, None)], schema=COUNTS, orient="row")


def _queries(suite: Suite, is_within_person: bool) -> tuple[Query, ...]:
    asked = ((check.id, check.question) for check in suite.checks)
    return tuple(
        (name, question)
        for name, question in asked
        if isinstance(question, QueryQuestion) and question.is_within_person == is_within_person
    )
