"""Runs of the command line whose process is killed: on record from their start, and told once, by whoever looks first."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from assets import job
from assets.cli import app
from assets.ended_runs import tell_ended
from assets.history_upkeep import prune
from assets.run_history import one_writer
from assets.telling import NIGHTLY, tell_lost, telling
from pipelines import doctor
from pipelines.settings import Settings
from pipelines.warehouse import run_journal
from pipelines.warehouse.lock import writing
from pipelines.warehouse.run_journal import Begun, Journal
from pipelines.warehouse.run_summary import latest

WAIT_SECONDS = 120
NIGHT = """
import sys
from pathlib import Path
from assets.job import execute

execute(Path(sys.argv[1]), "nhanes", Path(sys.argv[2]), (), kind="nightly")
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home whose delivery never becomes complete, and whose notices are kept in a file."""
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "SHA256SUMS").write_text(f"{'0' * 64}  DEMO_H.XPT\n")
    script = tmp_path / "keep.py"
    script.write_text(f"import sys; open({str(tmp_path / 'notices')!r}, 'a').write(sys.stdin.read())\n")
    command = f"{sys.executable} {script}"
    made = Settings(tmp_path / "home", "nhanes", str(drop), disk_gb=0.001, notice_command=command)
    made.write()
    return made


def notices(settings: Settings) -> list[dict[str, Any]]:
    file = settings.home.parent / "notices"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def lose(settings: Settings, **more: Any) -> Begun:
    """The journal of a run whose process is gone."""
    begun = Begun("20260101T020000-a", NIGHTLY, "2026-01-01T02:00:00+00:00", 1, **more)
    os.close(Journal(settings, begun)._held)
    return begun


def last_run(settings: Settings) -> doctor.Finding:
    return next(finding for finding in doctor.examine(settings) if finding.subject == "last run")


def test_a_night_killed_while_it_waits_for_its_delivery_leaves_a_trace_and_is_told_once(settings):
    command = [sys.executable, "-c", NIGHT, str(settings.home), settings.folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as night:
        assert night.stderr
        said = ""
        while "trying again in" not in said:
            said = night.stderr.readline()
            assert said, "the night ended"
        (begun,) = run_journal.under_way(settings)
        assert (begun.kind, begun.process) == (NIGHTLY, night.pid)
        assert f"under way (process {night.pid})" in last_run(settings).what and last_run(settings).is_fine
        assert tell_lost(settings) == ()
        night.send_signal(signal.SIGKILL)
        night.wait(WAIT_SECONDS)
    assert "ended without a word" in last_run(settings).what and not last_run(settings).is_fine
    for expected in ("ended without a word", ""):
        told = CliRunner().invoke(app, ["nightly", "--tell-ended", "--home", str(settings.home)])
        assert told.exit_code == 0 and expected in told.stdout and bool(expected) == bool(told.stdout)
    (summary,) = latest(settings, 9)
    assert (summary.run_id, summary.kind, summary.status) == (begun.run_id, NIGHTLY, "stopped")
    assert "ended without a word" in summary.verdict and summary.peak_memory_mib is None
    (notice,) = notices(settings)
    assert notice["run_id"] == begun.run_id and notice["text"].endswith(summary.verdict)
    assert "ended without a word" in last_run(settings).what, "now from its summary"


def test_the_next_run_tells_of_a_lost_one(settings):
    lost = lose(settings)
    with telling(settings, "run") as account:
        assert [one.run_id for one in latest(settings, 9)] == [lost.run_id] and len(notices(settings)) == 1
        account.verdict = "done"
    assert [one.verdict for one in latest(settings)] == ["done"] and len(notices(settings)) == 1
    assert list(settings.runs.glob("*.running")) == []


def test_a_lost_run_that_dagster_knows_too_is_told_once(settings):
    @dg.job(name="nightly")
    def empty() -> None: ...

    job.prepare_instance(settings)
    tags = {"trabecula/kind": NIGHTLY}
    with one_writer(settings) as instance:
        run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED, tags=tags)
        lose(settings, dagster_run_id=run.run_id, hashes={"input": "ab"})
        assert len(tell_lost(settings)) == 1
        with writing(settings):
            prune(instance, settings)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
        assert tell_ended(instance, settings) == ()
    (summary,) = latest(settings, 9)
    assert (summary.dagster_run_id, summary.hashes) == (run.run_id, {"input": "ab"})
    assert len(notices(settings)) == 1


def test_the_journal_names_the_run_of_dagster_while_it_goes_on(settings, monkeypatch):
    seen = []

    @dg.asset
    def looks(context: dg.AssetExecutionContext) -> None:
        (begun,) = run_journal.under_way(settings)
        seen.append((begun.dagster_run_id, context.run.run_id, begun.hashes["input"]))

    small = dg.Definitions(assets=[looks], jobs=[dg.define_asset_job("nightly")])
    monkeypatch.setattr("assets.assembly.build_definitions", lambda home: small)
    with telling(settings, "run") as account:
        account.hashes["input"] = "ab"
        assert job._execute(settings, (), account).success
    ((noted, run_id, digest),) = seen
    assert noted == run_id and digest == "ab"


def test_a_run_in_a_home_that_is_not_there_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), telling(Settings(tmp_path / "mistyped"), "run") as account:
        assert account.journal is None
        raise KeyError
    assert not (tmp_path / "mistyped").exists()
