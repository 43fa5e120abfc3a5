"""Drops as partitions: known once landed, told one by one, and read again from the source where they are chosen."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.drops import DROPS, KEY, drop, know
from assets.home import Home
from assets.job import prepare_instance
from assets.landing import land
from assets.run_history import one_writer
from pipelines.settings import Settings
from pipelines.warehouse import key
from pipelines.warehouse.bulk import Writer
from pipelines.warehouse.changes import ChangeLog
from pipelines.warehouse.lock import writing
from pipelines.warehouse.store import Store

small_home = runpy.run_path(str(Path(__file__).parents[2] / "faults" / "sources" / "small_home.py"))
MONTHS = ("2024-01", "2024-02")
RANGE = {"dagster/asset_partition_range_start": MONTHS[0], "dagster/asset_partition_range_end": MONTHS[1]}
# people, labs, dxa, drugs of one month; one row of labs names nobody.
FILES, ROWS, NOBODY = 4, 12 + 12 + 12 + 6, 1


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home in which nothing was landed yet, and an input folder of two drops."""
    monkeypatch.delenv(key.FILE_VARIABLE, raising=False)
    monkeypatch.setenv(key.VARIABLE, "a-key-for-tests-and-nothing-else")
    folder = tmp_path / "in"
    for month in MONTHS:
        small_home["write_drop"](
            folder / month, mapping_toml=None, labs_csv=small_home["LABS"] + ",estradiol,9,pg/mL,2020-03-01\n"
        )
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(small_home["MAPPING"])
    made = Settings(
        tmp_path / "home", "flat", str(folder), str(mapping), memory_gb=1.0, threads=1, quiet_minutes=0, disk_gb=0.001
    )
    made.write()
    prepare_instance(made)
    return made


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with one_writer(settings) as opened:
        yield opened


def made(settings: Settings, instance: dg.DagsterInstance, asset: dg.AssetsDefinition, **more: Any) -> bool:
    resources = {"home": Home(path=str(settings.home))}
    return dg.materialize([asset], instance=instance, resources=resources, raise_on_error=False, **more).success


def told(instance: dg.DagsterInstance) -> list[tuple[str | None, dict[str, Any]]]:
    """Drop and metadata of every materialization, the newest first."""
    records = instance.fetch_materializations(KEY, limit=99).records
    found = [record.asset_materialization for record in records]
    return [(one.partition, {name: value.value for name, value in one.metadata.items()}) for one in found if one]


def written(settings: Settings) -> dict[str, tuple[int, int]]:
    """Place and time of each file of raw rows that were landed."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (settings.data / "raw").glob("flat_*/*/*2024_*")
    }


def rows(settings: Settings) -> pl.DataFrame:
    return Store(settings).scan("raw.flat_lab").collect().sort("person_id", "source_file", "source_row")


def test_landing_makes_partitions_and_a_backfill_reads_chosen_drops_again(settings, instance, monkeypatch):
    assert made(settings, instance, land)
    assert set(instance.get_dynamic_partitions("drop")) == set(MONTHS)
    counts = {
        "rows_read": ROWS + NOBODY,
        "dagster/partition_row_count": ROWS,
        "rows_rejected": NOBODY,
        "rows_withdrawn": 0,
    }
    first = {"files": FILES, "files_written": FILES, **counts}
    assert sorted(told(instance), key=str) == [(month, first) for month in MONTHS]
    before, people, generation = written(settings), rows(settings), ChangeLog(settings).latest()

    assert made(settings, instance, land)
    assert len(told(instance)) == len(MONTHS), "nothing became of them that was not told"

    read = []
    write = Writer.write
    monkeypatch.setattr(
        Writer, "write", lambda self, part, *how: read.append(part.drop.folder) or write(self, part, *how)
    )
    assert made(settings, instance, drop, partition_key=MONTHS[0])
    assert told(instance)[0] == (MONTHS[0], first) and len(told(instance)) == 3
    assert read == [MONTHS[0]] * FILES
    assert written(settings) == before, "files whose rows came out as they were stay"
    assert rows(settings).equals(people)
    assert ChangeLog(settings).latest() == generation, "nobody changed, so nothing is computed anew"

    assert made(settings, instance, drop, tags=RANGE)
    assert sorted(told(instance)[:2], key=str) == [(month, first) for month in MONTHS]
    assert sorted(read[FILES:]) == sorted([*MONTHS] * FILES)
    assert (written(settings), rows(settings).equals(people)) == (before, True)


def test_a_drop_that_is_not_there_is_refused_and_forgotten_by_the_next_landing(settings, instance):
    know(instance, ["2023-12"])
    assert not made(settings, instance, drop, partition_key="2023-12")
    assert not (settings.data / "raw").exists() and told(instance) == []
    assert made(settings, instance, land)
    assert set(instance.get_dynamic_partitions(DROPS.name)) == set(MONTHS)


def test_it_waits_for_a_home_in_use_and_for_a_delivery_that_is_whole(settings, instance, monkeypatch):
    know(instance, MONTHS)
    sums = Path(settings.folder) / MONTHS[1] / "SHA256SUMS"
    sums.write_text(f"{'0' * 64}  more.csv\n")
    assert not made(settings, instance, drop, partition_key=MONTHS[0])
    sums.unlink()
    with writing(settings):
        monkeypatch.setattr("pipelines.warehouse.lock._HELD", set())
        assert not made(settings, instance, drop, partition_key=MONTHS[0])
    assert not (settings.data / "raw").exists()
    assert told(instance) == []
