"""Publishing: a build beside the published one, checked, then one symlink renamed. Readers never see a mixture.

`warehouse.duckdb` is for analysts on this machine (everything); `release.duckdb` and the report hold `mart` alone.
"""

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import duckdb
import polars as pl

from pipelines.errors import BlockedByCheck
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings, project_root, sql_root
from pipelines.tables import CONTRACTS, Contract
from pipelines.warehouse import quality_trend, released_quality, telling
from pipelines.warehouse.engine import connect, connect_read_only, literal, quoted
from pipelines.warehouse.parquet import fsync
from pipelines.warehouse.store import Store

# Readers of DuckDB 1.4 and later can open the files.
STORAGE_VERSION = "v1.4.0"
LINKS = ("warehouse.duckdb", "release.duckdb", "report")
COMPLETE = "build.json"
# Macros that read `mart` alone are in both files; what reads codes or people only where those are.
MACROS, WAREHOUSE_MACROS = "macros.sql", "warehouse_macros.sql"
RESTS_ON = "rests_on.json"
BuildReport = Callable[[Mapping[str, pl.DataFrame], Path], Path]


@dataclass(frozen=True, slots=True)
class Build:
    """A published build: its id, folder, and how many gates it has, are closed and are waived."""

    build_id: str
    folder: Path
    gates: int
    gates_closed: int
    gates_waived: int
    tables: int


