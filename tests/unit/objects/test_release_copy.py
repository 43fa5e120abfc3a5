"""Copies in a store: only what may leave, whole whenever somebody looks, alike sent once, and never longer there than here."""

import dataclasses
import hashlib
import json
import runpy
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import CopyFailed, StoreUnreachable
from pipelines.objects.copy_reader import open_copy
from pipelines.objects.manifest import POINTER
from pipelines.objects.release_copy import follow
from pipelines.objects.store import ObjectStore

made = runpy.run_path(str(Path(__file__).with_name("published_home.py")))
publish, prune, SECRET = made["publish"], made["prune"], made["SECRET_OF_PEOPLE"]


def stored(memory):
    return {name.removeprefix("/results/site/"): memory.cat_file(name) for name in memory.find("/results/site")}


def pointer(memory):
    return json.loads(stored(memory)[POINTER])


def seen(settings):
    """The build that a reader of the store sees, all tables read."""
    with open_copy(settings.copy_to) as reader:
        (build_id,) = reader.execute("select build_id from mart.build").fetchone()
        return build_id, reader.execute("select count(*) from mart.study").fetchone()[0]


@pytest.fixture
def writes(monkeypatch):
    """What is put and removed, in order; `stop_at` raises before that many."""
    log = []
    stop = {}

    def watched(name):
        original = getattr(ObjectStore, name)

        def watching(store, key, *content):
            if len(log) == stop.get("at"):
                raise stop["error"]
            log.append((name, key))
            return original(store, key, *content)

        monkeypatch.setattr(ObjectStore, name, watching)

    watched("put")
    watched("remove")
    return log, stop


def test_no_copy_where_none_is_asked_for(settings):
    assert follow(dataclasses.replace(settings, copy_to="")) is None


def test_a_copy_is_what_may_leave_and_says_its_hashes(settings, memory):
    build = publish(settings, 1)
    told = follow(settings)
    assert (told.build_id, told.there, told.removed) == (build, 0, 0)
    found = stored(memory)
    listed = {one["path"]: one for one in pointer(memory)["objects"]}
    assert found.keys() == listed.keys() | {POINTER, f"builds/{build}.json"}
    for path, one in listed.items():
        assert (len(found[path]), hashlib.sha256(found[path]).hexdigest()) == (one["bytes"], one["sha256"]), path
    assert not any(SECRET in content for content in found.values())
    assert {path.split("/")[0] for path in listed} == {"mart", "release", "report"}
    assert str(settings.home) not in found[POINTER].decode()
    assert pointer(memory)["build"] == {"build_id": build, "evidence_source": "simulated"}


def test_tables_are_those_of_the_release(settings, memory, tmp_path):
    publish(settings, 1, rows=5)
    follow(settings)
    found = stored(memory)
    (study,) = (path for path in found if path.startswith("mart/study/"))
    (tmp_path / "study.parquet").write_bytes(found[study])
    copied = duckdb.sql(f"from '{tmp_path}/study.parquet'").fetchall()
    with duckdb.connect(str(settings.home / "release.duckdb"), read_only=True) as release:
        assert copied == release.sql("from mart.study").fetchall() and len(copied) == 5


def test_data_come_first_and_the_pointer_last(settings, writes):
    publish(settings, 1)
    follow(settings)
    keys = [key for _, key in writes[0]]
    assert keys[-1] == POINTER and keys[-2].startswith("builds/") and keys.count(POINTER) == 1


def test_again_sends_nothing_and_a_night_only_what_differs(settings, memory, writes):
    publish(settings, 1)
    follow(settings)
    writes[0].clear()
    again = follow(settings)
    assert (again.sent, again.bytes, again.removed) == (0, 0, 0)
    assert all(key.startswith("builds/") for _, key in writes[0])
    publish(settings, 2)
    night = follow(settings)
    sent = {key.split("/")[0] + "/" + key.split("/")[1] for name, key in writes[0] if name == "put" and "/" in key}
    assert {one for one in sent if one.startswith("mart/")} == {"mart/build"}
    assert night.sent == 2  # the row of the build, and the database that holds it; pages are as they were


