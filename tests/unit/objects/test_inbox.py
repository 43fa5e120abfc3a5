"""The copy of a store's prefix: only what changed is read, a kill leaves no half file, keys lead nowhere else."""

import dataclasses
import os
import stat

import pytest

from pipelines.errors import BadInput, DiskFull, DropChanged
from pipelines.objects import inbox
from pipelines.objects.store import ObjectStore, open_store
from pipelines.warehouse import arrival


def lying(settings):
    folder = settings.input_folder
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def reads(monkeypatch):
    """Keys of objects as they are read."""
    seen = []
    chunks = ObjectStore.chunks
    monkeypatch.setattr(ObjectStore, "chunks", lambda store, one: seen.append(one.key) or chunks(store, one))
    return seen


def test_a_folder_is_never_fetched(settings, tmp_path):
    assert inbox.fetch(dataclasses.replace(settings, folder=str(tmp_path))) is None
    assert not settings.inbox.exists()


def test_the_copy_is_what_lies_there_and_follows_it(settings, memory, put, reads):
    put(**{"person.csv": b"person_id\n1\n", "2024-01/labs.csv": b"a" * 20, "empty.txt": b""})
    memory.pipe_file("/hospital/drop_of_others/x.csv", b"not of this prefix")
    assert dataclasses.astuple(inbox.fetch(settings)) == (3, 3, 32, 0)
    assert lying(settings) == {"person.csv": b"person_id\n1\n", "2024-01/labs.csv": b"a" * 20, "empty.txt": b""}
    reads.clear()
    assert dataclasses.astuple(inbox.fetch(settings)) == (3, 0, 0, 0) and reads == []
    # One changed in place without another length, one gone, one new where a file was a folder's name.
    put(**{"person.csv": b"person_id\n2\n"})
    memory.rm_file("/hospital/drop/2024-01/labs.csv")
    put(**{"2024-01": b"now an object"})
    assert dataclasses.astuple(inbox.fetch(settings)) == (3, 2, 25, 1) and sorted(reads) == ["2024-01", "person.csv"]
    assert lying(settings) == {"person.csv": b"person_id\n2\n", "2024-01": b"now an object", "empty.txt": b""}


def test_times_are_the_stores_to_the_second_and_versions_of_one_second_differ(settings, memory, put):
    put(a=b"1")
    inbox.fetch(settings)
    before = (settings.input_folder / "a").stat().st_mtime
    came = memory.info("/hospital/drop/a")["created"].timestamp()
    assert -2 <= before - came <= 0
    put(a=b"2")
    inbox.fetch(settings)
    assert (settings.input_folder / "a").stat().st_mtime != before


def test_a_file_that_was_touched_here_is_fetched_again(settings, put, reads):
    put(a=b"right", b=b"right")
    inbox.fetch(settings)
    (settings.input_folder / "a").write_bytes(b"wrong")
    (settings.input_folder / "b").unlink()
    (settings.input_folder / "stray").write_bytes(b"")
    (settings.input_folder / ".a.4711.part").write_bytes(b"half of what a killed fetch")
    reads.clear()
    inbox.fetch(settings)
    assert sorted(reads) == ["a", "b"] and lying(settings) == {"a": b"right", "b": b"right"}


def test_only_the_owner_enters(settings, put):
    put(a=b"1")
    inbox.fetch(settings)
    for folder in (settings.inbox, settings.input_folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("killed_at", range(4))
def test_a_kill_leaves_whole_files_and_nothing_that_lands(settings, put, reads, monkeypatch, killed_at):
    old = {f"f{n}": b"old" * n for n in range(1, 4)}
    put(**old)
    inbox.fetch(settings)
    new = {name: b"new" + content for name, content in old.items()}
    put(**new)
    replace, done = os.replace, []

    def killing(source, target):
        if len(done) == killed_at:
            raise KeyboardInterrupt
        done.append(target)
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killing)
        patched.setattr(inbox, "_THREADS", 1)
        with pytest.raises(KeyboardInterrupt):
            inbox.fetch(settings)
    assert all(content in (old[name], new[name]) for name, content in lying(settings).items())
    assert sum(content == new[name] for name, content in lying(settings).items()) == min(killed_at, 3)
    with pytest.raises(BadInput, match="is not whole"):
        inbox.require_whole(settings)
    reads.clear()
    inbox.fetch(settings)
    # What was in place and written down is not read again; one may be in place and not yet written down.
    assert len(reads) <= 3 - killed_at + 1
    inbox.require_whole(settings)
    assert lying(settings) == new


def test_a_line_cut_off_by_a_power_cut_costs_a_fetch_and_no_more(settings, put):
    put(a=b"1", b=b"2")
    inbox.fetch(settings)
    record = settings.input_folder.with_suffix(".json")
    record.write_text(record.read_text()[:-9])
    assert inbox.fetch(settings).fetched == 2
    assert lying(settings) == {"a": b"1", "b": b"2"}


