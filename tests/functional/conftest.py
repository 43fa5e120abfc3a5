"""A finished home, made once by the command line as a user would, and a way to call the command line again.

The first run is a process of its own, entry point and imports included; the calls after it are forks of one that has
imported already, see warm_command_line.
"""

import hashlib
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from pipelines.synth.nhanes_shaped import write

Call = Callable[..., subprocess.CompletedProcess[str]]
PERSONS = 800
SEED = 7


def trabecula(*arguments: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [str(Path(sys.executable).with_name("trabecula")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=_environment())


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("TRABECULA_HOME", "DAGSTER_HOME")}


class WarmCommandLine:
    """`trabecula` again and again, without the seconds that each process needs to import."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("warm_command_line.py")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._server = subprocess.Popen([sys.executable, str(script)], **pipes)
        self._said = folder / "out", folder / "err"

    def __call__(self, *arguments: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """As `trabecula`, in a fork of a warm process."""
        assert self._server.stdin and self._server.stdout
        for file in self._said:
            file.write_text("")
        given = {
            "arguments": [str(argument) for argument in arguments],
            "environment": _environment(),
            "folder": str(Path.cwd()),
            "out": str(self._said[0]),
            "err": str(self._said[1]),
        }
        print(json.dumps(given), file=self._server.stdin, flush=True)
        process = int(self._server.stdout.readline())
        overdue = threading.Timer(timeout, os.killpg, (process, signal.SIGKILL))
        overdue.start()
        try:
            status = int(self._server.stdout.readline())
        finally:
            overdue.cancel()
        out, err = (file.read_text() for file in self._said)
        if status == -signal.SIGKILL:
            raise subprocess.TimeoutExpired(list(map(str, arguments)), timeout, out, err)
        return subprocess.CompletedProcess("trabecula", status, out, err)

    def end(self) -> None:
        self._server.communicate()


@pytest.fixture(scope="session")
def call(tmp_path_factory: pytest.TempPathFactory) -> Generator[Call]:
    """The command line, as often as wanted."""
    warm = WarmCommandLine(tmp_path_factory.mktemp("said"))
    yield warm
    warm.end()


@pytest.fixture(scope="session")
def drop(made_once: Callable) -> Path:
    """A generated NHANES-shaped folder. Read only: copy before changing it."""
    return made_once("drop", lambda folder: write(folder / "nhanes", PERSONS, SEED)) / "nhanes"


@pytest.fixture(scope="session")
def first_run(drop: Path, made_once: Callable) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The home of a first run, and what the command line said. Read only."""

    def make(folder: Path) -> None:
        result = trabecula("run", "--source", "nhanes", "--input", drop, "--home", folder / "h")
        (folder / "said.json").write_text(json.dumps([result.returncode, result.stdout, result.stderr]))

    folder = made_once("home", make)
    return folder / "h", subprocess.CompletedProcess("trabecula", *json.loads((folder / "said.json").read_text()))


@pytest.fixture(scope="session")
def finished(first_run: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    """The home of a first run that ended well."""
    home, result = first_run
    assert result.returncode == 0, result.stderr[-3000:]
    return home


@pytest.fixture(scope="session")
def omop_base(made_once: Callable, call: Call) -> Path:
    """Folder of a home of simulated OMOP people (`home`, see planted_omop). test_omop_run repeats its night; others only read."""
    planted = runpy.run_path(str(Path(__file__).with_name("planted_omop.py")))
    return made_once("omop", lambda folder: planted["run"](folder, call))


@pytest.fixture(scope="session")
def state_seen() -> Callable[[Path], tuple[str, str]]:
    """What a reader sees of a home: which build, and the bytes of its file."""

    def seen(home: Path) -> tuple[str, str]:
        return os.readlink(home / "current"), hashlib.sha256((home / "warehouse.duckdb").read_bytes()).hexdigest()

    return seen


@pytest.fixture
def own_drop(drop: Path, tmp_path: Path) -> Path:
    """A copy of the drop that a test may spoil."""
    return Path(shutil.copytree(drop, tmp_path / "drop"))
