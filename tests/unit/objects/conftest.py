"""Stores in the memory of the test: fsspec's `memory://`, emptied before each test."""

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pipelines.settings import Settings

DROP = "memory://hospital/drop"
RESULTS = "memory://results/site"


@pytest.fixture
def memory():
    """The store, empty; keys begin with /."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    yield MemoryFileSystem()
    MemoryFileSystem.store.clear()


@pytest.fixture
def put(memory):
    """Put objects below the prefix of the drop."""

    def put(**objects: bytes) -> None:
        for name, content in objects.items():
            memory.pipe_file(f"/hospital/drop/{name}", content)

    return put


@pytest.fixture
def settings(tmp_path, memory):
    """A home whose input is a prefix of the store, and whose copies go to another."""
    home = tmp_path / "home"
    home.mkdir()
    return Settings(home, "omop", DROP, copy_to=RESULTS)
