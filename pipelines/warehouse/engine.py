"""DuckDB connections with every limit stated: memory, spill, threads, no extensions from the network."""

import atexit
import os
import shutil
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import duckdb
import polars as pl

from pipelines.errors import DiskFull
from pipelines.settings import Settings

# What engines raise where the machine refused them, as far as they tell it from a fault of the statement or the rows.
_REFUSED_BY_MACHINE = (
    *(duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException),
    *(pl.exceptions.ComputeError, sqlite3.OperationalError),
)
_SCRATCH = "scratch-"
_FULL_SQLITE = "database or disk is full"
# With less than this no step ends well, whatever stopped it.
_LEAST_FREE_BYTES = 16 * 2**20
_numbers = count(1)
_choosing = Lock()
# Engines of this process that nobody uses, all with the same limits.
_idle: dict[str, list[duckdb.DuckDBPyConnection]] = {}


@atexit.register
def _end_idle() -> None:
    """Close engines that nobody uses."""
    while _idle:
        for root in _idle.popitem()[1]:
            root.close()


@contextmanager
def connect(
    settings: Settings, *, database: Path | None = None, threads: int | None = None, memory_gb: float | None = None
) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection that spills to HOME/spill instead of growing, and never asks the network for an extension.

    Without a file it has an empty database of its own in memory, gone afterwards, in an engine that stays: to start one takes
    35 ms, a database in it 6 ms, and a run asks some four hundred times.
    """
    settings.spill.mkdir(parents=True, exist_ok=True)
    limits: dict[str, str | float | list[str]] = {
        "memory_limit": f"{memory_gb or settings.memory_gb}GB",
        "temp_directory": str(settings.spill),
        "threads": threads or settings.threads,
        # What an idle engine has freed goes back to the system within seconds; its allocator keeps it otherwise.
        "allocator_background_threads": True,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if database:
        with duckdb.connect(str(database), config=limits) as connection:
            _set(connection)
            yield connection
        return
    name = f"work_{next(_numbers)}"
    with _engine(limits) as outside:
        outside.execute(f"attach ':memory:' as {name}")
        with outside.cursor() as connection:
            _set(connection)
            connection.execute(f"use {name}")
            yield connection
        outside.execute(f"detach {name}")
        # What was read of files is forgotten: memory is for the next step, whatever engine that has.
        outside.execute("set enable_external_file_cache = false")
        outside.execute("set enable_external_file_cache = true")


@contextmanager
def _engine(limits: dict[str, str | float | list[str]]) -> Generator[duckdb.DuckDBPyConnection]:
    """An engine with these limits, for one at a time: its memory is not shared. It stays until other limits are asked for.

    One in which something failed ends: after a fatal error every later statement would fail too.
    """
    key = repr(limits)
    with _choosing:
        if key not in _idle:
            _end_idle()
        kept = _idle.get(key)
        root = kept.pop() if kept else None
    root = root or duckdb.connect(config=limits)
    try:
        yield root
    except BaseException:
        root.close()
        raise
    with _choosing:
        if key not in _idle:
            _end_idle()
        _idle.setdefault(key, []).append(root)


def _set(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("set timezone = 'UTC'")
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set enable_progress_bar = false")


def sweep_spill(settings: Settings) -> None:
    """Remove what engines of a killed run had spilled; whoever calls holds the home, so nobody spills there."""
    for path in settings.spill.glob("duckdb_temp*"):
        path.unlink(missing_ok=True)
    for folder in settings.spill.glob(f"{_SCRATCH}*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch_folder(settings: Settings) -> Generator[Path]:
    """A folder in HOME/spill for files of a moment; what a killed run leaves of it is swept by the next landing."""
    settings.spill.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=_SCRATCH, dir=settings.spill) as folder:
        yield Path(folder)


def connect_read_only(database: Path) -> duckdb.DuckDBPyConnection:
    """A reader of a published file: no writes, no other files but the ones its views name.

    Raises:
        duckdb.IOException: the file does not exist.
    """
    return duckdb.connect(str(database), read_only=True)


def connect_confined(database: Path) -> duckdb.DuckDBPyConnection:
    """A reader for statements that somebody typed: besides the file it reaches the data of its own build and nothing else.

    No other file is read or written, nothing attached, no extension loaded, and no statement can undo that.

    Raises:
        duckdb.IOException: the file does not exist.
    """
    build = database.resolve()
    reader = duckdb.connect(str(build), read_only=True)
    reader.execute(f"set allowed_directories = [{literal(build.parent / 'data')}]")
    for fixed in ("enable_external_access = false", "lock_configuration = true"):
        reader.execute(f"set {fixed}")
    return reader


@contextmanager
def told_when_full(settings: Settings) -> Generator[None]:
    """Says a full disk as what it is.

    Raises:
        DiskFull: the engine or the system found no space.
    """
    try:
        yield
    except Exception as error:
        refused = getattr(error, "orig", error)  # what SQLAlchemy wraps
        if not isinstance(refused, (OSError, *_REFUSED_BY_MACHINE)):
            raise
        said = _full_in_words(refused)
        # Not every engine says why it failed; what it had written by then may be gone, so a little is free again.
        if said is None and not isinstance(refused, OSError):
            free = shutil.disk_usage(settings.home).free
            said = f"{free / 2**20:.0f} MB free" if free < _LEAST_FREE_BYTES else None
        if said is None:
            raise
        raise DiskFull(
            f"{settings.home}: {said}: free space there (data, spill and builds lie in it) and run again; nothing was "
            "published"
        ) from error


def _full_in_words(error: BaseException) -> str | None:
    """What an error says of a full disk: the engines pass on the words of the system, not its number."""
    for code in (ENOSPC, EDQUOT, EFBIG):
        if getattr(error, "errno", None) == code or os.strerror(code) in str(error):
            return os.strerror(code)
    return _FULL_SQLITE if _FULL_SQLITE in str(error) else None


def quoted(name: str) -> str:
    """An identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | Path) -> str:
    """A string literal, quoted: for paths and comments in statements that take no parameters."""
    return "'" + str(value).replace("'", "''") + "'"
