"""Fixtures that every kind of test may use: where the public data lie; and which tests one worker runs together.

Nothing here builds tables or knows a layer.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Tests of these folders share a home that takes minutes to make: one worker runs them, and makes it once.
SHARE_A_HOME = ("functional", "faults/warehouse", "faults/sources", "unit/warehouse", "unit/report", "unit/synth/omop")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares costly fixtures stays on one worker (`--dist loadgroup`): a folder that shares a home, else a file."""
    for item in items:
        place = item.path.relative_to(ROOT / "tests")
        folder = place.parent.as_posix()
        item.add_marker(pytest.mark.xdist_group(folder if folder in SHARE_A_HOME else place.as_posix()))


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
