"""A store that fails under a run: it is refused as bad input is, in words that help, and what is published stays as it is."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from assets import job
from pipelines import settings as machine
from pipelines.errors import BadInput, DropChanged, StoreUnreachable
from pipelines.objects import inbox
from pipelines.objects.store import ObjectStore
from pipelines.run import Run
from pipelines.warehouse.run_summary import latest
from pipelines.warehouse.store import Store

small_home = runpy.run_path(str(Path(__file__).with_name("small_home.py")))
DROP, digest = small_home["DROP"], small_home["digest"]
URL = "memory://hospital/drop"
# What a run that is refused may leave: its summary, its lock, what was fetched.
MAY_CHANGE = {"runs", ".writing", ".working", "inbox"}

pytestmark = pytest.mark.usefixtures("_key")


@pytest.fixture
def store():
    """The good drop below a prefix."""
    MemoryFileSystem.store.clear()
    files = MemoryFileSystem()
    for name, content in DROP.items():
        files.pipe_file(f"/hospital/drop/{name}", content.encode())
    yield files
    MemoryFileSystem.store.clear()


@pytest.fixture
def home(published_home, tmp_path):
    """A copy of the published home."""
    return small_home["copy"](published_home, tmp_path / "copy")


def kept(home):
    """Everything in a home that a refused run must leave as it is."""
    return {path.name: digest(path) if path.is_dir() else path.read_bytes() for path in home.home.iterdir()
            if path.name not in MAY_CHANGE}  # fmt: skip


def refused(home, kind=BadInput):
    """What a run from the store says that is refused, by the way the command line takes."""
    before = kept(home)
    with pytest.raises(kind) as told:
        job.execute(home.home, home.source, URL, ())
    assert told.value.exit_status == 2
    assert kept(home) == before
    assert (latest(home)[0].status, latest(home)[0].exit_status) == ("refused", 2)
    return str(told.value)


def test_a_store_that_is_gone(home, store, monkeypatch):
    def gone(*args, **kwargs):
        raise ConnectionResetError("https://user:hunter2@host")

    monkeypatch.setattr(MemoryFileSystem, "find", gone)
    said = refused(home, StoreUnreachable)
    assert said == (
        f"{URL}: the store does not answer or fails (ConnectionResetError): see whether it can be reached from here, "
        "then run again"
    )


def test_a_store_that_breaks_off_in_the_middle(home, store, monkeypatch):
    chunks = ObjectStore.chunks

    def breaking(self, one):
        if one.key == "labs.csv":
            raise StoreUnreachable("the store does not answer")
        yield from chunks(self, one)

    monkeypatch.setattr(ObjectStore, "chunks", breaking)
    assert "does not answer" in refused(home)
    assert not inbox.is_whole(replace(home, folder=URL))


def test_access_that_is_refused(home, store, monkeypatch):
    def closed(*args, **kwargs):
        raise PermissionError("Access Denied for key AKIA")

    monkeypatch.setattr(MemoryFileSystem, "find", closed)
    said = refused(home)
    assert "refuses access" in said and "AWS_PROFILE" in said and "AKIA" not in said


def test_a_package_that_is_missing(home, store, monkeypatch):
    def missing(*args, **kwargs):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    monkeypatch.setattr(inbox, "is_url", lambda text: True)
    with pytest.raises(BadInput, match=r"pip install 'trabecula\[objects\]'"):
        inbox.fetch(replace(home, folder="s3://hospital/drop"))


def test_a_kind_of_store_that_nobody_knows(home):
    with pytest.raises(BadInput, match="no kind of store is called s4"):
        inbox.fetch(replace(home, folder="s4://hospital/drop"))


def test_an_object_that_changes_while_it_is_fetched(home, store, monkeypatch):
    chunks = ObjectStore.chunks

    def changing(self, one):
        yield from chunks(self, one)
        if one.key == "labs.csv":
            store.pipe_file("/hospital/drop/labs.csv", DROP["labs.csv"].replace("10", "99").encode())

    monkeypatch.setattr(ObjectStore, "chunks", changing)
    assert "labs.csv: changed while it was fetched" in refused(home, DropChanged)


def test_a_bad_object_is_named_by_its_address(home, store):
    store.pipe_file("/hospital/drop/labs.csv", DROP["labs.csv"].replace("p1,estradiol", '"p1,estradiol').encode())
    said = refused(home)
    assert f"{URL}/labs.csv" in said and "inbox" not in said


def test_an_identifier_in_an_object_stops_the_drop(home, store):
    mail = DROP["labs.csv"].replace("estradiol", "someone@example.org")
    store.pipe_file("/hospital/drop/labs.csv", mail.encode())
    said = refused(home)
    assert "labs.csv" in said and "looks like" in said and "example.org" not in said and "inbox" not in said


def test_the_same_drop_from_a_store_is_nothing_new_to_a_home_that_had_it_from_a_folder(home, store):
    of_store = replace(home, folder=URL)
    inbox.fetch(of_store)
    before = Store(home).scan("raw.flat_lab").collect()
    with Run(of_store) as run:
        assert run.land().landed.written == 0
    assert Store(home).scan("raw.flat_lab").collect().equals(before)
    assert machine.load(home.home, folder=URL).input_folder == of_store.input_folder
