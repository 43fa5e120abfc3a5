"""Fixtures of bad input: the small published home of the session, and a key for its people."""

import runpy
from pathlib import Path

import pytest

from pipelines.settings import Settings

HERE = Path(__file__).parent
small_home = runpy.run_path(str(HERE / "small_home.py"))
KEY = "a-key-for-tests-and-nothing-else"


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with a published build of a small flat drop, to be read only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRABECULA_KEY", KEY)
        return small_home["build"](tmp_path_factory.getbasetemp())


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRABECULA_KEY", KEY)
