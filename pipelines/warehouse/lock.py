"""One writer a home: an operating-system lock that vanishes with its process, so a kill never leaves a stale one."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import Busy
from pipelines.settings import Settings

_HELD: set[Path] = set()


@contextmanager
def writing(settings: Settings) -> Generator[None]:
    """Hold the home for writing; within one process it may be held again, so that a job and its steps agree.

    Raises:
        Busy: another run is writing there.
    """
    if settings.home in _HELD:
        yield
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(settings.home / ".writing", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"{settings.home}: another run is writing here; wait for it, or use another --home") from error
        _HELD.add(settings.home)
        yield
    finally:
        _HELD.discard(settings.home)
        os.close(descriptor)
