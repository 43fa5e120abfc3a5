"""Parquet files that are either whole or not there, each carrying the fingerprint of what made it."""

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.warehouse.engine import literal

FINGERPRINT = "trabecula.fingerprint"
# What a file of people was computed from besides people, and up to which landing: see `delta`.
BASIS = "trabecula.basis"
GENERATION = "trabecula.generation"
ROW_GROUP = 122_880  # measured: fastest point look-ups, within 10 % of the smallest file
PARTIAL = ".part"
FILE_MODE = 0o640  # records of persons, though de-identified: owner and group only
Check = Callable[[Path], None]
NO_FACTS: Mapping[str, str] = MappingProxyType({})
_DIGESTED_BYTES = 64 * 2**20
_BATCH_ROWS = 65_536


@contextmanager
def atomic(path: Path) -> Generator[Path]:
    """A temporary name beside `path`; on success it is fsynced and renamed over `path`, on failure removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        yield partial
        partial.chmod(FILE_MODE)
        fsync(partial)
        os.replace(partial, path)
        fsync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_query(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    fingerprint: str,
    check: Check = lambda path: None,
    facts: Mapping[str, str] = NO_FACTS,
) -> int:
    """Write the rows of a query; returns their number. `check` sees the file before it takes its place, and may refuse."""
    metadata = ", ".join(f"{literal(k)}: {literal(v)}" for k, v in {FINGERPRINT: fingerprint, **facts}.items())
    with atomic(path) as partial:
        connection.execute(
            f"copy ({query}) to {literal(partial)} (format parquet, compression zstd, compression_level 3, "
            f"row_group_size {ROW_GROUP}, kv_metadata {{{metadata}}})"
        )
        check(partial)
        return pq.read_metadata(partial).num_rows


def write_frame(
    frame: pl.LazyFrame,
    path: Path,
    fingerprint: str,
    check: Check = lambda path: None,
    facts: Mapping[str, str] = NO_FACTS,
) -> int:
    """Write a frame, streaming; returns the number of rows. `check` as in `write_query`."""
    with atomic(path) as partial:
        frame.sink_parquet(
            partial,
            compression="zstd",
            compression_level=3,
            row_group_size=ROW_GROUP,
            metadata={FINGERPRINT: fingerprint, **facts},
        )
        check(partial)
        return pq.read_metadata(partial).num_rows


def fingerprint_of(path: Path) -> str | None:
    """The fingerprint a file carries; None where the file is missing, unreadable or not ours."""
    return facts_of(path).get(FINGERPRINT)


def facts_of(path: Path) -> dict[str, str]:
    """What we wrote in the footer of a file; nothing where it is missing, unreadable or not ours."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (OSError, ValueError):
        return {}
    ours = (name for name in metadata if name.startswith(b"trabecula."))
    return {name.decode(): metadata[name].decode() for name in ours}


def column_names(path: Path) -> set[str] | None:
    """Names of the columns of a file; None where it cannot be read."""
    try:
        return set(pq.read_schema(path).names)
    except (OSError, ValueError):
        return None


def content_digest(path: Path) -> str:
    """Digest of the rows of a small file, whatever made it; of a large one its fingerprint, which is never too few."""
    fingerprint = fingerprint_of(path)
    if fingerprint is None or path.stat().st_size > _DIGESTED_BYTES:
        return fingerprint or str(path)
    return _digest(path, fingerprint)


@lru_cache(maxsize=512)
def _digest(path: Path, fingerprint: str) -> str:
    # Not `read_table`: it loads pandas, half a second of every process.
    with pq.ParquetFile(path) as file:
        table = file.read().combine_chunks().replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sha256(sink.getvalue()).hexdigest()


def row_count(paths: tuple[Path, ...]) -> int:
    """Rows of several files, from their footers."""
    return sum(pq.read_metadata(path).num_rows for path in paths)


def sweep_partials(folder: Path, *, is_deep: bool = True) -> int:
    """Remove what a killed process left half-written, in folders below too unless told not; returns how many files."""
    search = folder.rglob if is_deep else folder.glob
    left = [path for path in search(f".*{PARTIAL}") if path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def fsync(path: Path) -> None:
    """Wait until the disk holds a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_whole(path: Path) -> bool:
    """Whether every row of every column of a Parquet file can be decoded."""
    try:
        with pq.ParquetFile(path) as file:
            rows = sum(batch.num_rows for batch in file.iter_batches(_BATCH_ROWS, use_threads=False))
            return rows == file.metadata.num_rows
    except (OSError, ValueError, pa.ArrowException):
        return False
