"""Nights that Dagster started, and runs whose process was killed: told once, whatever became of their process."""

import datetime as dt
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.assembly import build_definitions
from assets.ended_runs import tell_ended
from assets.history_upkeep import keep_house
from assets.home import Home
from assets.job import prepare_instance
from assets.landing import land
from assets.run_history import one_writer
from assets.run_worker import NIGHT
from pipelines.settings import Settings
from pipelines.warehouse.lock import writing
from pipelines.warehouse.run_summary import RunSummary, latest

BY_SCHEDULE = {"dagster/schedule_name": "nightly_schedule"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home whose delivery is refused, and whose notices are kept in a file."""
    drop = tmp_path / "drop"
    drop.mkdir()
    script = tmp_path / "keep.py"
    script.write_text(f"import sys; open({str(tmp_path / 'notices')!r}, 'a').write(sys.stdin.read())\n")
    made = Settings(
        tmp_path / "home",
        source="nhanes",
        folder=str(drop),
        quiet_minutes=0,
        disk_gb=0.001,
        notice_command=f"{sys.executable} {script}",
    )
    made.write()
    prepare_instance(made)
    return made


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with one_writer(settings) as opened:
        yield opened


def night(settings: Settings, instance: dg.DagsterInstance, **tags: str) -> dg.ExecuteInProcessResult:
    """A night as Dagster starts it, of the landing alone: nothing else of the graph would run."""
    job = dg.Definitions(
        assets=[land],
        jobs=[dg.define_asset_job(NIGHT)],
        resources={"home": Home(path=str(settings.home))},
        executor=dg.in_process_executor,
    ).resolve_job_def(NIGHT)
    return job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)


def begun(instance: dg.DagsterInstance, name: str = NIGHT, **tags: str) -> dg.DagsterRun:
    """A run that stands as started, as one whose process was killed."""

    @dg.job(name=name)
    def empty() -> None: ...

    return instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED, tags=tags)


def notices(settings: Settings) -> list[dict[str, Any]]:
    file = settings.home.parent / "notices"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def only(settings: Settings) -> RunSummary:
    (summary,) = latest(settings, 9)
    return summary


def later(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    """As if so many minutes had passed since the runs were touched."""
    from assets import history_upkeep

    monkeypatch.setattr(history_upkeep, "_STARTING", dt.timedelta(minutes=10 - minutes))


@pytest.mark.parametrize(
    ("tags", "kind"), [(BY_SCHEDULE, "schedule"), ({"trabecula/kind": "sensor"}, "sensor"), ({}, "ui")]
)
def test_a_night_that_dagster_started_is_told_once(settings, instance, tags, kind):
    result = night(settings, instance, **tags)
    assert not result.success
    (verdict,) = tell_ended(instance, settings)
    assert tell_ended(instance, settings) == ()
    summary = only(settings)
    assert "the folder is empty" in verdict and verdict in summary.failure
    assert (summary.kind, summary.status, summary.exit_status) == (kind, "refused", 2)
    assert (summary.failed_step, summary.dagster_run_id, summary.peak_memory_mib) == ("land", result.run_id, None)
    assert summary.build_id is None
    (notice,) = notices(settings)
    assert notice["run_id"] == summary.run_id and notice["text"].endswith(summary.verdict)


def test_the_sensor_tells_of_the_night_of_the_definitions(settings, instance):
    definitions = build_definitions(Home(path=str(settings.home)))
    job = definitions.resolve_job_def(NIGHT)
    # What comes after landing would only be skipped, at half a second a hundred steps.
    asked = [*land.keys]
    job.execute_in_process(instance=instance, raise_on_error=False, tags=BY_SCHEDULE, asset_selection=asked)
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("ended_runs_sensor")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    resources = {"home": Home(path=str(settings.home))}
    with dg.build_sensor_context(instance=instance, repository_def=repository, resources=resources) as context:
        told = sensor.evaluate_tick(context)
    assert "the folder is empty" in told.skip_message
    summary = only(settings)
    assert summary.kind == "schedule" and set(summary.hashes) == {"code", "lock"}


@pytest.mark.parametrize("kind", ["run", "demo", "nightly"])
def test_what_the_command_line_tells_is_not_told_again(settings, instance, kind):
    night(settings, instance, **{"trabecula/kind": kind})
    assert tell_ended(instance, settings) == ()
    assert latest(settings, 9) == () and notices(settings) == []


def test_a_delivery_that_somebody_still_writes_is_not_landed(settings, instance):
    (Path(settings.folder) / "SHA256SUMS").write_text(f"{'0' * 64}  DEMO_H.XPT\n")
    assert not night(settings, instance, **BY_SCHEDULE).success
    tell_ended(instance, settings)
    assert "the delivery is not complete" in only(settings).failure
    assert not list(settings.data.rglob("*.parquet"))


def test_a_night_without_room_does_not_begin(settings, instance):
    Settings(**{name: getattr(settings, name) for name in settings.__slots__} | {"disk_gb": 1e9}).write()
    assert not night(settings, instance, **BY_SCHEDULE).success
    tell_ended(instance, settings)
    assert "GB free, a run may need" in only(settings).failure


def test_a_night_that_finds_the_home_in_use_says_so(settings, instance):
    ready, over = threading.Event(), threading.Event()

    def other() -> None:
        import subprocess

        code = (
            "import sys; from pathlib import Path; from pipelines.settings import Settings; "
            "from pipelines.warehouse.lock import writing\n"
            "with writing(Settings(Path(sys.argv[1]))):\n  print('held', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", code, str(settings.home)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
            assert held.stdout and held.stdin
            held.stdout.readline()
            ready.set()
            over.wait(60)
            held.stdin.close()

    holder = threading.Thread(target=other)
    holder.start()
    assert ready.wait(60)
    try:
        assert not night(settings, instance, **BY_SCHEDULE).success
    finally:
        over.set()
        holder.join()
    tell_ended(instance, settings)
    summary = only(settings)
    assert summary.status == "refused" and "another run is writing here" in summary.verdict


def test_a_run_holds_the_home_from_its_first_step_to_its_last(settings, instance):
    seen = []

    @dg.asset
    def first(home: Home) -> None:
        from pipelines.warehouse import lock

        seen.append(settings.home in lock._HELD)

    @dg.asset(deps=[first])
    def second(home: Home) -> None:
        from pipelines.warehouse import lock

        seen.append(settings.home in lock._HELD)

    dg.materialize([first, second], instance=instance, resources={"home": Home(path=str(settings.home))})
    assert seen == [True, True]
    with writing(settings):
        pass


@pytest.mark.parametrize(("kind", "noticed"), [("nightly", 1), ("run", 0)])
def test_a_killed_run_of_the_command_line_is_told_by_the_next(settings, instance, kind, noticed):
    lost = begun(instance, **{"trabecula/kind": kind})
    with writing(settings):
        from assets.history_upkeep import prune

        prune(instance, settings)
    tell_ended(instance, settings)
    summary = only(settings)
    assert (summary.kind, summary.status, summary.dagster_run_id) == (kind, "stopped", lost.run_id)
    assert "ended without a word" in summary.failure
    assert len(notices(settings)) == noticed


def test_a_run_whose_process_is_gone_is_closed_and_told_by_the_sensor(settings, instance, monkeypatch):
    lost = begun(instance, **BY_SCHEDULE)
    assert keep_house(instance, settings) == 0, "a run at its start does not hold the home yet"
    later(monkeypatch, 11)
    with writing(settings):
        monkeypatch.setattr("pipelines.warehouse.lock._HELD", set())
        assert keep_house(instance, settings) == 0, "who holds the home is alive"
    assert keep_house(instance, settings) == 1
    assert instance.get_run_by_id(lost.run_id).status == dg.DagsterRunStatus.FAILURE
    tell_ended(instance, settings)
    assert "ended without a word" in only(settings).failure and len(notices(settings)) == 1


def test_a_run_that_was_ended_for_its_time_says_so(settings, instance, monkeypatch):
    lost = begun(instance, **BY_SCHEDULE)
    instance.report_run_failed(lost)
    hurried = Settings(settings.home, most_hours=1e-9, notice_command=settings.notice_command)
    tell_ended(instance, hurried)
    assert "most_hours" in only(settings).failure


def test_a_cancelled_night_says_so(settings, instance):
    run = begun(instance, **BY_SCHEDULE)
    instance.report_run_canceled(run)
    tell_ended(instance, settings)
    assert "cancelled in the UI" in only(settings).failure


def test_other_jobs_and_old_ends_are_not_told(settings, instance, monkeypatch):
    instance.report_run_failed(begun(instance, name="one_study"))
    instance.report_run_failed(begun(instance))
    monkeypatch.setattr("assets.ended_runs._LATE", dt.timedelta(0))
    assert tell_ended(instance, settings) == ()


def test_a_good_end_of_a_selection_publishes_nothing_and_wakes_nobody(settings, instance):
    @dg.asset
    def rows() -> None: ...

    job = dg.Definitions(assets=[rows], jobs=[dg.define_asset_job(NIGHT)]).resolve_job_def(NIGHT)
    job.execute_in_process(instance=instance)
    assert tell_ended(instance, settings) == ("done: nothing was to be published by this run",)
    assert only(settings).exit_status == 0 and notices(settings) == []
