"""Code server and daemon of Dagster as deploy/workspace.yaml has them, and a night launched there; loaded by path."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
WAIT_SECONDS = 900


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(1)


class DaemonAtWork(ExitStack):
    """Both processes while it is open; gives the function that launches a night and returns the id of its run."""

    def __init__(self, home: Path, folder: Path) -> None:
        super().__init__()
        self._environment = {**os.environ, "TRABECULA_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
        self._folder, self._port = folder, free_port()
        self._workspace = folder / "workspace.yaml"
        text = (DEPLOY / "workspace.yaml").read_text()
        assert "port: 4266" in text
        self._workspace.write_text(text.replace("port: 4266", f"port: {self._port}"))

    def __enter__(self) -> Callable[[], str]:
        server = [
            "dagster",
            "code-server",
            "start",
            "-m",
            "assets.definitions",
            "-h",
            "127.0.0.1",
            "-p",
            str(self._port),
        ]
        self._start(server)
        wait_until(self._answers, "the code server")
        self._start(["dagster-daemon", "run", "-w", str(self._workspace)])
        return self._launch

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _start(self, command: list[str]) -> None:
        said = self.enter_context((self._folder / f"{command[0]}.log").open("ab"))
        started = subprocess.Popen(
            self._named(command), env=self._environment, stdout=said, stderr=said, start_new_session=True
        )
        self.callback(self._end, started)

    @staticmethod
    def _named(command: list[str]) -> list[str]:
        return [str(Path(sys.executable).with_name(command[0])), *command[1:]]

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)

    def _launch(self) -> str:
        command = self._named(["dagster", "job", "launch", "-w", str(self._workspace), "-j", "nightly"])
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment, timeout=WAIT_SECONDS)
        assert done.returncode == 0, done.stderr[-3000:]
        (run_id,) = set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", done.stdout + done.stderr))
        return run_id
