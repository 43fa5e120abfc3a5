"""Machine settings: read back as written, and refused by file name where they are wrong."""

import os
from dataclasses import replace

import pytest

from pipelines.errors import BadInput
from pipelines.settings import MIN_CELL, Settings, load


def test_a_home_without_a_file_has_the_defaults(tmp_path):
    assert load(tmp_path / "home") == Settings(home=tmp_path / "home")


@pytest.mark.parametrize(
    "folder", ['/a "quoted" b', r"C:\new\table", "/with 'single' #hash", "/ümläut/佐藤", "/brace{d}", "/end\\", ""]
)
def test_settings_are_read_back_as_written(tmp_path, folder):
    written = replace(
        Settings(home=tmp_path / "home"),
        source="nhanes",
        folder=folder,
        memory_gb=1.5,
        threads=3,
        persons_per_bucket=77,
        min_cell=20,
        keep_builds=9,
        nightly_cron="5 4 * * 1",
        bone_reference='a"b\\c',
    )
    written.write()
    assert load(written.home) == written
    assert not list(written.home.glob("*.part"))


def test_the_command_line_wins_over_the_file(tmp_path):
    replace(Settings(home=tmp_path), threads=3, keep_builds=9).write()
    found = load(tmp_path, threads=5, keep_builds=None)
    assert (found.threads, found.keep_builds) == (5, 9)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[limits\nthreads = 1", "not valid TOML"),
        ("[limits]\nthreads = ", "not valid TOML"),
        ("[limits]\nthread = 1", "unknown setting 'thread'"),
        ("[limits]\nhome = '/elsewhere'", "unknown setting 'home'"),
        ("[limits]\nthreads = 'two'", "'threads' must be a int"),
        ("[limits]\nthreads = 1.5", "'threads' must be a int"),
        ("[limits]\nmemory_gb = 'much'", "'memory_gb' must be a float"),
        ("[input]\nfolder = 7", "'folder' must be a str"),
        ("[limits]\nmin_cell = 10", "min_cell: 10 is below 11"),
        ("[limits]\nthreads = 0", "threads: must be above 0"),
        ("[limits]\nmemory_gb = -1", "memory_gb: must be above 0"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path, text, says):
    (tmp_path / "trabecula.toml").write_text(text)
    with pytest.raises(BadInput, match=says) as refused:
        load(tmp_path)
    assert "trabecula.toml" in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"min_cell = 12\n", b"[limits]\nthreads = true\n", b"[input]\nfolder = '\xff\xfe'\n"],
    ids=["setting outside a section", "boolean for a number", "not UTF-8"],
)
def test_a_file_of_the_wrong_shape_is_refused_by_name(tmp_path, content):
    (tmp_path / "trabecula.toml").write_bytes(content)
    with pytest.raises(BadInput, match=r"trabecula\.toml"):
        load(tmp_path)


def test_every_problem_is_named_at_once(tmp_path):
    (tmp_path / "trabecula.toml").write_text("[limits]\nthread = 1\nkeep = 2\nthreads = 'x'\n")
    with pytest.raises(BadInput) as refused:
        load(tmp_path)
    assert len(refused.value.problems) == 3
    assert all(str(tmp_path / "trabecula.toml") in problem for problem in refused.value.problems)


def test_the_smallest_cell_may_be_raised_and_not_lowered(tmp_path):
    assert MIN_CELL == 11
    assert Settings(home=tmp_path, min_cell=50).min_cell == 50
    with pytest.raises(BadInput):
        Settings(home=tmp_path, min_cell=10)
    with pytest.raises(BadInput):
        load(tmp_path, min_cell=1)


def test_the_disk_holds_the_file_and_its_name(tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(os, "fsync", lambda opened: waited.append(os.readlink(f"/proc/self/fd/{opened}")))
    Settings(home=tmp_path).write()
    assert waited == [str(tmp_path / ".trabecula.toml.part"), str(tmp_path)]