def publish(
    settings: Settings,
    run: RunFacts,
    drop_id: str,
    code_version: str,
    build_report: BuildReport,
    rest_on: pl.DataFrame | None = None,
    basis: Mapping[str, str] | None = None,
) -> Build:
    """Build, check, switch, prune. The published build stays as it is if anything here fails.

    Args:
        rest_on: what the verdicts rest on (`quality_trend.versions`); without it a change in the trend has no cause.
        basis: what the estimates rest on (`evidence_basis.basis`), kept with the build for the night after.

    Raises:
        BlockedByCheck: the build does not read back as it should.
    """
    now = dt.datetime.now(dt.UTC)
    build_id = next_build_id(settings, now)
    folder = settings.builds / build_id
    sweep(settings)
    folder.mkdir(parents=True)
    try:
        store = _link_data(Store(settings), folder)
        results = store.scan(quality_trend.RESULTS).collect()
        shown = released_quality.hidden(results, run.min_cell)
        is_public = telling.is_public(run)
        told = (
            None if is_public else telling.told(settings, store, run, shown, build_id, current_build(settings), basis)
        )
        frames = {quality_trend.RESULTS: shown} | ({} if told is None else dict(told.frames))
        kept = results if told is None else frames[quality_trend.RESULTS]
        verdicts = quality_trend.record(kept, rest_on, build_id, now.isoformat(timespec="seconds"))
        gates = store.scan("mart.effect_estimate").collect()
        prevalence = store.scan("mart.bone_prevalence").collect()
        statuses = [
            *gates.unique(["study_id", "contrast", "outcome", "population"])["gate_status"],
            *prevalence["gate_status"],
        ]
        closed, waived = statuses.count("closed"), statuses.count("waived")
        build = Build(build_id, folder, len(statuses), closed, waived, len(CONTRACTS))
        row = {
            "build_id": build_id,
            "built_at": now.isoformat(timespec="seconds"),
            "source_id": run.source,
            "drop_id": drop_id,
            "evidence_source": run.evidence_source,
            "code_version": code_version,
            "lock_hash": _lock_hash(),
            "trabecula_version": _version(),
            "duckdb_version": duckdb.__version__,
            "n_gates": build.gates,
            "n_gates_closed": build.gates_closed,
            "n_gates_waived": build.gates_waived,
        }
        signed = pl.DataFrame([row], schema=CONTRACTS["mart.build"].empty().schema)
        frames["mart.build"] = signed
        frames[quality_trend.TABLE] = quality_trend.trend(settings, verdicts, run.min_cell, is_told=not is_public)
        _write_database(folder / "warehouse.duckdb", store, CONTRACTS.values(), frames, (MACROS, WAREHOUSE_MACROS))
        marts = [contract for contract in CONTRACTS.values() if contract.layer == "mart"]
        _write_database(folder / "release.duckdb", store, marts, frames, (MACROS,))
        with connect_read_only(folder / "release.duckdb") as release:
            mart = {c.name: release.sql(f"from {_qualified(c.name)}").pl() for c in marts}
        build_report(mart, folder / "report")
        _verify(folder)
        (folder / RESTS_ON).write_text(json.dumps({**(basis or {})}, indent=2) + "\n")
        (folder / COMPLETE).write_text(json.dumps(row, indent=2) + "\n")
        _wait_for_disk(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if told is not None:
        told.ledger.keep(settings)
    switch(settings, build_id)
    quality_trend.keep(settings, verdicts, build_id)
    _prune(settings)
    return build


def gate_words(gates: int, closed: int, waived: int) -> str:
    """How many gates are closed, and how many are open by a waiver alone."""
    return f"{closed} of {gates} gates closed" + (f", {waived} open by waiver" if waived else "")


def next_build_id(settings: Settings, now: dt.datetime) -> str:
    """An id that sorts behind every build of this home, also where the clock was set back since the last."""
    told = f"{now:%Y%m%dT%H%M%S%f}"[:18]
    last = max((*complete_builds(settings), current_build(settings) or ""), default="")
    if told > last:
        return told
    then = dt.datetime.strptime(f"{last}000", "%Y%m%dT%H%M%S%f") + dt.timedelta(milliseconds=1)
    return f"{then:%Y%m%dT%H%M%S%f}"[:18]


def switch(settings: Settings, build_id: str) -> None:
    """Point `current` at a build, in one rename; the links of the home go through it."""
    target = settings.home / "current"
    fresh = settings.home / f".current.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("builds") / build_id)
    os.replace(fresh, target)
    fsync(settings.home)
    for name in LINKS:
        link = settings.home / name
        if not link.is_symlink():
            link.symlink_to(Path("current") / name)


def complete_builds(settings: Settings) -> tuple[str, ...]:
    """Builds that were finished, oldest first."""
    return tuple(sorted(path.parent.name for path in settings.builds.glob(f"*/{COMPLETE}")))


def current_build(settings: Settings) -> str | None:
    """The build that readers see."""
    link = settings.home / "current"
    return Path(os.readlink(link)).name if link.is_symlink() else None


def sweep(settings: Settings) -> None:
    """Remove builds that a killed run left unfinished."""
    finished = set(complete_builds(settings))
    for folder in settings.builds.glob("*"):
        if folder.is_dir() and folder.name not in finished:
            shutil.rmtree(folder)
    for link in settings.home.glob(".current.*"):
        link.unlink(missing_ok=True)


def comments(contract: Contract, columns: Iterable[str]) -> list[str]:
    """COMMENT statements of a table or view, one also for every column the contract does not declare."""
    kind = "table" if contract.unit == "population" else "view"
    said = {c.name: c.comment for c in contract.columns}
    statements = [f"comment on {kind} {_qualified(contract.name)} is {literal(contract.comment)}"]
    statements += [
        f"comment on column {_qualified(contract.name)}.{quoted(name)} is "
        + literal(said.get(name, "CDC variable, verbatim; see the survey's codebook"))
        for name in columns
    ]
    return statements


def _link_data(store: Store, folder: Path) -> Store:
    """Hard-link the current files into the build, so that later runs cannot change what it shows."""
    for table in CONTRACTS:
        for path in store.files(table):
            target = folder / path.relative_to(store.settings.home)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    return Store(replace(store.settings, home=folder))


def _write_database(
    path: Path,
    store: Store,
    contracts: Iterable[Contract],
    frames: Mapping[str, pl.DataFrame],
    macros: Iterable[str],
) -> None:
    settings = replace(store.settings, home=store.settings.home.parents[1])
    with connect(settings) as connection:
        connection.execute(f"attach {literal(path)} as built (storage_version '{STORAGE_VERSION}')")
        connection.execute("use built")
        for contract in contracts:
            connection.execute(f"create schema if not exists {quoted(contract.layer)}")
            frame = frames.get(contract.name)
            if frame is not None:
                connection.register("frame", frame.to_arrow())
                relation = f"select {', '.join(quoted(c.name) for c in contract.columns)} from frame"
            else:
                relation = store.relation(connection, contract.name)
            kind = "table" if contract.unit == "population" else "view"
            connection.execute("begin")  # one for all comments: each on its own is a write to the disk
            connection.execute(f"create {kind} {_qualified(contract.name)} as {relation}")
            names = [row[0] for row in connection.execute(f"describe {_qualified(contract.name)}").fetchall()]
            for statement in comments(contract, names):
                connection.execute(statement)
            connection.execute("commit")
            if frame is not None:
                connection.unregister("frame")
        for name in macros:
            connection.execute((sql_root() / name).read_text())
        connection.execute("use memory")
        connection.execute("checkpoint built")
        connection.execute("detach built")
    path.chmod(0o640)


def _wait_for_disk(folder: Path) -> None:
    """Wait until the disk holds a build: its own files, and the names in every folder down to it.

    The files that are linked into it were waited for when they were made.
    """
    linked = folder / "data"
    for path in (*folder.rglob("*"), folder, folder.parent):
        if path.is_dir() or not path.is_relative_to(linked):
            fsync(path)


def _verify(folder: Path) -> None:
    """Open both files as a reader would: everything is there, commented, and every view finds its files."""
    for name in ("warehouse.duckdb", "release.duckdb"):
        with connect_read_only(folder / name) as reader:
            bare = reader.execute(
                """
                select count(*) from (
                    select comment from duckdb_tables() where not internal
                    union all select comment from duckdb_views() where not internal
                    union all select comment from duckdb_columns() where not internal
                    union all select comment from duckdb_functions() where not internal
                ) where comment is null
                """
            ).fetchone()
            if bare and bare[0]:
                raise BlockedByCheck(f"{name}: {bare[0]} tables, columns or macros without a comment")
            for schema, table in reader.execute(
                "select table_schema, table_name from information_schema.tables where table_catalog = current_database()"
            ).fetchall():
                reader.execute(f"select * from {quoted(schema)}.{quoted(table)} limit 1").fetchall()
    with connect_read_only(folder / "release.duckdb") as reader:
        strays = reader.execute(
            "select count(*) from information_schema.tables where table_catalog = current_database() and table_schema <> 'mart'"
        ).fetchone()
        if strays and strays[0]:
            raise BlockedByCheck(f"release.duckdb: {strays[0]} tables outside mart")
    if not (folder / "report" / "index.html").exists():
        raise BlockedByCheck("the report was not written")


def _prune(settings: Settings) -> None:
    current = current_build(settings)
    for build_id in complete_builds(settings)[: -settings.keep_builds]:
        if build_id != current:
            # First what says that it is complete: half a build must not pass for one.
            (settings.builds / build_id / COMPLETE).unlink()
            shutil.rmtree(settings.builds / build_id)


def _qualified(table: str) -> str:
    layer, name = table.split(".")
    return f"{quoted(layer)}.{quoted(name)}"


def _version() -> str:
    from importlib.metadata import version

    return version("trabecula")


def _lock_hash() -> str | None:
    lock = project_root() / "requirements.lock"
    return sha256(lock.read_bytes()).hexdigest() if lock.exists() else None


def code_version(sources: Iterable[str]) -> str:
    """One hash of the code versions of all steps."""
    return sha256("".join(sorted(sources)).encode()).hexdigest()[:16]