def test_an_object_that_changes_while_it_is_read_is_noticed(settings, put, monkeypatch):
    put(a=b"old" * 100)
    chunks = ObjectStore.chunks

    def changing(store, one):
        yield from chunks(store, one)
        put(a=b"new" * 100)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "chunks", changing)
        with pytest.raises(DropChanged, match=r"memory://hospital/drop/a: changed while it was fetched"):
            inbox.fetch(settings)
    assert lying(settings) == {}
    inbox.fetch(settings)
    assert lying(settings) == {"a": b"new" * 100}


def test_an_object_that_comes_while_others_are_read_is_noticed(settings, put, monkeypatch):
    put(a=b"1")
    chunks = ObjectStore.chunks

    def another(store, one):
        put(b=b"2")
        yield from chunks(store, one)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "chunks", another)
        with pytest.raises(DropChanged):
            inbox.fetch(settings)
    assert not inbox.is_whole(settings)
    inbox.fetch(settings)
    assert lying(settings) == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("key", ["../out", "a/../../out", "a//b", "./a", "a\\b", "a\0b", "x" * 250])
def test_keys_that_are_no_path_inside_a_folder_are_refused(settings, memory, put, key):
    put(good=b"1")
    memory.store[f"/hospital/drop/{key}"] = memory.store["/hospital/drop/good"]
    with pytest.raises(BadInput, match="its key is no path inside a folder"):
        inbox.fetch(settings)
    assert not settings.inbox.exists()


def test_a_key_that_is_a_file_and_a_folder_is_refused(settings, memory, put):
    put(**{"a/b": b"1"})
    memory.store["/hospital/drop/a"] = memory.store["/hospital/drop/a/b"]
    with pytest.raises(BadInput, match=r"object 'a': its key"):
        inbox.fetch(settings)


def test_one_object_lies_in_a_folder_of_its_own(settings, put):
    put(**{"cdm.duckdb": b"1"})
    alone = dataclasses.replace(settings, folder=f"{settings.folder}/cdm.duckdb")
    inbox.fetch(alone)
    assert lying(alone) == {"cdm.duckdb": b"1"}


def test_nothing_is_fetched_where_there_is_no_room(settings, put, monkeypatch):
    put(a=b"1")
    monkeypatch.setattr(inbox, "LEAST_GB", 1e9)
    with pytest.raises(DiskFull, match="nothing was fetched"):
        inbox.fetch(settings)
    assert not settings.inbox.exists()


def test_an_empty_prefix_is_refused(settings):
    with pytest.raises(BadInput, match="memory://hospital/drop: n"):
        inbox.fetch(settings)


def test_the_listing_alone_tells_the_state_that_a_landing_remembers(settings, put):
    put(**{"a": b"1", "b/c": b"2"})
    assert inbox.looked_at(settings).is_new
    inbox.fetch(settings)
    arrival.remember(settings, arrival.files_as_they_are(settings))
    assert not inbox.looked_at(settings).is_new
    assert inbox.looked_at(settings).state == arrival.arrival(settings).state
    put(a=b"3")
    found = inbox.looked_at(settings)
    assert found.is_new and not found.is_complete and "objects came 0 minutes ago" in found.why
    came = open_store(settings.folder).objects()[0].changed_ns / 1e9
    assert inbox.looked_at(settings, now=came + settings.quiet_minutes * 60 + 1).is_complete


def test_quiet_is_told_by_the_time_in_the_store_not_of_the_fetch(settings, memory, put):
    put(a=b"1")
    inbox.fetch(settings)
    came = arrival.files_as_they_are(settings)
    (found,) = (changed for _, _, changed in came)
    quiet = settings.quiet_minutes * 60
    assert arrival.arrival(settings, now=found / 1e9 + quiet + 1).is_complete
    assert not arrival.arrival(settings, now=found / 1e9 + quiet - 1).is_complete


def test_what_waits_is_told_and_nothing_is_written(settings, put):
    put(a=b"12345", b=b"1")
    assert inbox.waiting(settings) == (2, 6)
    assert not settings.inbox.exists()
    inbox.fetch(settings)
    put(a=b"123")
    assert inbox.waiting(settings) == (1, 3)


def test_copies_of_other_addresses_go_once_they_are_no_input(settings, put, memory):
    put(a=b"1")
    inbox.fetch(settings)
    other = dataclasses.replace(settings, folder="memory://elsewhere/x")
    memory.pipe_file("/elsewhere/x/b", b"2")
    inbox.fetch(other)
    inbox.sweep_others(other)
    assert lying(other) == {"b": b"2"} and inbox.is_whole(other)
    assert sorted(path.name for path in settings.inbox.iterdir()) == sorted(
        [other.input_folder.name, f"{other.input_folder.name}.json"]
    )
    inbox.sweep_others(dataclasses.replace(settings, folder="/srv/drop"))
    assert not any(settings.inbox.iterdir())


def test_messages_name_the_object(settings):
    here = settings.input_folder
    with pytest.raises(DropChanged) as told, inbox.told_by_address(settings):
        raise DropChanged([f"{here}/labs.csv: row 3", "elsewhere"])
    assert told.value.problems == ("memory://hospital/drop/labs.csv: row 3", "elsewhere")
