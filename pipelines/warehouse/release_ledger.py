"""The release ledger: what each published cell last told, in `HOME/state/release`, so that no two nights tell a small group.

Three small files, never released: `cells` (a count as told last, by table, hash of its key and column), `tellings` (how many
people stood behind each estimate every time it was told) and `held.<table>` (estimates as told last); beside them `queries`,
what ad-hoc queries told. They are written before
a build is switched to: a run that dies between has told less than the ledger says, never more. Nothing can compute them
anew, so each is kept twice, and a damaged one is read from its copy. What follows from the ledger is decided in `telling`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import polars as pl

from pipelines.disclosure import told_count
from pipelines.errors import BlockedByCheck
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.parquet import atomic, is_whole, write_frame

CELL: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("table_name", "cell", "column_name"), pl.String),
    "told": pl.Int64,
}
#: what an estimate is of; the part is an estimator, an analysis, or the question as a whole
LABEL = ("study_id", "contrast", "outcome", "population", "part")
#: how many stand behind it: people of either arm, events of either arm
BEHIND = ("n_1", "n_2", "n_3", "n_4")
TELLING: dict[str, type[pl.DataType]] = {
    **dict.fromkeys((*LABEL, "build_id", "input_version", "code_version"), pl.String),
    **dict.fromkeys(BEHIND, pl.Int64),
}
#: hash of all that a row of a held table told
DIGEST = "digest"
_CELL_KEY = ["table_name", "cell", "column_name"]


@dataclass(slots=True)
class Ledger:
    """What was told until now, and what tonight adds. Nothing is written before `keep`.

    Attributes:
        cells: columns of `CELL`, one row a count that was ever told or hidden.
        tellings: columns of `TELLING`, one row each time that an estimate was told for another number of people.
        held: table of `mart` -> its rows with estimates as told last.
    """

    cells: pl.DataFrame
    tellings: pl.DataFrame
    held: dict[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Nothing was told yet."""
        return self.cells.is_empty() and self.tellings.is_empty()

    def tell(self, table: str, key: Sequence[str], counts: pl.DataFrame, min_cell: int) -> pl.DataFrame:
        """Counts as told tonight, and remembered.

        Args:
            key: columns that name a cell; all others are counts, NULL where tonight's rules hide them.
        """
        columns = [name for name in counts.columns if name not in key]
        if not columns or counts.is_empty():
            return counts
        cells = counts.select(pl.col(columns).cast(pl.Float64).round().cast(pl.Int64)).with_columns(
            cell=_hashes(counts, key), row=pl.int_range(pl.len())
        )
        tall = cells.unpivot(columns, index=["row", "cell"], variable_name="column_name", value_name="people")
        tall = tall.with_columns(table_name=pl.lit(table))
        known = self.cells.with_columns(is_known=pl.lit(value=True))
        joined = tall.join(known, on=_CELL_KEY, how="left", maintain_order="left")
        is_known = pl.col("is_known").fill_null(value=False)
        now = joined.with_columns(told=told_count(pl.col("people"), pl.col("told"), is_known, min_cell))
        self.cells = pl.concat([self.cells.join(now, on=_CELL_KEY, how="anti"), now.select(*CELL)])
        wide = now.pivot("column_name", index="row", values="told", aggregate_function="first").sort("row")
        return counts.with_columns(wide[name] for name in columns)

    def last(self, table: str, key: Sequence[str], counts: pl.DataFrame) -> pl.DataFrame:
        """The same counts as they were told last; NULL where they were hidden, or never told."""
        columns = [name for name in counts.columns if name not in key]
        cells = counts.select(cell=_hashes(counts, key))
        told = {
            name: cells.join(
                self.cells.filter(table_name=table, column_name=name), on="cell", how="left", maintain_order="left"
            )["told"]
            for name in columns
        }
        return counts.with_columns(told[name].alias(name) for name in columns)

    def keep(self, settings: Settings) -> None:
        """Write the ledger, each file atomically; the number of people told before what was told of them."""
        held = {f"held.{table}": frame for table, frame in self.held.items()}
        for folder in (folder_of(settings), copies(settings)):
            for name, frame in {"tellings": self.tellings, **held, "cells": self.cells}.items():
                write_frame(frame.lazy(), folder / f"{name}.parquet", "ledger")


def read(settings: Settings) -> Ledger:
    """The ledger of a home; empty where nothing was told yet.

    Raises:
        BlockedByCheck: a file of it and its copy are damaged: what was told is not known, so nothing may be told.
    """
    names = {path.name for folder in (folder_of(settings), copies(settings)) for path in folder.glob("held.*.parquet")}
    held = {name.removeprefix("held.").removesuffix(".parquet"): _read(settings, name, {}) for name in sorted(names)}
    return Ledger(_read(settings, "cells.parquet", CELL), _read(settings, "tellings.parquet", TELLING), held)


def copies(settings: Settings) -> Path:
    """Where the second copy of every file lies."""
    return folder_of(settings) / "copy"


def forget_estimates(settings: Settings) -> None:
    """Empty every estimate that is held: people who withdrew are in them. A hash says which of them are still the same.

    Counts stay, rounded, and so does how many stood behind each estimate: without them the next publication would tell,
    by its difference from the last one, what these few people were.
    """
    for table, frame in read(settings).held.items():
        kept = {*CONTRACTS[table].key, DIGEST}
        emptied = frame.with_columns(pl.lit(None, frame.schema[n]).alias(n) for n in frame.columns if n not in kept)
        for folder in (folder_of(settings), copies(settings)):
            write_frame(emptied.lazy(), folder / f"held.{table}.parquet", "ledger")
    for path in sorted(queries(settings).glob("*.json")):
        told = json.loads(path.read_text())
        for numbers in told["cells"].values():
            for number in numbers.values():
                number["value"] = None
        with atomic(path) as partial:
            partial.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")


def queries(settings: Settings) -> Path:
    """Where queries that were released are remembered (`release_output`)."""
    return folder_of(settings) / "queries"


def hash_of_cell(key: Sequence[object]) -> str:
    """The hash that names a cell in the ledger."""
    return sha256(repr(tuple(key)).encode()).hexdigest()[:16]


def _hashes(frame: pl.DataFrame, key: Sequence[str]) -> pl.Series:
    """One hash a row; cells of an aggregate, never people, so they are few."""
    rows = frame.select(pl.col(name).cast(pl.String) for name in key).iter_rows()
    return pl.Series([hash_of_cell(row) for row in rows], dtype=pl.String)


def _read(settings: Settings, name: str, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """A file of the ledger, or its copy where it is damaged or gone; no rows where there is neither."""
    there = [path for path in (folder_of(settings) / name, copies(settings) / name) if path.exists()]
    for path in there:
        if is_whole(path):
            return pl.read_parquet(path)
    if there:
        raise BlockedByCheck(
            f"{there[0]}: the release ledger is damaged, and so is its copy: what was told is not known, so nothing can be "
            "told safely; put HOME/state/release back from a backup"
        )
    return pl.DataFrame(schema=dict(schema))


def folder_of(settings: Settings) -> Path:
    """Where the ledger lies. No run can compute it anew, so nothing of it is ever taken away as damaged."""
    return settings.home / "state" / "release"
