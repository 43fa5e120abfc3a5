"""Other engines compute the very rows of the local pool, also when a worker is killed; and what they refuse they say."""

import runpy
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from pipelines import plan
from pipelines.errors import BadInput, BlockedByCheck, StepFailed
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse import workers
from pipelines.warehouse.parquet import fingerprint_of
from pipelines.warehouse.runner import Runner
from pipelines.warehouse.step import PythonProducer
from pipelines.warehouse.store import Store

here = Path(__file__).parent
engines = runpy.run_path(str(here / "engines.py"))
built_home = runpy.run_path(str(here / "built_home.py"))
whole, PER_PERSON_LAYERS = built_home["whole"], built_home["PER_PERSON_LAYERS"]
OF_PEOPLE = [step for step in plan.steps() if step.is_per_person and step.contract.layer in PER_PERSON_LAYERS]
# SQL, Python and a table that reads every kind of other.
FEW = ["staging.person", "staging.lab_result", "features.e2_exposure", "cohort.criterion"]


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with engines["Dask"](tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster.address


def emptied(four: Settings, tables: list[str], home: Path, runner: str, scheduler: str) -> Settings:
    """A copy of the home without these tables, to be computed by another engine."""
    shutil.copytree(four.home, home)
    settings = replace(four, home=home, runner=runner, scheduler=scheduler)
    for table in tables:
        for path in Store(settings).files(table):
            path.unlink()
    return settings


def compute(settings: Settings, tables: list[str], on_file: Callable[[], None] = lambda: None) -> list[tuple[int, int]]:
    """Compute tables; the progress that was told."""
    told = []

    def tell(table: str, done: int, asked: int) -> None:
        told.append((done, asked))
        on_file()

    with Run(settings, tell=tell) as run:
        reports = [run.step(plan.step(table)) for table in tables]
    assert [report.computed for report in reports] == [4] * len(tables)
    return told


def assert_same(settings: Settings, four: Settings, tables: list[str]) -> None:
    """Files of the same fingerprints; keys, numbers and texts to the letter, doubles to 1e-9."""
    for table in tables:
        names = [[path.name for path in Store(each).files(table)] for each in (settings, four)]
        marks = [[fingerprint_of(path) for path in Store(each).files(table)] for each in (settings, four)]
        assert names[0] == names[1] and marks[0] == marks[1] and len(names[0]) == 4
        rows, rows_of_local = whole(settings, table), whole(four, table)
        assert_frame_equal(rows, rows_of_local, check_exact=False, rel_tol=1e-9, abs_tol=1e-12)
        assert rows.height > 0 or table not in FEW


def test_dask_computes_the_rows_of_local_processes(in_four_buckets: Settings, dask: str, tmp_path: Path) -> None:
    settings = emptied(in_four_buckets, FEW, tmp_path / "home", "dask", dask)
    assert compute(settings, FEW) == [(done, 4) for _ in FEW for done in (1, 2, 3, 4)]
    assert_same(settings, in_four_buckets, FEW)


def test_an_error_of_ours_comes_back_as_it_is_and_every_other_file_is_made(
    in_four_buckets: Settings, dask: str, tmp_path: Path
) -> None:
    settings = emptied(in_four_buckets, ["staging.person"], tmp_path / "home", "dask", dask)
    whole_step = plan.step("features.e2_exposure")
    step = replace(whole_step, table="staging.person", producer=PythonProducer(whole_step.producer.function))
    with Run(settings) as run, Runner(settings, run.facts) as runner:
        with pytest.raises(BlockedByCheck, match=r"staging\.person: columns missing"):
            runner.bring_up_to_date(step)
        assert not Store(settings).files("staging.person")
        assert runner.bring_up_to_date(plan.step("staging.person")).computed == 4


def test_a_worker_with_other_code_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    work = workers.Work(plan.step("staging.person"), None, Path("none"), "f", "b", 0)
    monkeypatch.setattr(workers, "execute", lambda *_: pytest.fail("computed"))
    refused = workers.attempt((work,), Settings(home=Path("none")), None, "another")  # type: ignore[arg-type]
    assert isinstance(refused, StepFailed) and "other code than this run" in str(refused)


@pytest.mark.parametrize(
    ("runner", "scheduler", "words"),
    [("dask", "", "name its scheduler"), ("dask", "tcp://127.0.0.1:9", "no Dask scheduler with a worker answers")],
)
def test_an_engine_that_does_not_answer_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, runner: str, scheduler: str, words: str
) -> None:
    monkeypatch.setattr(workers, "_WAIT_SECONDS", 1)
    with pytest.raises(BadInput, match=words):
        workers.open_workers(Settings(home=Path("none"), runner=runner, scheduler=scheduler))


def test_no_other_engine_is_known() -> None:
    with pytest.raises(BadInput, match="must be local, dask, spark"):
        Settings(home=Path("none"), runner="ray")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["Dask", "Spark"])
def test_a_killed_worker_costs_nothing(in_four_buckets: Settings, engine: str, tmp_path: Path) -> None:
    """Every table of people up to the cohorts; one of two workers is killed after the first file of the tenth table."""
    if engine == "Spark":
        pytest.importorskip("pyspark", reason="no Spark: pip install --no-deps --require-hashes -r deploy/spark.lock")
    tables = [step.table for step in OF_PEOPLE]
    (tmp_path / "engine").mkdir()
    with engines[engine](tmp_path / "engine") as cluster:
        settings = emptied(in_four_buckets, tables, tmp_path / "home", engine.lower(), cluster.address)
        seen = []

        def kill_at_the_tenth_table() -> None:
            seen.append(1)
            if len(seen) == 37:
                engines["kill"](cluster.workers[0])

        assert compute(settings, tables, kill_at_the_tenth_table) == [(n, 4) for _ in tables for n in (1, 2, 3, 4)]
        assert cluster.workers[0].poll() is not None and cluster.workers[1].poll() is None
    assert_same(settings, in_four_buckets, tables)
