"""Small multiples of one table of features: a panel a feature, the populations over each other, as PNG.

Draws frozen counts of people (`docs/features/distributions.json`); which counts may be shown was decided when they were made.
"""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.report.figure import BLUE, INK, MUTED, VERMILLION, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Counts = Mapping[str, Any]
POPULATIONS = {"simulated": ("Simulated", BLUE), "nhanes": ("NHANES", VERMILLION)}
COLUMNS = 5
_DPI, _PANEL_WIDTH, _PANEL_HEIGHT = 75, 2.3, 1.5


def small_multiples(panels: Sequence[tuple[str, Mapping[str, Counts]]], title: str) -> bytes:
    """PNG of all panels.

    Args:
        panels: name of the feature with unit, and for each population its counts: `people` with `edges` or `codes`.
        title: what stands above all.

    Raises:
        ValueError: no panel.
    """
    if not panels:
        raise ValueError("nothing to draw")
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import TightLayoutEngine

    height = -(-len(panels) // COLUMNS)
    with styled():
        tall = height * _PANEL_HEIGHT + 0.35
        layout = TightLayoutEngine(pad=0.5, w_pad=0.8, h_pad=0.8, rect=(0, 0, 1, 1 - 0.3 / tall))
        picture = Figure(figsize=(COLUMNS * _PANEL_WIDTH, tall), layout=layout)
        grid = picture.subplots(height, COLUMNS, squeeze=False).ravel()
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        for axes, (name, counts) in zip(grid, panels, strict=False):
            _panel(axes, name, counts)
        key = ", ".join(f"{label} {'blue' if color == BLUE else 'orange'}" for label, color in POPULATIONS.values())
        picture.text(
            0.008, 1 - 0.1 / tall, f"{title}: share of people by bin or code; {key}", fontsize=8, color=INK, va="top"
        )
        drawn = io.BytesIO()
        picture.savefig(drawn, format="png", dpi=_DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})
    return drawn.getvalue()


def _panel(axes: "Axes", name: str, counts: Mapping[str, Counts]) -> None:
    axes.set_title(name, fontsize=6, color=INK, pad=2)
    axes.tick_params(labelsize=5.5, length=2, colors=MUTED)
    axes.grid(visible=False)
    axes.set_yticks([])
    if any(found.get("codes") for found in counts.values()):
        _bars(axes, counts)
    else:
        _steps(axes, counts)
        axes.locator_params(axis="x", nbins=4)


def _steps(axes: "Axes", counts: Mapping[str, Counts]) -> None:
    for population, found in counts.items():
        edges, people = found["edges"], found["people"]
        total = sum(people)
        density = [n / total / (after - before) for n, before, after in zip(people, edges, edges[1:], strict=False)]
        color = POPULATIONS[population][1]
        axes.stairs(density, edges, fill=True, color=color, alpha=0.3, linewidth=0)
        axes.stairs(density, edges, color=color, linewidth=0.9)


def _bars(axes: "Axes", counts: Mapping[str, Counts]) -> None:
    codes = list(dict.fromkeys(code for found in counts.values() for code in found["codes"]))[:8]
    thick = 0.8 / len(counts)
    for index, (population, found) in enumerate(counts.items()):
        total = sum(found["people"])
        share = dict(zip(found["codes"], (n / total for n in found["people"]), strict=True))
        places = [place + (index - (len(counts) - 1) / 2) * thick for place in range(len(codes))]
        axes.barh(places, [share.get(code, 0.0) for code in codes], thick, color=POPULATIONS[population][1], alpha=0.75)
    axes.set_yticks(range(len(codes)), [code if len(code) <= 18 else f"{code[:17]}\u2026" for code in codes])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
