"""The scene of the fault campaigns: a small flat home, one night in a process of its own, and what must hold after a fault.

A night is everything `trabecula nightly` does but Dagster, suites and plots: landing, every step, publication. Which fault
strikes, the scripts beside it say. The process that forks must never have used an engine: threads do not survive a fork.
"""

import json
import os
import runpy
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.tables.telling import TELLINGS
from pipelines.warehouse.engine import told_when_full
from pipelines.warehouse.lock import writing
from pipelines.warehouse.publish import complete_builds, publish
from pipelines.warehouse.step import PythonProducer, Step
from pipelines.warehouse.store import Store

small_home = runpy.run_path(str(Path(__file__).parents[1] / "sources" / "small_home.py"))
# Two designs are enough for every kind of step; all of them would only make a night longer.
STUDIES = ("ai_dose_response", "bone_turnover")
KEY = "a-key-for-tests-and-nothing-else"
# They tell how tonight differs from the build before, which a fault decides: everything else a fault may not change.
OF_HISTORY = ("raw.previous_histogram", "raw.previous_evidence")
# Written by judging and publishing; when a file was landed first is history too.
NOT_COMPARED = {"mart.quality_result", "mart.quality_trend", "mart.build", "raw.manifest"}
# Readers find them as they are told, and what may be told rests on what was told before: mornings of a soak look at that.
AS_TOLD = {name for name, telling in TELLINGS.items() if telling.people or telling.estimates}
# Which run made a row does not make it another.
NOT_OF_A_ROW = {"run_id"}


def other_drop() -> dict[str, str]:
    """The second delivery: results and a scan corrected, a person new, a person gone, a prescription taken back."""
    first = small_home["DROP"]
    people = first["people.csv"].replace("p3,male,1943\n", "") + "p12,female,1951\n"
    labs = first["labs.csv"].replace("p4,estradiol,14", "p4,estradiol,41").replace("p5,estradiol,15", "p5,estradiol,51")
    return {
        "mapping.toml": first["mapping.toml"],
        "people.csv": people,
        "labs.csv": labs + "p12,estradiol,22,pg/mL,2020-03-04\np12,estradiol,23,pg/mL,2020-09-04\n",
        "dxa.csv": first["dxa.csv"].replace("0.807", "0.907"),
        "drugs.csv": first["drugs.csv"].replace("p2,anastrozole 1 mg,1 tab daily,30,2020-03-01\n", ""),
    }


def put(folder: Path, drop: dict[str, str]) -> None:
    """Deliver: every file of the drop, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in drop.items():
        (folder / name).write_text(content)


def warm() -> None:
    """Import what steps import and read what fingerprints read, so that a forked night begins with its work."""
    for step in plan.steps():
        step.code_version()
        if isinstance(step.producer, PythonProducer):
            step.producer.resolve()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: exit status (negative: a signal), what it had begun last, seconds, what it returned or raised."""

    status: int
    begun: str
    seconds: float
    value: Any = None
    error: str = ""


def in_child(work: Callable[[Callable[[str], None]], Any], folder: Path, kill_after: float | None = None) -> Ended:
    """Do `work(say)` in a forked process, killed after some seconds if it still lives; `say` notes what it begins."""
    phase, result = folder / "phase", folder / "result.json"
    for path in (phase, result):
        path.unlink(missing_ok=True)
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            value = work(lambda begun: phase.write_text(begun) and None)
            result.write_text(json.dumps({"value": value}))
            status = 0
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
            result.write_text(json.dumps({"error": told, "trace": traceback.format_exc()[-3000:]}))
        finally:
            os._exit(status)
    status = _wait(child, None if kill_after is None else started + kill_after)
    seconds = time.monotonic() - started
    begun = phase.read_text() if phase.exists() else "start"
    told = json.loads(result.read_text()) if status in (0, 1) and result.exists() else {}
    return Ended(status, begun, seconds, told.get("value"), told.get("error", ""))


def _wait(child: int, deadline: float | None) -> int:
    while deadline is not None and time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    if deadline is not None:
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def steps(layers: tuple[str, ...]) -> list[Step]:
    """The steps of some layers, in order; every step where none is named."""
    return [step for step in plan.steps() if not layers or step.contract.layer in layers]


def night(settings: Settings, say: Callable[[str], None] = lambda begun: None, layers: tuple[str, ...] = ()) -> str:
    """Land, bring every table of some layers (all) up to date, publish; returns the build."""
    with writing(settings), Run(settings, STUDIES, run_id="night") as run:
        say("landing")
        report = run.land()
        for step in steps(layers):
            say(step.table)
            run.step(step)
        say("publishing")
        with told_when_full(settings):
            build = publish(settings, run.facts, report.drop_id, "code", small_home["_page"])
    return build.build_id


