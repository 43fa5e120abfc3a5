"""Landing: delivered parts become raw Parquet, bucketed by person, verbatim but for the id. Sources read; this writes.

A part (one source file) is written again only if its bytes, its reader, the key or the bucket layout changed, or, where it has
years of birth, if people were seen so late that another year must be raised. Parts come as
frames (surveys) or declared column by column, of any size (`bulk`). Before a raw file of people is replaced or removed,
`ChangeLog.record` is told: steps compute only the people it names.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeGuard

import duckdb
import polars as pl

from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse import ledger
from pipelines.warehouse.bucket import SLOT_SQL, Bucket
from pipelines.warehouse.bulk import BULK_VERSION, BulkPart, Writer, sweep_spool
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.engine import connect, told_when_full
from pipelines.warehouse.identity import Identities, key_persons
from pipelines.warehouse.parquet import fingerprint_of, write_frame, write_query
from pipelines.warehouse.store import WHOLE, Store
from pipelines.warehouse.year_seen import collect_years, parts_that_tell_an_age

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


AnyPart = RawPart | BulkPart


@dataclass(frozen=True, slots=True)
class Origin:
    """What all parts of a delivery share: source, delivery, version of the reader, and the key of the person ids.

    `withdrawn`: person ids that are never landed. `date_shift_days`: by how much a person's dates are moved at most.
    """

    source_id: str
    drop_id: str
    reader_version: str
    key: bytes
    date_shift_days: int = 0
    withdrawn: frozenset[int] = frozenset()

    @property
    def withdrawn_digest(self) -> str:
        """Hash of the list of people who withdrew; empty where nobody did."""
        return sha256(repr(sorted(self.withdrawn)).encode()).hexdigest() if self.withdrawn else ""


@dataclass(frozen=True, slots=True)
class Landed:
    """What landing did: parts written, parts found current, rows rejected, and the ledger entry of every part."""

    written: int
    current: int
    rejected: int
    entries: tuple[ledger.Entry, ...] = field(default=(), compare=False, repr=False)


def land(
    parts: Iterable[AnyPart],
    settings: Settings,
    buckets: tuple[Bucket, ...],
    origin: Origin,
    on_part: Callable[[AnyPart, bool], None] = lambda part, was_current: None,
    confirm: Callable[[], None] = lambda: None,
    again: Callable[[AnyPart], bool] = lambda part: False,
) -> Landed:
    """Write the parts that changed, and those that are asked for `again`, then remove raw files that belong to none of them.

    `confirm` raises if the input is no longer what was examined. It is asked before a part is remembered: rows of one file under
    the hash of another would pass for landed once the file is put back.
    """
    store = Store(settings)
    keep: set[Path] = set()
    entries: list[ledger.Entry] = []
    written = rejected = 0
    wanted = _facts(parts, buckets, origin)
    coded = [(part, facts) for part, facts in wanted if _is_coded(part)]
    seen = _digest_of(facts for part, facts in wanted if not _is_coded(part))
    raised: frozenset[str] | None = None
    sweep_spool(settings)
    log = ChangeLog(settings)
    with told_when_full(settings), connect(settings) as connection:
        _open_lists(connection, origin)
        identities = Identities(connection, origin.source_id, origin.key, origin.date_shift_days)
        identities.open()
        writer = Writer(connection, settings, origin.source_id, identities, buckets, log)
        for part, facts in wanted:
            aside = _aside(store, part)
            entry = None if again(part) else _current(store, part, facts, buckets, origin)
            if _is_coded(part) and (entry is None or entry.seen != seen):
                if raised is None:
                    people = [each for each, _ in coded]
                    collect_years(connection, store, entries[: len(wanted) - len(coded)], identities, people)
                    sound = [each for each, known in coded if _current(store, each, known, buckets, origin)]
                    raised = parts_that_tell_an_age(connection, store, sound)
                entry = (
                    None if entry is None or entry.rows_top_coded or part.name in raised else replace(entry, seen=seen)
                )
                if entry:
                    ledger.write(settings, entry)
            is_current = entry is not None
            if entry is None:
                if _is_frame(part):
                    entry = _write(connection, part, _targets(store, part, buckets), aside, origin, facts, log)
                elif _is_bulk(part):
                    entry = _write_bulk(writer, part, store, aside, facts, origin, seen if _is_coded(part) else "")
                else:
                    raise TypeError(f"{part.table}: neither a frame nor declared column by column")
                confirm()
                ledger.write(settings, entry)
                rejected += entry.rows_rejected
                written += 1
            keep.add(aside)
            keep.update(store.folder(part.table) / bucket / f"{part.name}.parquet" for bucket in entry.files)
            entries.append(entry)
            on_part(part, is_current)
        _remove_others(connection, store, keep, entries, log)
    return Landed(written, len(entries) - written, rejected, tuple(entries))


def stale(
    parts: Iterable[AnyPart],
    settings: Settings,
    buckets: tuple[Bucket, ...],
    origin: Origin,
    again: Callable[[AnyPart], bool] = lambda part: False,
) -> tuple[AnyPart, ...]:
    """The parts that `land` would write: what the guard has to look at before anything is written."""
    store = Store(settings)
    return tuple(
        part
        for part, facts in _facts(parts, buckets, origin)
        if again(part) or not _current(store, part, facts, buckets, origin)
    )


def write_population(settings: Settings, table: str, frame: pl.DataFrame, fingerprint: str) -> None:
    """Write a raw table that is not about persons (manifest, missing pieces); kept as it is where nothing changed."""
    path = Store(settings).path(table, None)
    if fingerprint_of(path) != fingerprint:
        contract = CONTRACTS[table]
        plain = [pl.col(c.name).cast(pl.String) if c.allowed else pl.col(c.name) for c in contract.columns]
        write_frame(contract.schema.cast(frame).lazy().select(plain).sort(contract.key), path, fingerprint)


def _is_bulk(part: AnyPart) -> TypeGuard[BulkPart]:
    return not hasattr(part, "load")


def _is_frame(part: AnyPart) -> TypeGuard[RawPart]:
    return hasattr(part, "load")


def _is_coded(part: AnyPart) -> TypeGuard[BulkPart]:
    """Whether years of birth are raised in it, by what all other parts tell."""
    return _is_bulk(part) and part.top_coded_year is not None


def _facts(parts: Iterable[AnyPart], buckets: tuple[Bucket, ...], origin: Origin) -> list[tuple[AnyPart, str]]:
    """Each part with the hash of what decides its rows, its own years of birth apart: such parts come last."""
    found = [(part, _part_facts(part, buckets, origin)) for part in parts]
    return sorted(found, key=lambda each: _is_coded(each[0]))


def _digest_of(facts: Iterable[str]) -> str:
    return sha256("".join(sorted(facts)).encode()).hexdigest()


def _part_facts(part: AnyPart, buckets: tuple[Bucket, ...], origin: Origin) -> str:
    key = sha256(origin.key).hexdigest()
    if not _is_bulk(part):
        facts = (LANDING_VERSION, origin.reader_version, part.sha256, part.source_file, part.cycle_code, key)
        digest = origin.withdrawn_digest
        return sha256(repr((*facts, digest) if digest else facts).encode()).hexdigest()
    read = (part.reader_version, part.sha256, sorted(part.columns.items()), sorted(part.kinds.items()), part.id_column)
    known = (part.source_file, part.drop.drop_id, part.drop.sequence, part.cycle_code, part.top_coded_year)
    kept = (key, origin.source_id, origin.reader_version, origin.date_shift_days, len(buckets))
    return sha256(repr((LANDING_VERSION, BULK_VERSION, read, known, kept)).encode()).hexdigest()


def _aside(store: Store, part: AnyPart) -> Path:
    return store.folder("raw.rejected_row") / WHOLE / f"{part.table.split('.')[1]}.{part.name}.parquet"


def _current(
    store: Store, part: AnyPart, facts: str, buckets: tuple[Bucket, ...], origin: Origin
) -> ledger.Entry | None:
    """The entry of a part whose files are all there as the ledger says; None where it must be written."""
    entry = ledger.read(store.settings, part.table, part.name)
    if entry is None or (entry.facts, entry.withdrawn) != (facts, origin.withdrawn_digest):
        return None
    if fingerprint_of(_aside(store, part)) != facts:
        return None
    if _is_frame(part) and set(entry.files) != {path.parent.name for path in _targets(store, part, buckets)}:
        return None
    folder = store.folder(part.table)
    held = {bucket: fingerprint_of(folder / bucket / f"{part.name}.parquet") for bucket in entry.files}
    return entry if held == dict(entry.files) else None


def _open_lists(connection: duckdb.DuckDBPyConnection, origin: Origin) -> None:
    connection.register(
        "given", pl.DataFrame({"person_id": sorted(origin.withdrawn)}, {"person_id": pl.Int64}).to_arrow()
    )
    connection.execute("create or replace temp table withdrawn as select person_id from given")
    connection.unregister("given")
    connection.execute("create or replace temp table year_seen (person_id bigint, year_seen bigint)")


def _write_bulk(
    writer: Writer, part: BulkPart, store: Store, aside: Path, facts: str, origin: Origin, seen: str
) -> ledger.Entry:
    done = writer.write(part, store.folder(part.table), aside, facts)
    note = f"{done.rows_top_coded} years of birth top-coded (age over 89)" if done.rows_top_coded else ""
    if origin.date_shift_days and part.id_column:
        note = "; ".join(filter(None, (note, f"dates moved by up to {origin.date_shift_days} days a person")))
    return ledger.Entry(
        part.table,
        part.name,
        part.source_file,
        facts,
        origin.withdrawn_digest,
        done.files,
        done.rows_read,
        done.rows,
        done.rejected,
        done.rows_withdrawn,
        note,
        done.rows_top_coded,
        seen,
    )


def _targets(store: Store, part: RawPart, buckets: tuple[Bucket, ...]) -> dict[Path, Bucket | None]:
    folder = store.folder(part.table)
    if part.id_column is None:
        return {folder / WHOLE / f"{part.name}.parquet": None}
    return {folder / bucket.name / f"{part.name}.parquet": bucket for bucket in buckets}


def _write(
    connection: duckdb.DuckDBPyConnection,
    part: RawPart,
    targets: dict[Path, Bucket | None],
    aside: Path,
    origin: Origin,
    fingerprint: str,
    log: ChangeLog,
) -> ledger.Entry:
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
        connection.execute("delete from keyed where person_id in (select person_id from withdrawn)")
    landed = 0
    for path, bucket in targets.items():
        where = f" where {SLOT_SQL} between {bucket.first} and {bucket.last}" if bucket else ""
        order = "person_id, source_row" if bucket else "source_row"
        query = f"select * from {relation}{where} order by {order}"
        landed += write_query(connection, query, path, fingerprint, log.before(connection, path))
    connection.unregister("part_rows")
    write_frame(rejected.lazy(), aside, fingerprint)
    return ledger.Entry(
        table=part.table,
        name=part.name,
        source_file=part.source_file,
        facts=fingerprint,
        withdrawn=origin.withdrawn_digest,
        files={path.parent.name: fingerprint for path in targets},
        rows_read=rows.height,
        rows=landed,
        rejected={f"no_person_key: {part.id_column} is empty": rejected.height} if rejected.height else {},
        rows_withdrawn=usable.height - landed,
    )


def _remove_others(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    keep: set[Path],
    entries: Sequence[ledger.Entry],
    log: ChangeLog,
) -> None:
    kept_whole = (
        "raw.manifest",
        "raw.missing_piece",
        "raw.previous_histogram",
        "raw.previous_evidence",
        "raw.planted_truth",
    )
    population = {store.path(table, None) for table in kept_whole}
    for path in (store.settings.data / "raw").rglob("*.parquet"):
        if path not in keep and path not in population:
            log.record(connection, path, None)
            path.unlink()
    kept = {(entry.table, entry.name) for entry in entries}
    for entry in ledger.entries(store.settings):
        if (entry.table, entry.name) not in kept:
            ledger.forget(store.settings, entry)
