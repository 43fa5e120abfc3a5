"""A landing of OMOP files that dies anywhere: published data stay, the next landing is whole, and no changed person is missed."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import pipelines.run
from pipelines import plan
from pipelines.errors import DiskFull, DropChanged
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.engine import told_when_full
from pipelines.warehouse.publish import current_build, publish
from pipelines.warehouse.store import Store

WAIT_SECONDS = 300
PEOPLE = 40
RAW = ("raw.omop_person", "raw.omop_measurement", "raw.omop_condition_occurrence", "raw.rejected_row")

# Arguments: home, folder, name in which module, after how many calls. Dies before the call does anything.
DIE = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from pipelines.run import Run
from pipelines.settings import Settings

home, folder, module, name, after = sys.argv[1:]
module = import_module(module)
owner, _, name = name.rpartition(".")
owner = getattr(module, owner) if owner else module
call, left = getattr(owner, name), [int(after)]

def dying(*arguments, **named):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return call(*arguments, **named)

setattr(owner, name, dying)
with Run(Settings(Path(home), "omop", folder, memory_gb=0.5, threads=1, persons_per_bucket=10)) as run:
    run.land()
"""
LIMITED = """
import resource, sys
from pathlib import Path
from pipelines.run import Run
from pipelines.settings import Settings

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
with Run(Settings(Path(sys.argv[1]), "omop", sys.argv[2], memory_gb=0.5, threads=1, persons_per_bucket=10)) as run:
    run.land()
"""
POINTS = [
    ("pipelines.warehouse.bulk", "write_query", 0),
    ("pipelines.warehouse.bulk", "write_query", 2),
    ("pipelines.warehouse.bulk", "write_query", 1),
    ("pipelines.warehouse.changes", "write_frame", 1),
    ("pipelines.warehouse.ledger", "write", 0),
    ("pipelines.warehouse.ledger", "write", 1),
    ("pipelines.warehouse.landing", "_remove_others", 0),
    ("pipelines.warehouse.drop_log", "remember", 0),
    ("pipelines.run", "write_population", 0),
    ("pipelines.run", "write_population", 1),
]


def write(folder: Path, value: float, rows: int = 400) -> Path:
    """People with results; `value` decides those of every fifth person. One row of 400 cannot be read."""
    folder.mkdir(exist_ok=True)
    people = range(1, PEOPLE + 1)
    pl.DataFrame(
        {"person_id": people, "gender_concept_id": 8532, "year_of_birth": [1930 + n for n in people]}
    ).write_parquet(folder / "person.parquet")
    who = [1 + n % PEOPLE for n in range(rows)]
    lines = [
        f"{n},{person},0,2019-03-{1 + n % 28:02},{value if person % 5 == 0 else n},pg/mL,2243-4"
        for n, person in enumerate(who, 1)
    ]
    lines[7] = "8,1,0,2019-02-31,1,pg/mL,2243-4"
    header = "measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number,unit_source_value,"
    (folder / "measurement.csv").write_text("\n".join([header + "measurement_source_value", *lines]) + "\n")
    pl.DataFrame(
        {"person_id": people, "condition_start_date": "2019-01-01", "condition_source_value": "C50.911"}
    ).write_parquet(folder / "condition_occurrence.parquet")
    return folder


def land(settings: Settings):
    with Run(settings, run_id="r") as run:
        return run.land()


def page(mart: object, out: Path) -> Path:
    out.mkdir(parents=True)
    (out / "index.html").write_text("<p>report</p>")
    return out / "index.html"


def same_raw(one: Settings, other: Settings) -> None:
    for table in RAW:
        frames = [Store(settings).scan(table).collect() for settings in (one, other)]
        assert frames[0].height > 0
        by = [name for name in ("person_id", "source_file", "source_row") if name in frames[0].columns]
        assert_frame_equal(*(frame.sort(by) for frame in frames))


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv("TRABECULA_KEY", raising=False)
    monkeypatch.delenv("TRABECULA_KEY_FILE", raising=False)


