"""Fixtures that every kind of test may use: where the public data lie, and what is made once for all workers.

Nothing here builds tables or knows a layer.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: files that make a home which others read, and the longest: run first, so that no worker waits while another makes one
_FIRST = (
    "functional/test_omop_run.py",
    "functional/test_command_line.py",
    "faults/nights/test_killed.py",
    "unit/warehouse/test_workers.py",
    "functional/expectations/test_all_faults_at_once.py",
    "faults/sources/test_bad_input.py",
)

# Workers beside each other: threads of each would only wait for one another. Before anything imports numpy.
if "PYTEST_XDIST_WORKER" in os.environ:
    for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(_threads, "1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The same order in every worker."""
    place = {ROOT / "tests" / name: number for number, name in enumerate(_FIRST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`made_once("name", make)`: a folder that `make(folder)` filled, once for all workers; to be read only.

    Whoever asks while another worker makes it waits; what failed half-way is made again in a folder of its own.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        with (shared / f"{name}.lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.seek(0)
            folder = lock.read()
            if not folder:
                folder = tempfile.mkdtemp(prefix=f"{name}-", dir=shared)
                make(Path(folder))
                lock.write(folder)
            return Path(folder)

    return made


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data sets beside the checkout (`TRABECULA_DATA`, else ../shared/data); skips where they are absent."""
    folder = Path(os.environ.get("TRABECULA_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"public data not found at {folder}: set TRABECULA_DATA to a folder that holds nhanes/")
    return folder


@pytest.fixture(scope="session")
def nhanes(shared_data: Path) -> Path:
    """The NHANES folder: CDC tables by cycle, XPT originals, linked mortality."""
    folder = shared_data / "nhanes"
    if not folder.is_dir():
        pytest.skip(f"NHANES files not found at {folder}")
    return folder


@pytest.fixture(scope="session")
def published(root: Path) -> Path:
    """Published reference data sets (../shared/reference/published); skips where absent."""
    folder = root.parent / "shared" / "reference" / "published"
    if not folder.is_dir():
        pytest.skip(f"published reference data not found at {folder}")
    return folder
