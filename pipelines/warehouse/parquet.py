"""Parquet files that are either whole or not there, each carrying the fingerprint of what made it."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq

from pipelines.warehouse.engine import literal

FINGERPRINT = "trabecula.fingerprint"
ROW_GROUP = 122_880  # measured: fastest point look-ups, within 10 % of the smallest file
PARTIAL = ".part"
FILE_MODE = 0o640  # records of persons, though de-identified: owner and group only
Check = Callable[[Path], None]


@contextmanager
def atomic(path: Path) -> Generator[Path]:
    """A temporary name beside `path`; on success it is fsynced and renamed over `path`, on failure removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        yield partial
        partial.chmod(FILE_MODE)
        _fsync(partial)
        os.replace(partial, path)
        _fsync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_query(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path, fingerprint: str, check: Check = lambda path: None
) -> int:
    """Write the rows of a query; returns their number. `check` sees the file before it takes its place, and may refuse."""
    with atomic(path) as partial:
        connection.execute(
            f"copy ({query}) to {literal(partial)} (format parquet, compression zstd, compression_level 3, "
            f"row_group_size {ROW_GROUP}, kv_metadata {{{literal(FINGERPRINT)}: {literal(fingerprint)}}})"
        )
        check(partial)
        return pq.read_metadata(partial).num_rows


def write_frame(frame: pl.LazyFrame, path: Path, fingerprint: str, check: Check = lambda path: None) -> int:
    """Write a frame, streaming; returns the number of rows. `check` as in `write_query`."""
    with atomic(path) as partial:
        frame.sink_parquet(
            partial,
            compression="zstd",
            compression_level=3,
            row_group_size=ROW_GROUP,
            metadata={FINGERPRINT: fingerprint},
        )
        check(partial)
        return pq.read_metadata(partial).num_rows


def fingerprint_of(path: Path) -> str | None:
    """The fingerprint a file carries; None where the file is missing, unreadable or not ours."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (OSError, ValueError):
        return None
    value = metadata.get(FINGERPRINT.encode())
    return value.decode() if value else None


def row_count(paths: tuple[Path, ...]) -> int:
    """Rows of several files, from their footers."""
    return sum(pq.read_metadata(path).num_rows for path in paths)


def sweep_partials(folder: Path) -> int:
    """Remove what a killed process left half-written; returns how many files."""
    left = [path for path in folder.rglob(f".*{PARTIAL}") if path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
