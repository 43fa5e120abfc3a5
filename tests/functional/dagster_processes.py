"""Code server and daemon of Dagster as deploy/workspace.yaml has them, and a night launched there; loaded by path."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
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
        self._daemon = self._start_daemon()
        return self._launch

    def kill_daemon(self) -> None:
        """SIGKILL the daemon, as the kernel would, and start another."""
        os.killpg(self._daemon.pid, signal.SIGKILL)
        self._daemon.wait(60)
        self._daemon = self._start_daemon()

    def _start_daemon(self) -> subprocess.Popen[bytes]:
        return self._start(["dagster-daemon", "run", "-w", str(self._workspace)])

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        said = self.enter_context((self._folder / f"{command[0]}.log").open("ab"))
        started = subprocess.Popen(
            self._named(command), env=self._environment, stdout=said, stderr=said, start_new_session=True
        )
        self.callback(self._end, started)
        return started

    @staticmethod
    def _named(command: list[str]) -> list[str]:
        return [str(Path(sys.executable).with_name(command[0])), *command[1:]]

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)

    def _launch(self) -> str:
        run_id = str(uuid.uuid4())
        command = ["dagster", "job", "launch", "-w", str(self._workspace), "-j", "nightly", "--run-id", run_id]
        done = subprocess.run(
            self._named(command), capture_output=True, text=True, env=self._environment, timeout=WAIT_SECONDS
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return run_id
