"""Input that changes under the reader, drops that contradict what was landed, machines that refuse: nothing is half done."""

import errno
import os
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import BadInput, TrabeculaError
from pipelines.run import Run
from pipelines.sources.flat import delivery as flat
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
small_home = runpy.run_path(str(HERE / "small_home.py"))
write_drop, digest = small_home["write_drop"], small_home["digest"]

pytestmark = pytest.mark.usefixtures("_key")


@pytest.fixture
def home(published_home, tmp_path):
    """A copy of the published home."""
    return small_home["copy"](published_home, tmp_path / "copy")


def land(home, folder):
    with Run(replace(home, folder=str(folder))) as run:
        return run.land()


def drops_of_two_months(folder):
    """Two drops; the mapping lies beside them and is named."""
    for month in ("2024-01", "2024-02"):
        write_drop(folder / month, mapping_toml=None)
    mapping = folder.parent / "mapping.toml"
    mapping.write_text(small_home["MAPPING"])
    return str(mapping)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda folder: write_drop(
                folder / "2024-01", mapping_toml=None, labs_csv=small_home["LABS"].replace("10", "11")
            ),
            ("drop 2024-01", "files have changed since"),
        ),
        (lambda folder: shutil.rmtree(folder / "2024-01"), ("drop 2024-01", "no longer in the input folder")),
        (lambda folder: write_drop(folder / "2023-12", mapping_toml=None), ("a drop was put before it",)),
    ],
    ids=["a landed drop that changed", "a landed drop that is gone", "a drop put before one that was landed"],
)
def test_a_landed_drop_never_changes(home, tmp_path, change, says):
    folder = tmp_path / "in"
    mapping = drops_of_two_months(folder)
    own = replace(home, home=tmp_path / "fresh", mapping=mapping)
    land(own, folder)
    before = digest(own.home)
    change(folder)
    with pytest.raises(BadInput) as refused:
        land(own, folder)
    assert refused.value.exit_status == 2
    for phrase in says:
        assert phrase in str(refused.value)
    assert digest(own.home) == before


def test_drops_whose_names_differ_in_letter_case_alone_are_two_drops(home, tmp_path):
    folder = tmp_path / "in"
    for name in ("January", "january"):
        write_drop(folder / name, mapping_toml=None)
    (tmp_path / "mapping.toml").write_text(small_home["MAPPING"])
    own = replace(home, home=tmp_path / "fresh", mapping=str(tmp_path / "mapping.toml"))
    land(own, folder)
    landed = Store(own).scan("raw.flat_lab").collect()
    assert landed.group_by("source_file").len().sort("source_file").rows() == [
        ("January/labs.csv", 12),
        ("january/labs.csv", 12),
    ]


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (lambda path: path.unlink(), ("labs.csv",)),
        (
            lambda path: path.write_bytes(path.read_bytes() + b"p1,estradiol,4711.25,pg/mL,2020-05-05\n"),
            ("labs.csv", "changed while"),
        ),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), ("labs.csv",)),
    ],
    ids=["a file that vanishes while it is read", "a file that is still being copied", "a file that shrinks"],
)
def test_a_file_that_changes_under_the_reader_stops_the_landing(home, tmp_path, monkeypatch, happens, says):
    """The examination saw one file, the landing would see another: refused, and what was published stays."""
    folder = write_drop(tmp_path / "drop")
    labs = folder / "labs.csv"
    labs.write_bytes(labs.read_bytes() + b"p1,estradiol,21,pg/mL,2020-04-04\n")
    examine = flat.open_delivery

    def examine_then_change(*arguments):
        found = examine(*arguments)
        happens(labs)
        return found

    monkeypatch.setattr(flat, "open_delivery", examine_then_change)
    before = digest(home.builds)
    with pytest.raises(BadInput) as refused:
        land(home, folder)
    for phrase in says:
        assert phrase in str(refused.value)
    assert "4711.25" not in str(refused.value)
    assert digest(home.builds) == before
    monkeypatch.undo()
    monkeypatch.setenv("TRABECULA_KEY", "a-key-for-tests-and-nothing-else")
    write_drop(folder)
    land(home, folder)
    assert Store(home).scan("raw.flat_lab").collect().height == 12, "the next landing is whole"