def compared() -> list[str]:
    """Tables that only the delivery decides: all but those of history and what is made from one, however far on."""
    made_from = {step.table: step.inputs for step in plan.steps()}

    def is_of_history(name: str) -> bool:
        return name in OF_HISTORY or any(map(is_of_history, made_from.get(name, ())))

    return [name for name in CONTRACTS if name not in NOT_COMPARED and not is_of_history(name)]


def content(settings: Settings) -> dict[str, str]:
    """Each compared table of the working record: number of rows and a digest of them, whatever their order."""
    found = {}
    store = Store(settings)
    with duckdb.connect(config={"threads": 1}) as connection:
        for name in compared():
            found[name] = _rows_digest(connection, f"({store.relation(connection, name)})")
    return found


def published(settings: Settings) -> dict[str, str]:
    """The same of the published file, read as an analyst would, but tables told by the release; every view and table opens."""
    found = {}
    with duckdb.connect(str(settings.home / "warehouse.duckdb"), read_only=True, config={"threads": 1}) as reader:
        for name in compared():
            digest = _rows_digest(reader, name)
            if name not in AS_TOLD:
                found[name] = digest
        reader.execute("from mart.build").fetchall()
    with duckdb.connect(str(settings.home / "release.duckdb"), read_only=True, config={"threads": 1}) as reader:
        reader.execute("from mart.build").fetchall()
    assert (settings.home / "report" / "index.html").read_text()
    return found


def different(found: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """Tables that were found with other rows than wanted.

    Raises:
        AssertionError: too few tables were found for a comparison.
    """
    assert len(found) > 150, f"only {len(found)} tables to compare"
    return [name for name, digest in found.items() if wanted[name] != digest]


def _rows_digest(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    kinds = {row[0]: row[1] for row in connection.execute(f"describe from {relation}").fetchall()}
    names = sorted(kinds.keys() - NOT_OF_A_ROW)
    # Twelve digits of a double: what may differ by the order of a sum is not compared, everything else is.
    cells = ", ".join(
        f"format('{{:.9e}}', \"{name}\")" if kinds[name] in ("DOUBLE", "FLOAT") else f'"{name}"::varchar'
        for name in names
    )
    rows = connection.execute(f"select sha256(concat_ws('|', {cells})) from {relation} order by 1").fetchall()
    return f"{len(rows)}:{sha256(repr(rows).encode()).hexdigest()[:16]}"


def balance(settings: Settings) -> None:
    """Every row that was delivered is accounted for, once.

    Raises:
        AssertionError: the account of a file does not balance.
    """
    account = pl.concat([pl.read_parquet(path) for path in Store(settings).files("staging.conservation")])
    parts = ("rows_staged", "rows_duplicate", "rows_quarantined", "rows_out_of_scope")
    off = account.filter(pl.col("rows_in") != pl.sum_horizontal(*parts))
    assert account.height and off.is_empty(), f"{off.height} files do not balance"


def leftovers(settings: Settings) -> list[str]:
    """What no finished run may leave: partial files, unfinished builds, spilled rows, links of a switch."""
    finished = set(complete_builds(settings))
    left = [path for path in settings.home.rglob("*") if path.name.endswith(".part") or ".part." in path.name]
    left += [path for path in settings.builds.iterdir() if path.name not in finished]
    left += [path for path in settings.spill.rglob("*") if path.is_file()]
    left += list(settings.home.glob(".current.*"))
    return sorted(str(path.relative_to(settings.home)) for path in left)


def seen(settings: Settings) -> str:
    """Build, and name, place, size and time of every published file: the same as before means not a byte was touched."""
    current = (settings.home / "current").resolve()
    files = [(path, path.stat()) for path in sorted(current.rglob("*")) if path.is_file()]
    held = [(path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in files]
    return f"{current.name} {sha256(repr(held).encode()).hexdigest()}"


def opens(settings: Settings) -> None:
    """The published files open as an analyst opens them."""
    for name in ("warehouse.duckdb", "release.duckdb"):
        with duckdb.connect(str(settings.home / name), read_only=True, config={"threads": 1}) as reader:
            assert reader.execute("from mart.build").fetchone()


def settings_in(folder: Path, drop: str = "drop") -> Settings:
    """The home of a folder."""
    base = small_home["settings_in"](folder)
    return replace(base, folder=str(folder / drop))
