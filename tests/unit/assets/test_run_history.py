"""History of a run: written a step at a time, read by any Dagster while it grows, whole when it ends."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.job import prepare_instance
from assets.run_history import names_storage, one_writer
from pipelines.errors import BadInput, HistoryUnreachable
from pipelines.settings import Settings

DIE_IN_THE_SECOND_STEP = """
import os, signal, sys
from pathlib import Path
import dagster as dg
from assets.run_history import names_storage, one_writer
from pipelines.errors import BadInput, HistoryUnreachable
from pipelines.settings import Settings

@dg.asset
def first():
    return dg.MaterializeResult(metadata={"rows": 7})

@dg.asset(deps=[first])
def second():
    os.kill(os.getpid(), signal.SIGKILL)

with one_writer(Settings(home=Path(sys.argv[1]))) as instance:
    dg.materialize([first, second], instance=instance)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path)
    prepare_instance(made)
    return made


def _told(instance: dg.DagsterInstance) -> Counter[str]:
    (run,) = instance.get_runs()
    return Counter(
        entry.dagster_event.event_type_value for entry in instance.all_logs(run.run_id) if entry.is_dagster_event
    )


def _reader(settings: Settings) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(settings.dagster_home))


def _asset_and_checks(seen: list[Counter[str]], settings: Settings) -> list[dg.AssetsDefinition]:
    @dg.asset
    def rows() -> dg.MaterializeResult:
        with _reader(settings) as instance:
            seen.append(_told(instance))
        return dg.MaterializeResult(metadata={"rows": 7})

    @dg.multi_asset_check(specs=[dg.AssetCheckSpec(name, asset="rows") for name in ("many", "few")])
    def checks() -> Iterator[dg.AssetCheckResult]:
        for name in ("many", "few"):
            yield dg.AssetCheckResult(check_name=name, asset_key="rows", passed=name == "many")
            with _reader(settings) as instance:
                seen.append(_told(instance))

    return [rows, checks]


def test_a_step_is_seen_when_it_starts_and_whole_when_it_ends(settings: Settings) -> None:
    seen: list[Counter[str]] = []
    assets = _asset_and_checks(seen, settings)
    with one_writer(settings) as instance:
        dg.materialize(assets, instance=instance)
        told = _told(instance)
    in_rows, after_one, after_both = seen
    assert in_rows["ASSET_CHECK_EVALUATION_PLANNED"] == 2
    assert in_rows["STEP_START"] == 1
    assert after_one["STEP_SUCCESS"] == after_both["STEP_SUCCESS"] == 1
    assert after_one["STEP_START"] == after_both["STEP_START"] == 2
    assert after_both["ASSET_CHECK_EVALUATION"] == 0
    with _reader(settings) as instance:
        assert _told(instance) == told
        assert told["ASSET_CHECK_EVALUATION"] == 2
        made = instance.get_latest_materialization_event(dg.AssetKey("rows"))
        assert made.asset_materialization.metadata["rows"].value == 7
        for name, status in (("many", "SUCCEEDED"), ("few", "FAILED")):
            key = dg.AssetCheckKey(dg.AssetKey("rows"), name)
            (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=9)
            assert record.status.value == status
    assert not list(settings.dagster_home.rglob("*.db-wal"))


def test_it_is_the_history_that_dagster_alone_would_write(settings: Settings, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other")
    prepare_instance(other)
    with one_writer(settings) as instance:
        dg.materialize(_asset_and_checks([], settings), instance=instance)
    with _reader(other) as instance:
        dg.materialize(_asset_and_checks([], other), instance=instance)
    with _reader(settings) as ours, _reader(other) as theirs:
        assert _told(ours) == _told(theirs)
    assert _checks(settings) == _checks(other)
    assert len(_checks(settings)) == 2


def _checks(settings: Settings) -> list[tuple[object, ...]]:
    """What is kept of checks for all runs, but for times and ids of runs: each with the event that its number leads to."""
    (path,) = settings.dagster_home.rglob("index.db")
    with contextlib.closing(sqlite3.connect(path)) as reader:
        return reader.execute(
            """
            select
                one.asset_key, check_name, one.partition, execution_status, event.dagster_event_type, event.step_key,
                one.evaluation_event = event.event, one.evaluation_event_timestamp = event.timestamp,
                made.dagster_event_type, made.asset_key, one.create_timestamp is not null, one.run_id = event.run_id
            from asset_check_executions as one
            left join event_logs as event on event.id = one.evaluation_event_storage_id
            left join event_logs as made on made.id = one.materialization_event_storage_id
            order by one.id
            """
        ).fetchall()


def test_after_a_kill_only_the_step_at_work_is_missing(settings: Settings) -> None:
    arguments = [sys.executable, "-c", DIE_IN_THE_SECOND_STEP, str(settings.home)]
    killed = subprocess.run(arguments, capture_output=True, check=False, env=os.environ | {"DAGSTER_HOME": ""})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with _reader(settings) as instance:
        told = _told(instance)
        made = instance.get_latest_materialization_event(dg.AssetKey("first"))
    assert made.asset_materialization.metadata["rows"].value == 7
    assert (told["STEP_START"], told["STEP_SUCCESS"]) == (2, 1)


def postgres_home(home: Path) -> Settings:
    """A home with the PostgreSQL profile of deploy/."""
    settings = Settings(home)
    settings.dagster_home.mkdir(parents=True)
    profile = Path(__file__).parents[3] / "deploy" / "dagster-postgres.yaml"
    (settings.dagster_home / "dagster.yaml").write_text(profile.read_text())
    return settings


def test_a_profile_that_lacks_its_variable_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRABECULA_PG_URL", raising=False)
    settings = postgres_home(tmp_path)
    assert names_storage(settings)
    with pytest.raises(BadInput, match=r"dagster\.yaml: Dagster's history cannot be opened"):
        one_writer(settings)


def test_a_server_that_does_not_answer_is_asked_again_and_its_password_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dagster_postgres", reason="no dagster-postgres: deploy/postgres.lock")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        monkeypatch.setenv("TRABECULA_PG_URL", f"postgresql+psycopg2://u:open-sesame@127.0.0.1:{port}/d")
        with pytest.raises(HistoryUnreachable) as raised:
            one_writer(postgres_home(tmp_path))
    assert raised.value.is_passing and "sesame" not in str(raised.value)
