"""A withdrawal reaches the copies in a store: what is deleted or taken back at home goes there too, whatever comes after."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from assets import withdrawing
from pipelines.errors import BlockedByCheck
from pipelines.objects.release_copy import current_copy, follow
from pipelines.objects.store import open_store
from pipelines.settings import Settings
from pipelines.warehouse import withdrawal

made = runpy.run_path(str(Path(__file__).parents[1] / "objects" / "published_home.py"))
ASKED = withdrawal.Asked("omop", "now", 1, 0, 1, "", "", {"staging": 3})


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Two builds, both copied; a withdrawal that settles by deleting the builds there are."""
    MemoryFileSystem.store.clear()
    settings = Settings(tmp_path / "home", "omop", "", copy_to="memory://results/site")
    for n in (1, 2):
        made["publish"](settings, n, rows=n)
        follow(settings)

    def settle(of, published=None):
        for build in ("20260101T000000001", "20260101T000000002"):
            made["prune"](of, build)
        if published is None:
            (of.home / "current").unlink()
        return withdrawal.Settled(None, 2, was_unpublished=published is None)

    monkeypatch.setattr(withdrawal, "settle", settle)
    yield settings
    MemoryFileSystem.store.clear()


def copies(settings):
    store = open_store(settings.copy_to)
    return {one.key for one in store.objects() if one.key.startswith("builds/")}, current_copy(store)


def test_a_new_build_is_copied_and_no_older_one_stays(home, monkeypatch):
    def publish(settings):
        build = made["publish"](settings, 3, rows=3)
        withdrawal.settle(settings, build)
        return build

    monkeypatch.setattr(withdrawing, "_compute_and_publish", publish)
    assert len(copies(home)[0]) == 2
    said = []
    withdrawing._publish(home, ASKED, said.append, is_deferred=False)
    kept, current = copies(home)
    assert kept == {"builds/20260101T000000003.json"} and current.build_id == "20260101T000000003"
    assert any("of earlier copies removed" in line for line in said)


@pytest.mark.parametrize("is_deferred", [True, False])
def test_what_is_taken_back_is_taken_back_there(home, monkeypatch, is_deferred):
    def publish(settings):
        raise BlockedByCheck("a check stands against it")

    monkeypatch.setattr(withdrawing, "_compute_and_publish", publish)
    if is_deferred:
        withdrawing._publish(home, ASKED, [].append, is_deferred=True)
    else:
        with pytest.raises(BlockedByCheck, match="taken back"):
            withdrawing._publish(home, ASKED, [].append, is_deferred=False)
    assert copies(home) == (set(), None)
    assert MemoryFileSystem().find("/results") == []


def test_nothing_is_asked_of_a_store_where_no_copies_are_made(home):
    assert follow(replace(home, copy_to="")) is None