def test_a_file_that_must_not_be_read_is_named(home, tmp_path, monkeypatch):
    folder = write_drop(tmp_path / "drop")
    opened = Path.open

    def refusing(path, *arguments, **named):
        if path.name == "labs.csv":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, *arguments, **named)

    before = digest(home.home)
    monkeypatch.setattr(Path, "open", refusing)
    with pytest.raises(BadInput, match=r"labs.csv: cannot be read \(Permission denied\): check its permissions"):
        land(home, folder)
    monkeypatch.setattr(Path, "open", opened)
    assert digest(home.home) == before


def test_a_full_disk_is_said_and_the_next_landing_is_whole(home, tmp_path, monkeypatch):
    """The engine finds no space for a raw file: an error of this program, nothing published, nothing half there."""
    from pipelines.warehouse import bulk

    folder = write_drop(tmp_path / "drop")
    labs = folder / "labs.csv"
    labs.write_bytes(labs.read_bytes() + b"p1,estradiol,21,pg/mL,2020-04-04\n")

    def full(*arguments, **named):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = digest(home.builds)
    monkeypatch.setattr(bulk, "write_query", full)
    with pytest.raises(TrabeculaError) as refused:
        land(home, folder)
    assert "No space left on device" in str(refused.value)
    assert "free space" in str(refused.value)
    assert digest(home.builds) == before
    monkeypatch.undo()
    monkeypatch.setenv("TRABECULA_KEY", "a-key-for-tests-and-nothing-else")
    land(home, folder)
    assert Store(home).scan("raw.flat_lab").collect().height == 13


@pytest.mark.parametrize(
    ("key", "says"), [("", "no key for the person ids"), ("short", "TRABECULA_KEY")], ids=["no key", "a key too short"]
)
def test_without_a_key_nothing_lands(published_home, tmp_path, monkeypatch, key, says):
    monkeypatch.setenv("TRABECULA_KEY", key)
    before = digest(published_home.home)
    with pytest.raises(BadInput, match=says):
        land(published_home, write_drop(tmp_path / "drop"))
    assert digest(published_home.home) == before


def test_another_key_than_before_is_refused(published_home, tmp_path, monkeypatch):
    monkeypatch.setenv("TRABECULA_KEY", "another-key-of-more-than-16-bytes")
    before = digest(published_home.home)
    with pytest.raises(BadInput, match="key"):
        land(published_home, write_drop(tmp_path / "drop"))
    assert digest(published_home.home) == before


@pytest.mark.slow
def test_a_line_of_two_hundred_megabytes_is_refused(published_home, tmp_path):
    folder = write_drop(tmp_path / "drop")
    with (folder / "labs.csv").open("ab") as file:
        file.write(b"p1,")
        for _ in range(200):
            file.write(b"9" * (1 << 20))
    before = digest(published_home.home)
    with pytest.raises(BadInput, match="labs.csv, row 13: no line end within 16 MiB"):
        land(published_home, folder)
    assert digest(published_home.home) == before


@pytest.mark.slow
def test_a_line_of_ten_gigabytes_is_refused_by_its_beginning(published_home, tmp_path):
    """A hole in the file: no disk is used, and the reader stops at its limit."""
    folder = write_drop(tmp_path / "drop")
    with (folder / "labs.csv").open("ab") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(BadInput, match="labs.csv"):
        flat.open_delivery(folder, flat_mapping(folder))


def flat_mapping(folder):
    from pipelines.sources.flat.mapping import find_mapping

    return find_mapping(folder)


def test_no_row_is_lost_between_examination_and_landing(home, tmp_path):
    """Rows that the examination counted are rows landed or set aside."""
    folder = write_drop(tmp_path / "drop")
    report = land(home, folder)
    manifest = Store(home).scan("raw.manifest").filter(pl.col("status_code") == "landed").collect()
    assert manifest["rows_in"].sum() == sum(
        entry.rows + sum(entry.rejected.values()) for entry in report.landed.entries
    )
