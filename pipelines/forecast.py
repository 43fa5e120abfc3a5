"""What tonight's run would compute, and about how long it would take: the plan of `trabecula nightly --dry-run`.

Looks only. The input is examined as a run examines it; what a landing would change in the files of people is known by part,
and what a recomputed list (a population table) will hold is not known before it is computed: such work is `perhaps`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse.disk_budget import DiskBudget, disk_budget
from pipelines.warehouse.manifest import is_of_this_month
from pipelines.warehouse.run_summary import RunSummary, latest
from pipelines.warehouse.runner import Runner
from pipelines.warehouse.store import Store

_LOOKED_BACK = 20
_LEAST_SHARE = 0.02
# What every landing writes besides the parts, and what it writes where there are any.
_EVERY_NIGHT = {"raw.previous_evidence"}
_OF_A_LANDING = {"raw.manifest", "raw.rejected_row", "raw.previous_histogram"}


@dataclass(frozen=True, slots=True)
class TableForecast:
    """One table: files that will be computed for certain, files that may be, files in all; seconds of all of them.

    `seconds` is None where no run on record computed the table.
    """

    table: str
    certain: int
    perhaps: int
    files: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Tonight: parts that would be landed, tables that are not current, seconds of what runs besides the tables, disk."""

    parts: tuple[str, ...]
    tables: tuple[TableForecast, ...]
    besides_seconds: float | None
    disk: DiskBudget

    @property
    def seconds(self) -> tuple[float, float]:
        """Least and most seconds, of the tables whose time is known and of what runs besides."""
        besides = self.besides_seconds or 0.0
        known = [table for table in self.tables if table.seconds is not None]
        least = sum((table.seconds or 0.0) * table.certain / table.files for table in known)
        most = sum((table.seconds or 0.0) * (table.certain + table.perhaps) / table.files for table in known)
        return besides + least, besides + most


def forecast(settings: Settings) -> Forecast:
    """The plan of a run that would start now.

    Raises:
        BadInput: the input would be refused.
    """
    past = latest(settings, _LOOKED_BACK)
    seconds = seconds_by_table(past)
    with Run(settings) as run:
        parts = run.would_land()
        touched = {part.table for part in parts} | _EVERY_NIGHT | (_OF_A_LANDING if parts else set())
        if not is_of_this_month(settings):
            touched.add("raw.manifest")
        tables = _tables(Runner(settings, run.facts), Store(settings), touched, seconds)
    names = tuple(sorted(f"{part.table} {part.source_file}" for part in parts))
    return Forecast(names, tables, _besides(past), disk_budget(settings))


def seconds_by_table(past: tuple[RunSummary, ...]) -> Mapping[str, float]:
    """Seconds that all files of a table took, the median over the runs that computed a fair share of them."""
    found: dict[str, list[float]] = {}
    for summary in past:
        for name, done in summary.tables.items():
            files = done.files_computed + done.files_current
            if done.files_computed and done.files_computed >= _LEAST_SHARE * files:
                found.setdefault(name, []).append(done.seconds * files / done.files_computed)
    return {name: median(values) for name, values in found.items()}


def lines(told: Forecast) -> list[str]:
    """The plan in words."""
    found = [f"{len(told.parts)} files would be landed"] + [f"  {name}" for name in told.parts]
    computed = [table for table in told.tables if table.certain]
    maybe = [table for table in told.tables if table.perhaps and not table.certain]
    found.append(f"{len(computed)} tables would be computed, {len(maybe)} more if what they read comes out another")
    for table in told.tables:
        cost = "no run on record" if table.seconds is None else f"about {_share(table):.1f} s"
        sort = "" if table.certain else " perhaps"
        found.append(f"  {table.table:<34} {table.certain or table.perhaps:>5} of {table.files} files{sort}, {cost}")
    least, most = told.seconds
    unknown = sum(table.seconds is None for table in told.tables)
    besides = (
        "no run on record" if told.besides_seconds is None else f"{told.besides_seconds:.0f} s of it besides tables"
    )
    found.append(
        f"time: {least:.0f} to {most:.0f} s ({besides})" + (f"; {unknown} tables never timed" if unknown else "")
    )
    room = "enough" if told.disk.is_enough else "too little: the run would be refused"
    found.append(f"disk: {told.disk.free_gb:.1f} GB free, {told.disk.needed_gb:.1f} GB asked for: {room}")
    return found


def _share(table: TableForecast) -> float:
    return (table.seconds or 0.0) * (table.certain or table.perhaps) / table.files


def _tables(runner: Runner, store: Store, touched: set[str], seconds: Mapping[str, float]) -> tuple[TableForecast, ...]:
    """Tables that are not current, in the order of the plan.

    `surely`: their files get another fingerprint whatever they hold. `changed`: they may.
    """
    surely, changed = set[str](), set(touched)
    found = []
    for step in plan.steps():
        stale, files = runner.count_stale(step)
        # A file of people carries the fingerprint of what it was made from, so what reads it is stale for certain; what a
        # landing writes and a list carries is its content.
        if any(name in surely for name in step.inputs):
            certain, perhaps = files, 0
        elif any(name in changed for name in step.inputs):
            certain, perhaps = stale, files - stale
        else:
            certain, perhaps = stale, 0
        if not certain and not perhaps:
            continue
        changed.add(step.table)
        if certain == files and store.is_per_person(step.table):
            surely.add(step.table)
        found.append(TableForecast(step.table, certain, perhaps, files, seconds.get(step.table)))
    return tuple(found)


def _besides(past: tuple[RunSummary, ...]) -> float | None:
    """Seconds of examining, landing, judging, publishing and reporting: what a run took beyond its tables."""
    rest = [run.seconds - sum(done.seconds for done in run.tables.values()) for run in past if run.status == "done"]
    return median(rest) if rest else None
