"""Estimates with intervals, one line per outcome and population; a closed gate shows as words, never as a point."""

from math import exp, log
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.report.figure import MUTED, Drawing, blank, color_of, marker_of
from pipelines.report.frames import Mart, prepared, primary
from pipelines.report.labels import (
    HAZARD_RISK,
    INTERACTION,
    LOG_HAZARD_RATIO,
    capitalized,
    heading,
    label,
    readable,
    split_unit,
)
from pipelines.report.numerals import decimal, estimate_digits, interval, with_unit
from pipelines.report.section_risk import is_main

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WAIVED = " (gate waived)"
#: ticks of hazard ratios, where the axis is short and where it is long
#: computed as shares, told in percentage points
_OF_SHARES = ("difference of risks", "difference of risks per doubling", "difference of risk differences")
_RATIOS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0)
_WIDE_RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


def effect_estimate(mart: Mart, study: str | None = None, of: pl.Expr | None = None) -> Drawing | None:
    """Estimates of the primary method, by study and contrast; those without any are left out. None where no gate is open.

    Args:
        study: one study; all of them else.
        of: which rows; those that lead the page else.
    """
    frame = prepared(mart, ["mart.effect_estimate"])["mart.effect_estimate"]
    frame = primary(frame).filter(is_main() if of is None else of)
    if study is not None:
        frame = frame.filter(pl.col("study_id") == study)
    if frame["estimate"].null_count() == frame.height:
        return None
    groups = list(frame.group_by("study_id", "contrast", "estimator", "scale", maintain_order=True))
    groups = [(key, rows) for key, rows in groups if rows["estimate"].null_count() < rows.height]
    heights = [rows.height + 1.6 for _, rows in groups]
    figure = blank(0.35 + 0.27 * sum(heights))
    grid = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights).ravel()
    for axes, (_, rows) in zip(grid, groups, strict=True):
        _draw(axes, rows)
    title = "Estimates with 95 % confidence intervals"
    sentences = [estimate_text(row) for _, rows in groups for row in rows.iter_rows(named=True)]
    return Drawing(figure, title, " ".join(sentences), "mart.effect_estimate")


def undrawn_sentence(estimates: pl.DataFrame, of: pl.Expr | None = None) -> str:
    """How many contrasts of these rows have no estimate at all and are therefore left out; empty where none is."""
    rows = primary(estimates).filter(is_main() if of is None else of)
    told = rows.group_by("contrast", "estimator", "scale").agg(pl.col("estimate").is_not_null().any())["estimate"]
    silent = told.len() - int(told.sum())
    if not silent:
        return ""
    are = "1 contrast without any estimate is" if silent == 1 else f"{silent} contrasts without any estimate are"
    return f"{are} not drawn; tables say why."


def estimate_text(row: dict[str, Any]) -> str:
    """Population, outcome, estimate and interval of one row, or that its gate is closed."""
    who = f"{capitalized(label(str(row['population'])))}, {label(str(row['outcome']))}"
    if row["estimate"] is None:
        return f"{who}: no estimate, gate {row['gate_status']}."
    return f"{who}: {numbers(row)}{WAIVED if row['gate_status'] == 'waived' else ''}."


def numbers(row: dict[str, Any]) -> str:
    """Estimate with unit and, in brackets, its interval."""
    value, limits = value_and_limits(row)
    return f"{value} ({limits})"


def value_and_limits(row: dict[str, Any]) -> tuple[str, str]:
    """Estimate with unit, and its interval; a log hazard ratio is told as the ratio, a difference of shares in percent."""
    if row["scale"] == LOG_HAZARD_RATIO:
        low, high = (None if row[name] is None else exp(row[name]) for name in ("ci_low", "ci_high"))
        return decimal(exp(row["estimate"]), 2), interval(low, high, 2)
    if row["scale"] in _OF_SHARES:
        value, low, high, error = (
            None if row[name] is None else 100 * row[name] for name in ("estimate", "ci_low", "ci_high", "se")
        )
        digits = estimate_digits(None, error)
        return decimal(value, digits), interval(low, high, digits)
    unit = split_unit(row["outcome"])[1]
    digits = estimate_digits(unit, row["se"])
    return with_unit(decimal(row["estimate"], digits), unit), interval(row["ci_low"], row["ci_high"], digits)


def contrast_words(row: dict[str, Any]) -> str:
    """What an estimate is, contrast before unit: `Difference per doubling of estradiol, g/cm²`."""
    scale, contrast = readable(row["scale"]), readable(row["contrast"])
    exposure, comma, step = contrast.partition(", per ")
    contrast = f"per {step} of {exposure}" if comma else contrast
    if row["scale"] == LOG_HAZARD_RATIO:
        return f"Hazard ratio {contrast}"
    if row["estimator"] == INTERACTION:
        return f"{heading(row['contrast'].rpartition(', by ')[2])}: {readable(row['estimand'].rpartition(': ')[2])}"
    if row["estimator"] == HAZARD_RISK:
        return capitalized(f"{scale}: {contrast}")
    if contrast.lower() in scale.lower():
        return capitalized(scale)
    said = capitalized(f"{scale}: {contrast}" if " vs " in contrast else f"{scale} {contrast}")
    if row["scale"] in _OF_SHARES:
        return f"{said}, percentage points"
    return f"Difference {contrast}, {scale}" if " " not in scale else said


def _draw(axes: "Axes", rows: pl.DataFrame) -> None:
    first = rows.row(0, named=True)
    axes.grid(visible=False, axis="y")
    axes.axvline(0, color="#8a949c", linewidth=0.9)
    names = []
    for place, row in enumerate(rows.iter_rows(named=True)):
        names.append(f"{capitalized(label(row['outcome']))}, {label(row['population'])}")
        right = axes.get_yaxis_transform()
        if row["estimate"] is None:
            text = "gate closed" if row["gate_status"] == "closed" else "no estimate"
            axes.text(1.02, place, text, transform=right, va="center", color=MUTED, fontsize=7.5)
            continue
        color = color_of(row["population"])
        if row["ci_low"] is not None and row["ci_high"] is not None:
            axes.hlines(place, row["ci_low"], row["ci_high"], color=color, linewidth=1.6)
        axes.plot([row["estimate"]], [place], marker=marker_of(row["population"]), markersize=5.5, color=color)
        told = numbers(row) + (WAIVED if row["gate_status"] == "waived" else "")
        axes.text(1.02, place, told, transform=right, va="center", fontsize=7.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor="#1d2731")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(contrast_words(first))
    if first["scale"] in _OF_SHARES:
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}".replace("-", "\u2212"))
    if first["scale"] == LOG_HAZARD_RATIO:
        low, high = axes.get_xlim()
        ratios = _RATIOS if high - low < log(3) else _WIDE_RATIOS
        axes.set_xticks([log(ratio) for ratio in ratios if low <= log(ratio) <= high])
        axes.xaxis.set_major_formatter(lambda value, _: f"{exp(value):.3g}")
