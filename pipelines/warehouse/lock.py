"""One writer a home: an operating-system lock that vanishes with its process, so a kill never leaves a stale one."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager

from pipelines.errors import BadInput
from pipelines.settings import Settings


@contextmanager
def writing(settings: Settings) -> Generator[None]:
    """Hold the home for writing.

    Raises:
        BadInput: another run is writing there.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(settings.home / ".writing", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(
                f"{settings.home}: another run is writing here; wait for it, or use another --home"
            ) from error
        yield
    finally:
        os.close(descriptor)
