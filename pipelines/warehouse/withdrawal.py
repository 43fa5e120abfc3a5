"""Withdrawal: people leave every layer, the working record, the log of changes and every build, and a proof stays.

Steps, each safe to die after: a note of what was asked (`withdrawal.json`), the list (`tombstone`), rows out of every file,
accounts, a new publication or none, old builds out, the proof, the note out. The same command, or the next publication,
completes what is missing. Looking for people is `person_scan`; computing and judging anew belongs to the caller.
"""

import datetime as dt
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.errors import BadInput
from pipelines.settings import Settings
from pipelines.warehouse import ledger, quality_trend, release_ledger, tombstone
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.engine import connect, literal
from pipelines.warehouse.identity import Identities
from pipelines.warehouse.landing import write_population
from pipelines.warehouse.parquet import (
    FINGERPRINT,
    atomic,
    column_names,
    facts_of,
    fingerprint_of,
    row_count,
    sweep_partials,
    write_query,
)
from pipelines.warehouse.person_scan import put_list, rows_of, stored_parquet
from pipelines.warehouse.publish import current_build
from pipelines.warehouse.store import Store
from pipelines.warehouse.typed_cell import native_id

NOTE = "withdrawal.json"
PROOFS = "withdrawals"
TAKEN_BACK = (
    "the published build held people who withdrew and was taken back: run `trabecula nightly` to publish one without"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A withdrawal under way: what was asked and what was there before it. Counts and hashes only.

    Attributes:
        ids: distinct ids asked for; found: those of them of whom any row was stored.
        list_sha256: hash of the person ids asked for; everybody_sha256: of the whole list with them.
        rows_before: layer -> rows of people to be removed, when it began.
        is_removed: everything is removed but aggregates in the working record, which the next run computes.
    """

    source_id: str
    asked_at: str
    ids: int
    known: int
    found: int
    list_sha256: str
    everybody_sha256: str
    rows_before: Mapping[str, int]
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of a withdrawal: its proof, builds that were deleted, whether the published one was among them."""

    proof: Path | None
    builds_removed: int
    was_unpublished: bool


def person_ids(settings: Settings, source: str, key: bytes, native: Sequence[str]) -> frozenset[int]:
    """The person ids of native ids, by the rule and the code that landing uses.

    Raises:
        BadInput: some cannot be an id (how many, never which).
    """
    given = pl.DataFrame({"native": list(native)}, {"native": pl.String})
    read = native_id("native", "VARCHAR")
    with connect(settings) as connection:
        connection.register("asked_for", given.to_arrow())
        row = connection.execute(f"select count(*) from asked_for where {read} is null").fetchone()
        if row and row[0]:
            raise BadInput(f"--ids: {row[0]} of {len(native)} are empty or no ids: leave them out, or correct them")
        identities = Identities(connection, source, key)
        identities.open()
        identities.add("asked_for", read)
        return frozenset(person for (person,) in connection.execute("select person_id from identity").fetchall())


def begin(settings: Settings, source: str, ids: frozenset[int]) -> Asked:
    """Write down what is asked, then put the people on the list: from here on no landing takes them in."""
    sweep_partials(settings.home)
    already = tombstone.withdrawn(settings)
    everybody = already | ids
    there = rows_of(settings, stored_parquet(settings.home), everybody)
    there = there.filter(pl.col("file") != str(settings.landing / tombstone.FILE))
    before, found = _by_layer(settings, there), there.filter(pl.col("person_id").is_in(sorted(ids)))
    earlier = pending(settings)
    listed = tombstone.digest(ids)
    asked = Asked(
        source_id=source,
        asked_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        ids=len(ids),
        known=len(ids & already),
        found=found["person_id"].n_unique(),
        list_sha256=listed,
        everybody_sha256=tombstone.digest(everybody),
        rows_before=before,
    )
    if earlier is not None and earlier.list_sha256 == listed:
        asked = earlier  # the same command again: what was there before the first try is gone by now
    elif earlier is not None and not earlier.is_removed:
        asked = replace(asked, rows_before=_most(earlier.rows_before, before))
    _note(settings, asked)
    tombstone.add(settings, ids)
    return asked


def remove_rows(settings: Settings) -> int:
    """Take everybody on the list out of the working record and the log of changes, file by file; returns the rows of the record.

    A changed file says so in its fingerprint, so the runner computes what depends on it.
    """
    ids = tombstone.withdrawn(settings)
    files = (*stored_parquet(settings.data), *stored_parquet(ChangeLog(settings).folder))
    there = rows_of(settings, files, ids)
    digest = tombstone.digest(ids)
    with connect(settings) as connection:
        connection.execute("set preserve_insertion_order = true")
        put_list(connection, ids)
        for name in sorted(set(there["file"])):
            path = Path(name)
            facts = facts_of(path)
            mark = sha256(f"{facts.pop(FINGERPRINT, '')}{digest}".encode()).hexdigest()
            rows = f"read_parquet({literal(path)}, hive_partitioning = false)"
            query = f"select * from {rows} anti join withdrawn using (person_id)"
            write_query(connection, query, path, mark, facts=facts)
    shutil.rmtree(settings.spill, ignore_errors=True)
    if not there.is_empty():
        quality_trend.forget(settings)
        release_ledger.forget_estimates(settings)
        for table in ("raw.previous_histogram", "raw.previous_evidence"):
            Store(settings).path(table, None).unlink(missing_ok=True)
    _account(settings, digest)
    return int(there.filter(pl.col("file").str.starts_with(f"{settings.data}/"))["n"].sum())


def settle(settings: Settings, published: str | None = None) -> Settled:
    """Delete every build that holds people who withdrew, leave the proof, close the note. Nothing to do: does nothing.

    Args:
        published: the build just published from the cleansed record; None: there is none, aggregates stay out of date.

    Raises:
        BadInput: the working record still holds withdrawn people, so this publication would too; it was taken back.
    """
    asked = pending(settings)
    if asked is None:
        return Settled(None, 0, was_unpublished=False)
    ids = tombstone.withdrawn(settings)
    if asked.everybody_sha256 != tombstone.digest(ids):  # it died before anybody was put on the list
        _note_path(settings).unlink(missing_ok=True)
        return Settled(None, 0, was_unpublished=False)
    left = remove_rows(settings)
    removed, was_unpublished = _remove_builds(settings, ids)
    if asked.is_removed:
        proof = None
    else:
        proof = _prove(settings, asked, ids, removed, published if not was_unpublished else None)
        _note(settings, replace(asked, is_removed=True))
    if left and published:
        raise BadInput(f"{settings.home}: {left} rows of people who withdrew were still there: {TAKEN_BACK}")
    if published:
        _note_path(settings).unlink(missing_ok=True)
    return Settled(proof, removed, was_unpublished)


def close(settings: Settings) -> None:
    """Nothing was stored of the people: no aggregate is out of date."""
    _note_path(settings).unlink(missing_ok=True)


def pending(settings: Settings) -> Asked | None:
    """The withdrawal that is not completed, if any."""
    try:
        return Asked(**json.loads(_note_path(settings).read_text()))
    except FileNotFoundError:
        return None


def require_settled(settings: Settings) -> None:
    """Refuse to show what a withdrawal has yet to remove.

    Raises:
        BadInput: a withdrawal is not completed, or its aggregates are not computed anew.
    """
    if pending(settings) is not None:
        raise BadInput(
            f"{settings.home}: a withdrawal is not completed: give the same `trabecula withdraw` again, or run "
            "`trabecula nightly`, which computes every aggregate without these people"
        )


def require_nobody_withdrew(settings: Settings, build_id: str) -> None:
    """Before a kept build is shown again.

    Raises:
        BadInput: it holds people who withdrew.
    """
    ids = tombstone.withdrawn(settings)
    if ids and not rows_of(settings, stored_parquet(settings.builds / build_id), ids).is_empty():
        raise BadInput(
            f"build {build_id} holds people who withdrew and cannot be published again: run `trabecula nightly`"
        )


def _account(settings: Settings, digest: str) -> None:
    """Bring ledger and manifest in line with the files, from the files: the same again however often it is done.

    A part whose count of rejected rows or of top-coded years may include these people keeps its old entry: it is landed again.
    """
    store = Store(settings)
    path = store.path("raw.manifest", None)
    if not path.exists():
        return
    counted: dict[str, tuple[int, int]] = {}
    for entry in ledger.entries(settings):
        held = [store.folder(entry.table) / bucket / f"{entry.name}.parquet" for bucket in entry.files]
        is_person = any("person_id" in (column_names(file) or ()) for file in held)
        rows = row_count(tuple(file for file in held if file.exists())) if is_person else entry.rows
        gone = entry.rows_read - rows - entry.rows_rejected
        counted[entry.source_file] = (entry.rows_read - gone, gone)
        is_known = not entry.rejected and "top-coded" not in entry.note and not entry.table.startswith("raw.nhanes_")
        if is_known or (not is_person and not entry.table.startswith("raw.nhanes_")):
            files = {file.parent.name: fingerprint_of(file) or "" for file in held}
            ledger.write(settings, replace(entry, withdrawn=digest, files=files, rows=rows, rows_withdrawn=gone))
    found = pl.read_parquet(path)
    if "latest_on" not in found.columns:  # landed by an earlier version
        found = found.with_columns(pl.lit(None, pl.Date).alias("latest_on"))
    now = pl.DataFrame(
        [(file, *numbers) for file, numbers in counted.items()],
        schema={"source_file": pl.String, "kept": pl.Int64, "gone": pl.Int64},
        orient="row",
    )
    frame = (
        found.join(now, on="source_file", how="left")
        .with_columns(
            pl.coalesce("kept", "rows_in").alias("rows_in"),
            pl.coalesce("gone", "rows_withdrawn").alias("rows_withdrawn"),
        )
        .select(found.columns)
    )
    if not frame.equals(found):
        write_population(settings, "raw.manifest", frame, sha256(frame.write_csv().encode()).hexdigest())


def _remove_builds(settings: Settings, ids: Iterable[int]) -> tuple[int, bool]:
    """Delete the builds with these people; the published one, if it is among them, is first taken from the readers."""
    folders = [folder for folder in sorted(settings.builds.glob("*")) if folder.is_dir()]
    held = [f for f in folders if not rows_of(settings, stored_parquet(f), ids).is_empty()]
    current = current_build(settings)
    was_unpublished = any(folder.name == current for folder in held)
    if was_unpublished:
        (settings.home / "current").unlink()
    for folder in held:
        shutil.rmtree(folder)
    return len(held), was_unpublished


def _prove(settings: Settings, asked: Asked, ids: frozenset[int], removed: int, published: str | None) -> Path:
    """Write the proof: counts before and after, hashes of lists; no id and no value of anybody."""
    there = rows_of(settings, stored_parquet(settings.home), ids)
    after = _by_layer(settings, there.filter(pl.col("file") != str(settings.landing / tombstone.FILE)))
    told: dict[str, Any] = asdict(asked)
    told.pop("is_removed")
    told["completed_at"] = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    told["rows_after"] = {layer: after.get(layer, 0) for layer in asked.rows_before} | after
    told["builds_removed"] = removed
    told["published_build"] = published
    stamp = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}"[:18]
    path = settings.home / PROOFS / f"{stamp}.json"
    with atomic(path) as partial:
        partial.write_text(json.dumps(told, indent=2) + "\n")
    return path


def _by_layer(settings: Settings, rows: pl.DataFrame) -> dict[str, int]:
    """Rows by layer of the working record; builds and the log of changes are layers of their own."""
    layers: dict[str, int] = {}
    for file, n in rows.select("file", "n").iter_rows():
        parts = Path(file).relative_to(settings.home).parts
        layer = parts[1] if parts[0] == "data" else {"state": "change log"}.get(parts[0], parts[0])
        layers[layer] = layers.get(layer, 0) + n
    return dict(sorted(layers.items()))


def _most(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {layer: max(one.get(layer, 0), other.get(layer, 0)) for layer in sorted({*one, *other})}


def _note_path(settings: Settings) -> Path:
    return settings.landing / NOTE


def _note(settings: Settings, asked: Asked) -> None:
    with atomic(_note_path(settings)) as partial:
        partial.write_text(json.dumps(asdict(asked), indent=2) + "\n")
