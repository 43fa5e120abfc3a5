"""Finds files of the working record that cannot be read to their end, and takes them away: the next run computes them anew.

Asked after a run failed, since it reads everything. Not found are bytes that changed and still decode: Parquet as our engines
write it has no checksums, so that is the file system's to notice. The list of people who withdrew is never taken away.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.settings import Settings
from pipelines.warehouse.changes import ChangeLog

_BATCH_ROWS = 65_536


def take_damaged_away(settings: Settings) -> tuple[str, ...]:
    """Remove every unreadable Parquet file of data and state; returns their paths in the home."""
    state = settings.home / "state"
    found = [
        path for folder in (settings.data, state) for path in sorted(folder.rglob("*.parquet")) if not is_whole(path)
    ]
    log = ChangeLog(settings)
    # A raw file says who changed when it is replaced; unread it cannot, and neither can a damaged list of who changed.
    if any(path.is_relative_to(settings.data / "raw") or path.is_relative_to(log.folder) for path in found):
        log.forget()
    for path in found:
        path.unlink()
    return tuple(str(path.relative_to(settings.home)) for path in found)


def is_whole(path: Path) -> bool:
    """Whether every row of every column of a Parquet file can be decoded."""
    try:
        with pq.ParquetFile(path) as file:
            rows = sum(batch.num_rows for batch in file.iter_batches(_BATCH_ROWS, use_threads=False))
            return rows == file.metadata.num_rows
    except (OSError, ValueError, pa.ArrowException):
        return False
