"""The sensor of the drop folder: it waits, starts one run a delivery, and rests once that is landed."""

import time
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


def look(settings: Settings) -> dg.RunRequest | dg.SkipReason:
    with dg.DagsterInstance.ephemeral() as instance:
        resources = {"home": Home(path=str(settings.home))}
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            return drop_sensor(context)


def test_it_waits_starts_and_rests(settings, monkeypatch):
    assert "0 minutes ago" in look(settings).skip_message
    clock = time.time() + 3600
    monkeypatch.setattr(arriving.time, "time", lambda: clock)
    first = look(settings)
    assert isinstance(first, dg.RunRequest) and first.tags["trabecula/kind"] == "sensor"
    assert look(settings).run_key == first.run_key, "Dagster starts a key once"
    arriving.remember(settings, arriving.files_as_they_are(settings))
    assert "nothing new" in look(settings).skip_message
    (Path(settings.folder) / "dxa.csv").write_text("id\n")
    clock += 3600
    assert look(settings).run_key != first.run_key


def test_without_a_source_it_says_so(tmp_path):
    assert "run `trabecula run` once" in look(Settings(tmp_path)).skip_message
