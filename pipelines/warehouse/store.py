"""Where the files of a table are: `HOME/data/<layer>/<table>/...`, and how a connection or a frame sees them.

A person table has a file (raw: a folder of parts) per bucket, a population table one file `all.parquet`; a glob is the table.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.settings import Settings
from pipelines.tables import CONTRACTS, Contract
from pipelines.warehouse.bucket import SLOTS, Bucket, layout
from pipelines.warehouse.engine import literal, quoted
from pipelines.warehouse.parquet import PARTIAL, atomic

WHOLE = "all"


@dataclass(frozen=True, slots=True)
class Store:
    """The working record of one home."""

    settings: Settings

    def folder(self, table: str) -> Path:
        layer, name = table.split(".")
        return self.settings.data / layer / name

    def path(self, table: str, bucket: Bucket | None) -> Path:
        """The file of a derived table: of one bucket, or of everybody."""
        return self.folder(table) / f"{bucket.name if bucket else WHOLE}.parquet"

    def files(self, table: str, bucket: Bucket | None = None) -> tuple[Path, ...]:
        """Files of a table, sorted; with a bucket, those that may hold its people (population files always)."""
        folder = self.folder(table)
        found = sorted(p for p in folder.rglob("*.parquet") if not p.name.endswith(PARTIAL))
        if bucket is None:
            return tuple(found)
        return tuple(p for p in found if _overlaps(p.relative_to(folder), bucket))

    def buckets(self) -> tuple[Bucket, ...]:
        """The bucket layout of this home; one bucket until something was landed."""
        try:
            count = int(json.loads((self.settings.home / "layout.json").read_text())["buckets"])
        except FileNotFoundError:
            count = 1
        width = SLOTS // count
        return tuple(Bucket(first, first + width - 1) for first in range(0, SLOTS, width))

    def lay_out(self, persons: int) -> tuple[Bucket, ...]:
        """Choose the layout for a population and keep it."""
        buckets = layout(persons, self.settings.persons_per_bucket)
        with atomic(self.settings.home / "layout.json") as partial:
            partial.write_text(json.dumps({"buckets": len(buckets)}))
        return buckets

    def is_per_person(self, table: str) -> bool:
        """Whether the rows of a table belong to people."""
        return CONTRACTS[table].unit == "person"

    def create_view(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str,
        bucket: Bucket | None = None,
        only: str | None = None,
    ) -> None:
        """Make `<layer>.<table>` readable in a connection; a raw variable that no file holds reads as NULL.

        Args:
            only: a relation with `person_id`; of a table of people only the rows of these people are seen.
        """
        contract = CONTRACTS[table]
        relation = self.relation(connection, table, bucket)
        if only and self.is_per_person(table):
            relation = f"from ({relation}) where person_id in (select person_id from {only})"
        connection.execute(f"create schema if not exists {quoted(contract.layer)}")
        connection.execute(f"create view {_qualified(table)} as {relation}")

    def relation(self, connection: duckdb.DuckDBPyConnection, table: str, bucket: Bucket | None = None) -> str:
        """The SELECT over the files of a table."""
        contract = CONTRACTS[table]
        files = self.files(table, bucket)
        if not files:
            return _empty(contract)
        listed = ", ".join(literal(path) for path in files)
        if contract.layer != "raw":
            return f"select * from read_parquet([{listed}])"
        source = f"read_parquet([{listed}], union_by_name = true)"
        present = {row[0].upper() for row in connection.execute(f"describe select * from {source}").fetchall()}
        declared = [c for c in contract.columns if c.name.upper() in present]
        absent = [c for c in contract.columns if c.name.upper() not in present]
        casts = ", ".join(f"cast({quoted(c.name)} as {c.duckdb_type}) as {quoted(c.name)}" for c in declared)
        nulls = "".join(f", cast(null as {c.duckdb_type}) as {quoted(c.name)}" for c in absent)
        return f"select * replace ({casts}){nulls} from {source}"

    def scan(self, table: str, bucket: Bucket | None = None) -> pl.LazyFrame:
        """A lazy frame over a derived table, with the contract's columns."""
        files = self.files(table, bucket)
        if not files:
            return CONTRACTS[table].empty().lazy()
        return pl.scan_parquet(list(files))


def _qualified(table: str) -> str:
    layer, name = table.split(".")
    return f"{quoted(layer)}.{quoted(name)}"


def _empty(contract: Contract) -> str:
    columns = ", ".join(f"cast(null as {c.duckdb_type}) as {quoted(c.name)}" for c in contract.columns)
    return f"select {columns} where false"


def _overlaps(relative: Path, bucket: Bucket) -> bool:
    stem = relative.parts[0].removesuffix(".parquet")
    return stem == WHOLE or Bucket.parse(stem).overlaps(bucket)
