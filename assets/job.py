"""Runs the nightly job in this process, as the command line and cron do, and turns its end into one line or one error.

Dagster is imported once the input was examined: a refusal does not wait for it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import progress
from pipelines import settings as machine
from pipelines.errors import BadInput, BlockedByCheck, TrabeculaError
from pipelines.run import SOURCES, Run
from pipelines.settings import Settings
from pipelines.trials.study import select
from pipelines.warehouse.lock import writing
from pipelines.warehouse.publish import gate_words

if TYPE_CHECKING:
    import dagster as dg

_INSTANCE = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_retries: {enabled: true, max_retries: 0}
concurrency: {pools: {default_limit: 1}, runs: {max_concurrent_runs: 1}}
retention: {schedule: {purge_after_days: 30}, sensor: {purge_after_days: {skipped: 7}}}
"""


def prepare_instance(settings: Settings) -> None:
    """Write DAGSTER_HOME inside the home, once."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    file = settings.dagster_home / "dagster.yaml"
    if not file.exists():
        file.write_text(_INSTANCE)


def execute(home: Path, source: str, folder: Path, studies: tuple[str, ...], mapping: str | None = None) -> str:
    """Run everything; returns the one-line verdict.

    Args:
        mapping: of a flat drop, a file or the name of a shipped one; None: what trabecula.toml says.

    Raises:
        BadInput: the input was refused; nothing was published.
        BlockedByCheck: a critical check failed; the published data are as they were.
    """
    named = str(Path(mapping).expanduser().resolve()) if mapping and Path(mapping).expanduser().is_file() else mapping
    settings = machine.load(home, source=source, folder=str(folder.expanduser().resolve()), mapping=named)
    if source not in SOURCES:
        raise BadInput(f"--source {source}: there are {', '.join(SOURCES)}")
    select(studies, source)
    with writing(settings):
        with Run(settings) as run:
            run.examine()
        result = _execute(settings, studies)
    if not result.success:
        raise _why(result)
    settings.write()  # only now: a refused folder must not become tonight's
    built = result.asset_materializations_for_node("publish")[0].metadata
    told = gate_words(*(int(str(built[name].value)) for name in ("gates", "gates_closed", "gates_waived")))
    quarantined = _quarantined(settings)
    return f"done: build {built['build_id'].value}, {told}, {quarantined:,} rows quarantined"


def _execute(settings: Settings, studies: tuple[str, ...]) -> "dg.ExecuteInProcessResult":
    """The nightly job, start to end, with its history in the home."""
    from assets.assembly import build_definitions
    from assets.home import Home
    from assets.run_history import one_writer
    from expectations.suite import all_tables
    from pipelines import plan

    prepare_instance(settings)
    resource = Home(
        path=str(settings.home),
        source=settings.source,
        folder=settings.folder,
        mapping=settings.mapping,
        studies=list(studies),
        progress=True,
    )
    job = build_definitions(resource).resolve_job_def("nightly")
    parts = len(plan.steps()) + len(all_tables())
    with one_writer(settings) as instance, progress.shown(parts, "landing"):
        return job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


def _why(result: "dg.ExecuteInProcessResult") -> TrabeculaError:
    """The error that a failed run means, from the first step that failed."""
    import dagster as dg

    failure = next(event for event in result.all_events if event.is_step_failure)
    error = failure.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    message = error.message.partition(": ")[2].strip() if error else "unknown"
    if error and error.cls_name in ("BadInput", "SuiteError"):
        return BadInput(message.splitlines())
    blocked = [
        f"{check.asset_key.to_user_string()}: {check.check_name}"
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.blocking and check.severity == dg.AssetCheckSeverity.ERROR
    ]
    if blocked:
        return BlockedByCheck(f"critical checks failed, nothing was published: {', '.join(blocked)}")
    return BlockedByCheck(f"{failure.step_key} failed, nothing was published: {message}")


def _quarantined(settings: Settings) -> int:
    from pipelines.warehouse.parquet import row_count
    from pipelines.warehouse.store import Store

    return row_count(Store(settings).files("staging.quarantine"))
