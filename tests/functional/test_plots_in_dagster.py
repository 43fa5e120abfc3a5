"""Pictures in Dagster's metadata, as a run of simulated people leaves them: watermarked, complete, sealed."""

import base64
import io
import shutil
from pathlib import Path

import dagster as dg
import matplotlib.image
import numpy as np
import pytest

from assets.home import Home
from assets.plots import drawn_from, plot_metadata
from assets.tables import table_assets
from pipelines import settings
from pipelines.report.frames import evidence_sources
from pipelines.report.plots import PLOTS, plot_png
from pipelines.run import Run
from pipelines.tables import CONTRACTS
from pipelines.warehouse import simulated
from pipelines.warehouse.store import Store

TABLES = sorted({plot.table for plot in PLOTS.values()})
CURVES = "mart.dose_response"


def picture(markdown: str) -> bytes:
    return base64.b64decode(markdown.partition("base64,")[2].rstrip(")"))


def is_marked(png: bytes) -> bool:
    """Whether there are pixels enough of the pale red of the watermark, which nothing else is drawn in."""
    red, green, blue = np.moveaxis(matplotlib.image.imread(io.BytesIO(png), format="png")[..., :3] * 255, -1, 0)
    return int(((red - green > 15) & (np.abs(green - blue) < 6) & (red > 150)).sum()) > 1000


@pytest.fixture
def run(finished: Path) -> Run:
    """A run that only looks."""
    return Run(settings.load(finished))


@pytest.mark.parametrize("table", TABLES)
def test_the_pictures_of_each_table_are_watermarked(table: str, run: Run) -> None:
    shown = plot_metadata(table, run)
    assert set(shown) == {name for name, plot in PLOTS.items() if plot.table == table}
    for name, value in shown.items():
        assert is_marked(picture(value.value)), name
    alone = {table: Store(run.settings).scan(table).collect()}
    unsigned = {name for name in shown if "evidence_source" not in alone[table].columns}
    assert not any(is_marked(plot_png(name, alone)) for name in unsigned)


def test_only_tables_that_are_drawn_have_pictures(run: Run) -> None:
    assert not any(plot_metadata(table, run) for table in CONTRACTS if table not in TABLES)


def test_a_first_run_that_has_not_made_the_other_tables_says_all_the_same_that_people_are_simulated(
    finished: Path, tmp_path: Path
) -> None:
    shutil.copy(finished / "trabecula.toml", tmp_path)
    for folder in ("e2_distribution", "dose_response"):
        shutil.copytree(finished / "data" / "mart" / folder, tmp_path / "data" / "mart" / folder)
    simulated.mark(settings.load(tmp_path))
    early = Run(settings.load(tmp_path))
    assert set(drawn_from(CURVES, early)) == {"mart.study", "mart.e2_distribution", CURVES}
    for table in TABLES:
        assert evidence_sources(drawn_from(table, early)) == {"simulated"}, table


def test_curves_are_given_the_limits_of_assays_their_bends_and_their_gates(run: Run) -> None:
    """What is drawn of them, `tests/unit/report/test_plots.py` shows."""
    mart = drawn_from(CURVES, run)
    assert {"mart.threshold", "mart.e2_distribution", "mart.effect_estimate"} <= set(mart)
    assert "lloq_pg_ml" in mart["mart.e2_distribution"].columns


def test_curves_are_drawn_when_all_beside_them_is_made(finished: Path, tmp_path: Path) -> None:
    home = Home(path=str(shutil.copytree(finished, tmp_path / "h", symlinks=True)))
    curves, *beside = (dg.AssetKey(name.split(".")) for name in (CURVES, "mart.threshold", "mart.study", "mart.claim"))
    drawn = {each.key: each for each in table_assets()}
    with dg.DagsterInstance.ephemeral() as instance:
        asked = [drawn[key] for key in (curves, *beside)]
        result = dg.materialize(asked, instance=instance, resources={"home": home})
    order = [event.asset_key for event in result.get_asset_materialization_events()]
    assert order[-1] == curves
    assert set(order[:-1]) == set(beside)