def test_a_kill_at_any_write_leaves_the_old_or_the_new_copy(settings, memory, writes):
    log, stop = writes
    settings = dataclasses.replace(settings, keep_builds=1)
    first = publish(settings, 1, rows=3)
    follow(settings)
    second = publish(settings, 2, rows=4)
    prune(settings, first)
    before = dict(memory.store)
    log.clear()
    follow(settings)
    steps = list(log)
    switched = steps.index(("put", POINTER))
    assert switched < len(steps) - 1, "something is removed after the switch"
    assert seen(settings) == (second, 4)
    whole = stored(memory)
    for at in range(len(steps)):
        memory.store.clear()
        memory.store.update(before)
        log.clear()
        stop |= {"at": at, "error": KeyboardInterrupt()}
        with pytest.raises(KeyboardInterrupt):
            follow(settings)
        stop["at"] = None
        assert seen(settings) == ((first, 3) if at <= switched else (second, 4)), steps[at]
        log.clear()
        follow(settings)
        assert stored(memory) == whole, steps[at]
        # What had been sent is not sent again.
        assert sum(name == "put" and not key.endswith(".json") for name, key in log) <= max(switched - 1 - at, 0), (
            steps[at]
        )


def test_copies_go_with_their_builds(settings, memory):
    builds = [publish(settings, n, rows=n) for n in range(1, 4)]
    for build in builds:
        made["switch"](settings, build)
        follow(settings)
    assert {key for key in stored(memory) if key.startswith("builds/")} == {f"builds/{build}.json" for build in builds}
    prune(settings, builds[0])  # as a withdrawal does, whatever keep_builds says
    told = follow(settings)
    found = stored(memory)
    assert f"builds/{builds[0]}.json" not in found and told.removed >= 3
    named = {one["path"] for key in found if key.startswith("builds/") for one in json.loads(found[key])["objects"]}
    assert {key for key in found if key.startswith(("mart/", "release/", "report/"))} == named
    assert seen(settings) == (builds[2], 3)


def test_rollback_is_followed(settings):
    first, second = publish(settings, 1, rows=1), publish(settings, 2, rows=2)
    follow(settings)
    assert seen(settings) == (second, 2)
    made["switch"](settings, first)
    follow(settings)
    assert seen(settings) == (first, 1)


def test_a_publication_taken_back_is_taken_back_there_pointer_first(settings, memory, writes):
    build = publish(settings, 1)
    follow(settings)
    memory.pipe_file("/results/site/notes.txt", b"of somebody else")
    memory.pipe_file("/results/site/report/notes.html", b"of somebody else")
    (settings.home / "current").unlink()
    prune(settings, build)
    writes[0].clear()
    told = follow(settings)
    assert told.build_id is None and writes[0][0] == ("remove", POINTER)
    assert set(stored(memory)) == {"notes.txt", "report/notes.html"}


def test_two_homes_never_share_a_prefix(settings, memory, tmp_path):
    publish(settings, 1)
    follow(settings)
    before = stored(memory)
    other = dataclasses.replace(settings, home=tmp_path / "other")
    build = publish(other, 2)
    with pytest.raises(
        CopyFailed, match=rf"build {build} is published in .*, but .* other home: name a prefix of its own"
    ):
        follow(other)
    del memory.store["/results/site/current.json"]
    with pytest.raises(CopyFailed, match="other home"):
        follow(other)
    before.pop(POINTER)
    assert stored(memory) == before


def test_what_is_no_copy_is_not_overwritten(settings, memory):
    publish(settings, 1)
    memory.pipe_file("/results/site/current.json", b'{"weather": "fair"}')
    with pytest.raises(CopyFailed, match="not a copy that trabecula made"):
        follow(settings)
    assert stored(memory) == {POINTER: b'{"weather": "fair"}'}


def test_an_object_cut_short_is_sent_again(settings, memory):
    publish(settings, 1)
    follow(settings)
    whole = stored(memory)
    (study,) = (path for path in whole if path.startswith("mart/study/"))
    memory.pipe_file(f"/results/site/{study}", whole[study][:10])
    assert follow(settings).sent == 1
    assert stored(memory) == whole


def test_a_store_that_fails_leaves_what_readers_have_and_says_so(settings, memory, writes):
    first = publish(settings, 1)
    follow(settings)
    second = publish(settings, 2)
    writes[1].update(at=len(writes[0]) + 1, error=StoreUnreachable("memory://results/site: the store does not answer"))
    with pytest.raises(CopyFailed, match=f"build {second} is published .*does not answer.*`trabecula copy`") as failed:
        follow(settings)
    assert failed.value.exit_status == 1
    assert seen(settings)[0] == first
