"""Forest plot of a view over sites: each site's estimate, the random-effects summary and where another site would lie.

What goes in was computed by `meta_view`; texts of numbers come from the caller. A report is of one home: this is not on its page.
"""

from math import exp, isfinite, log
from typing import TYPE_CHECKING

from pipelines.report.figure import BLUE, INK, MUTED, Drawing, blank
from pipelines.report.labels import capitalized, label, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from pipelines.meta_view import Cell

    Told = Callable[[Cell], list[str]]

#: ticks of ratios: a few, whatever the reach
_RATIOS = (0.001, 0.01, 0.1, 0.2, 0.5, 0.7, 1.0, 1.4, 2.0, 5.0, 10.0, 100.0, 1000.0)
_WIDEST = 4.0  # an interval of two sites may be so long that the sites would be one dot; it ends in an arrow
_ARROW = 4.5


def forest(cells: "Sequence[Cell]", told: "Told", is_log: "Callable[[str | None], bool]") -> Drawing:
    """One panel a cell with a summary.

    Args:
        cells: with a summary; at least one.
        told: of a cell, the numbers in words of each site and last of the summary.
        is_log: whether a scale is told as a ratio.
    """
    heights = [_rows(cell) + 2.6 for cell in cells]
    figure = blank(0.4 + 0.27 * sum(heights))
    grid = figure.subplots(len(cells), 1, squeeze=False, height_ratios=heights).ravel()
    for axes, cell in zip(grid, cells, strict=True):
        _draw(axes, cell, told(cell), is_ratio=is_log(cell.scale))
    sentences = [
        f"{_title(cell)}: {name}: {text}."
        for cell in cells
        for name, text in zip([*(site.site for site in cell.sites), "summary"], told(cell), strict=True)
    ]
    return Drawing(
        figure, "Estimates of sites and their summary", " ".join(sentences), "mart.effect_estimate of each site"
    )


def _title(cell: "Cell") -> str:
    return f"{capitalized(label(cell.outcome))}, {label(cell.population)}: {readable(cell.contrast)}"


def _rows(cell: "Cell") -> int:
    """Sites, the summary, and the prediction where there is one."""
    assert cell.summary is not None
    return len(cell.sites) + 1 + isfinite(cell.summary.prediction_low)


def _draw(axes: "Axes", cell: "Cell", told: list[str], *, is_ratio: bool) -> None:
    found = cell.summary
    assert found is not None
    axes.grid(visible=False, axis="y")
    axes.axvline(0, color="#8a949c", linewidth=0.9)
    low, high = _reach(cell)
    for place, site in enumerate(cell.sites):
        if site.ci_low is not None and site.ci_high is not None:
            _line(axes, place, (site.ci_low, site.ci_high), (low, high), MUTED)
        size = 3 + 5 * (site.weight or 0.0) ** 0.5
        axes.plot([site.estimate], [place], marker="s", markersize=size, color=INK, linestyle="none")
    last = len(cell.sites)
    if isfinite(found.prediction_low):
        _line(axes, last + 1, (found.prediction_low, found.prediction_high), (low, high), BLUE, style=(0, (2, 2)))
    left, right = max(found.ci_low, low), min(found.ci_high, high)
    axes.fill([left, found.estimate, right, found.estimate], [last, last - 0.25, last, last + 0.25], color=BLUE)
    _arrows(axes, last, (found.ci_low, found.ci_high), (low, high), BLUE)
    for place, text in enumerate(told):
        weight = "bold" if place == last else "normal"
        transform = axes.get_yaxis_transform()
        axes.text(1.02, place, text, transform=transform, va="center", fontsize=7.5, weight=weight)
    waived = {"waived": " (gate waived)"}
    names = [site.site + waived.get(site.gate_status, "") for site in cell.sites]
    names += [f"Summary of {found.n_sites} sites", "Prediction for another site"]
    axes.set_yticks(range(_rows(cell)), names[: _rows(cell)])
    axes.set_ylim(_rows(cell) - 0.4, -0.6)
    margin = 0.05 * (high - low)
    axes.set_xlim(low - margin, high + margin)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.set_title(_title(cell))
    scale = readable(cell.scale or "")
    axes.set_xlabel("Ratio" if is_ratio else capitalized(scale) if " " in scale else scale)
    if is_ratio:
        axes.set_xticks([log(ratio) for ratio in _RATIOS if low - margin <= log(ratio) <= high + margin])
        axes.xaxis.set_major_formatter(lambda value, _: f"{exp(value):.3g}")


def _reach(cell: "Cell") -> tuple[float, float]:
    """Limits of the axis: all that is drawn, but no more than some widths of the sites' own intervals."""
    found = cell.summary
    assert found is not None
    own = [0.0, found.estimate]
    for site in cell.sites:
        own += [value for value in (site.estimate, site.ci_low, site.ci_high) if value is not None]
    narrow, wide = min(own), max(own)
    room = (wide - narrow) * (_WIDEST - 1) / 2
    every = [*own, found.ci_low, found.ci_high]
    every += [value for value in (found.prediction_low, found.prediction_high) if isfinite(value)]
    return max(min(every), narrow - room), min(max(every), wide + room)


def _line(
    axes: "Axes",
    place: float,
    limits: tuple[float, float],
    reach: tuple[float, float],
    color: str,
    style: "str | tuple[int, tuple[int, int]]" = "-",
) -> None:
    left, right = max(limits[0], reach[0]), min(limits[1], reach[1])
    axes.plot([left, right], [place, place], color=color, linewidth=1.5, linestyle=style)
    _arrows(axes, place, limits, reach, color)


def _arrows(axes: "Axes", place: float, limits: tuple[float, float], reach: tuple[float, float], color: str) -> None:
    """Marks where an interval goes on beyond the axis."""
    for is_beyond, end, marker in (
        (limits[0] < reach[0], reach[0], "<"),
        (limits[1] > reach[1], reach[1], ">"),
    ):
        if is_beyond:
            axes.plot([end], [place], marker=marker, markersize=_ARROW, color=color, linestyle="none")
