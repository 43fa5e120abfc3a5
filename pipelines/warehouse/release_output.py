"""The output check of an ad-hoc query: people behind every number are counted here, and what would tell of few is hidden.

The query is never run as it was written: its rows are read, with the person each belongs to, and everything else is
computed from them. What is told is remembered in `HOME/state/release/queries`, one file a query, so that neither another
night nor another query tells a small group by subtraction. Which queries are understood says `release_query`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from pipelines.disclosure import hidden_parts, to_figures
from pipelines.errors import BadInput
from pipelines.settings import Settings
from pipelines.warehouse import release_ledger
from pipelines.warehouse.engine import literal, quoted
from pipelines.warehouse.parquet import atomic
from pipelines.warehouse.release_combination import cells_that_tell_few
from pipelines.warehouse.release_query import COUNT, COUNT_PEOPLE, COUNT_ROWS, Aggregate, Query, read

#: the two people who add most to a sum may not make up more of it than this (NK rule of ACRO and tau-ARGUS)
MOST_OF_TWO = 0.9
#: and the others must be uncertain of the largest by at least this share of it (p% rule)
LEAST_OF_REST = 0.1
FIGURES = 3


@dataclass(frozen=True, slots=True)
class Output:
    """What may leave of a query, and why the rest may not: reasons with the number of rows or numbers hidden for each."""

    frame: pl.DataFrame
    hidden: Mapping[str, int]


def release(settings: Settings, warehouse: Path, sql: str) -> Output:
    """Check the output of a query and remember what is told of it.

    Args:
        warehouse: the published `warehouse.duckdb`, opened read-only and unable to read anything but its own build.

    Raises:
        BadInput: the query is not understood, fails, or nothing of it may leave.
    """
    query = read(sql)
    with _reader(settings, warehouse) as connection:
        evidence = connection.execute("select evidence_source from mart.build").fetchall()
        is_public = evidence == [("public_survey",)]
        try:
            connection.execute(f"create temp table asked as {_rows(query)}")
        except duckdb.Error as error:
            raise BadInput(f"the query fails: {error}") from error
        cells = _cells(connection, query)
        hidden: dict[str, int] = {}
        few = _hidden_cells(cells, query, settings.min_cell)
        _count(hidden, f"fewer than {settings.min_cell} people behind it, or it would tell such a row", few.len())
        near = pl.Series([], dtype=pl.Int64) if is_public else _near(connection, settings, query, few)
        _count(hidden, "it differs by few people from a row that another query told", near.len())
        together = pl.Series([], dtype=pl.Int64) if is_public else _together(connection, near, settings.min_cell)
        _count(hidden, "with rows that other queries told it can be reckoned down to few people", together.len())
        ledger = release_ledger.read(settings)
        is_hidden = pl.col("cell").is_in([*few, *near, *together])
        told = _told_counts(cells.with_columns(is_hidden=is_hidden), query, ledger, settings.min_cell, is_public)
        shown = told.filter(pl.col("n_people").is_not_null())
        _count(
            hidden,
            "it was hidden before, and still holds few people more",
            told.filter(~is_hidden)["cell"].len() - shown.height,
        )
        if shown.is_empty():
            raise BadInput(f"nothing of it may leave: {_words(hidden) or 'nobody is behind it'}")
        memory = _Memory(settings, query, sql)
        numbers: dict[str, pl.Series] = {}
        for place, aggregate in enumerate(query.aggregates):
            if aggregate.kind in (COUNT_PEOPLE, COUNT_ROWS, COUNT):
                numbers[aggregate.name] = shown[f"a{place}"]
                continue
            values = _values(connection, aggregate, place, shown, settings.min_cell)
            _count(hidden, "few people, or two of them, make up a number", int(values["is_few"].sum()))
            told_now, n_near = (
                (values["value"], 0) if is_public else memory.tell(aggregate.name, values, settings.min_cell)
            )
            _count(hidden, "a number was told before, and few people are others since", n_near)
            numbers[aggregate.name] = told_now
    frame = shown.with_columns(values.alias(name) for name, values in numbers.items())
    frame = frame.select(*query.columns, *(["n_people"] if "n_people" not in query.columns else []))
    frame = frame.sort([name for name, _ in query.keys] or frame.columns)
    if not is_public:
        ledger.keep(settings)
        memory.keep(shown["key"].to_list())
    return Output(frame, hidden)


def _words(hidden: Mapping[str, int]) -> str:
    return "; ".join(f"{reason} ({n})" for reason, n in hidden.items())


def _reader(settings: Settings, warehouse: Path) -> duckdb.DuckDBPyConnection:
    """A connection that reads the build of the file and nothing else, and cannot be talked out of it."""
    build = warehouse.resolve().parent
    limits: dict[str, Any] = {
        "memory_limit": f"{settings.memory_gb}GB",
        "threads": settings.threads,
        "temp_directory": str(settings.spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(str(warehouse.resolve()), read_only=True, config=limits)
    connection.execute(f"set allowed_directories = [{literal(build)}, {literal(settings.spill)}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set enable_progress_bar = false")
    connection.execute("set lock_configuration = true")
    return connection


def _rows(query: Query) -> str:
    """Every row the query reads: the person, the cell it falls into, its keys and what its aggregates are made of."""
    keys = [f"{sql} as k{place}" for place, (_, sql) in enumerate(query.keys)]
    values = [f"{a.argument} as a{place}" for place, a in enumerate(query.aggregates) if a.argument]
    listed = ", ".join(["person_id", *keys, *values])
    order = ", ".join(f"k{place}" for place in range(len(keys))) or "true"
    rows = f"select {listed} {query.source}"
    return f"select dense_rank() over (order by {order}) as cell, * from ({rows}) where person_id is not null"


def _key(places: range) -> str:
    """The keys of a cell as one list of texts, by which it is remembered."""
    return f"[{', '.join(f'cast(k{place} as varchar)' for place in places)}]::varchar[]"


def _cells(connection: duckdb.DuckDBPyConnection, query: Query) -> pl.DataFrame:
    """One row a cell: keys under their names, people, and rows or values counted."""
    keys = ", ".join(f"any_value(k{place}) as {quoted(name)}" for place, (name, _) in enumerate(query.keys))
    counts = ["count(distinct person_id) as n_behind"]
    for place, aggregate in enumerate(query.aggregates):
        if aggregate.kind == COUNT_ROWS:
            counts.append(f"count(*) as a{place}")
        elif aggregate.kind == COUNT:
            counts.append(f"count(a{place}) as a{place}")
            counts.append(f"count(distinct person_id) filter (where a{place} is not null) as b{place}")
    listed = ", ".join(
        ["cell", f"any_value({_key(range(len(query.keys)))}) as key", *([keys] if keys else []), *counts]
    )
    return connection.sql(f"select {listed} from asked group by cell order by cell").pl()


def _hidden_cells(cells: pl.DataFrame, query: Query, min_cell: int) -> pl.Series:
    """Cells of few people, and others along every line of the table, until no total of a line tells them."""
    counts = dict(zip(cells["cell"], cells["n_behind"], strict=True))
    names = [name for name, _ in query.keys]
    lines = [cells["cell"].to_list()]
    for name in names if len(names) > 1 else ():
        others = [other for other in names if other != name]
        lines += [part["cell"].to_list() for part in cells.partition_by(others, maintain_order=True)]
    hidden: set[int] = {cell for cell, n in counts.items() if n < min_cell}
    for aggregate, place in ((a, p) for p, a in enumerate(query.aggregates) if a.kind == COUNT):
        with_value = f"b{place}" if aggregate else ""
        few = pl.any_horizontal(
            pl.col(with_value).is_between(1, min_cell - 1),
            (pl.col("n_behind") - pl.col(with_value)).is_between(1, min_cell - 1),
        )
        hidden |= set(cells.filter(few)["cell"])
    while True:
        more = set(hidden)
        for line in lines:
            # What is hidden for another reason counts as a small part: nothing may give it away.
            parts = [min(counts[cell], min_cell - 1) if cell in more else counts[cell] for cell in line]
            more |= {cell for cell, is_hidden in zip(line, hidden_parts(parts, min_cell), strict=True) if is_hidden}
        if more == hidden:
            return pl.Series(sorted(hidden), dtype=pl.Int64)
        hidden = more


def _near(connection: duckdb.DuckDBPyConnection, settings: Settings, query: Query, few: pl.Series) -> pl.Series:
    """Cells whose people are those of a cell that another query told, but for one to `min_cell` - 1 of them."""
    connection.register("few", pl.DataFrame({"cell": few}).to_arrow())
    connection.execute(
        "create temp table mine as select distinct cell, person_id from asked where cell not in (select cell from few)"
    )
    connection.execute("create temp table told (number integer, person_id bigint)")
    found: set[int] = set()
    n_told = 0
    for told in _others(settings, query):
        earlier = read(told["sql"])
        connection.execute(f"create or replace temp table read as {_rows(earlier)}")
        connection.execute(
            f"create or replace temp table theirs as select distinct {_key(range(len(earlier.keys)))} as key, person_id from read"
        )
        pairs = connection.execute(
            """
            with shared as (select cell, key, count(*) as n from mine join theirs using (person_id) group by all),
            one as (select cell, count(*) as n from mine group by all),
            other as (select key, count(*) as n from theirs group by all)
            select shared.cell, shared.key, one.n + other.n - 2 * shared.n as apart
            from shared join one using (cell) join other using (key)
            """
        ).fetchall()
        for cell, key, apart in pairs:
            if 0 < apart < settings.min_cell and release_ledger.hash_of_cell(key) in told["cells"]:
                found.add(cell)
        keys = [key for (key,) in connection.execute("select distinct key from theirs").fetchall()]
        for key in keys:
            if release_ledger.hash_of_cell(key) in told["cells"]:
                connection.execute("insert into told select ?, person_id from theirs where key = ?", [n_told, key])
                n_told += 1
    return pl.Series(sorted(found), dtype=pl.Int64)


def _together(connection: duckdb.DuckDBPyConnection, near: pl.Series, min_cell: int) -> pl.Series:
    """Cells that with those other queries told, any number of them, can be reckoned down to few people. After `_near`."""
    n_told = connection.execute("select count(distinct number) from told").fetchall()[0][0]
    if not n_told:
        return pl.Series([], dtype=pl.Int64)
    connection.register("near", pl.DataFrame({"cell": near}).to_arrow())
    sizes = connection.execute(
        "select cell, count(*) as n from mine where cell not in (select cell from near) group by cell order by n desc, cell"
    ).fetchall()
    new = [cell for cell, _ in sizes]
    connection.register("new", pl.DataFrame({"cell": new, "number": [n_told + i for i in range(len(new))]}).to_arrow())
    groups = connection.execute(
        """
        with member as (
            select number, person_id from told
            union all
            select new.number, mine.person_id from mine join new using (cell)
        ),
        person as (select person_id, list(number order by number) as numbers from member group by person_id)
        select numbers, count(*) as n from person group by numbers
        """
    ).fetchall()
    member = np.zeros((n_told + len(new), len(groups)), dtype=bool)
    for place, (numbers, _) in enumerate(groups):
        member[numbers, place] = True
    hidden = cells_that_tell_few(member, np.array([n for _, n in groups]), n_told, min_cell)
    return pl.Series(sorted(new[row - n_told] for row in hidden), dtype=pl.Int64)


def _told_counts(
    cells: pl.DataFrame, query: Query, ledger: release_ledger.Ledger, min_cell: int, is_public: bool
) -> pl.DataFrame:
    """Counts by the ledger, NULL where hidden: the same people, the same answer, whatever else is asked with them."""
    names = [name for name, _ in query.keys]
    counts = [f"a{p}" for p, a in enumerate(query.aggregates) if a.kind in (COUNT_ROWS, COUNT)]
    numbers = [*counts, "n_people"]
    found = cells.with_columns(n_people=pl.col("n_behind")).with_columns(
        pl.when(~pl.col("is_hidden")).then(name).alias(name) for name in numbers
    )
    if not is_public:
        named = found.select(pl.col("key").list.join("\x1f", ignore_nulls=False).alias("key"), *numbers)
        told = ledger.tell(f"release.{query.digest}", ["key"], named, min_cell)
        found = found.with_columns(told[name] for name in numbers)
    people = [f"a{p}" for p, a in enumerate(query.aggregates) if a.kind == COUNT_PEOPLE]
    return found.select(
        "cell", "key", "n_behind", *names, *numbers, *(pl.col("n_people").alias(name) for name in people)
    )


def _values(
    connection: duckdb.DuckDBPyConnection, aggregate: Aggregate, place: int, shown: pl.DataFrame, min_cell: int
) -> pl.DataFrame:
    """A number of each cell shown, to three figures, or NULL and `is_few`.

    Few: people with a value, people without one, or people with another value than most have (who a sum or a mean of ones
    and noughts would count); or the largest two make up nearly all of a sum.
    """
    column = f"a{place}"
    try:
        found = connection.sql(
            f"""
            with given as (
                select cell, person_id, cast({column} as double) as x from asked
                where {column} is not null
            ),
            usual as (select cell, mode(x) as usual from given group by cell),
            by_person as (
                select cell, person_id, abs(sum(x)) as part, bool_or(x <> usual) as is_off
                from given join usual using (cell) group by cell, person_id
            ),
            counted as (
                select cell, count(*) as n_valued, count_if(is_off) as n_off, sum(part) as whole,
                    coalesce(list_sum(max(part, 2)), 0) as two, max(part) as one
                from by_person group by cell
            ),
            computed as (select cell, {aggregate.kind}(x) as value from given group by cell)
            select * from counted join computed using (cell)
            """
        ).pl()
    except duckdb.Error as error:
        raise BadInput(f"{aggregate.name}: the query fails: {error}") from error
    joined = shown.select("cell", "key", "n_behind").join(found, on="cell", how="left", maintain_order="left")
    n, valued = pl.col("n_behind"), pl.col("n_valued")
    is_few = [count.is_between(1, min_cell - 1) for count in (valued, n - valued, pl.col("n_off"))]
    if aggregate.kind in ("sum", "avg"):
        rest = pl.col("whole") - pl.col("two")
        is_few += [pl.col("two") > MOST_OF_TWO * pl.col("whole"), rest < LEAST_OF_REST * pl.col("one")]
    judged = joined.with_columns(is_few=pl.any_horizontal(is_few).fill_null(value=False))
    value = pl.col("value").cast(pl.Float64)
    is_told = ~pl.col("is_few") & value.is_finite()
    return judged.with_columns(value=pl.when(is_told).then(to_figures(value, value, FIGURES)))


def _count(hidden: dict[str, int], reason: str, n: int) -> None:
    if n:
        hidden[reason] = hidden.get(reason, 0) + n


def _others(settings: Settings, query: Query) -> Iterator[dict[str, Any]]:
    for path in sorted(release_ledger.queries(settings).glob("*.json")):
        if path.stem != query.digest:
            yield json.loads(path.read_text())


class _Memory:
    """What a query told before: of each cell, how many stood behind each number every time, and the number told last."""

    def __init__(self, settings: Settings, query: Query, sql: str) -> None:
        self._path = release_ledger.queries(settings) / f"{query.digest}.json"
        told = json.loads(self._path.read_text()) if self._path.exists() else {"sql": sql, "cells": {}}
        self._told: dict[str, Any] = told

    def tell(self, name: str, values: pl.DataFrame, min_cell: int) -> tuple[pl.Series, int]:
        """Numbers as told: again only when enough people are others; else as told last. And how many cannot be either."""
        told: list[float | None] = []
        n_near = 0
        for key, n, value in values.select("key", "n_valued", "value").iter_rows():
            number = self._told["cells"].setdefault(release_ledger.hash_of_cell(key), {}).get(name)
            if value is None:
                told.append(None)
                continue
            is_far = number is None or all(abs(n - before) >= min_cell for before in number["behind"])
            if is_far:
                behind = [*(number["behind"] if number else ()), n]
                self._told["cells"][release_ledger.hash_of_cell(key)][name] = {"behind": behind, "value": value}
                told.append(value)
            else:
                n_near += number["value"] is None
                told.append(number["value"])
        return pl.Series(told, dtype=pl.Float64), n_near

    def keep(self, keys: list[list[str]]) -> None:
        """Write it, with every cell that was shown."""
        for key in keys:
            self._told["cells"].setdefault(release_ledger.hash_of_cell(key), {})
        with atomic(self._path) as partial:
            partial.write_text(json.dumps(self._told, indent=2, sort_keys=True) + "\n")
