"""Plots of the mart in asset metadata: the report's own, as inline pictures of the working record.

What may be shown is decided in `mart`; how it is drawn, and watermarked where people are simulated, in `report`.
"""

import base64
from typing import Any

import dagster as dg
import polars as pl

from pipelines.mart_study import study
from pipelines.run import Run
from pipelines.warehouse.store import Store

#: what a plot draws besides its own table: gates, the bend of a curve, the limit of the assay
_BESIDE = {"mart.dose_response": ("mart.effect_estimate", "mart.threshold", "mart.e2_distribution")}


def plot_metadata(table: str, run: Run) -> dict[str, Any]:
    """The plots drawn from one mart table; nothing for other tables."""
    if not table.startswith("mart."):
        return {}
    from pipelines.report.plots import PLOTS, plot_png

    names = [name for name, (source, _) in PLOTS.items() if source == table]
    if not names:
        return {}
    mart = drawn_from(table, run)
    pictures = {name: base64.b64encode(plot_png(name, mart)).decode() for name in names}
    return {name: dg.MetadataValue.md(f"![{name}](data:image/png;base64,{data})") for name, data in pictures.items()}


def drawn_from(table: str, run: Run) -> dict[str, pl.DataFrame]:
    """A table, those its plot draws beside it so far as the record has them, and the run's studies: they tell the evidence."""
    store = Store(run.settings)
    beside = [name for name in _BESIDE.get(table, ()) if store.files(name)]
    # Made here: tonight's `mart.study` may not be on record yet, and without it nothing would say that people are simulated.
    told = study({}, run.facts).collect()
    return {"mart.study": told, **{name: store.scan(name).collect() for name in (table, *beside)}}


def order_tags(table: str) -> dict[str, str]:
    """Tags of the step of a table: one that draws others beside it comes last of those that could run."""
    return {"dagster/priority": "-1"} if table in _BESIDE else {}
