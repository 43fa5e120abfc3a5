"""Love plot: how far apart the arms of a contrast were in each covariate, and after weighting."""

from textwrap import fill
from typing import TYPE_CHECKING

import polars as pl

from pipelines.report.covariate_names import covariate
from pipelines.report.figure import BLUE, MUTED, VERMILLION, Drawing, blank
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import capitalized, label, readable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: covariates drawn of each contrast: those furthest apart before or after weighting
MOST_DRAWN = 25
_LIMIT = 0.1
_KEY = ("study_id", "contrast", "outcome", "population")


def covariate_balance(mart: Mart, study: str | None = None) -> Drawing | None:
    """The covariates furthest apart, contrast by contrast; None where none is shown."""
    frame = prepared(mart, ["mart.covariate_balance"])["mart.covariate_balance"]
    if study is not None:
        frame = frame.filter(pl.col("study_id") == study)
    frame = frame.filter(pl.col("smd_before").is_not_null() & pl.col("smd_after").is_not_null())
    panels = [(key, _furthest(rows)) for key, rows in frame.group_by(*_KEY, maintain_order=True)]
    if not panels:
        return None
    heights = [0.9 + 0.19 * rows.height for _, rows in panels]
    figure = blank(0.3 + sum(heights))
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights).ravel()
    sentences = []
    for axes, (key, rows) in zip(grid, panels, strict=True):
        title = f"{capitalized(readable(str(key[1])))}: {label(str(key[3]))}, {label(str(key[2]))}"
        _draw(axes, rows, title)
        apart = (rows["smd_after"].abs() > _LIMIT).sum()
        sentences.append(
            f"{title}: {apart} of the {rows.height} covariates drawn differ by more than 0.1 after weighting."
        )
    return Drawing(
        figure, "Covariates of the arms before and after weighting", " ".join(sentences), "mart.covariate_balance"
    )


def _furthest(rows: pl.DataFrame) -> pl.DataFrame:
    reach = pl.max_horizontal(pl.col("smd_before").abs(), pl.col("smd_after").abs())
    return rows.sort([reach, pl.col("covariate")], descending=[True, False]).head(MOST_DRAWN)


def _draw(axes: "Axes", rows: pl.DataFrame, title: str) -> None:
    axes.set_title(fill(title, 105))
    axes.grid(visible=False, axis="y")
    for at in (-_LIMIT, 0.0, _LIMIT):
        axes.axvline(at, color="#8a949c", linewidth=0.9, linestyle="-" if at == 0 else ":")
    places = list(range(rows.height))
    axes.hlines(places, rows["smd_before"].to_list(), rows["smd_after"].to_list(), color=MUTED, linewidth=0.6)
    before, after = rows["smd_before"].to_list(), rows["smd_after"].to_list()
    axes.plot(
        before, places, linestyle="none", marker="o", markersize=4, fillstyle="none", color=VERMILLION, label="before"
    )
    axes.plot(after, places, linestyle="none", marker="s", markersize=3.6, color=BLUE, label="after weighting")
    axes.set_yticks(places, [covariate(name) for name in rows["covariate"]])
    axes.set_ylim(rows.height - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelsize=7)
    # Beside the title, over the names: points may lie in every corner of the axes.
    axes.legend(loc="lower right", bbox_to_anchor=(-0.01, 1.0), borderaxespad=0.2)
    axes.set_xlabel("standardised mean difference, target less comparator (dotted: 0.1)")
