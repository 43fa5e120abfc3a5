"""Tells that a run began and how it ended: the journal and the summary in `HOME/runs`, and for a night the notice.

Computes nothing and decides nothing. What cannot be written and a notice that cannot be sent are said on standard error and
change nothing else.
"""

import datetime as dt
import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assets.run_failure import CHECKED, WITHOUT_A_WORD
from assets.run_worker import end_process
from pipelines import notice
from pipelines.errors import Interrupted, TookTooLong, TrabeculaError
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse import disk_budget, run_journal, run_summary
from pipelines.warehouse.parquet import row_count
from pipelines.warehouse.publish import gate_words
from pipelines.warehouse.run_journal import Begun, Journal
from pipelines.warehouse.run_summary import STATUS, RunSummary, TableDone
from pipelines.warehouse.store import Store

if TYPE_CHECKING:
    import dagster as dg

NIGHTLY = "nightly"
# Kinds of runs that nobody watches; whoever starts one at a terminal reads its end there.
_NOTICED = frozenset({NIGHTLY, "schedule", "sensor", "ui"})


@dataclass(slots=True)
class Account:
    """What is known of a run while it goes on; `facts` are fields of its summary."""

    settings: Settings
    kind: str
    started: dt.datetime
    clock: float
    facts: dict[str, object] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    gates: dict[str, int] = field(default_factory=dict)
    verdict: str = ""
    run_id: str = ""
    journal: Journal | None = None

    def __post_init__(self) -> None:
        self.run_id = self.run_id or run_summary.new_run_id(self.started)


@contextmanager
def telling(settings: Settings, kind: str) -> Generator[Account]:
    """An account that is on record from here, and told when the run ends, however it ends; one that takes too long is ended."""
    tell_lost(settings)
    account = Account(
        settings, kind, dt.datetime.now(dt.UTC), time.monotonic(), hashes={"lock": run_summary.lock_hash()}
    )
    account.journal = _begun(account)
    watch = threading.Timer(settings.most_hours * 3600, _end_overdue, [account])
    watch.daemon = True
    watch.start()
    try:
        yield account
    except BaseException as error:
        tell(account, error)
        raise
    else:
        tell(account, None)
    finally:
        watch.cancel()


def tell_lost(settings: Settings) -> tuple[str, ...]:
    """Tell, once, of runs of the command line whose process ended without a word, the oldest first; returns their verdicts."""
    verdicts = []
    for begun in run_journal.lost(settings):
        with run_journal.taken(settings, begun) as is_ours:
            if is_ours:
                verdicts.append(_tell_lost(settings, begun))
    return tuple(verdicts)


def _tell_lost(settings: Settings, begun: Begun) -> str:
    account = Account(settings, begun.kind, begun.started, time.monotonic(), run_id=begun.run_id)
    account.hashes = dict(begun.hashes)
    # The rest of a summary is asked of the process that writes it, and this is not the one that ran.
    seconds = (dt.datetime.now(dt.UTC) - begun.started).total_seconds()
    account.facts |= {"dagster_run_id": begun.dagster_run_id, "seconds": round(seconds, 1), "peak_memory_mib": None}
    tell(account, Interrupted(WITHOUT_A_WORD))
    return f"{begun.kind} of {begun.started_at}: {WITHOUT_A_WORD}"


def _begun(account: Account) -> Journal | None:
    settings = account.settings
    if not _is_home(settings):
        return None
    started = account.started.isoformat(timespec="seconds")
    try:
        return Journal(settings, Begun(account.run_id, account.kind, started, os.getpid(), hashes=account.hashes))
    except OSError as failed:
        print(f"warning: that the run began could not be written: {failed}", file=sys.stderr)
        return None


def note_start(account: Account, dagster_run_id: str) -> None:
    """Dagster is about to start: from here its history knows of the run, and the journal knows which one that is."""
    if account.journal is not None:
        with suppress(OSError):
            account.journal.note(dagster_run_id, account.hashes)


