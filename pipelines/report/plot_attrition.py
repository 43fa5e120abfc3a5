"""Who was counted in as a flow: a column of boxes an arm, people left in each, and beside the line those whom the step took.

Numbers are those of the table below it (`section_people`); what disclosure control hides stays hidden here.
"""

from textwrap import fill
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.report.figure import INK, MUTED, Drawing, blank
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import readable
from pipelines.report.numerals import NONE, count, hidden
from pipelines.report.section_people import arm_name, taken
from pipelines.settings import MIN_CELL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = "mart.attrition"
#: arms beside each other in one picture
MOST_ARMS = 4
#: width that the words of the steps take, as a share; columns of arms share the rest
_WORDS = 0.4
_BOX: dict[str, Any] = {"boxstyle": "square,pad=0.45", "facecolor": "white", "edgecolor": "#8a949c", "linewidth": 0.8}


def attrition(mart: Mart, study: str, cohort: str, threshold: int = MIN_CELL, picture: int = 0) -> Drawing | None:
    """The flow of one cohort; None where nobody is told to be left at any step.

    Args:
        threshold: the smallest cell that may be shown, named where a number is hidden.
        picture: which of the pictures, where there are more arms than one holds.
    """
    frame = prepared(mart, [TABLE], threshold)[TABLE].filter(study_id=study, cohort_code=cohort)
    arms = frame["arm_code"].unique(maintain_order=True).to_list()[picture * MOST_ARMS :][:MOST_ARMS]
    rows = frame.filter(pl.col("arm_code").is_in(arms))
    if not rows["n_after"].sum():
        return None
    steps = rows.select("step_number", "label").unique("step_number").sort("step_number")
    figure = blank(0.6 + 0.5 * steps.height)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(steps.height - 0.5, -1.0)
    for place, (step, words) in enumerate(steps.iter_rows()):
        said = f"{step}. {readable(words)}" if step else readable(words)
        axes.text(0, place, fill(said, 52), va="center", fontsize=7.5)
    sentences = []
    for column, arm in enumerate(arms):
        own = {row["step_number"]: row for row in rows.filter(arm_code=arm).iter_rows(named=True)}
        x = _WORDS + (1 - _WORDS) * (column + 0.4) / len(arms)
        axes.text(x, -0.75, fill(arm_name(arm), 80 // len(arms)), ha="center", va="center", fontsize=8, weight="bold")
        _draw(axes, x, [own.get(step) for step in steps["step_number"]], threshold)
        ends = [_left(own.get(steps["step_number"][place]), threshold) for place in (0, -1)]
        sentences.append(f"{arm_name(arm)}: {ends[0]} at the start, {ends[1]} after {steps.height - 1} steps.")
    return Drawing(figure, "Who was counted in, step by step", " ".join(sentences), TABLE)


def _left(row: dict[str, Any] | None, threshold: int) -> str:
    if row is None:
        return NONE
    return hidden(threshold) if row["n_after"] is None else count(row["n_after"])


def _draw(axes: "Axes", x: float, rows: list[dict[str, Any] | None], threshold: int) -> None:
    """The boxes of one arm from above, each with the line that leads to it."""
    for place, row in enumerate(rows):
        if place:
            axes.plot([x, x], [place - 0.68, place - 0.4], color=MUTED, linewidth=0.8)
            axes.plot([x], [place - 0.38], marker="v", markersize=3, color=MUTED)
            gone = "" if row is None or row["n_after"] is None else taken(row, threshold)
            if gone not in ("", "0"):
                axes.text(x + 0.012, place - 0.54, gone, va="center", fontsize=7, color=MUTED)
        box = _BOX if row is not None and row["n_after"] is not None else _BOX | {"linestyle": ":"}
        axes.text(x, place, _left(row, threshold), ha="center", va="center", fontsize=8, color=INK, bbox=box)
