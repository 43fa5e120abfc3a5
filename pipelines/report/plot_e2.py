"""Estradiol by bin: people below the assay's limit stand apart, assay classes never share a figure."""

from math import log2
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.report.figure import FAINT, INK, MUTED, Drawing, blank, color_of, tag_line
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import capitalized, cycle, label
from pipelines.report.numerals import TIMES, compact, decimal, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS_PER_ROW, _MOST_IN_ONE_ROW = 2, 3
_OPEN_WIDTH = 0.5
_GAP, _WIDTH = 0.35, 0.6
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_EDGE: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6}


def e2_distribution(mart: Mart, assay_class: str) -> Drawing | None:
    """Weighted share of people in each bin, one panel per cycle and population of one assay class; None without any."""
    frame = prepared(mart, ["mart.e2_distribution"])["mart.e2_distribution"]
    frame = frame.filter(pl.col("assay_class") == assay_class)
    panels = list(frame.group_by("cycle_label", "population", maintain_order=True))
    if not panels or frame["weighted_share_pct"].null_count() == frame.height:
        return None
    columns = len(panels) if len(panels) <= _MOST_IN_ONE_ROW else _PANELS_PER_ROW
    rows = -(-len(panels) // columns)
    figure = blank(0.45 + 2.35 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    several_cycles = frame["cycle_label"].n_unique() > 1
    low, high = _range(frame)
    for axes, ((cycle_label, population), bins) in zip(grid, panels, strict=False):
        title = capitalized(label(str(population)))
        axes.set_title(f"{title}, {cycle(str(cycle_label))}" if several_cycles else title)
        _draw(axes, bins, color_of(str(population)), low, high)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[::columns]:
        axes.set_ylabel("Share of people, %")
    for axes in grid[max(0, len(panels) - columns) : len(panels)]:
        axes.set_xlabel("Estradiol, pg/mL (log scale)")
    grid[0].set_ylim(0, 1.16 * float(frame["weighted_share_pct"].drop_nulls().to_numpy().max(initial=1.0)))
    title = f"Estradiol by {label(assay_class)}, by population"
    return Drawing(figure, title, _description(panels), "mart.e2_distribution")


def censored_sentence(bins: pl.DataFrame) -> str:
    """Population and share below the limit of one panel, in words."""
    first = bins.row(0, named=True)
    who = f"{capitalized(label(first['population']))}, {cycle(first['cycle_label'])}"
    if first["bin_number"] != 0:
        return f"{who}: no bin below the limit of the assay."
    limit = "the limit of the assay" if first["lloq_pg_ml"] is None else f"{compact(first['lloq_pg_ml'])}\u00a0pg/mL"
    if first["weighted_share_pct"] is None:
        return f"{who}: the share below {limit} is hidden by disclosure control."
    return f"{who}: {percent(first['weighted_share_pct'])} below {limit}."


def _description(panels: list[tuple[tuple[object, ...], pl.DataFrame]]) -> str:
    return " ".join(censored_sentence(bins) for _, bins in panels)


def _range(frame: pl.DataFrame) -> tuple[float, float]:
    """Log2 of the lowest and highest edge of the measured bins; an open last bin is as wide as half a doubling."""
    measured = frame.filter((pl.col("bin_number") > 0) & (pl.col("lower_pg_ml") > 0))
    if measured.is_empty():
        return 0.0, 1.0
    low, high = measured["lower_pg_ml"].to_numpy(), measured["upper_pg_ml"].drop_nulls().to_numpy()
    top = max(log2(float(low.max())) + _OPEN_WIDTH, log2(float(high.max(initial=1.0))))
    return log2(float(low.min())), top


def _draw(axes: "Axes", bins: pl.DataFrame, color: str, low: float, high: float) -> None:
    limits = sorted(bins["lloq_pg_ml"].drop_nulls().unique())
    apart = (min(low, *(log2(value) for value in limits)) if limits else low) - _GAP
    axes.grid(visible=False, axis="x")
    for row in bins.iter_rows(named=True):
        if row["bin_number"] == 0:
            _draw_censored(axes, row["weighted_share_pct"], color, apart)
            continue
        left = log2(row["lower_pg_ml"]) if row["lower_pg_ml"] > 0 else low
        right = log2(row["upper_pg_ml"]) if row["upper_pg_ml"] is not None else left + _OPEN_WIDTH
        inside = [log2(value) for value in limits if left < log2(value) < right]
        left = inside[-1] if inside else left
        if row["weighted_share_pct"] is None:
            _mark_hidden(axes, (left + right) / 2)
        else:
            axes.bar(left, row["weighted_share_pct"], right - left, align="edge", color=color, alpha=0.85, **_EDGE)
    for value in limits:
        axes.axvline(log2(value), color=INK, linewidth=0.9, linestyle="--")
        tag_line(axes, log2(value), f"LLOQ {compact(value)}", color=INK)
    ticks = [value for value in _TICKS if low <= log2(value) <= high]
    places, names = [log2(value) for value in ticks], [f"{value:g}" for value in ticks]
    if (bins["bin_number"] == 0).any():
        places, names = [apart - _WIDTH / 2, *places], ["below", *names]
    axes.set_xticks(places, names)
    axes.set_xlim(apart - _WIDTH - 0.25, high + 0.15)
    axes.tick_params(axis="x", length=2.5, color=FAINT)


def _draw_censored(axes: "Axes", share: float | None, color: str, right: float) -> None:
    middle = right - _WIDTH / 2
    if share is None:
        _mark_hidden(axes, middle)
        return
    axes.bar(middle, share, _WIDTH, color="white", edgecolor=color, hatch="////", linewidth=0.8)
    text = decimal(share, 1)
    axes.annotate(text, (middle, share), (0, 2), textcoords="offset points", ha="center", fontsize=7)


def _mark_hidden(axes: "Axes", x: float) -> None:
    axes.text(x, 0.012, TIMES, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=7, color=MUTED)
