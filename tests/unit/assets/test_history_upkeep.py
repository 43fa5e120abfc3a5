"""Upkeep of Dagster's history: damaged databases set aside, old runs forgotten with their files, dead runs closed."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from sqlalchemy import func, select

from assets.ended_runs import tell_ended
from assets.history_upkeep import keep_house, prune, set_aside_at_rest, set_damaged_aside
from assets.job import _INSTANCE, prepare_instance
from assets.run_history import one_writer
from pipelines.settings import Settings

DAMAGES = ("overwritten", "cut", "not a database")
HOLD = """
import sys
from pathlib import Path
from pipelines.settings import Settings
from pipelines.warehouse.lock import writing

with writing(Settings(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path, keep_runs=2)
    prepare_instance(made)
    return made


def _night(settings: Settings) -> str:
    @dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset="rows")])
    def rows() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="whole")])

    with one_writer(settings) as instance:
        return dg.materialize([rows], instance=instance).run_id


def _counts(settings: Settings) -> tuple[int, int, set[str], set[str]]:
    """Events and check verdicts in the index, runs on record, and files of runs."""
    with one_writer(settings) as instance:
        with instance.event_log_storage.index_connection() as index:
            tables = (SqlEventLogStorageTable, AssetCheckExecutionsTable)
            events, checks = (index.execute(select(func.count()).select_from(table)).scalar() for table in tables)
        runs = {run.run_id for run in instance.get_runs()}
    files = {path.stem for path in (settings.dagster_home / "history" / "runs").glob("*.db")} - {"index"}
    return events, checks, runs, files


def test_old_runs_are_forgotten_with_everything_of_theirs(settings: Settings) -> None:
    ids = [_night(settings) for _ in range(2)]
    two = _counts(settings)
    ids += [_night(settings) for _ in range(3)]
    logs = [settings.dagster_home / "storage" / run_id for run_id in ids]
    for log in logs:
        log.mkdir(parents=True, exist_ok=True)
        (log / "compute.err").write_text("said")
    with one_writer(settings) as instance:
        assert prune(instance, settings) == 3
        assert prune(instance, settings) == 0
        assert instance.get_latest_materialization_event(dg.AssetKey("rows")).run_id == ids[-1]
    events, checks, runs, files = _counts(settings)
    assert runs == files == set(ids[-2:])
    assert (events, checks) == two[:2], "what is kept of two runs is as much as two runs leave"
    assert [log.exists() for log in logs] == [False, False, False, True, True]


def test_a_run_whose_process_died_is_closed(settings: Settings) -> None:
    _night(settings)
    with one_writer(settings) as instance:
        (run,) = instance.get_runs()
        dead = instance.create_run_for_job(dg.job(name="j")(lambda: None), status=dg.DagsterRunStatus.STARTED)
        prune(instance, settings)
        assert instance.get_run_by_id(dead.run_id).status == dg.DagsterRunStatus.FAILURE
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.SUCCESS


def test_what_a_killed_run_claimed_of_the_pool_is_given_back(settings: Settings) -> None:
    """Else Dagster's queue would hold the next night back for ever."""
    _night(settings)
    with one_writer(settings) as instance:
        dead = instance.create_run_for_job(dg.job(name="j")(lambda: None), status=dg.DagsterRunStatus.STARTED)
        history = instance.event_log_storage
        history.initialize_concurrency_limit_to_default("warehouse")
        assert history.claim_concurrency_slot("warehouse", dead.run_id, "land").is_claimed
        history.claim_concurrency_slot("warehouse", dead.run_id, "next")
        assert history.get_concurrency_run_ids() == {dead.run_id}
        prune(instance, settings)
        info = history.get_concurrency_info("warehouse")
        assert (info.active_slot_count, info.pending_step_count, info.assigned_step_count) == (0, 0, 0)
        assert history.get_concurrency_run_ids() == set()


