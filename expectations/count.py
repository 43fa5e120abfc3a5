"""Counting: of every check and stratum, how many rows were asked and how many do not hold. No verdict, no threshold.

Row questions of a table are counted in one scan of each person bucket. Each question leaves two bits of a row: that it
was asked, and that it does not hold; the bits of many stand in one number, and rows alike in all numbers and strata are
counted together. Questions within a person are asked bucket by bucket, others of the whole table. Counts add up over
buckets.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl

from expectations.question import QueryQuestion, RowQuestion, key_names
from expectations.suite import Suite
from pipelines.settings import Settings
from pipelines.warehouse.bucket import Bucket
from pipelines.warehouse.engine import connect, quoted
from pipelines.warehouse.store import Store

ALL = "all"
NOTHING = "none"
COUNTS = {"check_id": pl.String, "stratum": pl.String, "n_violated": pl.Int64, "n_evaluated": pl.Int64}
# Two bits each must fit the sign-free part of a BIGINT.
_QUESTIONS_OF_NUMBER = 31
# Of hashes of keys at once, 8 bytes each and twice while they are sorted.
_MOST_SORTED = 5_000_000
_log = logging.getLogger(__name__)


Rows = tuple[str, RowQuestion]
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
        parts = [*_row_counts(connection, asked), *queries]
    return pl.concat([pl.DataFrame(schema=COUNTS), *parts])


def added_up(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Counts of several buckets as one; NULL in one of them is NULL in all."""
    whole = pl.concat([pl.DataFrame(schema=COUNTS), *parts])
    sums = [
        pl.when(pl.col(name).is_null().any()).then(None).otherwise(pl.col(name).sum()).alias(name)
        for name in ("n_violated", "n_evaluated")
    ]
    return whole.group_by("check_id", "stratum", maintain_order=True).agg(sums)


def _row_counts(connection: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    if not asked.rows:
        return
    try:
        yield from _scanned(connection, asked, asked.rows)
    except duckdb.Error:
        # One question that cannot be asked must not take the others along: each on its own tells which.
        for alone in asked.rows:
            try:
                yield from _scanned(connection, asked, (alone,))
            except duckdb.Error as error:
                yield _uncounted(alone[0], error)


def _scanned(connection: duckdb.DuckDBPyConnection, asked: Asked, rows: tuple[Rows, ...]) -> Iterator[pl.DataFrame]:
    """Scan once, then take the bits apart."""
    alike = connection.sql(scan_query(asked, rows)).pl()
    strata = _strata(rows)
    for position, (name, question) in enumerate(rows):
        number, place = divmod(position, _QUESTIONS_OF_NUMBER)
        found = alike.filter((pl.col(f"answers{number}") & (1 << 2 * place)) > 0)
        broken = (pl.col(f"answers{number}") & (2 << 2 * place)) > 0
        sums = (
            pl.col("n").filter(broken).sum().cast(pl.Int64).alias("n_violated"),
            pl.col("n").sum().cast(pl.Int64).alias("n_evaluated"),
        )
        yield _shaped(found.select(sums), name, pl.lit(ALL))
        if question.by:
            labels = [f"s{strata.index(column)}" for column in question.by]
            yield _shaped(found.group_by(labels).agg(sums), name, _label(labels))


def scan_query(asked: Asked, rows: tuple[Rows, ...]) -> str:
    """The one scan: strata, the answers of a row in numbers of two bits a question, and how many rows are alike."""
    labels = [f"{column} as s{n}" for n, column in enumerate(_strata(rows))]
    numbers = [rows[start : start + _QUESTIONS_OF_NUMBER] for start in range(0, len(rows), _QUESTIONS_OF_NUMBER)]
    answers = [
        f"{' | '.join(_answer(question, place) for place, (_, question) in enumerate(number))} as answers{n}"
        for n, number in enumerate(numbers)
    ]
    source = asked.source.replace("{batch}", _qualified(asked.table))
    return f"select *, count(*) as n from (select {', '.join([*labels, *answers])} from {source}) group by all"


def _answer(question: RowQuestion, place: int) -> str:
    """Not asked, holds or broken, at its place; a condition that is NULL does not hold, and is not asked."""
    holds = f"(case when ({question.holds}) then {1 << 2 * place} else {3 << 2 * place} end)"
    return holds if question.where == "true" else f"(case when ({question.where}) then {holds} else 0 end)"


def _query_counts(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, question: QueryQuestion
) -> pl.DataFrame:
    labels = [quoted(column) for column in question.by]
    if (names := key_names(question.query)) and (rows := _rows_of_different_keys(connection, table, names)) is not None:
        return _shaped(pl.DataFrame({"n_violated": 0, "n_evaluated": rows}), name, pl.lit(ALL))
    query = question.query.replace("{batch}", _qualified(table))
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
    source = _qualified(table)
    try:
        rows = connection.execute(f"select count(*) from {source}").fetchall()[0][0]
        if rows > _MOST_SORTED:
            return None
        hashes = connection.sql(f"select hash({names}) as key_hash from {source}").pl()["key_hash"].to_numpy()
    except duckdb.Error:
        # The query itself tells what is wrong.
        return None
    hashes = np.sort(hashes)
    return None if np.any(hashes[1:] == hashes[:-1]) else rows


def _strata(rows: tuple[Rows, ...]) -> list[str]:
    return list(dict.fromkeys(column for _, question in rows for column in question.by))


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


def _qualified(table: str) -> str:
    layer, name = table.split(".")
    return f"{quoted(layer)}.{quoted(name)}"
