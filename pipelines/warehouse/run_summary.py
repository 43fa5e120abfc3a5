"""What a run did and how it ended, as one small file a run under `HOME/runs`, for programs and for the operator.

Counts, hashes and seconds only; a number of rows from 1 to one below `min_cell` is left out. Sending it is `notice`'s work.
"""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from pipelines.errors import TrabeculaError, noted_work
from pipelines.settings import Settings, project_root
from pipelines.warehouse.parquet import atomic

FORMAT = 1
STATUS = {0: "done", 1: "stopped", 2: "refused"}
# Errors of the system name files and numbers, never rows.
_OF_THE_SYSTEM = OSError


@dataclass(frozen=True, slots=True)
class TableDone:
    """What a run did to one table. `rows`: None where they are few, or unknown.

    `files_merged`: of the files computed those of which only changed people were.
    """

    rows: int | None
    files_computed: int
    files_current: int
    seconds: float
    files_merged: int = 0


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended.

    Attributes:
        kind: `run`, `demo`, `nightly`; where Dagster started it `schedule`, `sensor` or `ui`.
        status: `done`, `stopped` (a check, a step or the machine) or `refused` (usage or input).
        verdict: the one line.
        failure: the message of what ended it; None where nothing did.
        gates: `all`, `closed`, `waived`; empty where nothing was published.
        checks: number of verdicts by status, of this run.
        rows_quarantined: None where unknown or few.
        seconds_of_people: of the steps that work on one person at a time, which a night does for those who changed.
        seconds_across_people: of the others, lists, counts and fits of everybody.
        disk: bytes of `data`, `builds`, `dagster`, and `free`; `needed` as asked before the start.
        peak_memory_mib: of the process that ran it; None where another one tells.
        hashes: `code`, `lock`, `input`; a missing one was not known yet.
    """

    run_id: str
    kind: str
    started_at: str
    ended_at: str
    seconds: float
    status: str
    exit_status: int
    verdict: str
    failure: str | None = None
    failed_step: str | None = None
    dagster_run_id: str | None = None
    build_id: str | None = None
    gates: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[str, int] = field(default_factory=dict)
    rows_quarantined: int | None = None
    tables: Mapping[str, TableDone] = field(default_factory=dict)
    seconds_of_people: float | None = None
    seconds_across_people: float | None = None
    attempts: int = 1
    disk: Mapping[str, int] = field(default_factory=dict)
    peak_memory_mib: float | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT


def new_run_id(now: dt.datetime) -> str:
    """An id that sorts by time."""
    return f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


def shown(rows: int, min_cell: int) -> int | None:
    """A number of rows as it may stand in a summary."""
    return None if 0 < rows < min_cell else rows


def failure_words(error: BaseException) -> str:
    """What may be said of an error: ours and the system's in full, of any other only its kind: it may quote a value."""
    if isinstance(error, TrabeculaError | _OF_THE_SYSTEM):
        return str(error)
    return " ".join(filter(None, (unexpected(type(error).__name__), noted_work(error))))


def unexpected(kind: str) -> str:
    """What is said of an error that nobody expected, of which only the kind may be told."""
    return f"unexpected {kind} (its message may quote values and is not repeated)"


def lock_hash() -> str:
    """Hash of the pinned dependencies."""
    return sha256((project_root() / "requirements.lock").read_bytes()).hexdigest()[:16]


def write(settings: Settings, summary: RunSummary) -> Path:
    """Keep a summary, atomically, and remove the oldest above `keep_summaries`."""
    path = settings.runs / f"{summary.run_id}.json"
    with atomic(path) as partial:
        partial.write_text(json.dumps(asdict(summary), indent=1) + "\n")
    for old in sorted(settings.runs.glob("*.json"))[: -settings.keep_summaries]:
        old.unlink(missing_ok=True)
    return path


def latest(settings: Settings, most: int = 1) -> tuple[RunSummary, ...]:
    """The last summaries, newest first; what cannot be read is passed over."""
    found: list[RunSummary] = []
    for path in sorted(settings.runs.glob("*.json"), reverse=True):
        if len(found) == most:
            break
        try:
            held = json.loads(path.read_text())
            held["tables"] = {name: TableDone(**done) for name, done in held["tables"].items()}
            found.append(RunSummary(**held))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return tuple(found)