def note_events(account: Account, run_id: str, events: "Sequence[dg.DagsterEvent]") -> None:
    """Take from the events of a finished Dagster run what its summary tells."""
    least = account.settings.min_cell
    tables: dict[str, TableDone] = {}
    for event in events:
        if not event.is_step_materialization:
            continue
        made = event.step_materialization_data.materialization
        name = ".".join(made.asset_key.path)
        held = {key: value.value for key, value in made.metadata.items()}
        if "drop_id" in held:
            account.hashes["input"] = str(held["drop_id"])
        if "seconds" in held:
            rows, seconds = int(str(held["dagster/row_count"])), float(str(held["seconds"]))
            computed, current = int(str(held["files_computed"])), int(str(held["files_current"]))
            merged = int(str(held.get("files_merged", 0)))  # a history of an earlier version has none
            tables[name] = TableDone(run_summary.shown(rows, least), computed, current, round(seconds, 3), merged)
        if name == "publish":
            account.facts["build_id"] = str(held["build_id"])
            gates = {"all": "gates", "closed": "gates_closed", "waived": "gates_waived"}
            account.gates = {told: int(str(held[key])) for told, key in gates.items()}
            account.facts["gates"] = account.gates
    statuses = [_status(event.asset_check_evaluation_data) for event in events if event.event_type_value == CHECKED]
    account.facts["checks"] = {status: statuses.count(status) for status in sorted(set(statuses))}
    account.facts["tables"] = tables
    for unit, told in (("person", "seconds_of_people"), ("population", "seconds_across_people")):
        of_unit = (table.seconds for name, table in tables.items() if CONTRACTS[name].unit == unit)
        account.facts[told] = round(sum(of_unit), 3)
    account.facts["dagster_run_id"] = run_id


def done(account: Account) -> str:
    """The verdict of a run that ended well, and the rows in quarantine as a fact of it."""
    settings, facts = account.settings, account.facts
    if "build_id" not in facts:
        return "done: nothing was to be published by this run"
    gates = account.gates
    quarantined = row_count(Store(settings).files("staging.quarantine"))
    facts["rows_quarantined"] = shown = run_summary.shown(quarantined, settings.min_cell)
    rows = f"fewer than {settings.min_cell}" if shown is None else f"{shown:,}"
    told = gate_words(gates["all"], gates["closed"], gates["waived"])
    return f"done: build {facts['build_id']}, {told}, {rows} rows quarantined"


def _status(check: "dg.AssetCheckEvaluation") -> str:
    """The verdict of a suite's check as it says it itself; that of a gate as Dagster has it."""
    said = check.metadata.get("status")
    return str(said.value) if said is not None else "pass" if check.passed else "fail"


def tell(account: Account, error: BaseException | None) -> None:
    """Write the summary of a run that has ended, and send the notice that the settings ask for."""
    summary = _summary(account, error)
    file = None
    settings = account.settings
    try:
        if _is_home(settings):
            file = run_summary.write(settings, summary)
    except OSError as failed:
        print(f"warning: the summary of the run could not be written: {failed}", file=sys.stderr)
    if account.journal is not None:
        account.journal.close()
    if account.kind not in _NOTICED or not notice.is_due(settings, summary):
        return
    for sent in notice.send(settings, summary, file):
        if not sent.is_sent:
            print(f"warning: the notice by {sent.way} was not sent: {sent.why}", file=sys.stderr)


def _is_home(settings: Settings) -> bool:
    """A mistyped home is not made by a refusal."""
    return settings.file.exists() or settings.data.exists()


def _summary(account: Account, error: BaseException | None) -> RunSummary:
    now = dt.datetime.now(dt.UTC)
    status = 0 if error is None else error.exit_status if isinstance(error, TrabeculaError) else 1
    said = run_summary.failure_words(error) if error is not None else None
    summary = RunSummary(
        run_id=account.run_id,
        kind=account.kind,
        started_at=account.started.isoformat(timespec="seconds"),
        ended_at=now.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - account.clock, 1),
        status=STATUS[status],
        exit_status=status,
        verdict=account.verdict if said is None else f"{STATUS[status]}: {said.splitlines()[0] if said else ''}",
        failure=said,
        disk=_disk(account.settings),
        peak_memory_mib=_peak_memory_mib(),
        hashes=account.hashes,
    )
    return replace(summary, **account.facts)


def _disk(settings: Settings) -> dict[str, int]:
    if not settings.home.exists():
        return {}
    places = {"data": settings.data, "builds": settings.builds, "dagster": settings.dagster_home}
    held = {name: disk_budget.size_of(place) for name, place in places.items()}
    return {**held, "free": shutil.disk_usage(settings.home).free}


def _peak_memory_mib() -> float:
    """Of this process and the largest of its workers."""
    most = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(most / 1024, 1)


def took_too_long(settings: Settings) -> TookTooLong:
    """What is said of a run that was ended because of its time."""
    return TookTooLong(
        f"the run took longer than {settings.most_hours:g} hours ([limits] most_hours) and was ended; nothing was "
        "published: run again"
    )


def _end_overdue(account: Account) -> None:
    error = took_too_long(account.settings)
    try:
        tell(account, error)
        print(f"trabecula: {error}", file=sys.stderr, flush=True)
    finally:
        end_process(error.exit_status)