@pytest.fixture
def omop(tmp_path):
    """A home in which the first delivery was landed; its input is the second already."""
    folder = write(tmp_path / "drop", 20.0)
    settings = Settings(tmp_path / "home", "omop", str(folder), memory_gb=0.5, threads=1, persons_per_bucket=10)
    land(settings)
    write(folder, 33.0)
    return settings


@pytest.fixture
def whole(omop, tmp_path):
    """The second delivery in a home of its own, landed without trouble."""
    fresh = replace(omop, home=tmp_path / "fresh")
    land(fresh)
    return fresh


@pytest.mark.parametrize(("module", "name", "after"), POINTS, ids=lambda one: str(one))
def test_a_killed_landing_is_completed_by_the_next(omop, whole, module, name, after):
    before = ChangeLog(omop).latest()
    dead = subprocess.run(
        [sys.executable, "-c", DIE, str(omop.home), omop.folder, module, name, str(after)],
        capture_output=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert dead.returncode == -signal.SIGKILL, dead.stderr.decode()[-800:]
    land(omop)
    same_raw(omop, whole)
    assert land(omop).landed.written == 0
    assert not [path for path in omop.home.rglob("*") if path.name.endswith(".part")]
    assert not (omop.spill / "landing").exists() or not any((omop.spill / "landing").iterdir())
    changed = ChangeLog(omop).since(before)
    assert changed is not None and changed.height >= PEOPLE // 5, "a step would pass over somebody who changed"


def test_a_file_that_is_replaced_while_it_is_read_never_passes_for_landed(omop, whole, monkeypatch):
    landing, folder = pipelines.run.land, Path(omop.folder)

    def replaced(*arguments, **named):
        write(folder, 55.0)
        return landing(*arguments, **named)

    monkeypatch.setattr(pipelines.run, "land", replaced)
    with pytest.raises(DropChanged, match="files changed while they were read"):
        land(omop)
    monkeypatch.undo()
    monkeypatch.delenv("TRABECULA_KEY", raising=False)
    write(folder, 33.0)
    land(omop)
    same_raw(omop, whole)


def test_what_is_published_outlives_a_killed_landing(omop):
    with Run(omop, run_id="r") as run:
        report = run.land()
        for step in plan.steps():
            # What is published must stay, however much of it there is.
            if step.table.split(".")[0] in ("ref", "staging"):
                run.step(step)
        publish(omop, run.facts, report.drop_id, "code", page)
    build, target = current_build(omop), os.readlink(omop.home / "current")
    content = {path: path.read_bytes() for path in (omop.home / "current").resolve().rglob("*") if path.is_file()}
    write(Path(omop.folder), 44.0)
    dead = subprocess.run(
        [sys.executable, "-c", DIE, str(omop.home), omop.folder, "pipelines.warehouse.bulk", "write_query", "2"],
        capture_output=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert dead.returncode == -signal.SIGKILL
    assert (current_build(omop), os.readlink(omop.home / "current")) == (build, target)
    assert {path: path.read_bytes() for path in content} == content


def test_a_landing_that_finds_no_space_is_completed_by_the_next(omop, tmp_path):
    """No file may grow above 60 kB: the engine fails while it splits or sorts the rows."""
    write(Path(omop.folder), 33.0, rows=40_000)
    before = {path: path.read_bytes() for path in omop.data.rglob("*.parquet")}
    full = subprocess.run(
        [sys.executable, "-c", LIMITED, str(omop.home), omop.folder, "60000"],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert full.returncode == 1
    assert "DiskFull" in full.stderr and "free space there" in full.stderr, full.stderr[-800:]
    assert {path: path.read_bytes() for path in before} == before, "a raw file was replaced by less than the whole"
    land(omop)
    fresh = replace(omop, home=tmp_path / "fresh")
    land(fresh)
    same_raw(omop, fresh)


@pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT", "EFBIG"])
def test_every_way_to_find_no_space_is_said_as_that(omop, code):
    import errno

    number = getattr(errno, code)
    with pytest.raises(DiskFull, match=f"{os.strerror(number)}: free space there"), told_when_full(omop):
        raise OSError(number, os.strerror(number))
    with pytest.raises(PermissionError), told_when_full(omop):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
