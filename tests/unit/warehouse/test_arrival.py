"""Deliveries that are new, not complete, complete by their list, or quiet: what lies there decides, not a name."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from pipelines.errors import DropChanged
from pipelines.settings import Settings
from pipelines.warehouse import arrival as arriving
from pipelines.warehouse.arrival import CHECKSUMS, arrival, files_as_they_are, remember, require_complete

LATER = 16 * 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "labs.csv").write_text("id,value\n1,2\n")
    return Settings(tmp_path / "home", folder=str(drop))


def listed(folder: Path, **wrong: str) -> None:
    """Write the list of the folder's files; `wrong` gives other names their hash."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(folder.iterdir())]
    lines += [f"{digest}  {name.replace('_', '.')}" for name, digest in wrong.items()]
    (folder / CHECKSUMS).write_text("\n".join(lines) + "\n")


def test_what_was_landed_is_not_new_and_what_came_since_is(settings):
    drop = Path(settings.folder)
    remember(settings, files_as_they_are(settings))
    assert not arrival(settings).is_new
    require_complete(settings)
    (drop / "dxa.csv").write_text("id\n")
    assert arrival(settings).is_new
    remember(settings, files_as_they_are(settings))
    (drop / "dxa.csv").unlink()
    assert arrival(settings).is_new


def test_a_delivery_is_complete_when_it_was_quiet(settings):
    now = time.time()
    assert (arrival(settings, now).is_new, arrival(settings, now).is_complete) == (True, False)
    with pytest.raises(DropChanged, match=r"not complete: files changed 0 minutes ago.*quiet_minutes"):
        require_complete(settings)
    assert arrival(settings, now + LATER).is_complete


def test_a_copy_that_keeps_old_times_is_not_quiet(settings):
    os.utime(Path(settings.folder) / "labs.csv", (1_000_000, 1_000_000))
    assert not arrival(settings).is_complete


def changed_again(path: Path) -> None:
    """The system notes a change of the file, a moment later than every change before."""
    time.sleep(0.02)
    path.chmod(0o640)


def test_a_list_that_came_first_needs_no_quiet(settings):
    listed(Path(settings.folder))
    changed_again(Path(settings.folder) / "labs.csv")
    found = arrival(settings)
    assert (found.is_new, found.is_complete, found.why) == (True, True, "complete: as listed")
    require_complete(settings)


@pytest.mark.parametrize("content", ["", "\n", f"{'0' * 64}", f"{'0' * 64}  {CHECKSUMS}\n"])
def test_a_list_that_names_nothing_is_none(settings, content):
    (Path(settings.folder) / CHECKSUMS).write_text(content)
    changed_again(Path(settings.folder) / "labs.csv")
    assert not arrival(settings).is_complete
    assert arrival(settings, time.time() + LATER).why == "complete: quiet"


def test_a_file_that_a_list_does_not_name_has_to_be_quiet(settings):
    drop = Path(settings.folder)
    listed(drop)
    (drop / "dxa.csv").write_text("id\n")
    changed_again(drop / "labs.csv")
    assert not arrival(settings).is_complete
    assert arrival(settings, time.time() + LATER).is_complete


def test_a_list_newer_than_what_it_names_has_to_be_quiet(settings):
    """It may be written line by line as the files come."""
    drop = Path(settings.folder)
    listed(drop)
    changed_again(drop / CHECKSUMS)
    assert not arrival(settings).is_complete
    assert arrival(settings, time.time() + LATER).is_complete


def test_a_change_still_to_come_is_told_apart_from_one_just_made(settings):
    assert "set the clock, then touch them" in arrival(settings, time.time() - 400 * 86_400).why


@pytest.mark.parametrize("how", ["absent", "half", "other"])
def test_a_list_waits_for_what_it_names_however_long(settings, how):
    drop = Path(settings.folder)
    whole = b"id,site\n" + b"1,hip\n" * 50
    listed(drop, dxa_csv=hashlib.sha256(whole).hexdigest())
    content = {"absent": None, "half": whole[:100], "other": whole.replace(b"hip", b"HIP")}[how]
    if content is not None:
        (drop / "dxa.csv").write_bytes(content)
    found = arrival(settings, time.time() + 1_000 * LATER)
    assert not found.is_complete and found.why == "1 files are not there as listed: dxa.csv"
    changed_again(drop / "labs.csv")
    (drop / "dxa.csv").write_bytes(whole)
    assert arrival(settings).is_complete


def test_a_file_beside_the_listed_folder_still_has_to_be_quiet(settings):
    drop = Path(settings.folder)
    (drop / "2024-01").mkdir()
    (drop / "2024-01" / "a.csv").write_text("a")
    listed(drop / "2024-01")
    changed_again(drop / "2024-01" / "a.csv")
    assert not arrival(settings).is_complete
    assert arrival(settings, time.time() + LATER).is_complete


@pytest.mark.parametrize("name", ["../home/secret", "/etc/hostname"])
def test_a_list_leads_nowhere_else(settings, tmp_path, monkeypatch, name):
    read = []
    monkeypatch.setattr(arriving, "_digest", lambda path, *_: read.append(path) or "x")
    (Path(settings.folder) / CHECKSUMS).write_text(f"{'0' * 64}  {name}\n")
    assert "leads out of the folder" in arrival(settings).why
    assert read == []


def test_nothing_there(tmp_path):
    found = arrival(Settings(tmp_path, folder=str(tmp_path / "no")))
    assert (found.is_new, found.is_complete) == (False, False)


@pytest.mark.parametrize("damage", ["", "{}", "[1]"])
def test_a_damaged_note_only_means_new(settings, damage):
    remember(settings, files_as_they_are(settings))
    (settings.landing / "arrival.json").write_text(damage)
    assert arrival(settings).is_new
