"""The log of a run that Dagster orders: a table leaves its line in the log that is named after the run."""

import json
from pathlib import Path

import dagster as dg

from assets.home import Home
from assets.tables import table_assets
from pipelines.settings import Settings
from pipelines.warehouse.run_log import SUFFIX


def test_a_table_leaves_its_line(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "home", source="nhanes", folder=str(tmp_path), threads=1)
    settings.write()
    (asset,) = (asset for asset in table_assets() if asset.key == dg.AssetKey(["ref", "unit"]))
    run = dg.materialize([asset], resources={"home": Home(path=str(settings.home))})
    line = json.loads((settings.runs / f"{run.run_id}{SUFFIX}").read_text())
    assert line.pop("time") and line.pop("rows") > 10 and line.pop("seconds") >= 0
    counts = {"files_computed": 1, "files_merged": 0, "files_current": 0}
    assert line == {"event": "table", "table": "ref.unit", **counts}
