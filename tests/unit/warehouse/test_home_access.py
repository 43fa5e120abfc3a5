"""A home that somebody else owns: refused in one line that names the folder and the remedy, before anything is written."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.errors import BadInput, Busy
from pipelines.settings import Settings
from pipelines.warehouse.lock import writing

NOBODY = 65534
FOLDERS = ("", "data", "landing", "state", "spill", "builds", "runs", "dagster")


@pytest.fixture
def own() -> Generator[Settings]:
    """A home in which everybody may write; root's temporary folders are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        settings = Settings(home=Path(folder) / "home")
        for name in FOLDERS:
            (settings.home / name).mkdir()
            (settings.home / name).chmod(0o777)
        yield settings


@contextmanager
def nobody() -> Generator[None]:
    """As a user who is not root, whom no mode of a folder stops."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_closed_folder_is_named_with_its_remedy(own: Settings, name: str) -> None:
    closed = own.home / name
    closed.chmod(0o555)
    with nobody(), pytest.raises(BadInput, match="may not write there: run as the owner") as refused, writing(own):
        pytest.fail("a run starts where it may not write")
    assert not isinstance(refused.value, Busy)
    (line,) = refused.value.problems
    assert (
        line.startswith(f"{closed}: ") and f"chown -R {NOBODY if os.geteuid() == 0 else os.geteuid()} {closed}" in line
    )
    closed.chmod(0o777)
    with nobody(), writing(own):
        pass


def test_every_closed_folder_is_named_at_once(own: Settings) -> None:
    own.data.chmod(0o555)
    own.builds.chmod(0o555)
    with nobody(), pytest.raises(BadInput) as refused, writing(own):
        pytest.fail("a run starts where it may not write")
    assert [line.partition(": ")[0] for line in refused.value.problems] == [str(own.data), str(own.builds)]
    own.data.chmod(0o777)
    own.builds.chmod(0o777)


def test_a_home_that_cannot_be_made_is_refused(own: Settings) -> None:
    own.home.chmod(0o555)
    with (
        nobody(),
        pytest.raises(BadInput, match=f"{own.home}: this user"),
        writing(Settings(home=own.home / "a" / "b")),
    ):
        pytest.fail("a home was made")
    own.home.chmod(0o777)
