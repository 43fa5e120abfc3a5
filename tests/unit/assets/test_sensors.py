"""The sensor of the drop folder: it waits, starts one run a delivery, and rests once that is landed."""

import time
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assets.home import Home
from assets.sensors import drop_sensor
from pipelines.settings import Settings
from pipelines.warehouse import arrival as arriving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "labs.csv").write_text("id,value\n1,2\n")
    made = Settings(tmp_path / "home", source="flat", folder=str(drop))
    made.write()
    return made


def look(settings: Settings) -> dg.SensorResult | dg.SkipReason:
    with dg.DagsterInstance.ephemeral() as instance:
        resources = {"home": Home(path=str(settings.home))}
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            return drop_sensor(context)


def test_it_waits_starts_and_rests(settings, monkeypatch):
    assert "0 minutes ago" in look(settings).skip_message
    clock = time.time() + 3600
    monkeypatch.setattr(arriving.time, "time", lambda: clock)
    (first,) = look(settings).run_requests
    assert first.tags["trabecula/kind"] == "sensor" and first.partition_key is None
    assert look(settings).run_requests[0].run_key == first.run_key, "Dagster starts a key once"
    arriving.remember(settings, arriving.files_as_they_are(settings))
    assert "nothing new" in look(settings).skip_message
    (Path(settings.folder) / "dxa.csv").write_text("id\n")
    clock += 3600
    assert look(settings).run_requests[0].run_key != first.run_key


@pytest.mark.parametrize(
    ("source", "files", "names"),
    [
        ("flat", ["2024-01/labs.csv", "2024-02/labs.csv", "mapping.toml", "a...b/labs.csv"], ["2024-01", "2024-02"]),
        ("flat", ["labs.csv", "notes/labs.csv"], ["snapshot"]),
        ("omop", ["person/part-0.parquet", "measurement/part-0.parquet"], ["snapshot"]),
        ("omop", ["2024-01/person.csv", "2024-02/person.csv"], ["2024-01", "2024-02"]),
        ("nhanes", ["2013-2014/DEMO_H.XPT", "2015-2016/DEMO_I.XPT"], ["snapshot"]),
    ],
)
def test_the_drops_that_it_saw_come_are_partitions_before_the_night_lands_them(tmp_path, source, files, names):
    for name in files:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    settings = Settings(tmp_path / "home", source=source, folder=str(tmp_path / "in"), quiet_minutes=0)
    settings.write()
    (asked,) = look(settings).dynamic_partitions_requests
    assert asked.partitions_def_name == "drop" and list(asked.partition_keys) == names


def test_an_input_that_is_going_to_be_refused_still_starts_the_night_that_says_why(settings):
    (Path(settings.folder) / "labs.csv").rename(Path(settings.folder).parent / "labs.csv")
    inside = Path(settings.folder) / "2024-01"
    inside.mkdir()
    (inside / "labs.csv").symlink_to(Path(settings.folder).parent / "labs.csv")
    settings = replace(settings, quiet_minutes=0)
    settings.write()
    result = look(settings)
    assert len(result.run_requests) == 1 and list(result.dynamic_partitions_requests[0].partition_keys) == []


def test_without_a_source_it_says_so(tmp_path):
    assert "run `trabecula run` once" in look(Settings(tmp_path)).skip_message


def test_a_store_is_looked_at_by_its_listing_alone(settings, monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem.store.clear()
    store, of_store = MemoryFileSystem(), replace(settings, folder="memory://hospital/drop")
    of_store.write()
    assert "nothing lies there" in look(of_store).skip_message or "no such bucket" in look(of_store).skip_message
    store.pipe_file("/hospital/drop/labs.csv", b"id,value\n1,2\n")
    assert "objects came 0 minutes ago" in look(of_store).skip_message
    clock = time.time() + 3600
    monkeypatch.setattr("pipelines.objects.inbox.time.time", lambda: clock)
    (first,) = look(of_store).run_requests
    assert look(of_store).run_requests[0].run_key == first.run_key
    assert not of_store.inbox.exists()
    MemoryFileSystem.store.clear()
