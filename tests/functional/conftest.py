"""A finished home, made once by the command line as a user would, and a way to call the command line again."""

import hashlib
import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.synth.nhanes_shaped import write

Call = Callable[..., subprocess.CompletedProcess[str]]
PERSONS = 800
SEED = 7


def trabecula(*arguments: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k not in ("TRABECULA_HOME", "DAGSTER_HOME")}
    command = [str(Path(sys.executable).with_name("trabecula")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=environment)


@pytest.fixture(scope="session")
def call() -> Call:
    return trabecula


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
def omop_base(made_once: Callable) -> Path:
    """Folder of a home of simulated OMOP people (`home`, see planted_omop). test_omop_run repeats its night; others only read."""
    planted = runpy.run_path(str(Path(__file__).with_name("planted_omop.py")))
    return made_once("omop", lambda folder: planted["run"](folder, trabecula))


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
