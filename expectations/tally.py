"""Counts kept beside the data: people are counted again only where their rows, or the wording of a question, changed.

Neighbouring buckets are counted together while their rows are few: planning a scan costs the same for few rows as for many.
They lie in `HOME/state/quality`. Thresholds are no part of it: changing one judges again and counts nothing.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import polars as pl

from expectations import count, footer, scan
from expectations.count import Asked
from expectations.question import tables_named
from expectations.suite import Suite
from pipelines.settings import Settings
from pipelines.warehouse.bucket import Bucket
from pipelines.warehouse.parquet import fingerprint_of, row_count, write_frame
from pipelines.warehouse.store import WHOLE, Store

B = TypeVar("B")
R = TypeVar("R")
# On average a span; less than what count sorts at once (_MOST_SORTED), for no two spans have as many rows.
_MOST_TOGETHER = 7_000_000


def counts(suite: Suite, settings: Settings) -> pl.DataFrame:
    """Counts of all checks of a suite but those that Great Expectations asks of the table itself; columns of `COUNTS`.

    Raises:
        duckdb.Error: the table, or one its checks read, cannot be read.
    """
    store = Store(settings)
    spans: tuple[Bucket | None, ...] = (None,)
    if store.is_per_person(suite.table):
        spans = together(store.buckets(), row_count(store.files(suite.table)), settings.threads)
    within, across = count.of_bucket(suite), count.of_table(suite)
    if spans == (None,):
        # Nothing to add up: one connection, one file.
        everything = replace(within, queries=(*within.queries, *across.queries))
        return count.added_up([_kept(everything, suite, settings, None)])
    parts = side_by_side(lambda span, share: _kept(within, suite, share, span), spans, settings)
    return count.added_up([*parts, _kept(across, suite, settings, None, "crossing")])


def together(buckets: Sequence[Bucket], rows: int, threads: int) -> tuple[Bucket, ...]:
    """Spans of neighbouring buckets to be counted at once: as few as rows allow, but one a thread.

    Both counts are halved and doubled only, so that a span ends where a bucket ends however people become more.
    """
    spans = 1
    while spans < len(buckets) and (spans < threads or rows > spans * _MOST_TOGETHER):
        spans *= 2
    width = len(buckets) // spans
    return tuple(Bucket(buckets[n].first, buckets[n + width - 1].last) for n in range(0, len(buckets), width))


def side_by_side(work: Callable[[B, Settings], R], buckets: Sequence[B], settings: Settings) -> list[R]:
    """`work` on all buckets, as many at once as there are threads, each with one thread and its share of the memory.

    Threads within one bucket would have to bring their groups together, which costs more than it gains.
    """
    workers = min(settings.threads, len(buckets))
    if workers <= 1:
        return [work(bucket, settings) for bucket in buckets]
    share = replace(settings, threads=1, memory_gb=settings.memory_gb / workers)
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda bucket: work(bucket, share), buckets))


def stamp(path: Path) -> str:
    """Tells versions of a file apart: by fingerprint, or by size and time where no step wrote it."""
    if fingerprint := fingerprint_of(path):
        return fingerprint
    found = path.stat()
    return f"{found.st_size}:{found.st_mtime_ns}"


def _kept(asked: Asked, suite: Suite, settings: Settings, bucket: Bucket | None, name: str = WHOLE) -> pl.DataFrame:
    if not asked.questions:
        return pl.DataFrame(schema=count.COUNTS)
    reads = _reads(asked)
    path = settings.home / "state" / "quality" / suite.table / f"{bucket.name if bucket else name}.parquet"
    fingerprint = _fingerprint(asked, (asked.table, *reads), settings, bucket)
    if fingerprint_of(path) == fingerprint:
        return pl.read_parquet(path)
    found = count.count(asked, reads, settings, bucket)
    # What could not be counted is tried again next time.
    if found["n_evaluated"].null_count() == 0:
        write_frame(found.lazy(), path, fingerprint)
    return found


def _reads(asked: Asked) -> tuple[str, ...]:
    named = {table for _, question in asked.questions for table in tables_named(question, asked.source, asked.table)}
    return tuple(sorted(named - {asked.table}))


def _fingerprint(asked: Asked, tables: tuple[str, ...], settings: Settings, bucket: Bucket | None) -> str:
    store = Store(settings)
    files = [
        (table, str(path.relative_to(settings.data)), stamp(path))
        for table in tables
        for path in store.files(table, bucket)
    ]
    return sha256(repr((asked, _counter(), files)).encode()).hexdigest()


@lru_cache(maxsize=1)
def _counter() -> str:
    """Hash of the code that counts."""
    return sha256(b"".join(Path(str(part.__file__)).read_bytes() for part in (count, footer, scan))).hexdigest()
