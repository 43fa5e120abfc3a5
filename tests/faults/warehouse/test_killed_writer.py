"""Processes that die in the middle: what they were writing over is whole, and what they left is swept."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import BadInput, Busy
from pipelines.run import Run
from pipelines.warehouse import lock
from pipelines.warehouse.lock import writing
from pipelines.warehouse.parquet import fingerprint_of, sweep_partials, write_frame
from pipelines.warehouse.store import Store

WAIT_SECONDS = 60

WRITE = """
import sys
from pathlib import Path
from pipelines.settings import Settings
from pipelines.warehouse.engine import connect
from pipelines.warehouse.parquet import write_query

with connect(Settings(home=Path(sys.argv[1]), memory_gb=0.5, threads=1)) as connection:
    write_query(connection, "select hash(range) as n from range(2000000000)", Path(sys.argv[2]), "new")
"""
HOLD = """
import sys, time
from pathlib import Path
from pipelines.settings import Settings
from pipelines.warehouse.lock import writing

with writing(Settings(home=Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(600)
"""
LIMITED = """
import resource, sys
from pathlib import Path
from pipelines.settings import Settings
from pipelines.warehouse.engine import connect
from pipelines.warehouse.parquet import write_query

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
with connect(Settings(home=Path(sys.argv[1]), memory_gb=0.5, threads=1)) as connection:
    write_query(connection, "select hash(range) as n from range(3000000)", Path(sys.argv[2]), "new")
"""
DIE_BEFORE_THE_CHECK = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from pipelines import plan
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.warehouse import production, runner
from pipelines.warehouse.step import SqlProducer

if sys.argv[3] == "die":
    production.check_contract = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
step = replace(plan.step("staging.person"), inputs=(), producer=SqlProducer(Path(sys.argv[2])))
facts = RunFacts("run", "nhanes", (), "white_female", 11, "simulated")
with runner.Runner(Settings(home=Path(sys.argv[1]), memory_gb=0.5, threads=1), facts) as run:
    run.bring_up_to_date(step)
"""
# Two buckets, each of which would be at work for hours; says which processes work on them.
WORK_IN_A_POOL = """
import sys, time
from dataclasses import replace
from pathlib import Path
from threading import Thread
from pipelines import plan
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.warehouse.lock import writing
from pipelines.warehouse.runner import Runner
from pipelines.warehouse.step import SqlProducer

def tell():
    while "local" not in run._workers or len(run._workers["local"]._pool._processes) < 2:
        time.sleep(0.02)
    print(*run._workers["local"]._pool._processes, flush=True)

settings = Settings(home=Path(sys.argv[1]), memory_gb=1.0, threads=2)
step = replace(plan.step("staging.person"), inputs=(), producer=SqlProducer(Path(sys.argv[2])))
facts = RunFacts("run", "nhanes", (), "white_female", 11, "simulated")
with writing(settings), Runner(settings, facts) as run:
    Thread(target=tell, daemon=True).start()
    run.bring_up_to_date(step)
"""
IDLE_IN_A_POOL = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pipelines.worker import end_with_parent

pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=end_with_parent)
print(pool.submit(os.getpid).result(), flush=True)
time.sleep(600)
"""

# A person whose sex is none of the codes.
ONE_PERSON = (
    "-- grain: one row per person\n-- unit: person\n"
    "select 1 as person_id, 'none' as sex_code, 1.0 as age_years, false as is_age_top_coded, null as race_ethnicity_code, "
    "null as birth_year, null as entered_on, 'f' as source_file, 1 as source_row, 's' as source_id, 'd' as drop_id"
)


def start(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def kill(process):
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_file_is_whole_though_its_writer_was_killed(empty_home, tmp_path):
    path = tmp_path / "table" / "t.parquet"
    write_frame(pl.LazyFrame({"n": [1]}), path, "old")
    writer = start(WRITE, empty_home.home, path)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not any(p.stat().st_size for p in path.parent.glob(".*.part")):
            assert writer.poll() is None, writer.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        kill(writer)
    assert len(os.listdir(path.parent)) == 2
    assert fingerprint_of(path) == "old"
    assert pl.read_parquet(path)["n"].to_list() == [1]
    assert sweep_partials(tmp_path) == 1
    assert os.listdir(path.parent) == ["t.parquet"]


def test_a_half_written_file_is_no_part_of_its_table(empty_home):
    path = Store(empty_home).path("staging.person", None)
    write_frame(pl.LazyFrame({"n": [1]}), path, "old")
    path.with_name(f".{path.name}.1.part").write_bytes(path.read_bytes()[:30])
    assert Store(empty_home).files("staging.person") == (path,)


def test_a_file_is_whole_though_the_disk_was_full(empty_home, tmp_path):
    path = tmp_path / "table" / "t.parquet"
    write_frame(pl.LazyFrame({"n": [1]}), path, "old")
    writer = start(LIMITED, empty_home.home, path)
    _, said = writer.communicate(timeout=WAIT_SECONDS)
    assert writer.returncode == 1
    assert "File too large" in said
    assert fingerprint_of(path) == "old"
    assert os.listdir(path.parent) == ["t.parquet"]


def test_a_killed_check_is_not_taken_for_a_passed_one(empty_home, tmp_path):
    query = tmp_path / "broken.sql"
    query.write_text(ONE_PERSON)
    dead = start(DIE_BEFORE_THE_CHECK, empty_home.home, query, "die")
    dead.communicate(timeout=WAIT_SECONDS)
    assert dead.returncode == -signal.SIGKILL
    again = start(DIE_BEFORE_THE_CHECK, empty_home.home, query, "check")
    _, said = again.communicate(timeout=WAIT_SECONDS)
    assert again.returncode == 1, "the unchecked file passed for current"
    assert "sex_code is not one of its codes" in said


def test_one_process_writes_a_home_and_its_death_frees_it(empty_home):
    holder = start(HOLD, empty_home.home)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BadInput, match="another run is writing here") as refused, writing(empty_home):
            pytest.fail("two processes hold the lock")
        assert str(empty_home.home) in str(refused.value)
    finally:
        kill(holder)
    with writing(empty_home):
        pass
    with writing(empty_home):
        pass


def lives(pid):
    """Whether a process is there and no corpse that nobody has asked about yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def holds(pid, lock):
    return any(os.path.realpath(opened) == str(lock) for opened in Path(f"/proc/{pid}/fd").iterdir())


def pool_of(writer):
    told = writer.stdout.readline().split()
    assert told, writer.stderr.read()
    return [int(pid) for pid in told]


def end(pids):
    for pid in pids:
        if lives(pid):
            os.kill(pid, signal.SIGKILL)


def test_no_run_starts_while_workers_of_a_killed_one_live(empty_home, tmp_path):
    query = tmp_path / "endless.sql"
    query.write_text(f"{ONE_PERSON} where (select count(*) from range(900000000000) as n where hash(n.range) = 1) = 0")
    empty_home.home.mkdir()
    (empty_home.home / "layout.json").write_text('{"buckets": 2}')
    run, workers = start(WORK_IN_A_POOL, empty_home.home, query), []
    try:
        workers = pool_of(run)
        deadline = time.monotonic() + WAIT_SECONDS
        while not all(holds(pid, empty_home.home / ".working") for pid in workers):
            assert time.monotonic() < deadline, "no lock of a worker"
            time.sleep(0.02)
        run.kill()
        run.wait()
        with writing(empty_home):
            assert [pid for pid in workers if lives(pid)] == []
    finally:
        run.kill()
        end(workers)
        run.communicate()


def test_a_worker_that_does_not_end_keeps_the_home(empty_home, monkeypatch):
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.1)
    empty_home.home.mkdir()
    with (empty_home.home / ".working").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        with pytest.raises(Busy, match="worker processes of a run that was killed still write"), writing(empty_home):
            pytest.fail("a run starts beside an old worker")
    with writing(empty_home):
        pass


