"""Measures a run as ratios to one scan of its input, stage by stage, on a generated population. Timings are no promises.

The load is written by `synth`, or is a folder at hand; each stage runs in this process. Read the ratios, not the seconds.
How cost grows with people is for `bench_growth`.
"""

import json
import os
import platform
import resource
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import duckdb
import polars as pl

from pipelines import plan
from pipelines.bench_room import room
from pipelines.errors import BadInput
from pipelines.run import Run
from pipelines.settings import Settings, load
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.nhanes_shaped import write
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import load_parameters
from pipelines.tables import CONTRACTS
from pipelines.warehouse.engine import connect, literal
from pipelines.warehouse.parquet import row_count
from pipelines.warehouse.step import module_closure
from pipelines.warehouse.store import Store

SCAN, LAND, JUDGE, AGAIN, PUBLISH = (
    "scan of the input",
    "land",
    "judge",
    "second run, nothing changed",
    "publish",
)
_PHASES = (
    "ingest",
    "validate",
    "features",
    "cohorts",
    "propensity and balance",
    "outcome models",
    "publish and report",
)
#: of the models, what describes who gets which treatment; the others are of outcomes
_OF_TREATMENT = ("propensity_model", "propensity_score", "covariate_balance", "diagnostic", "baseline")
_BY_LAYER = {
    "ref": "ingest",
    "staging": "ingest",
    "features": "features",
    "cohort": "cohorts",
    "mart": "publish and report",
}
_OTHERS = {LAND: "ingest", JUDGE: "validate", AGAIN: AGAIN, PUBLISH: "publish and report"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: wall seconds, CPU seconds of this process and its workers, wall as a ratio to the raw scan, and the most
    memory that they held during it.
    """

    name: str
    wall_seconds: float
    cpu_seconds: float
    ratio_to_scan: float
    peak_memory_mib: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured, where: machine, versions, peak memory, and every stage as a ratio to the raw scan.

    `phases` add the stages up as a reader thinks of them; `rows` are those of the input, `input_bytes` its files.
    """

    persons: int
    rows: int
    input_bytes: int
    machine: dict[str, str]
    versions: dict[str, str]
    peak_memory_mib: float
    ratio_by_layer: dict[str, float]
    phases: tuple[Stage, ...]
    stages: tuple[Stage, ...]

    def as_json(self) -> str:
        """The measurement as JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"


def measure(
    persons: int,
    seed: int = 1,
    source: str = "nhanes",
    given: Path | None = None,
    layer: str | None = None,
    tell: Callable[[Stage], None] = lambda stage: None,
    judge: Callable[[Settings], object] | None = None,
    kept: Path | None = None,
) -> Measurement:
    """Generate, land, compute every layer, publish; memory is that of this process and its workers, pages of the engine included.

    Args:
        persons: people to generate where no folder is given.
        seed: of the generator.
        source: what kind of folder `given` is, or what to generate: nhanes or omop.
        given: a folder of Parquet files to measure instead, such as `trabecula simulate` writes.
        layer: only this layer and all that its tables are made of; nothing is published then.
        tell: called with each stage as it ends.
        judge: asks every suite for its verdict; a stage of its own, before publishing.
        kept: a folder that keeps load, home and figures, so that a measurement that was stopped goes on at the stage under way.

    Raises:
        BadInput: more persons than the generator can make, the folder is none of its source, there is no such layer, or
            something else was measured in the folder that is kept.
    """
    order = tables_of(layer)
    versions = {"duckdb": duckdb.__version__, "polars": pl.__version__}
    asked = {"persons": persons, "seed": seed, "source": source, "layer": layer}
    asked["given"] = str(given.resolve()) if given else None
    with room(kept, asked | versions) as place:
        folder = given or place.load(lambda empty: _generated(empty, source, persons, seed))
        landing, every = _landing_code(), _steps_code()
        if place.figures(LAND, landing) is None:
            place.forget()
        settings = replace(load(place.home), source=source, folder=str(folder))
        settings.write()
        stages: list[Stage] = []
        goes_on = bool(place.ended)

        def record(
            name: str, code: str, work: Callable[[], object], clear: Callable[[], object] = lambda: None
        ) -> None:
            if figures := place.figures(name, code):
                stages.append(Stage(**figures))
                return
            if place.begin(name):
                clear()
            forget_peak()
            wall, cpu = timed(work)
            stages.append(Stage(name, wall, cpu, wall / (stages[0].wall_seconds if stages else wall), peak_mib()))
            place.end(name, code, stages[-1])
            tell(stages[-1])

        record(SCAN, "", lambda: _scan(folder))

        def again() -> None:
            for table in order:
                run.step(plan.step(table))

        with Run(settings) as run:
            record(LAND, landing, run.land)
            for step in map(plan.step, order):
                record(
                    step.table,
                    step.code_version(),
                    lambda step=step: run.step(step),
                    lambda step=step: _forget(settings, step.table),
                )
            if layer is None:
                if goes_on:
                    # What was made of a table that was made anew keeps its figures, and may be stale.
                    again()
                record(AGAIN, every, again)
                if judge is not None:
                    record(JUDGE, every, lambda: judge(settings), lambda: _forget_verdicts(settings))
                record(PUBLISH, every, run.publish)
        people = pl.scan_parquet(settings.home / "data" / "staging" / "person" / "*.parquet").select(pl.len()).collect()
        files = sorted(folder.rglob("*.parquet"))
        by_layer: dict[str, float] = {}
        for stage in (stage for stage in stages if stage.name in order):
            name = CONTRACTS[stage.name].layer
            by_layer[name] = by_layer.get(name, 0.0) + stage.ratio_to_scan
        return Measurement(
            persons=people.item(),
            rows=row_count(tuple(files)),
            input_bytes=sum(path.stat().st_size for path in files),
            machine={
                "processor": platform.processor() or platform.machine(),
                "cores": str(os.cpu_count()),
                "threads": str(settings.threads),
                "memory_gb": str(settings.memory_gb),
                "python": platform.python_version(),
            },
            versions=versions,
            peak_memory_mib=max(stage.peak_memory_mib for stage in stages),
            ratio_by_layer=by_layer,
            phases=phases(stages),
            stages=tuple(stages),
        )


def phases(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Stages added up as a reader thinks of them, and `total`; the scan and a second run without changes are no part of it."""
    found: dict[str, list[Stage]] = {}
    for stage in stages:
        if stage.name not in (SCAN, AGAIN):
            found.setdefault(_phase(stage.name), []).append(stage)
    parts = [_together(name, found[name]) for name in _PHASES if name in found]
    return (*parts, _together("total", parts))


def _phase(name: str) -> str:
    if name in _OTHERS:
        return _OTHERS[name]
    layer, _, table = name.partition(".")
    if layer == "models":
        return "propensity and balance" if table in _OF_TREATMENT else "outcome models"
    return _BY_LAYER[layer]


def _together(name: str, stages: list[Stage]) -> Stage:
    return Stage(
        name,
        sum(stage.wall_seconds for stage in stages),
        sum(stage.cpu_seconds for stage in stages),
        sum(stage.ratio_to_scan for stage in stages),
        max(stage.peak_memory_mib for stage in stages),
    )


def _generated(empty: Path, source: str, persons: int, seed: int) -> Path:
    """A population as a survey or a hospital would deliver it.

    Raises:
        BadInput: nothing of this source can be generated.
    """
    if source == "nhanes":
        return write(empty / "drop", persons, seed)
    if source == "omop":
        write_population(Request(empty / "drop", persons, seed), load_parameters(), simulate)
        return empty / "drop" / "omop"
    raise BadInput(f"{source} cannot be generated: name --input, or measure nhanes or omop")


def tables_of(layer: str | None) -> list[str]:
    """Tables in the order in which they are made: all, or those of a layer and what they are made of.

    Raises:
        BadInput: there is no such layer.
    """
    every = [step.table for step in plan.steps()]
    if layer is None:
        return every
    own = [table for table in every if CONTRACTS[table].layer == layer]
    if not own:
        layers = ", ".join(sorted({CONTRACTS[table].layer for table in every}))
        raise BadInput(f"there is no layer {layer}: name one of {layers}")
    needed = set(own).union(*(plan.upstream(table) for table in own))
    return [table for table in every if table in needed]


def _steps_code() -> str:
    """Hash of the code of all steps, for what is measured of all tables."""
    return sha256("".join(step.code_version() for step in plan.steps()).encode()).hexdigest()


def _landing_code() -> str:
    """Hash of the code that reads the input and writes it as it lies."""
    modules = ("pipelines.sources.registry", "pipelines.warehouse.landing")
    return sha256("".join(map(module_closure, modules)).encode()).hexdigest()


def _forget(settings: Settings, table: str) -> None:
    """Remove the files of a table, so that none is found current."""
    for path in Store(settings).files(table):
        path.unlink()


def _forget_verdicts(settings: Settings) -> None:
    """Remove verdicts and the counts that they rest on."""
    for folder in (Store(settings).folder("mart.quality_result"), settings.home / "state" / "quality"):
        shutil.rmtree(folder, ignore_errors=True)


def _scan(folder: Path) -> None:
    """Read every column of every Parquet file once: the least that any pipeline must do."""
    with connect(load(folder)) as connection:
        for path in sorted(folder.rglob("*.parquet")):
            source = f"read_parquet({literal(path)})"
            columns = [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]
            read = ", ".join(f'max("{name}")' for name in columns)
            connection.execute(f"select {read} from {source}").fetchall()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of some work, workers included."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    work()
    return time.perf_counter() - wall, _cpu_seconds() - cpu


def _processes() -> list[Path]:
    """This process and all below it, workers included, as folders of /proc; only this one where the kernel tells no more."""
    found = [Path("/proc/self")]
    for process in found:
        with suppress(OSError):
            below = [line for task in process.glob("task/*/children") for line in task.read_text().split()]
            found += [Path("/proc") / number for number in below]
    return found


def _cpu_seconds() -> float:
    """CPU seconds so far of this process and its workers, those that ended and were waited for too."""
    ticks = 0
    for process in _processes():
        with suppress(OSError):
            # The name of a process, in brackets, may hold blanks: fields are counted after it.
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def forget_peak() -> None:
    """Let the kernel count the peaks anew; where it cannot, peaks are those of all stages so far."""
    for process in _processes():
        with suppress(OSError):
            (process / "clear_refs").write_text("5")


def peak_mib() -> float:
    """Sum of the peaks of all processes: at least what they held together, since they need not peak at once."""
    peaks = []
    for process in _processes():
        with suppress(OSError):
            status = (process / "status").read_text()
            peaks += [int(status.split("VmHWM:")[1].split()[0]) / 1024] if "VmHWM:" in status else []
    return sum(peaks) or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
