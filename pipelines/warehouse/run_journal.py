"""Which runs are under way, as one small file a run, `HOME/runs/<id>.running`, from before anything is examined to the summary.

Its process holds the file by a lock of the system, which goes with the process, also after SIGKILL and a power cut: a file
that nobody holds is of a run that ended without a word. How runs ended stands in `run_summary`.
"""

import datetime as dt
import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pipelines.settings import Settings
from pipelines.warehouse.parquet import atomic

RUNNING = "running"
_SUFFIX = f".{RUNNING}"


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that has begun and not told its end. `process`: its number, for the operator; nothing is concluded from it."""

    run_id: str
    kind: str
    started_at: str
    process: int
    dagster_run_id: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    status: str = RUNNING

    @property
    def started(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.started_at)


class Journal:
    """The file of a run that is under way, held by this process until it is closed."""

    def __init__(self, settings: Settings, begun: Begun) -> None:
        self._path = _path(settings, begun.run_id)
        self._begun = begun
        self._held = self._write()

    def note(self, dagster_run_id: str, hashes: Mapping[str, str]) -> None:
        """Write down what became known of the run."""
        self._begun = replace(self._begun, dagster_run_id=dagster_run_id, hashes=hashes)
        before, self._held = self._held, self._write()
        os.close(before)

    def close(self) -> None:
        """The run is over, and its end is told."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        os.close(self._held)

    def _write(self) -> int:
        """The file is held before it has its name, so that nobody ever finds it free."""
        with atomic(self._path) as partial:
            partial.write_text(json.dumps(asdict(self._begun)) + "\n")
            held = os.open(partial, os.O_RDONLY)
            fcntl.flock(held, fcntl.LOCK_EX)
        return held


def under_way(settings: Settings) -> tuple[Begun, ...]:
    """Runs whose process lives and has not told their end, the oldest first; looks only."""
    return tuple(begun for begun, is_lost in _seen(settings) if not is_lost)


def lost(settings: Settings) -> tuple[Begun, ...]:
    """Runs that ended without a word and of which nobody has told yet, the oldest first; looks only."""
    return tuple(begun for begun, is_lost in _seen(settings) if is_lost)


@contextmanager
def taken(settings: Settings, begun: Begun) -> Generator[bool]:
    """Take a lost run to tell of it; the file is gone afterwards. False where somebody else does, or did."""
    path = _path(settings, begun.run_id)
    try:
        held = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        is_ours = _take(held, fcntl.LOCK_EX) and path.exists()
        # A summary is written before the file goes: a process killed in between has told.
        yield is_ours and not (settings.runs / f"{begun.run_id}.json").exists()
        if is_ours:
            path.unlink(missing_ok=True)
    finally:
        os.close(held)


def _seen(settings: Settings) -> tuple[tuple[Begun, bool], ...]:
    found = []
    for path in sorted(settings.runs.glob(f"*{_SUFFIX}")):
        with suppress(FileNotFoundError), path.open() as file:
            found.append((_read(path, file.read()), _take(file.fileno(), fcntl.LOCK_SH)))
    return tuple(found)


def _read(path: Path, text: str) -> Begun:
    """What a file says; of a damaged one its name tells the id and the start."""
    try:
        return Begun(**json.loads(text))
    except (ValueError, TypeError):
        changed = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
        return Begun(path.stem, "run", changed.isoformat(timespec="seconds"), 0)


def _take(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _path(settings: Settings, run_id: str) -> Path:
    return settings.runs / f"{run_id}{_SUFFIX}"
