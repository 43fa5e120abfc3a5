"""Tells how those runs ended that could not tell it themselves: nights that Dagster started, and runs whose process was killed.

Read from Dagster's history, so that it does not matter whose process lived on. A tag on the run keeps it from being told twice.
"""

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from assets.history_upkeep import GONE, set_run_aside
from assets.run_failure import failure
from assets.run_worker import BY_COMMAND_LINE, NIGHT, kind_of
from assets.telling import Account, done, note_events, tell, took_too_long
from pipelines.errors import Interrupted, TrabeculaError
from pipelines.settings import Settings
from pipelines.warehouse.run_summary import latest

TOLD = "trabecula/told"
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_READ = {
    *(dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION),
    *(dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE),
}
# Older ends are history: whoever was not told of them has looked meanwhile.
_LATE = dt.timedelta(days=3)


def tell_ended(instance: dg.DagsterInstance, settings: Settings) -> tuple[str, ...]:
    """Tell of each night that ended untold, the oldest first; returns their verdicts."""
    since = dt.datetime.now(dt.UTC) - _LATE
    asked = dg.RunsFilter(job_name=NIGHT, statuses=_ENDED, updated_after=since)
    untold = [
        record for record in instance.get_run_records(asked, ascending=True) if _is_untold(record.dagster_run.tags)
    ]
    on_record = {summary.dagster_run_id for summary in latest(settings, settings.keep_summaries)} if untold else set()
    verdicts = []
    for record in untold:
        run_id = record.dagster_run.run_id
        if run_id not in on_record:
            verdicts.append(_tell(instance, settings, record))
        instance.add_run_tags(run_id, {TOLD: "yes"})
    return tuple(verdicts)


def _is_untold(tags: Mapping[str, str]) -> bool:
    """The command line tells of its runs, unless it was killed."""
    return TOLD not in tags and (kind_of(tags) not in BY_COMMAND_LINE or GONE in tags)


def _tell(instance: dg.DagsterInstance, settings: Settings, record: dg.RunRecord) -> str:
    run = record.dagster_run
    started = _instant(record.start_time) or record.create_timestamp
    ended = _instant(record.end_time) or record.update_timestamp
    account = Account(settings, kind_of(run.tags), started, time.monotonic())
    named = {name: run.tags.get(f"trabecula/{name}") for name in ("code", "lock", "input")}
    account.hashes = {name: text for name, text in named.items() if text}
    lost = set_run_aside(instance, settings, run.run_id)
    entries = instance.all_logs(run.run_id, of_type=_READ)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    note_events(account, run.run_id, events)
    seconds = (ended - started).total_seconds()
    # The rest of a summary is asked of the process that writes it, and this is not the one that ran.
    account.facts |= {
        "ended_at": ended.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "peak_memory_mib": None,
    }
    error = _error(settings, account, run, events, seconds)
    account.verdict = "" if error else done(account) if lost is None else _done_without_history(lost)
    tell(account, error)
    return account.verdict or str(error).splitlines()[0]


def _done_without_history(lost: Path) -> str:
    return f"done: what it published is not told, its history is damaged and lies in {lost}; data are not touched"


def _error(
    settings: Settings, account: Account, run: dg.DagsterRun, events: Sequence[dg.DagsterEvent], seconds: float
) -> TrabeculaError | None:
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return None
    if run.status == dg.DagsterRunStatus.CANCELED:
        return Interrupted("the run was cancelled in the UI; readers see the last published build: run again")
    ended = failure(events)
    account.facts["failed_step"] = ended.step
    is_overdue = isinstance(ended.error, Interrupted) and seconds >= settings.most_hours * 3600
    return took_too_long(settings) if is_overdue else ended.error


def _instant(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
