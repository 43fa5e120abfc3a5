"""One writer a home: operating-system locks that vanish with their processes, so a kill never leaves a stale one.

`.writing` is held by the run, `.working` by each of its worker processes, or by each task of a worker elsewhere: they may
outlive a run that was killed.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import Busy
from pipelines.settings import Settings
from pipelines.warehouse.home_access import require_writable
from pipelines.worker import end_with_parent

# Workers of a killed run end by themselves, as soon as the system lets them.
WAIT_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_HELD: set[Path] = set()


@contextmanager
def writing(settings: Settings) -> Generator[None]:
    """Hold the home for writing; within one process it may be held again, so that a job and its steps agree.

    Raises:
        BadInput: this user may not write there.
        Busy: another run is writing there, or workers of one that was killed still are.
    """
    if settings.home in _HELD:
        yield
        return
    require_writable(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    descriptor = _opened(settings.home / ".writing")
    try:
        if not _is_locked(descriptor):
            raise Busy(f"{settings.home}: another run is writing here; wait for it, or use another --home")
        _await_workers(settings.home)
        _HELD.add(settings.home)
        yield
    finally:
        _HELD.discard(settings.home)
        os.close(descriptor)


def work_in(home: Path) -> None:
    """What a worker process does first: hold the home as long as it lives, and live no longer than its run."""
    # In this order: where the run is gone by now, the next one may be at work already.
    fcntl.flock(_opened(home / ".working"), fcntl.LOCK_SH)
    end_with_parent()


@contextmanager
def working(home: Path) -> Generator[None]:
    """Hold the home for one task of a worker that outlives runs: the next run waits until what an earlier one began is done."""
    descriptor = _opened(home / ".working")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _await_workers(home: Path) -> None:
    """Whoever holds `.writing` has no workers yet: those that hold the other lock are of a run that was killed."""
    descriptor = _opened(home / ".working")
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not _is_locked(descriptor):
            if time.monotonic() > deadline:
                raise Busy(
                    f"{home}: worker processes of a run that was killed still write here; wait until they have ended"
                )
            time.sleep(_PAUSE_SECONDS)
    finally:
        os.close(descriptor)


def _opened(lock: Path) -> int:
    return os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
