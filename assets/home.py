"""The one resource: a home and what a run there was asked. Progress is told here: lines for people at a terminal, and the log."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import dagster as dg
from pydantic import Field

from assets import run_worker
from pipelines import progress
from pipelines import settings as machine
from pipelines.run import LandingReport, Run
from pipelines.settings import Settings
from pipelines.warehouse import run_log
from pipelines.warehouse.lock import writing
from pipelines.warehouse.publish import Build, gate_words
from pipelines.warehouse.run_log import Event
from pipelines.warehouse.runner import StepReport

_SHOWN = 12
_LOG_SECONDS = 10.0


class Home(dg.ConfigurableResource):
    """Where the data lie. `source` and `folder` win over trabecula.toml; `studies`: none named means all."""

    path: str = Field("", description="Home; empty: TRABECULA_HOME.")
    source: str = Field("", description="nhanes, omop or flat; empty: as in trabecula.toml.")
    folder: str = Field("", description="Folder with the drop or drops; empty: as in trabecula.toml.")
    mapping: str = Field("", description="flat: mapping file or name of a shipped one; empty: as in trabecula.toml.")
    runner: str = Field(
        "", description="local, dask or spark: where buckets are computed; empty: as in trabecula.toml."
    )
    scheduler: str = Field(
        "", description="Address of the Dask scheduler or Spark master; empty: as in trabecula.toml."
    )
    studies: list[str] = Field([], description="Ids of the studies to run; none named: all that the source can serve.")
    progress: bool = Field(default=False, description="Print a line a table, for somebody at a terminal.")

    def settings(self) -> Settings:
        """Settings of the home named by `path`, else by TRABECULA_HOME."""
        home = Path(self.path) if self.path else machine.home_from_environment()
        named = {name: getattr(self, name) or None for name in ("source", "folder", "mapping", "runner", "scheduler")}
        return machine.load(home, **named)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Self]:
        """This home; a run holds it from its first step to its last, a sensor only looks."""
        if context.run is None:
            yield self
            return
        with run_worker.at_work(self.settings(), context.run):
            yield self

    @contextmanager
    def run(self, run_id: str, log: Callable[[str], None] = lambda line: None) -> Generator[Run]:
        """A run of this home, holding its lock: runs from the UI, the schedule and the command line never write together.

        `log` is told how far a table with many files is, now and then.
        """
        settings = self.settings()
        with writing(settings), Run(settings, tuple(self.studies), run_id[:12], now_and_then(log)) as run:
            yield run

    def say(self, line: str) -> None:
        """One line of progress, if somebody watches."""
        if self.progress:
            progress.current().say(f"{time.strftime('%H:%M:%S')}  {line}")

    def record(self, run_id: str, event: Event) -> None:
        """One line in the log of the run, whoever watches."""
        run_log.write(self.settings(), run_id, event)

    def done(self, what: str, line: str) -> None:
        """A part of the run that is done, and its line."""
        self.say(line)
        if self.progress:
            progress.current().step(what)


def now_and_then(
    log: Callable[[str], None], now: Callable[[], float] = time.monotonic
) -> Callable[[str, int, int], None]:
    """Files of a table that are done, as lines no closer than `_LOG_SECONDS`: each is an event in Dagster's history."""
    last = now()

    def tell(table: str, done: int, asked: int) -> None:
        nonlocal last
        if now() - last >= _LOG_SECONDS:
            last = now()
            log(f"{table}: {done} of {asked} files computed")

    return tell


def step_line(report: StepReport) -> str:
    """Progress of one table."""
    how = f"{report.seconds:6.1f} s" if report.computed else " current"
    return f"{report.table:<30} {report.rows:>12,} rows  {how}"


def step_event(report: StepReport) -> Event:
    """The same for the log."""
    files = report.computed, report.merged, report.current
    return Event("table", report.table, report.rows, report.seconds, *files)


def landing_lines(report: LandingReport) -> list[str]:
    """Progress of landing."""
    landed = report.landed
    lines = [f"landed {landed.written} files, {landed.current} current, {landed.rejected:,} rows rejected"]
    rejected = [
        f"{rows:,} rows of {entry.source_file} rejected: {rule}"
        for entry in landed.entries
        for rule, rows in entry.rejected.items()
    ]
    lines += rejected[:_SHOWN]
    if len(rejected) > _SHOWN:
        lines.append(f"and {len(rejected) - _SHOWN} more; `trabecula quarantine` lists all")
    return lines + [note if note.startswith("warning: ") else f"note: {note}" for note in report.notes]


def build_line(build: Build) -> str:
    """The verdict of a run."""
    return f"published build {build.build_id}: {gate_words(build.gates, build.gates_closed, build.gates_waived)}"
