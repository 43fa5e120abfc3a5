"""Plots of the mart in asset metadata: the report's own, as inline pictures."""

import base64
from typing import Any

import dagster as dg

from pipelines.settings import Settings
from pipelines.warehouse.store import Store


def plot_metadata(table: str, settings: Settings) -> dict[str, Any]:
    """The plots drawn from one mart table; nothing for other tables."""
    if not table.startswith("mart."):
        return {}
    from pipelines.report.plots import PLOTS, plot_png

    names = [name for name, (source, _) in PLOTS.items() if source == table]
    if not names:
        return {}
    mart = {table: Store(settings).scan(table).collect()}
    pictures = {name: base64.b64encode(plot_png(name, mart)).decode() for name in names}
    return {name: dg.MetadataValue.md(f"![{name}](data:image/png;base64,{data})") for name, data in pictures.items()}
