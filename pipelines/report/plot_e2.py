"""Estradiol by bin: people below the assay's limit stand apart, assay classes never share a figure."""

from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.report.figure import FAINT, INK, MUTED, Drawing, blank, color_of
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import capitalized, cycle, label
from pipelines.report.numerals import TIMES, compact, decimal, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS_PER_ROW, _MOST_IN_ONE_ROW = 2, 3
_CENSORED_AT = -1.6


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
    for axes, ((cycle_label, population), bins) in zip(grid, panels, strict=False):
        title = capitalized(label(str(population)))
        axes.set_title(f"{title}, {cycle(str(cycle_label))}" if several_cycles else title)
        _draw(axes, bins, color_of(str(population)))
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[::columns]:
        axes.set_ylabel("Share of people, %")
    for axes in grid[max(0, len(panels) - columns) : len(panels)]:
        axes.set_xlabel("Estradiol, pg/mL (edges of the bins)")
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


def _draw(axes: "Axes", bins: pl.DataFrame, color: str) -> None:
    censored = bins.filter(pl.col("bin_number") == 0)
    measured = bins.filter(pl.col("bin_number") > 0)
    shown = measured["weighted_share_pct"].fill_null(0.0).to_numpy()
    axes.grid(visible=False, axis="x")
    axes.bar(range(measured.height), shown, width=0.94, align="edge", color=color, alpha=0.85, linewidth=0)
    for place, row in enumerate(measured.iter_rows(named=True)):
        if row["is_suppressed"]:
            _mark_hidden(axes, place + 0.47)
    for row in censored.iter_rows(named=True):
        if row["weighted_share_pct"] is None:
            _mark_hidden(axes, _CENSORED_AT + 0.5)
        else:
            share = row["weighted_share_pct"]
            style: dict[str, Any] = {"color": "white", "edgecolor": color, "hatch": "////", "linewidth": 0.8}
            axes.bar([_CENSORED_AT], [share], width=1.0, align="edge", **style)
            text = decimal(share, 1)
            axes.annotate(
                text, (_CENSORED_AT + 0.5, share), (0, 2), textcoords="offset points", ha="center", fontsize=7
            )
    _mark_limit(axes, bins)
    _name_edges(axes, measured, has_censored=not censored.is_empty())


def _mark_hidden(axes: "Axes", x: float) -> None:
    axes.text(x, 0.012, TIMES, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=7, color=MUTED)


def _mark_limit(axes: "Axes", bins: pl.DataFrame) -> None:
    limits = bins["lloq_pg_ml"].drop_nulls().unique().sort()
    if limits.is_empty():
        return
    axes.axvline(-0.3, color=INK, linewidth=0.9, linestyle="--")
    text = " LLOQ " + " / ".join(compact(value) for value in limits)
    axes.text(-0.25, 0.985, text, transform=axes.get_xaxis_transform(), ha="left", va="top", fontsize=7)


def _name_edges(axes: "Axes", measured: pl.DataFrame, *, has_censored: bool) -> None:
    lower, upper = measured["lower_pg_ml"].to_list(), measured["upper_pg_ml"].to_list()
    has_open_end = bool(upper) and upper[-1] is None
    edges = lower if has_open_end or not upper else [*lower, upper[-1]]
    step = max(1, -(-len(edges) // 9))
    chosen = [place for place in range(0, len(edges) - 1, step) if len(edges) - 1 - place >= step] + [len(edges) - 1]
    places = [place - 0.03 for place in chosen if edges]
    texts = [compact(edges[place]) for place in chosen if edges]
    if has_open_end:
        texts[-1] += "+"
    if has_censored:
        places.insert(0, _CENSORED_AT + 0.5)
        texts.insert(0, "below")
    axes.set_xticks(places, texts)
    axes.set_xlim(_CENSORED_AT - 0.3 if has_censored else -0.5, len(lower) + 0.3)
    axes.tick_params(axis="x", length=2.5, color=FAINT)
