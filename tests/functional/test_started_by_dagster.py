"""Nights that Dagster starts, with its daemon at work: a worker or a daemon that is killed costs no night, and is told."""

import json
import os
import re
import runpy
import shutil
import signal
import sys
from pathlib import Path

import dagster as dg
import pytest

from pipelines import settings as machine
from pipelines.settings import Settings
from pipelines.warehouse.run_summary import RunSummary, latest

pytestmark = pytest.mark.slow
processes = runpy.run_path(str(Path(__file__).with_name("dagster_processes.py")))
wait_until, DaemonAtWork = processes["wait_until"], processes["DaemonAtWork"]


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished home; its notices are kept in a file."""
    made = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    script = tmp_path / "keep.py"
    script.write_text(f"import sys; open({str(tmp_path / 'notices')!r}, 'a').write(sys.stdin.read())\n")
    machine.load(made, notice_command=f"{sys.executable} {script}", notice_on="always").write()
    return made


def worker(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """Process id of the worker of a run, once its first step is done."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id)]
    if not any(event and event.is_step_success for event in events):
        return None
    told = [event.message or "" for event in events if event and event.is_engine_event]
    return next(int(found[1]) for text in told if (found := re.search(r"steps in process \(pid: (\d+)\)", text)))


def told(settings: Settings, run_id: str) -> RunSummary:
    wait_until(lambda: latest(settings)[0].dagster_run_id == run_id, "the summary of the launched night")
    return latest(settings)[0]


@pytest.mark.timeout(3600)
def test_a_killed_worker_is_told_a_killed_daemon_stops_nothing_and_the_next_night_ends_well(
    home: Path, tmp_path: Path
) -> None:
    settings = machine.load(home)
    before = os.readlink(home / "current")
    history = dg.DagsterInstance.from_config(str(settings.dagster_home))
    at_work = DaemonAtWork(home, tmp_path)
    with history as instance, at_work as launch:
        lost = launch()
        wait_until(lambda: worker(instance, lost) is not None, "the first step")
        os.kill(worker(instance, lost) or 0, signal.SIGKILL)
        summary = told(settings, lost)
        assert (summary.kind, summary.status, summary.build_id) == ("ui", "stopped", None)
        assert "ended without a word" in summary.verdict
        assert os.readlink(home / "current") == before

        run_id = launch()
        wait_until(lambda: worker(instance, run_id) is not None, "the first step of the second night")
        at_work.kill_daemon()
        summary = told(settings, run_id)
        assert (summary.kind, summary.status, summary.failure) == ("ui", "done", None)
        assert os.readlink(home / "current").endswith(str(summary.build_id)) and os.readlink(home / "current") != before
        assert set(summary.hashes) == {"code", "lock", "input"} and summary.checks["pass"] > 0
        assert len(summary.tables) > 50 and summary.gates["all"] > 0 and summary.seconds > 0
        assert instance.get_run_by_id(run_id).tags["trabecula/input"] == summary.hashes["input"]
    texts = [json.loads(line)["text"] for line in (tmp_path / "notices").read_text().splitlines()]
    assert len(texts) == 2 and "ended without a word" in texts[0] and "done: build" in texts[1]
