"""Differences by band of a dose that was kept up, the lowest band first, with the reference where it belongs among them.

No line joins the bands: nothing was estimated between them. A closed gate shows as words, never as a point.
"""

import re
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.report.figure import MUTED, Drawing, blank, color_of, ink_of, marker_of
from pipelines.report.frames import Mart, prepared, primary
from pipelines.report.labels import capitalized, label, quantity
from pipelines.report.plot_estimates import WAIVED, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = "mart.effect_estimate"
#: a band, the reference, and months, as `trials.exposure` names what was kept up
_BANDS = re.compile(r"(\w+) vs (\w+), kept up, ([\d.]+) months$")
_NUMBER = re.compile(r"\d+(?:_\d+)?")
_KEY = ("study_id", "outcome", "population", "reference", "months")


def dose_bands(mart: Mart, study: str | None = None) -> Drawing | None:
    """One panel an outcome, population and horizon; None where no band has an estimate."""
    frame = primary(prepared(mart, [TABLE])[TABLE])
    if study is not None:
        frame = frame.filter(pl.col("study_id") == study)
    named = frame.filter(pl.col("contrast").str.contains(_BANDS.pattern)).with_columns(
        pl.col("contrast").str.extract(_BANDS.pattern, number).alias(name)
        for number, name in enumerate(("band", "reference", "months"), start=1)
    )
    panels = [(key, rows.to_dicts()) for key, rows in named.group_by(*_KEY, maintain_order=True)]
    panels = [(key, rows) for key, rows in panels if any(row["estimate"] is not None for row in rows)]
    if not panels:
        return None
    heights = [len(rows) + 2.6 for _, rows in panels]
    figure = blank(0.35 + 0.3 * sum(heights))
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights).ravel()
    sentences = []
    for axes, ((_, outcome, population, reference, months), rows) in zip(grid, panels, strict=True):
        title = f"{capitalized(label(str(population)))}, {label(str(outcome))}, kept up for {months} months"
        axes.set_title(title)
        axes.set_xlabel(f"difference from {label(str(reference))}: {quantity(str(outcome))}")
        ordered = sorted(rows, key=lambda row: lowest(row["band"]))
        _draw(axes, ordered, str(reference))
        sentences.append(f"{title}, against {label(str(reference))}: {'; '.join(map(_sentence, ordered))}.")
    return Drawing(figure, "Differences by band of dose", " ".join(sentences), TABLE)


def lowest(band: str) -> float:
    """Where a band begins, by its code: `none` before all others, `over_3_5_mg` at 3.5."""
    if band == "none":
        return -1.0
    found = _NUMBER.search(band)
    return 0.0 if found is None or "up_to" in band or "under" in band else float(found[0].replace("_", "."))


def _sentence(row: dict[str, Any]) -> str:
    said = numbers(row) if row["estimate"] is not None else f"no estimate, gate {row['gate_status']}"
    return f"{label(row['band'])} {said}"


def _draw(axes: "Axes", rows: list[dict[str, Any]], reference: str) -> None:
    axes.grid(visible=False, axis="y")
    axes.axvline(0, color="#8a949c", linewidth=0.9)
    bands = sorted([reference, *(row["band"] for row in rows)], key=lowest)
    by_band = {row["band"]: row for row in rows}
    color = color_of(rows[0]["population"])
    right: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 7.5}
    for place, band in enumerate(bands):
        if band == reference:
            axes.plot([0], [place], marker="o", markersize=5, color=color, markerfacecolor="white")
            axes.text(1.02, place, "reference", color=MUTED, **right)
            continue
        row = by_band[band]
        if row["estimate"] is None:
            words = "gate closed" if row["gate_status"] == "closed" else "no estimate"
            axes.text(1.02, place, words, color=MUTED, **right)
            continue
        axes.hlines(place, row["ci_low"], row["ci_high"], color=color, linewidth=1.6)
        axes.plot([row["estimate"]], [place], marker=marker_of(row["population"]), markersize=5.5, color=color)
        told = numbers(row) + (WAIVED if row["gate_status"] == "waived" else "")
        axes.text(1.02, place, told, color=ink_of(color), **right)
    axes.set_yticks(range(len(bands)), [capitalized(label(band)) for band in bands])
    axes.set_ylim(len(bands) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor="#1d2731")
    axes.spines["left"].set_visible(False)
