"""Nights that Dagster starts, with its daemon at work: a run worker that is killed is told, and the next night ends well."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines import settings as machine
from pipelines.settings import Settings
from pipelines.warehouse.run_summary import RunSummary, latest

pytestmark = pytest.mark.slow
WAIT_SECONDS = 900


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished home; its notices are kept in a file."""
    made = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    script = tmp_path / "keep.py"
    script.write_text(f"import sys; open({str(tmp_path / 'notices')!r}, 'a').write(sys.stdin.read())\n")
    machine.load(made, notice_command=f"{sys.executable} {script}", notice_on="always").write()
    return made


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "TRABECULA_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}


@pytest.fixture
def daemon(home: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """`trabecula ui`: code server, daemon and sensors as an operator has them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [str(Path(sys.executable).with_name("trabecula")), "ui", "--home", str(home), "--port", str(port)]
    with (tmp_path / "ui.log").open("wb") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said, env=environment, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(server.pid, signal.SIGINT)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)


def launch(environment: dict[str, str]) -> str:
    """Start the night as the launchpad does; returns the id of the run."""
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "job",
        "launch",
        "-m",
        "assets.definitions",
        "-j",
        "nightly",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=WAIT_SECONDS, check=True)
    (run_id,) = set(
        re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", done.stdout + done.stderr)
    )
    return run_id


def worker_at_work(instance: dg.DagsterInstance, run_id: str) -> int:
    """Process id of the worker, once its first step is done."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        events = [entry.dagster_event for entry in instance.all_logs(run_id)]
        if any(event and event.is_step_success for event in events):
            told = [event.message or "" for event in events if event and event.is_engine_event]
            return next(
                int(found[1]) for text in told if (found := re.search(r"steps in process \(pid: (\d+)\)", text))
            )
        time.sleep(1)
    raise TimeoutError(run_id)


def told(settings: Settings, run_id: str) -> RunSummary:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        for summary in latest(settings, 9):
            if summary.dagster_run_id == run_id:
                return summary
        time.sleep(1)
    raise TimeoutError(run_id)


def test_a_killed_worker_is_told_and_the_next_night_ends_well(
    home: Path, environment: dict[str, str], daemon: None, tmp_path: Path
) -> None:
    settings = machine.load(home)
    before = os.readlink(home / "current")
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        lost = launch(environment)
        os.kill(worker_at_work(instance, lost), signal.SIGKILL)
        summary = told(settings, lost)
        assert (summary.kind, summary.status, summary.build_id) == ("ui", "stopped", None)
        assert "ended without a word" in summary.verdict
        assert os.readlink(home / "current") == before

        run_id = launch(environment)
        summary = told(settings, run_id)
        assert (summary.kind, summary.status, summary.failure) == ("ui", "done", None)
        assert os.readlink(home / "current").endswith(str(summary.build_id)) and os.readlink(home / "current") != before
        assert set(summary.hashes) == {"code", "lock", "input"} and summary.checks["pass"] > 0
        assert len(summary.tables) > 50 and summary.gates["all"] > 0 and summary.seconds > 0
        assert instance.get_run_by_id(run_id).tags["trabecula/input"] == summary.hashes["input"]
    texts = [json.loads(line)["text"] for line in (tmp_path / "notices").read_text().splitlines()]
    assert len(texts) == 2 and "ended without a word" in texts[0] and "done: build" in texts[1]
