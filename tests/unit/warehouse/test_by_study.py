"""Tables of studies: computed family by family, side by side, they hold the very rows of one process."""

import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import plan
from pipelines.errors import BlockedByCheck, StepFailed
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.trials.family import families
from pipelines.trials.study import catalogue
from pipelines.warehouse.engine import scratch_folder, sweep_spill
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.production import execute
from pipelines.warehouse.run_summary import failure_words
from pipelines.warehouse.step import PythonProducer
from pipelines.warehouse.store import Store
from pipelines.warehouse.workers import LocalProcesses

features = runpy.run_path(str(Path(__file__).parents[1] / "models" / "test_contrast_tables.py"))["inputs"]
BY_STUDY = [step for step in plan.steps() if step.is_by_study]
GIVEN = ("features.outcome_value", "features.covariate")


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two buckets, and people of one study; every table of studies, computed by one process."""
    home = tmp_path_factory.mktemp("studies") / "home"
    settings = Settings(home, "omop", str(home), memory_gb=1.0, threads=1, persons_per_bucket=1500)
    store = Store(settings)
    assert len(store.lay_out(3 * settings.persons_per_bucket)) == 2
    made = features(1500)
    for name in GIVEN:
        frame = _whole(name, made[name].collect())
        for number, bucket in enumerate(store.buckets()):
            rows = frame if number == 0 else frame.clear()
            write_frame(rows.lazy(), store.path(name, bucket), f"given {number}")
    with Run(settings, run_id="one") as run:
        for step in plan.steps():
            if step.contract.layer == "ref" or step.is_by_study:
                run.step(step)
    return settings


def _whole(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """With every column of the contract, unknown where it was not given."""
    schema = CONTRACTS[table].empty().schema
    plain = {name: pl.String if isinstance(kind, pl.Enum) else kind for name, kind in schema.items()}
    absent = [pl.lit(None, kind).alias(name) for name, kind in plain.items() if name not in frame.columns]
    return frame.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in plain.items())


@pytest.fixture
def side_by_side(one_process: Settings, tmp_path: Path) -> Settings:
    """The same home without those tables, with two processes."""
    shutil.copytree(one_process.home, tmp_path / "home")
    settings = replace(one_process, home=tmp_path / "home", threads=2)
    for step in BY_STUDY:
        Store(settings).path(step.table, None).unlink()
    return settings


def test_families_side_by_side_give_the_very_rows_of_one_process(one_process: Settings, side_by_side: Settings) -> None:
    told: list[tuple[str, int, int]] = []
    with Run(side_by_side, tell=lambda *each: told.append(each)) as run:
        asked = len(families(run.facts.studies, catalogue()))
        reports = [run.step(step) for step in BY_STUDY]
    assert asked > 10
    assert told == [(step.table, done, asked) for step in BY_STUDY for done in range(1, asked + 1)]
    for step, report in zip(BY_STUDY, reports, strict=True):
        alone, together = (Store(settings).scan(step.table).collect() for settings in (one_process, side_by_side))
        assert_frame_equal(together, alone, check_exact=True)
        assert (report.computed, report.rows) == (1, alone.height)
    estimates = Store(side_by_side).scan("models.effect_estimate").collect()
    assert estimates["study_id"].n_unique() > 10
    assert estimates.filter(pl.col("estimate").is_not_null())["estimator"].n_unique() > 3
    assert list(side_by_side.spill.glob("scratch-*")) == []
    with Run(side_by_side) as again:
        assert [again.step(step).computed for step in BY_STUDY] == [0] * len(BY_STUDY)


def test_the_family_of_most_people_is_begun_first(side_by_side: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store, table = Store(side_by_side), "cohort.trial_person"
    sizes = {"symptoms_e2": 60, "trt_ai_addon": 30, "modifiers": 20, "hpg_response": 40}
    rows = pl.DataFrame({"study_id": [name for name, n in sizes.items() for _ in range(n)]})
    for number, bucket in enumerate(store.buckets()):
        whole = _whole(table, rows.gather_every(2, number))
        write_frame(whole.lazy(), store.path(table, bucket), f"given {number}")
    begun: list[tuple[str, ...]] = []
    compute = LocalProcesses.execute_all

    def watched(self, batches, *more):
        begun.extend(part.studies for (part,) in batches)
        return compute(self, batches, *more)

    monkeypatch.setattr(LocalProcesses, "execute_all", watched)
    with Run(side_by_side) as run:
        run.step(plan.step("models.threshold"))
    assert [family[0] for family in begun[:3]] == ["symptoms_e2", "ai_vs_tamoxifen", "hpg_response"]
    assert {"trt_ai_addon", "modifiers"} < set(begun[1])


def test_unreadable_time_zeros_are_told_by_step_and_the_old_file_stays(side_by_side: Settings) -> None:
    store, step = Store(side_by_side), plan.step("models.threshold")
    old = store.path(step.table, None)
    write_frame(CONTRACTS[step.table].empty().lazy(), old, "of an earlier night")
    before = old.read_bytes()
    damaged = store.path("cohort.trial_person", store.buckets()[1])
    damaged.parent.mkdir(parents=True, exist_ok=True)
    damaged.write_bytes(b"cut short")
    with Run(side_by_side) as run, pytest.raises(StepFailed, match=r"^models\.threshold: \w+Error"):
        run.step(step)
    assert old.read_bytes() == before
    assert list(side_by_side.spill.glob("scratch-*")) == []


def test_an_error_nobody_expected_tells_of_which_studies(side_by_side: Settings, monkeypatch) -> None:
    monkeypatch.setattr(
        LocalProcesses,
        "execute_all",
        lambda self, batches, share, run: (execute(batch, share, run) for batch in batches),
    )
    monkeypatch.setattr(PythonProducer, "resolve", lambda self: _surprised)
    with Run(side_by_side) as run, pytest.raises(ZeroDivisionError) as error:
        run.step(plan.step("models.threshold"))
    said = failure_words(error.value)
    assert said.startswith("unexpected ZeroDivisionError (") and "Jane" not in said
    assert " while computing models.threshold of " in said and said.split(" of ")[-1].split(", ")[0] in catalogue()


def _surprised(inputs: object, facts: object) -> pl.LazyFrame:
    raise ZeroDivisionError("Jane Roe by 0")


def test_they_stay_on_this_machine_where_buckets_go_to_others(side_by_side: Settings) -> None:
    told: list[int] = []
    elsewhere = replace(side_by_side, runner="dask", scheduler="tcp://127.0.0.1:1")
    with Run(elsewhere, tell=lambda table, done, asked: told.append(asked)) as run:
        run.step(plan.step("models.propensity_model"))
    assert len(told) == told[0] > 10


def test_rows_of_no_study_are_refused_and_the_old_file_stays(one_process: Settings, tmp_path: Path) -> None:
    shutil.copytree(one_process.home, tmp_path / "home")
    settings = replace(one_process, home=tmp_path / "home", threads=2)
    step = replace(plan.step("ref.run_setting"), is_by_study=True)
    before = Store(settings).path(step.table, None).read_bytes()
    with Run(replace(settings, min_cell=20)) as run, pytest.raises(BlockedByCheck, match="run_setting"):
        run.step(step)
    assert Store(settings).path(step.table, None).read_bytes() == before
    assert list(settings.spill.glob("scratch-*")) == []


def test_what_a_killed_run_left_of_its_parts_is_swept(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "home", "omop", str(tmp_path))
    with scratch_folder(settings) as folder:
        (folder / "000.parquet").write_bytes(b"half")
        shutil.copytree(folder, settings.spill / "scratch-left")
    assert [path.name for path in settings.spill.iterdir()] == ["scratch-left"]
    sweep_spill(settings)
    assert list(settings.spill.iterdir()) == []
