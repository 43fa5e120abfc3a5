"""Landing: source frames become raw Parquet, bucketed by person, verbatim but for the id. Sources read; this writes.

A part (one source file) is written again only if its bytes, its reader or the bucket layout changed. Before a raw file of
people is replaced or removed, `ChangeLog.record` is told: steps compute only the people it names.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import duckdb
import polars as pl

from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.bucket import SLOT_SQL, Bucket
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.engine import connect
from pipelines.warehouse.identity import key_persons
from pipelines.warehouse.parquet import fingerprint_of, write_frame, write_query
from pipelines.warehouse.store import WHOLE, Store

# Raise when the way rows are landed changes: every part is then landed again.
LANDING_VERSION = "1"
# The drop of rows that a later delivery replaces whole: a name that stays, or each delivery would change every row.
SNAPSHOT = "snapshot"


class RawPart(Protocol):
    """One source file on its way to a raw table. `load` gives its rows; NULL ids are set aside, not landed."""

    @property
    def table(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def source_file(self) -> str: ...
    @property
    def cycle_code(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def id_column(self) -> str | None: ...
    @property
    def load(self) -> Callable[[], pl.DataFrame]: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """What all parts of a delivery share: source, delivery, version of the reader, and the key of the person ids."""

    source_id: str
    drop_id: str
    reader_version: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Landed:
    """What landing did: parts written, parts found current, rows without a usable id."""

    written: int
    current: int
    rejected: int


def land(
    parts: Iterable[RawPart],
    settings: Settings,
    buckets: tuple[Bucket, ...],
    origin: Origin,
    on_part: Callable[[RawPart, bool], None] = lambda part, was_current: None,
) -> Landed:
    """Write the parts that changed, then remove raw files that belong to none of them."""
    store = Store(settings)
    log = ChangeLog(settings)
    keep: set[Path] = set()
    written = current = rejected = 0
    with connect(settings) as connection:
        for part in parts:
            targets = _targets(store, part, buckets)
            aside = store.folder("raw.rejected_row") / WHOLE / f"{part.table.split('.')[1]}.{part.name}.parquet"
            keep.update(targets)
            keep.add(aside)
            fingerprint = _fingerprint(part, origin)
            is_current = all(fingerprint_of(path) == fingerprint for path in (*targets, aside))
            if is_current:
                current += 1
            else:
                rejected += _write(connection, part, targets, aside, origin, fingerprint, log)
                written += 1
            on_part(part, is_current)
        _remove_others(connection, store, keep, log)
    return Landed(written, current, rejected)


def write_population(settings: Settings, table: str, frame: pl.DataFrame, fingerprint: str) -> None:
    """Write a raw table that is not about persons (manifest, missing pieces); kept as it is where nothing changed."""
    path = Store(settings).path(table, None)
    if fingerprint_of(path) != fingerprint:
        contract = CONTRACTS[table]
        plain = [pl.col(c.name).cast(pl.String) if c.allowed else pl.col(c.name) for c in contract.columns]
        write_frame(contract.schema.cast(frame).lazy().select(plain).sort(contract.key), path, fingerprint)


def _targets(store: Store, part: RawPart, buckets: tuple[Bucket, ...]) -> dict[Path, Bucket | None]:
    folder = store.folder(part.table)
    if part.id_column is None:
        return {folder / WHOLE / f"{part.name}.parquet": None}
    return {folder / bucket.name / f"{part.name}.parquet": bucket for bucket in buckets}


def _fingerprint(part: RawPart, origin: Origin) -> str:
    facts = (LANDING_VERSION, origin.reader_version, part.sha256, part.source_file, part.cycle_code)
    facts += (sha256(origin.key).hexdigest(),)
    return sha256(repr(facts).encode()).hexdigest()


def _write(
    connection: duckdb.DuckDBPyConnection,
    part: RawPart,
    targets: dict[Path, Bucket | None],
    aside: Path,
    origin: Origin,
    fingerprint: str,
    log: ChangeLog,
) -> int:
    provenance = [
        pl.lit(origin.source_id).alias("source_id"),
        pl.lit(origin.drop_id).alias("drop_id"),
        pl.lit(part.source_file).alias("source_file"),
        pl.lit(part.cycle_code).alias("cycle_code"),
    ]
    rows = (
        part.load()
        .with_row_index("source_row", offset=1)
        .with_columns(pl.col("source_row").cast(pl.Int64), *provenance)
    )
    usable = rows if part.id_column is None else rows.filter(pl.col(part.id_column).is_not_null())
    rejected = (
        CONTRACTS["raw.rejected_row"].empty()
        if part.id_column is None
        else rows.filter(pl.col(part.id_column).is_null()).select(
            "source_id",
            "source_file",
            "source_row",
            pl.lit("no_person_key").alias("rule_code"),
            pl.lit(f"{part.id_column} is empty or not a whole number; correct the file and land it again").alias(
                "reason"
            ),
            "drop_id",
        )
    )
    connection.register("part_rows", usable.to_arrow())
    if part.id_column is None:
        relation = "part_rows"
    else:
        relation = key_persons(connection, "part_rows", part.id_column, origin.source_id, origin.key)
    for path, bucket in targets.items():
        where = f" where {SLOT_SQL} between {bucket.first} and {bucket.last}" if bucket else ""
        order = "person_id, source_row" if bucket else "source_row"

        def record(partial: Path, path: Path = path) -> None:
            log.record(connection, path, partial)

        write_query(connection, f"select * from {relation}{where} order by {order}", path, fingerprint, record)
    connection.unregister("part_rows")
    write_frame(rejected.lazy(), aside, fingerprint)
    return rejected.height


def _remove_others(connection: duckdb.DuckDBPyConnection, store: Store, keep: set[Path], log: ChangeLog) -> None:
    population = {store.path(table, None) for table in ("raw.manifest", "raw.missing_piece")}
    for path in (store.settings.data / "raw").rglob("*.parquet"):
        if path not in keep and path not in population:
            log.record(connection, path, None)
            path.unlink()
