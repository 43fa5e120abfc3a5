"""Damaged files of the working record: found, taken away, and everything as before after the next run."""

from pathlib import Path

import polars as pl
import pytest

from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.damage import take_damaged_away
from pipelines.warehouse.parquet import fingerprint_of, is_whole, write_frame


@pytest.fixture
def record(empty_home):
    """A record of a raw, a staging file and a list of changed people."""
    rows = pl.LazyFrame({"person_id": range(20_000), "value": [n * 7919 % 10_007 for n in range(20_000)]})
    paths = {
        "raw": empty_home.data / "raw" / "flat_lab" / "0000-4095" / "labs.parquet",
        "staging": empty_home.data / "staging" / "lab_result" / "0000-4095.parquet",
        "changed": empty_home.home / "state" / "changed" / "00000001.a.parquet",
    }
    for path in paths.values():
        write_frame(rows, path, "f")
    (empty_home.home / "state" / "changed" / "generation.json").write_text('{"latest": 1, "floor": 0}')
    return empty_home, paths


def spoil(path: Path) -> None:
    """The footer stays, the rows do not."""
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:4] + bytes(255 - byte for byte in content[4:middle]) + content[middle:])


def test_whole_files_stay(record):
    settings, paths = record
    assert take_damaged_away(settings) == ()
    assert all(is_whole(path) for path in paths.values())
    assert ChangeLog(settings).latest() == 1


@pytest.mark.parametrize("name", ["raw", "staging", "changed"])
def test_a_file_with_damaged_rows_goes_though_its_footer_reads(record, name):
    settings, paths = record
    spoil(paths[name])
    assert fingerprint_of(paths[name]) == "f", "the footer alone does not tell"
    assert take_damaged_away(settings) == (str(paths[name].relative_to(settings.home)),)
    assert [path.exists() for path in paths.values()] == [key != name for key in paths]


@pytest.mark.parametrize(("name", "is_known"), [("raw", False), ("changed", False), ("staging", True)])
def test_without_knowing_who_changed_everybody_is_computed(record, name, is_known):
    settings, paths = record
    spoil(paths[name])
    take_damaged_away(settings)
    assert (ChangeLog(settings).since(1) is not None) is is_known


@pytest.mark.parametrize("damage", ["", "{", '{"latest": 1'])
def test_a_damaged_counter_of_landings_means_everybody(record, damage):
    settings, _ = record
    (settings.home / "state" / "changed" / "generation.json").write_text(damage)
    log = ChangeLog(settings)
    assert log.since(1) is None and log.since(0) is None
    assert log.latest() > 1


def test_a_lost_counter_means_everybody_too(record):
    settings, paths = record
    (settings.home / "state" / "changed" / "generation.json").unlink()
    assert ChangeLog(settings).since(1) is None
    paths["changed"].unlink()
    assert ChangeLog(settings).since(1) is None, "raw files of people are there, so something was landed"
