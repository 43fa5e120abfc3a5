"""Fixtures of bad input: the small published home of the session, and a key for its people."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.settings import Settings

HERE = Path(__file__).parent
small_home = runpy.run_path(str(HERE / "small_home.py"))
KEY = "a-key-for-tests-and-nothing-else"


@pytest.fixture(scope="session")
def published_home(made_once: Callable) -> Settings:
    """A home with a published build of a small flat drop, to be read only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRABECULA_KEY", KEY)
        return small_home["settings_in"](made_once("flat_home", small_home["build"]))


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRABECULA_KEY", KEY)
