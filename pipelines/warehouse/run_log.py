"""What a run does, as it happens: a line of JSON an event in `HOME/runs`, for programs and for the operator.

Names of tables, counts and seconds alone; rows of a table as a summary tells them. How a run ended, `run_summary` tells.
"""

import datetime as dt
import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import Literal

from pipelines.settings import Settings
from pipelines.warehouse.run_summary import shown

SUFFIX = ".log.jsonl"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a run has done; what does not apply to it is None and is not written.

    Attributes:
        rows: of the table; of a landing, those it rejected.
        files_merged: of the files computed those of which only changed people were.
        not_passed: checks that failed or could not be evaluated.
    """

    event: Literal["landed", "table", "checked", "published"]
    table: str | None = None
    rows: int | None = None
    seconds: float | None = None
    files_computed: int | None = None
    files_merged: int | None = None
    files_current: int | None = None
    checks: int | None = None
    not_passed: int | None = None
    build_id: str | None = None


def write(settings: Settings, run_id: str, event: Event) -> None:
    """Add a line to the log of a run; one that cannot be written is said on standard error and changes nothing else."""
    told = {name: value for name, value in asdict(event).items() if value is not None}
    if event.rows is not None:
        told["rows"] = shown(event.rows, settings.min_cell)
    if event.seconds is not None:
        told["seconds"] = round(event.seconds, 3)
    line = json.dumps({"time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"), **told}) + "\n"
    path = settings.runs / f"{run_id}{SUFFIX}"
    try:
        settings.runs.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_room(settings)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640), "a") as file:
            file.write(line)
    except OSError as failed:
        print(f"warning: the log of the run could not be written: {failed}", file=sys.stderr)


def _make_room(settings: Settings) -> None:
    """Remove the oldest logs, so that with a new one there are as many as summaries."""
    logs = sorted(settings.runs.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    for old in logs[: max(0, len(logs) - settings.keep_summaries + 1)]:
        old.unlink(missing_ok=True)
