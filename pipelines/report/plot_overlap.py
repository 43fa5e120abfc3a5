"""Overlap of arms: shares of the target above the line and of the comparator below it, along the preference score.

The preference score is the propensity as if both arms were equally common (Walker 2013): 0.3 to 0.7 is equipoise.
"""

from textwrap import fill
from typing import TYPE_CHECKING

import polars as pl

from pipelines.report.figure import BLUE, MUTED, VERMILLION, Drawing, blank
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import capitalized, heading, label, readable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KEY = ("study_id", "contrast", "population")
_EQUIPOISE = (0.3, 0.7)


def propensity_score(mart: Mart, study: str | None = None) -> Drawing | None:
    """One panel a contrast and population, of the first outcome where each has its own; None where no share is shown."""
    frame = prepared(mart, ["mart.propensity_score"])["mart.propensity_score"]
    if study is not None:
        frame = frame.filter(pl.col("study_id") == study)
    panels = [
        (key, rows.filter(pl.col("outcome") == rows["outcome"][0]))
        for key, rows in frame.group_by(*_KEY, maintain_order=True)
    ]
    panels = [(key, rows) for key, rows in panels if rows["share_pct"].null_count() < rows.height]
    if not panels:
        return None
    figure = blank(0.4 + 1.9 * len(panels), head_inches=0.1)
    grid = figure.subplots(len(panels), 1, squeeze=False).ravel()
    sentences = []
    for axes, (key, rows) in zip(grid, panels, strict=True):
        title = f"{capitalized(readable(str(key[1])))}: {label(str(key[2]))}"
        arms = _arms(rows, str(key[1]))
        _draw(axes, rows, arms, title)
        sentences.append(f"{title}: {' '.join(_sentence(rows, arm) for arm in arms)}")
    return Drawing(figure, "Overlap of the arms", " ".join(sentences), "mart.propensity_score")


def _arms(rows: pl.DataFrame, contrast: str) -> list[str]:
    """Both arms, that which the contrast names first above."""
    arms = rows["arm_code"].unique(maintain_order=True).to_list()
    return sorted(arms, key=lambda arm: not contrast.startswith(arm))


def _middle_share(rows: pl.DataFrame, arm: str) -> float | None:
    """Share of the arm in equipoise; None where a bin of it is hidden."""
    low, high = _EQUIPOISE
    inside = rows.filter(pl.col("arm_code") == arm, pl.col("lower") > low - 1e-9, pl.col("upper") < high + 1e-9)[
        "share_pct"
    ]
    return None if inside.null_count() else float(inside.sum())


def _sentence(rows: pl.DataFrame, arm: str) -> str:
    share = _middle_share(rows, arm)
    return f"{heading(arm)}: {'part hidden' if share is None else f'about {share:.0f} %'} between 0.3 and 0.7."


def _draw(axes: "Axes", rows: pl.DataFrame, arms: list[str], title: str) -> None:
    axes.set_title(fill(title, 105))
    axes.grid(visible=False, axis="x")
    tallest = max(5.0, float(rows["share_pct"].max() or 0))  # ty: ignore[invalid-argument-type]
    for arm, sign, color in zip(arms, (1, -1), (BLUE, VERMILLION), strict=False):
        own = rows.filter(pl.col("arm_code") == arm)
        middle = ((own["lower"] + own["upper"]) / 2).to_list()
        width = float((own["upper"] - own["lower"])[0]) * 0.94
        shares = [sign * share for share in own["share_pct"].fill_null(0.0)]
        axes.bar(middle, shares, width=width, color=color, label=heading(arm))
        hidden = own.filter(pl.col("share_pct").is_null())
        places = ((hidden["lower"] + hidden["upper"]) / 2).to_list()
        axes.plot(places, [sign * 0.06 * tallest] * len(places), "x", color=MUTED, markersize=4)
    axes.axhline(0, color="#8a949c", linewidth=0.9)
    for edge in _EQUIPOISE:
        axes.axvline(edge, color=MUTED, linewidth=0.8, linestyle=":")
    axes.set_xlim(0, 1)
    axes.set_ylim(-1.12 * tallest, 1.12 * tallest)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.set_ylabel("% of the arm")
    axes.set_xlabel("preference score (dotted: 0.3 and 0.7)")
    # Above the picture, opposite the title: bars may reach every corner.
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
