"""The PostgreSQL profile of deploy/, on a real server: history of nights goes there, by whichever way they were started."""

import importlib.util
import os
import runpy
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.ended_runs import tell_ended
from assets.history_upkeep import prune
from assets.run_history import one_writer
from assets.run_worker import NIGHT
from pipelines import settings as machine
from pipelines.settings import Settings
from pipelines.warehouse.run_summary import latest

pytestmark = pytest.mark.slow
DEPLOY = Path(__file__).parents[2] / "deploy"
processes = runpy.run_path(str(Path(__file__).with_name("dagster_processes.py")))
free_port, wait_until, DaemonAtWork = (processes[name] for name in ("free_port", "wait_until", "DaemonAtWork"))
Call = Callable[..., subprocess.CompletedProcess[str]]


def binary(name: str) -> str | None:
    """A program of PostgreSQL: on the path, or where Debian puts it."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@pytest.fixture
def cluster() -> Iterator[dict[str, str]]:
    """The environment that leads to a PostgreSQL of its own, on loopback, which asks for a password."""
    if importlib.util.find_spec("dagster_postgres") is None:
        pytest.skip("no dagster-postgres: pip install --no-deps --require-hashes -r deploy/postgres.lock")
    if binary("initdb") is None or binary("postgres") is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    # It refuses to run as root, and must reach its folder.
    owner = "postgres" if os.geteuid() == 0 else None
    folder, port = Path(tempfile.mkdtemp(prefix="trabecula-pg-")), free_port()
    secret = folder / "password"
    secret.write_text("a-password-for-tests\n")
    if owner:
        for path in (folder, secret):
            shutil.chown(path, owner)
    data = str(folder / "data")
    command = [str(binary("initdb")), "-D", data, "-U", "trabecula", "--auth=scram-sha-256", f"--pwfile={secret}", "-N"]
    subprocess.run(command, check=True, capture_output=True, user=owner, cwd="/")
    options = ["-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
    with (folder / "log").open("wb") as said:
        server = subprocess.Popen([str(binary("postgres")), *options], user=owner, stdout=said, stderr=said, cwd="/")
    passwords = folder / "pgpass"
    passwords.write_text(f"127.0.0.1:{port}:*:trabecula:a-password-for-tests\n")
    passwords.chmod(0o600)
    url = f"postgresql+psycopg2://trabecula@127.0.0.1:{port}/postgres"
    try:
        yield {"TRABECULA_PG_URL": url, "PGPASSFILE": str(passwords)}
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(3600)
def test_history_of_nights_lies_in_postgresql(
    cluster: dict[str, str], finished: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    shutil.rmtree(home / "dagster")
    shutil.rmtree(home / "runs")
    (home / "dagster").mkdir()
    machine.load(home, quiet_minutes=0).write()
    shutil.copy(DEPLOY / "dagster-postgres.yaml", home / "dagster" / "dagster.yaml")
    for name, value in cluster.items():
        monkeypatch.setenv(name, value)

    for _ in range(2):
        night = call("nightly", "--home", home)
        assert night.returncode == 0, night.stderr[-3000:]
    settings = machine.load(home, keep_runs=2)
    settings.write()

    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
        assert type(instance.run_storage).__name__ == "PostgresRunStorage"
        runs = instance.get_runs()
        assert [run.tags["trabecula/kind"] for run in runs] == ["nightly", "nightly"]
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        summaries = latest(settings, 9)
        assert [summary.dagster_run_id for summary in summaries] == [run.run_id for run in runs]
        published = instance.get_latest_materialization_event(dg.AssetKey("publish"))
        assert published.asset_materialization.metadata["build_id"].value == summaries[0].build_id
        judged = {dg.DagsterEventType.ASSET_CHECK_EVALUATION}
        assert len(instance.all_logs(runs[0].run_id, of_type=judged)) == sum(summaries[0].checks.values()) > 500
        assert not list((home / "dagster").rglob("*.db")), "nothing is kept beside the server"

        with DaemonAtWork(home, tmp_path) as launch:
            run_id = launch()
            wait_until(lambda: latest(settings)[0].dagster_run_id == run_id, "the summary of the launched night")
            summary = latest(settings)[0]
            assert (summary.kind, summary.status) == ("ui", "done"), summary.failure
            wait_until(lambda: instance.get_runs_count() == settings.keep_runs, "runs above keep_runs are forgotten")
        assert {run.run_id for run in instance.get_runs()} == {run_id, runs[0].run_id}
        assert instance.all_logs(runs[1].run_id) == []
    assert os.readlink(home / "current").endswith(str(summary.build_id))


def test_runs_are_told_and_forgotten_there_as_in_files(
    cluster: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cluster.items():
        monkeypatch.setenv(name, value)
    settings = Settings(tmp_path / "h", keep_runs=2)
    settings.dagster_home.mkdir(parents=True)
    settings.write()
    shutil.copy(DEPLOY / "dagster-postgres.yaml", settings.dagster_home / "dagster.yaml")

    @dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset="rows")])
    def rows() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="whole")])

    job = dg.Definitions(assets=[rows], jobs=[dg.define_asset_job(NIGHT)]).resolve_job_def(NIGHT)
    with one_writer(settings) as instance:
        assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
        ids = [job.execute_in_process(instance=instance).run_id for _ in range(3)]
        lost = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert prune(instance, settings) == 2
        assert {run.run_id for run in instance.get_runs()} == {ids[-1], lost.run_id}
        assert instance.all_logs(ids[0]) == [] and instance.all_logs(ids[-1]) != []
        told = tell_ended(instance, settings)
        assert len(told) == 2 and "ended without a word" in told[1]
        assert tell_ended(instance, settings) == ()
    assert {summary.dagster_run_id for summary in latest(settings, 9)} == {ids[-1], lost.run_id}
    assert not list(settings.dagster_home.rglob("*.db"))
