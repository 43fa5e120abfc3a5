"""An end that nobody expected: one line without values for everybody, and its trace in a file for the owner alone.

Errors of our own say what is wrong by themselves (`errors`); how a failed step is put into words, `run_summary` knows.
"""

import datetime as dt
import os
import traceback
from pathlib import Path

from pipelines import settings as machine
from pipelines.warehouse.run_summary import failure_words

OWNER_ALONE = 0o600
KEPT = 20


def unexpected_end(error: Exception, home: Path | None) -> str:
    """What is said of an error that is none of ours, and where its trace lies."""
    return f"{failure_words(error)}; {_kept(error, home)}"


def _kept(error: Exception, home: Path | None) -> str:
    """Where the trace was written; what is no home is not made one for it."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    place = f"raised in {Path(at.filename).name}, line {at.lineno}"
    settings = machine.Settings(home) if home else None
    if settings is None or not (settings.file.exists() or settings.dagster_home.exists()):
        return place
    folder = settings.dagster_home
    path = folder / f"trace-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}.txt"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE), "w") as file:
            file.writelines(traceback.format_exception(error))
        for old in sorted(folder.glob("trace-*.txt"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as failed:
        return f"{place}; its trace could not be kept: {failed.strerror}"
    return f"its trace, which may quote values, is for the owner alone: {path}"
