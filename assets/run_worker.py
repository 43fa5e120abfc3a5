"""What the process of a run does around its steps: it holds the home, minds the time, and looks before a night that it can be.

Runs of the command line look and tell for themselves (`job`, `telling`); this is for those that Dagster starts.
"""

import os
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from multiprocessing import active_children
from typing import TYPE_CHECKING

from pipelines.objects import inbox
from pipelines.settings import Settings
from pipelines.warehouse.arrival import require_complete
from pipelines.warehouse.disk_budget import require_space
from pipelines.warehouse.lock import writing
from pipelines.warehouse.run_summary import latest

if TYPE_CHECKING:
    import dagster as dg

NIGHT = "nightly"  # the job
KIND = "trabecula/kind"
# Kinds that the command line writes into the tag; it tells their end itself.
BY_COMMAND_LINE = frozenset({"run", "demo", "nightly"})
_SCHEDULE = "dagster/schedule_name"


def kind_of(tags: Mapping[str, str]) -> str:
    """What started a run: a verb of the command line, `sensor`, `schedule`, or `ui` where somebody pressed a button."""
    return tags.get(KIND) or ("schedule" if _SCHEDULE in tags else "ui")


@contextmanager
def at_work(settings: Settings, run: "dg.DagsterRun") -> Generator[None]:
    """Hold the home from the first step of a run to its last; a run that takes longer than `most_hours` is ended by force.

    Raises:
        Busy: another run is writing there.
    """
    with writing(settings):
        if kind_of(run.tags) in BY_COMMAND_LINE:
            yield
            return
        watch = threading.Timer(settings.most_hours * 3600, _end_overdue, [settings])
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()


def require_landable(settings: Settings) -> None:
    """Before a landing that Dagster started: what lies in a store is fetched; room on the disk, and all of the delivery there.

    Raises:
        BadInput: the input is in a store, and cannot be fetched.
        DiskFull: there is less free than a run may need.
        DropChanged: the delivery is still being written.
    """
    inbox.fetch(settings)
    require_space(settings)
    require_complete(settings)


def require_ready(settings: Settings, run: "dg.DagsterRun") -> None:
    """Before a night that Dagster started: what any landing asks for, and after a night that stopped no damaged files in its way.

    Raises:
        DiskFull: there is less free than a run may need.
        DropChanged: the delivery is still being written.
    """
    if run.job_name != NIGHT or kind_of(run.tags) in BY_COMMAND_LINE:
        return
    require_landable(settings)
    last = latest(settings)
    # It reads everything, so only where the night before says that something was wrong.
    if last and last[0].status == "stopped":
        from pipelines.warehouse.damage import take_damaged_away

        take_damaged_away(settings)


def end_process(status: int) -> None:
    """End this process and its workers: an engine that waits for itself hears no signal and no exception."""
    for worker in active_children():
        worker.kill()
    os._exit(status)


def _end_overdue(settings: Settings) -> None:
    print(
        f"trabecula: the run took longer than {settings.most_hours:g} hours and is ended", file=sys.stderr, flush=True
    )
    end_process(1)
