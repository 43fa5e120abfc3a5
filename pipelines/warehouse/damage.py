"""Finds files of the working record that cannot be read to their end, and takes them away: the next run computes them anew.

Asked after a run failed, since it reads everything. Not found are bytes that changed and still decode: Parquet as our engines
write it has no checksums, so that is the file system's to notice. What no run can compute anew is never taken away: the list of
people who withdrew, and the release ledger, which is kept twice.
"""

from pipelines.settings import Settings
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.parquet import is_whole
from pipelines.warehouse.release_ledger import folder_of


def take_damaged_away(settings: Settings) -> tuple[str, ...]:
    """Remove every unreadable Parquet file of data and state; returns their paths in the home."""
    ledger = folder_of(settings)
    found = [
        path
        for folder in (settings.data, settings.home / "state")
        for path in sorted(folder.rglob("*.parquet"))
        if not path.is_relative_to(ledger) and not is_whole(path)
    ]
    log = ChangeLog(settings)
    # A raw file says who changed when it is replaced; unread it cannot, and neither can a damaged list of who changed.
    if any(path.is_relative_to(settings.data / "raw") or path.is_relative_to(log.folder) for path in found):
        log.forget()
    for path in found:
        path.unlink()
    return tuple(str(path.relative_to(settings.home)) for path in found)
