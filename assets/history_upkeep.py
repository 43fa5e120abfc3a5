"""Keeps Dagster's history of a home whole and bounded: damaged files are set aside, runs above `keep_runs` forgotten.

History is for looking back. Working record and builds do not depend on it, so losing it never stops a night.
"""

import datetime as dt
import shutil
import sqlite3
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from pipelines.errors import Busy
from pipelines.settings import Settings
from pipelines.warehouse.lock import writing

ASIDE = "set_aside"
# Folder of DAGSTER_HOME -> its databases that every run needs; the file of one run is needed only to tell how that run ended.
_NEEDED = {"history": ("runs.db", "runs/index.db"), "schedules": ("schedules.db",)}
# A run that is queued has no process yet.
_STILL_GOING = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
# From its start to its first step a run does not hold the home yet.
_STARTING = dt.timedelta(minutes=10)
# Tag of a run whose process is known to be gone: nobody else told how it ended.
GONE = "trabecula/process"


def set_damaged_aside(settings: Settings) -> tuple[str, ...]:
    """Move folders of Dagster with a damaged database out of the way; returns what to tell. The last one moved is kept."""
    told = []
    for folder, names in _NEEDED.items():
        place = settings.dagster_home / folder
        damaged = [name for name in names if (place / name).exists() and not _is_sound(place / name)]
        if not damaged:
            continue
        aside = settings.dagster_home / ASIDE
        shutil.rmtree(aside / folder, ignore_errors=True)
        aside.mkdir(parents=True, exist_ok=True)
        place.rename(aside / folder)
        told.append(
            f"{place / damaged[0]}: damaged; Dagster's {folder} begins anew, the old lies in {aside / folder}; data are "
            "not touched"
        )
    return tuple(told)


def set_aside_at_rest(settings: Settings) -> tuple[str, ...]:
    """`set_damaged_aside` before the UI starts; nothing where a run holds the home, since its history is open."""
    try:
        with writing(settings):
            return set_damaged_aside(settings)
    except Busy:
        return ()


def set_run_aside(instance: dg.DagsterInstance, settings: Settings, run_id: str) -> Path | None:
    """Move the damaged history of one run out of the way, so that its end can be told; returns where it lies now."""
    shards = settings.dagster_home / "history" / "runs"
    if not (shards / f"{run_id}.db").exists() or _is_sound(shards / f"{run_id}.db"):
        return None
    aside = settings.dagster_home / ASIDE / "runs"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for file in shards.glob(f"{run_id}.db*"):
        file.replace(aside / file.name)
    history = instance.event_log_storage
    if isinstance(history, SqliteEventLogStorage):
        # Dagster makes the tables of a file once a process: of the new file it must make them again.
        history._initialized_dbs.discard(run_id)
    return aside / f"{run_id}.db"


def prune(instance: dg.DagsterInstance, settings: Settings) -> int:
    """Forget runs above `keep_runs`, the oldest first, with their logs; returns how many.

    A run that was killed stands as started for ever, and so does its claim to the pool: whoever holds the home's lock knows that
    none is going on.
    """
    records = instance.get_run_records()
    going = set[str]()
    for record in records:
        status = record.dagster_run.status
        if status not in _STILL_GOING:
            continue
        if status == dg.DagsterRunStatus.STARTING and _is_fresh(record):
            going.add(record.dagster_run.run_id)
            continue
        set_run_aside(instance, settings, record.dagster_run.run_id)
        instance.add_run_tags(record.dagster_run.run_id, {GONE: "gone"})
        instance.report_run_failed(record.dagster_run, "the process that ran it is gone")
    history = instance.event_log_storage
    for run_id in history.get_concurrency_run_ids() - going:
        # Dagster leaves them to whoever was killed, and the next night would wait for them for ever.
        history.free_concurrency_slots_for_run(run_id)
    old = [record.dagster_run.run_id for record in records[settings.keep_runs :]]
    for run_id in old:
        _forget(instance, settings, run_id)
    kept = {record.dagster_run.run_id for record in records[: settings.keep_runs]}
    _remove_strangers(settings, kept)
    return len(old)


def keep_house(instance: dg.DagsterInstance, settings: Settings) -> int:
    """The same where nobody holds the home and no run is at its start; returns how many runs were forgotten or closed."""
    going = instance.get_run_records(dg.RunsFilter(statuses=list(_STILL_GOING)))
    claims = instance.event_log_storage.get_concurrency_run_ids()
    if any(_is_fresh(record) for record in going) or not (
        going or claims or instance.get_runs_count() > settings.keep_runs
    ):
        return 0
    try:
        with writing(settings):
            return prune(instance, settings) + len(going)
    except Busy:
        return 0


def _is_fresh(record: dg.RunRecord) -> bool:
    return dt.datetime.now(dt.UTC) - record.update_timestamp < _STARTING


def _forget(instance: dg.DagsterInstance, settings: Settings, run_id: str) -> None:
    history = instance.event_log_storage
    if isinstance(history, SqlEventLogStorage):
        with history.index_connection() as index:
            history.delete_events_for_run(index, run_id)
            index.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id == run_id))
    instance.run_storage.delete_run(run_id)


def _remove_strangers(settings: Settings, kept: set[str]) -> None:
    """Files of runs that are not on record any more."""
    shards = settings.dagster_home / "history" / "runs"
    for path in shards.glob("*.db*"):
        run_id = path.name.partition(".")[0]
        if run_id not in {"index", *kept}:
            path.unlink(missing_ok=True)
    for folder in (settings.dagster_home / "storage").glob("*-*-*-*-*"):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _is_sound(database: Path) -> bool:
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=15)
        try:
            return connection.execute("pragma quick_check(1)").fetchone() == ("ok",)
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        # Somebody else writes there at the moment: a file in use is not a damaged one.
        return "locked" in str(error) or "busy" in str(error)
    except sqlite3.DatabaseError:
        return False