def test_what_an_ended_run_left_claimed_is_given_back_without_another_to_close(settings: Settings) -> None:
    _night(settings)
    with one_writer(settings) as instance:
        (run,) = instance.get_runs()
        instance.event_log_storage.claim_concurrency_slot("warehouse", run.run_id, "land")
        keep_house(instance, settings)
        assert instance.event_log_storage.get_concurrency_run_ids() == set()


def test_sound_databases_stay(settings: Settings) -> None:
    run_id = _night(settings)
    assert set_damaged_aside(settings) == ()
    assert _counts(settings)[2] == {run_id}


def _damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    for log in path.parent.glob(f"{path.name}-*"):
        log.unlink()
    damage = {
        "overwritten": content[:4096] + b"\xff" * (len(content) - 4096),
        "cut": content[: len(content) // 2 + 100],
        "not a database": b"nothing of the sort" * 1000,
    }
    path.write_bytes(damage[how])


@pytest.mark.parametrize("how", DAMAGES)
def test_the_damaged_history_of_a_run_that_died_stops_no_night(settings: Settings, how: str) -> None:
    with one_writer(settings) as instance:
        dead = instance.create_run_for_job(dg.job(name="nightly")(lambda: None), status=dg.DagsterRunStatus.STARTED)
        instance.report_engine_event("began", dead)
    shard = settings.dagster_home / "history" / "runs" / f"{dead.run_id}.db"
    _damage(shard, how)
    with one_writer(settings) as instance:
        prune(instance, settings)
        assert instance.get_run_by_id(dead.run_id).status == dg.DagsterRunStatus.FAILURE
        (told,) = tell_ended(instance, settings)
        assert "ended without a word" in told or "is gone" in told
    assert (settings.dagster_home / "set_aside" / "runs" / shard.name).exists()
    assert _night(settings) in _counts(settings)[2]


@pytest.mark.parametrize("how", DAMAGES)
def test_the_damaged_history_of_an_untold_run_stops_no_night(settings: Settings, how: str) -> None:
    @dg.op
    def nothing() -> None: ...

    @dg.job(name="nightly")
    def a_night() -> None:
        nothing()

    with one_writer(settings) as instance:
        night = a_night.execute_in_process(instance=instance)
    _damage(settings.dagster_home / "history" / "runs" / f"{night.run_id}.db", how)
    with one_writer(settings) as instance:
        (told,) = tell_ended(instance, settings)
        assert told.startswith("done: what it published is not told, its history is damaged and lies in ")
        assert tell_ended(instance, settings) == ()


def test_the_ui_sets_aside_what_no_run_has_open(settings: Settings) -> None:
    _night(settings)
    _damage(settings.dagster_home / "history" / "runs.db", "cut")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        run.stdout.readline()
        assert set_aside_at_rest(settings) == ()
        run.communicate()
    (told,) = set_aside_at_rest(settings)
    assert "runs.db: damaged" in told


@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_database_is_set_aside_and_the_next_run_works(settings: Settings, name: str, how: str) -> None:
    _night(settings)
    path = settings.dagster_home / name
    with one_writer(settings) as instance:
        assert instance.schedule_storage is not None
    _damage(path, how)
    (told,) = set_damaged_aside(settings)
    folder = name.partition("/")[0]
    assert str(path) in told and "data are not touched" in told
    assert (settings.dagster_home / "set_aside" / folder).is_dir()
    assert set_damaged_aside(settings) == ()
    assert _night(settings) in _counts(settings)[2]


def test_half_a_configuration_of_dagster_never_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_text

    def cut(path: Path, text: str) -> int:
        write(path, text[:40])
        raise OSError("the power went")

    monkeypatch.setattr(Path, "write_text", cut)
    settings = Settings(home=tmp_path / "fresh")
    with pytest.raises(OSError, match="power"):
        prepare_instance(settings)
    monkeypatch.undo()
    prepare_instance(settings)
    assert (settings.dagster_home / "dagster.yaml").read_text() == _INSTANCE
