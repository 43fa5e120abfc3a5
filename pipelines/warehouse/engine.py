"""DuckDB connections with every limit stated: memory, spill, threads, no extensions from the network."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path

import duckdb
import polars as pl

from pipelines.errors import DiskFull
from pipelines.settings import Settings


def connect(
    settings: Settings, *, database: Path | None = None, threads: int | None = None, memory_gb: float | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection that spills to HOME/spill instead of growing, and never asks the network for an extension."""
    settings.spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        str(database) if database else ":memory:",
        config={
            "memory_limit": f"{memory_gb or settings.memory_gb}GB",
            "temp_directory": str(settings.spill),
            "threads": threads or settings.threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    connection.execute("set timezone = 'UTC'")
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set enable_progress_bar = false")
    return connection


def connect_read_only(database: Path) -> duckdb.DuckDBPyConnection:
    """A reader of a published file: no writes, no other files but the ones its views name.

    Raises:
        duckdb.IOException: the file does not exist.
    """
    return duckdb.connect(str(database), read_only=True)


@contextmanager
def told_when_full(settings: Settings) -> Generator[None]:
    """Says a full disk as what it is.

    Raises:
        DiskFull: the engine or the system found no space.
    """
    try:
        yield
    except (OSError, duckdb.IOException, pl.exceptions.ComputeError) as error:
        # The engines pass on the words of the system, not its number.
        for code in (ENOSPC, EDQUOT, EFBIG):
            if getattr(error, "errno", None) != code and os.strerror(code) not in str(error):
                continue
            raise DiskFull(
                f"{settings.home}: {os.strerror(code)}: free space there (data, spill and builds lie in it) and run "
                "again; nothing was published"
            ) from error
        raise


def quoted(name: str) -> str:
    """An identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | Path) -> str:
    """A string literal, quoted: for paths and comments in statements that take no parameters."""
    return "'" + str(value).replace("'", "''") + "'"
