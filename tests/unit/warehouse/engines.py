"""A Dask scheduler and a Spark master on loopback, each with two workers of one core; loaded by path."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 120


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster(ExitStack):
    """Processes of one engine while it is open; `address` is where the first of them answers."""

    address: str

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        log = self.enter_context((self._folder / "engine.log").open("ab"))
        # A session of its own, so that what a worker started ends with it.
        process = subprocess.Popen(
            command, env=environment, cwd=self._folder, stdout=log, stderr=log, start_new_session=True
        )
        self.callback(process.wait)
        self.callback(kill, process)
        return process

    def wait_for_address(self, port: int) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(self.address)
            time.sleep(0.2)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a process and all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


class Dask(Cluster):
    def __enter__(self) -> "Dask":
        port = free_port()
        self.address = f"tcp://127.0.0.1:{port}"
        module = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
        self.start(*module, "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show")
        self.wait_for_address(port)
        for number in (1, 2):
            module = [sys.executable, "-m", "distributed.cli.dask_worker"]
            options = ["--no-nanny", "--no-dashboard", "--nthreads", "1", "--local-directory", str(self._folder)]
            self.workers.append(self.start(*module, self.address, "--name", str(number), *options))
        return self


class Spark(Cluster):
    def __enter__(self) -> "Spark":
        import pyspark

        port = free_port()
        self.address = f"spark://127.0.0.1:{port}"
        program = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
        master = "org.apache.spark.deploy.master.Master"
        self.start(program, master, "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(free_port()))
        self.wait_for_address(port)
        for _ in (1, 2):
            options = ["--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", str(free_port())]
            worker = "org.apache.spark.deploy.worker.Worker"
            self.workers.append(self.start(program, worker, *options, "--work-dir", str(self._folder), self.address))
        return self
