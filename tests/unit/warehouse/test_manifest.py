"""Times of the manifest: when a file was landed first, until when its records can be dated, and a wrong clock put right."""

import datetime as dt
from types import SimpleNamespace

import polars as pl
import pytest

from pipelines.sources.delivery import Drop, FoundFile, manifest
from pipelines.warehouse import manifest as stored
from pipelines.warehouse.landing import write_population
from pipelines.warehouse.store import Store

LABS = FoundFile("labs.csv", "csv", 9, "a" * 64, "landed", Drop("snapshot"), "flat_lab", rows=3)
SCANS = FoundFile("dxa.csv", "csv", 9, "b" * 64, "landed", Drop("snapshot"), "flat_dxa", rows=3)


@pytest.fixture
def night(empty_home, monkeypatch):
    """A landing of some files by a clock that says so: each file with the day it was landed first, and the latest days."""

    def land(now: str, *files: FoundFile) -> tuple[dict[str, str], set[str]]:
        class Clock(dt.datetime):
            @classmethod
            def now(cls, tz=None):
                return dt.datetime.fromisoformat(now).replace(tzinfo=tz)

        monkeypatch.setattr(stored, "dt", SimpleNamespace(datetime=Clock, UTC=dt.UTC))
        write_population(empty_home, "raw.manifest", *stored.counted(empty_home, manifest("flat", files), ()))
        held = Store(empty_home).scan("raw.manifest").collect().cast({"latest_on": pl.String})
        days = held.select("source_file", pl.col("landed_at").dt.date().cast(pl.String))
        return dict(days.iter_rows()), set(held["latest_on"])

    return land


def test_a_file_keeps_the_time_it_was_landed_first(night):
    night("2026-02-03", LABS)
    days, latest = night("2026-02-20", LABS, SCANS)
    assert (days, latest) == ({"labs.csv": "2026-02-03", "dxa.csv": "2026-02-20"}, {"2026-02-28"})


def test_another_night_of_the_month_leaves_the_manifest_as_it_is(night, empty_home):
    path = Store(empty_home).path("raw.manifest", None)
    night("2026-02-03", LABS)
    before = path.stat()
    night("2026-02-20", LABS)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("wrong", ["2027-03-17", "2026-01-11", "2000-01-01"])
def test_a_wrong_clock_is_put_right_by_the_next_night(night, wrong):
    night(wrong, LABS)
    days, latest = night("2026-02-10", LABS)
    assert latest == {"2026-02-28"}
    assert days["labs.csv"] <= "2026-02-10"


def test_a_plan_knows_that_a_new_month_makes_everybody_stale(night, empty_home):
    assert not stored.is_of_this_month(empty_home)
    night("2026-02-03", LABS)
    assert stored.is_of_this_month(empty_home)
    night("2026-01-31", LABS)
    path = Store(empty_home).path("raw.manifest", None)
    assert stored.is_of_this_month(empty_home)
    pl.read_parquet(path).with_columns(pl.col("latest_on").dt.offset_by("1mo")).write_parquet(path)
    assert not stored.is_of_this_month(empty_home)


def test_a_manifest_of_an_earlier_version_gets_its_month(night, empty_home):
    night("2026-02-03", LABS)
    path = Store(empty_home).path("raw.manifest", None)
    pl.read_parquet(path).drop("latest_on").write_parquet(path)
    days, latest = night("2026-02-20", LABS)
    assert (days, latest) == ({"labs.csv": "2026-02-03"}, {"2026-02-28"})
