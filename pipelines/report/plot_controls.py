"""Negative controls: estimates of outcomes that no arm changes against their errors, before and after calibration.

Without systematic error 95 % of the points lie within the dashed lines, whatever their error.
"""

from typing import TYPE_CHECKING

import polars as pl

from pipelines.report.figure import BLUE, MUTED, VERMILLION, Drawing, blank
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import capitalized, heading, readable
from pipelines.report.section_risk import MAIN_HORIZON

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Z975 = 1.959963984540054
_RATIO = "log ratio of risks"
_TOLD = ("estimate", "ci_low", "ci_high", "calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high")


def negative_control(mart: Mart, study: str | None = None) -> Drawing | None:
    """One panel a contrast, of events at the main horizon; None where no control may be shown."""
    frame = prepared(mart, ["mart.negative_control"])["mart.negative_control"]
    if study is not None:
        frame = frame.filter(pl.col("study_id") == study)
    shown = frame.filter(
        pl.col("contrast").str.contains(f", {MAIN_HORIZON:g} months,", literal=True) | (pl.col("scale") != _RATIO),
        *(pl.col(name).is_not_null() for name in _TOLD),
    )
    panels = list(shown.group_by("study_id", "contrast", maintain_order=True))
    if not panels:
        return None
    figure = blank(0.4 + 2.3 * len(panels))
    grid = figure.subplots(len(panels), 1, squeeze=False).ravel()
    sentences = []
    for axes, ((study_id, contrast), rows) in zip(grid, panels, strict=True):
        title = f"{heading(str(study_id))}: {readable(str(contrast))}"
        # On its own page the study needs no name, and the words of a contrast are long.
        _draw(axes, rows, title if study is None else capitalized(readable(str(contrast))))
        before, after = (_covered(rows, prefix) for prefix in ("", "calibrated_"))
        sentences.append(
            f"{capitalized(title)}: of the {rows.height} controls shown {before} intervals hold no effect before "
            f"calibration, {after} after it."
        )
    return Drawing(figure, "Negative controls", " ".join(sentences), "mart.negative_control")


def scale_words(controls: pl.DataFrame) -> str:
    """What is drawn of the controls of one study: ratios of risks at the main horizon, measured changes, or both."""
    is_ratio = controls["scale"] == _RATIO
    words = {True: f"ratios of risks at {MAIN_HORIZON / 12:g} years", False: "measured changes in SDs"}
    return " and ".join(words[kind] for kind in sorted(set(is_ratio), reverse=True))


def _covered(rows: pl.DataFrame, prefix: str) -> int:
    return rows.filter((pl.col(f"{prefix}ci_low") <= 0) & (pl.col(f"{prefix}ci_high") >= 0)).height


def _axis(scale: str) -> str:
    return scale if scale == _RATIO else "difference of the arms in SDs of the change"


def _draw(axes: "Axes", rows: pl.DataFrame, title: str) -> None:
    axes.set_title(title)
    highest = 0.0
    for prefix, color, marker, name in (
        ("", VERMILLION, "o", "as estimated"),
        ("calibrated_", BLUE, "s", "calibrated"),
    ):
        error = (rows[f"{prefix}ci_high"] - rows[f"{prefix}ci_low"]) / (2 * _Z975)
        middle = rows[f"{prefix}estimate"].to_list()
        axes.plot(middle, error.to_list(), linestyle="none", marker=marker, markersize=3.6, color=color, label=name)
        highest = max(highest, max(error.to_list()))
    for side in (-1, 1):
        axes.plot([0, side * _Z975 * highest], [0, highest], color=MUTED, linewidth=0.9, linestyle="--")
    axes.axvline(0, color="#8a949c", linewidth=0.9)
    axes.set_ylim(0, 1.05 * highest)
    axes.legend(loc="lower right")
    axes.set_xlabel(f"{_axis(rows['scale'][0])} (the truth is 0)")
    axes.set_ylabel("standard error")
