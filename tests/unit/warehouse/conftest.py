"""Fixtures of the warehouse tests: the built home of the session, and copies of it."""

import runpy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipelines.settings import Settings

built_home = runpy.run_path(str(Path(__file__).with_name("built_home.py")))


@pytest.fixture(scope="session")
def built(made_once: Callable) -> Settings:
    """The built home, to be read only."""
    return built_home["settings_in"](made_once("warehouse", built_home["build"]))


@pytest.fixture(scope="session")
def in_four_buckets(built: Settings, made_once: Callable) -> Settings:
    """The same drop in four buckets, computed by two processes, to be read only."""
    build = partial(built_home["build_in_four_buckets"], built)
    return built_home["in_four_buckets"](built, made_once("four_buckets", build))


@pytest.fixture
def home(built: Settings, tmp_path: Path) -> Settings:
    """A copy of the built home that a test may change."""
    return built_home["copy"](built, tmp_path)


@pytest.fixture
def empty_home(tmp_path: Path) -> Settings:
    """A home in which nothing was landed."""
    return Settings(home=tmp_path / "home", memory_gb=0.5, threads=1)
