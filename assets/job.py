"""Runs the nightly job in this process, as the command line and cron do, and turns its end into one line or one error.

Dagster is imported once the input was examined: a refusal does not wait for it.
"""

import sys
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from assets.run_failure import failure
from assets.run_worker import KIND
from assets.telling import NIGHTLY, Account, done, note_events, note_start, telling
from pipelines import plan, progress
from pipelines import settings as machine
from pipelines.errors import BadInput, DamagedRecord, TrabeculaError
from pipelines.objects import inbox
from pipelines.run import SOURCES, Run
from pipelines.settings import Settings
from pipelines.trials.study import select
from pipelines.warehouse.arrival import require_complete
from pipelines.warehouse.disk_budget import require_space
from pipelines.warehouse.engine import told_when_full
from pipelines.warehouse.lock import writing
from pipelines.warehouse.parquet import atomic
from pipelines.warehouse.publish import code_version

if TYPE_CHECKING:
    import dagster as dg

_SHOWN = 5
# Seconds before another attempt at a home in use.
PAUSES = (60.0, 300.0, 900.0)

_INSTANCE = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_retries: {enabled: true, max_retries: 0}
concurrency: {pools: {default_limit: 1}, runs: {max_concurrent_runs: 1}}
retention: {schedule: {purge_after_days: 30}, sensor: {purge_after_days: {skipped: 7}}}
"""


def prepare_instance(settings: Settings) -> None:
    """Write DAGSTER_HOME inside the home, once. Traces that may quote values lie there: the owner alone enters it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    settings.dagster_home.chmod(0o700)
    file = settings.dagster_home / "dagster.yaml"
    if not file.exists():
        # Whole or not there: half of it would stay for good.
        with atomic(file) as partial:
            partial.write_text(_INSTANCE)


def execute(
    home: Path,
    source: str,
    folder: str | Path,
    studies: tuple[str, ...],
    mapping: str | None = None,
    kind: str = "run",
    engine: Mapping[str, str | None] = MappingProxyType({}),
) -> str:
    """Run everything; returns the one-line verdict. However it ends, its summary lies in `HOME/runs`.

    Args:
        folder: where the input lies: a folder, or the address of a prefix of an object store.
        mapping: of a flat drop, a file or the name of a shipped one; None: what trabecula.toml says.
        kind: what the summary calls it; `nightly` sends notices, and tries again what passes.
        engine: `runner` and `scheduler` of `Settings`; None or absent: what trabecula.toml says.

    Raises:
        BadInput: the input was refused; nothing was published.
        BlockedByCheck: a critical check failed; the published data are as they were.
        DiskFull: there is no room for a run; nothing was started.
    """
    named = str(Path(mapping).expanduser().resolve()) if mapping and Path(mapping).expanduser().is_file() else mapping
    settings = machine.load(home, source=source, folder=machine.input_named(folder), mapping=named, **engine)
    with telling(settings, kind) as account:
        attempt = partial(_attempt, settings, studies, account)
        account.verdict = attempt() if kind != NIGHTLY else again_if_passing(attempt, account)
    return account.verdict


def again_if_passing(attempt: Callable[[], str], account: Account, wait: Callable[[float], None] = time.sleep) -> str:
    """An attempt, and others after a pause where what stopped it may pass: a home in use, damaged files taken away."""
    for number, pause in enumerate(PAUSES, 1):
        account.facts["attempts"] = number
        try:
            return attempt()
        except TrabeculaError as error:
            if not error.is_passing:
                raise
            pause = 0.0 if isinstance(error, DamagedRecord) else pause
            print(f"trabecula: {error}\ntrabecula: trying again in {pause:.0f} s", file=sys.stderr)
            wait(pause)
    account.facts["attempts"] = len(PAUSES) + 1
    return attempt()


def _attempt(settings: Settings, studies: tuple[str, ...], account: Account) -> str:
    if settings.source not in SOURCES:
        raise BadInput(f"--source {settings.source}: there are {', '.join(SOURCES)}")
    select(studies, settings.source)
    with writing(settings):
        if (found := inbox.fetch(settings)) is not None:
            print(inbox.line(found, settings), file=sys.stderr)
        require_space(settings)
        if account.kind == NIGHTLY:
            require_complete(settings)
        with Run(settings) as run:
            account.hashes["input"] = run.examine()
        result = _execute(settings, studies, account)
        note_events(account, result.run_id, result.all_events)
        if not result.success:
            ended = failure(result.all_events)
            account.facts["failed_step"] = ended.step
            raise _damage(settings) or ended.error
    settings.write()  # only now: a refused folder must not become tonight's
    inbox.sweep_others(settings)
    return done(account)


def _execute(settings: Settings, studies: tuple[str, ...], account: Account) -> "dg.ExecuteInProcessResult":
    """The nightly job, start to end, with its history in the home."""
    from assets.assembly import build_definitions
    from assets.ended_runs import tell_ended
    from assets.history_upkeep import prune, set_damaged_aside
    from assets.home import Home
    from assets.run_history import one_writer
    from expectations.suite import all_tables

    prepare_instance(settings)
    for line in set_damaged_aside(settings):
        print(f"warning: {line}", file=sys.stderr)
    resource = Home(
        path=str(settings.home),
        source=settings.source,
        folder=settings.folder,
        mapping=settings.mapping,
        runner=settings.runner,
        scheduler=settings.scheduler,
        studies=list(studies),
        progress=True,
    )
    job = build_definitions(resource).resolve_job_def("nightly")
    account.hashes["code"] = code_version(step.code_version() for step in plan.steps())
    parts = len(plan.steps()) + len(all_tables())
    with told_when_full(settings), one_writer(settings) as instance, progress.shown(parts, "landing"):
        prune(instance, settings)
        tell_ended(instance, settings)
        run_id = str(uuid.uuid4())
        note_start(account, run_id)
        return job.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                KIND: account.kind,
                **{f"trabecula/{name}": text for name, text in account.hashes.items()},
            },
        )


def _damage(settings: Settings) -> DamagedRecord | None:
    """What is said where files of the working record turn out to be damaged: they stopped the run, and are gone now."""
    from pipelines.warehouse.damage import take_damaged_away

    gone = take_damaged_away(settings)
    if not gone:
        return None
    return DamagedRecord(
        f"{settings.home}: damaged files were taken away: {', '.join(gone[:_SHOWN])}"
        + (f" and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else "")
        + "; nothing was published: run again, they are computed anew; if it happens again, check the disk"
    )