def test_idle_workers_end_with_the_process_that_started_them():
    pool, workers = start(IDLE_IN_A_POOL), []
    try:
        workers = pool_of(pool)
        pool.kill()
        deadline = time.monotonic() + WAIT_SECONDS
        while any(map(lives, workers)):
            assert time.monotonic() < deadline, "a worker waits for a process that is gone"
            time.sleep(0.02)
    finally:
        pool.kill()
        end(workers)
        pool.communicate()


def test_an_error_frees_the_home(empty_home):
    with pytest.raises(RuntimeError), writing(empty_home):
        raise RuntimeError
    with writing(empty_home):
        assert (Path(empty_home.home) / ".writing").exists()


def test_what_killed_runs_left_is_swept_before_the_next_lands(empty_home):
    """Also where the input is refused. What is not ours to sweep stays: an input inside the home, what a build holds."""
    left = (
        ".layout.json.7.part",
        ".trabecula.toml.part",
        "withdrawals/.2026.json.7.part",
        "data/ref/drug/.all.parquet.7.part",
    )
    kept = ("drop/.labs.csv.7.part", "builds/b/.page.7.part", "layout.json.part")
    for name in (*left, *kept):
        (empty_home.home / name).parent.mkdir(parents=True, exist_ok=True)
        (empty_home.home / name).touch()
    with pytest.raises(BadInput):
        Run(replace(empty_home, source="nhanes", folder=str(empty_home.home / "nowhere"))).land()
    there = [name for name in (*left, *kept) if (empty_home.home / name).exists()]
    assert there == list(kept)
