"""Curves of an outcome on estradiol: one panel per outcome and population, only the points the mart holds.

Limits, marks and the reference are drawn where they lie inside a panel and named in words where they do not.
"""

from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.report.figure import FAINT, INK, MUTED, Drawing, blank, color_of, ink_of, say, tag_line
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import COMPARISON_ESTIMATORS, capitalized, heading, label, split_unit
from pipelines.report.numerals import compact, decimal, with_unit
from pipelines.report.order import ordered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS_PG_ML = (20.0, 30.0)
#: where a change-point was asked for, the third level that practice names is drawn beside it, too
THRESHOLD_MARKS_PG_ML = (*MARKS_PG_ML, 100.0)
_TICKS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 60, 100, 150, 200, 300, 500)
#: panels of one picture of symptoms, and beside each other
MOST_PANELS = 12
_COLUMNS = 2
_NOTE: dict[str, Any] = {
    "fontsize": 6.5,
    "color": MUTED,
    "bbox": {"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 1.0},
}


def dose_response(mart: Mart, study: str | None = None) -> Drawing | None:
    """Difference in bone density against the reference exposure, log axis, 95 % band; None without any curve of bone.

    The limit of quantification comes from `mart.e2_distribution` (LC-MS/MS), where that is given.
    """
    frames = prepared(mart, ["mart.dose_response"])
    curves = _of_study(of_bone(frames["mart.dose_response"]), study)
    if curves.is_empty():
        return None
    outcomes, populations = _panels(curves, frames.get("mart.effect_estimate"))
    limits = _limits(frames.get("mart.e2_distribution"))
    figure = blank(0.55 + 2.5 * len(populations))
    grid = figure.subplots(len(populations), len(outcomes), squeeze=False)
    low, high = float(curves["ci_low"].to_numpy().min()), float(curves["ci_high"].to_numpy().max())
    pad = 0.08 * (high - low) or 0.01
    for row, population in zip(grid, populations, strict=True):
        own = curves.filter(pl.col("population") == population)
        for axes, outcome in zip(row, outcomes, strict=True):
            curve = own.filter(pl.col("outcome") == outcome)
            is_waived = "waived" in curve["gate_status"].to_list()
            axes.set_title(heading(outcome) + (" (gate waived)" if is_waived else ""))
            if curve.is_empty():
                say(axes, "No curve: the gate is closed or it was not computed")
                continue
            axes.set_ylim(low - pad, high + 2.5 * pad)
            bend = _bend(frames.get("mart.threshold"), curve)
            _draw(axes, curve, color_of(population), limits, MARKS_PG_ML if bend is None else THRESHOLD_MARKS_PG_ML)
            if bend is not None and bend["answer"] == "kink":
                _draw_bend(axes, bend, color_of(population))
        row[0].set_ylabel(f"{heading(population)}\n{_vertical(outcomes[0])}")
    grid[-1][len(outcomes) // 2].set_xlabel("Estradiol, pg/mL (log scale)")
    title = "Difference in bone mineral density along estradiol"
    return Drawing(figure, title, description(curves), "mart.dose_response")


def symptom_response(mart: Mart, study: str | None = None, picture: int = 0) -> Drawing | None:
    """Differences of risks of symptoms along estradiol, a panel a symptom and population; None without any such curve.

    Args:
        picture: which of the pictures, where there are more curves than one holds.
    """
    frames = prepared(mart, ["mart.dose_response"])
    curves = _each(_of_study(of_bone(frames["mart.dose_response"], is_bone=False), study))
    told = curves[picture * MOST_PANELS :][:MOST_PANELS]
    if not told:
        return None
    n_rows = -(-len(told) // _COLUMNS)
    figure = blank(0.55 + 2.3 * n_rows)
    grid = figure.subplots(n_rows, _COLUMNS, squeeze=False)
    limits = _limits(frames.get("mart.e2_distribution"))
    for axes, (_, curve) in zip(grid.ravel(), told, strict=False):
        first = curve.row(0, named=True)
        waived = " (gate waived)" if "waived" in curve["gate_status"].to_list() else ""
        axes.set_title(f"{heading(first['outcome'])}, {label(first['population'])}{waived}")
        _draw(axes, curve, color_of(first["population"]), limits)
        axes.set_xlabel("Estradiol, pg/mL (log scale)")
    for axes in grid.ravel()[len(told) :]:
        axes.set_axis_off()
    for row in grid:
        row[0].set_ylabel("Difference of risks")
    said = " ".join(curve_sentence(curve) for _, curve in told)
    return Drawing(figure, "Difference of risks of symptoms along estradiol", said, "mart.dose_response")


def description(curves: pl.DataFrame) -> str:
    """Each curve in a sentence: its range of exposure and the differences at its two ends."""
    return " ".join(curve_sentence(curve) for _, curve in _each(curves))


def curve_sentence(curve: pl.DataFrame) -> str:
    """First and last point of one curve in words."""
    first, last = curve.row(0, named=True), curve.row(-1, named=True)
    unit = split_unit(first["outcome"])[1]
    return (
        f"{capitalized(label(first['population']))}, {label(first['outcome'])}: against "
        f"{with_unit(compact(first['reference_value']), 'pg/mL')} of estradiol, the fitted difference is "
        f"{with_unit(decimal(first['estimate'], 3), unit)} at {compact(first['exposure_value'])} and "
        f"{with_unit(decimal(last['estimate'], 3), unit)} at {with_unit(compact(last['exposure_value']), 'pg/mL')}."
    )


def limit_sentence(mart: Mart) -> str:
    """What the gray zone means: below the limit of LC-MS/MS curves rest on imputed values, or are not drawn."""
    limits = _limits(mart.get("mart.e2_distribution"))
    if not limits:
        return ""
    below = mart["mart.dose_response"].filter(pl.col("exposure_value") < max(limits))
    where = "Gray: below the limit of quantification (LLOQ) of LC-MS/MS, where "
    return where + ("no curve is drawn." if below.is_empty() else "the curve (dashed) rests on imputed values alone.")


def of_bone(curves: pl.DataFrame, *, is_bone: bool = True) -> pl.DataFrame:
    """Curves of bone density, which are drawn; or the others, whose ends are told in a table."""
    found = pl.col("outcome").str.contains("bmd")
    return curves.filter(found if is_bone else ~found)


def _each(curves: pl.DataFrame) -> list[tuple[tuple[object, ...], pl.DataFrame]]:
    return list(curves.group_by("study_id", "outcome", "population", maintain_order=True))


def _of_study(frame: pl.DataFrame, study: str | None) -> pl.DataFrame:
    return frame if study is None else frame.filter(pl.col("study_id") == study)


def _panels(curves: pl.DataFrame, estimates: pl.DataFrame | None) -> tuple[list[str], list[str]]:
    """Outcomes and populations of every curve there is or should be."""
    pairs = curves.select("outcome", "population")
    if estimates is not None:
        studied = estimates.filter(
            pl.col("study_id").is_in(curves["study_id"].unique().to_list())
            & ~pl.col("estimator").is_in(COMPARISON_ESTIMATORS)
        )
        pairs = pl.concat([pairs, studied.select("outcome", "population")])
    return ordered(pairs["outcome"], "outcome"), ordered(pairs["population"], "population")


def _limits(distribution: pl.DataFrame | None) -> list[float]:
    if distribution is None:
        return []
    limits = distribution.filter(pl.col("assay_class") == "lc_ms_ms")["lloq_pg_ml"].drop_nulls()
    return sorted(limits.unique())


def _bend(thresholds: pl.DataFrame | None, curve: pl.DataFrame) -> dict[str, Any] | None:
    """The change-point of a curve, by all draws; None where none was asked for."""
    if thresholds is None:
        return None
    found = thresholds.filter(pl.col("analysis") == "primary").join(
        curve.head(1), on=["study_id", "outcome", "population"], how="semi"
    )
    return found.row(0, named=True) if found.height else None


def _draw_bend(axes: "Axes", bend: dict[str, Any], color: str) -> None:
    """Place and interval; an open end runs to the edge of the panel."""
    left, right = axes.get_xlim()
    if not bend["is_empty"]:
        low = left if bend["is_open_low"] else max(left, bend["ci_low_pg_ml"])
        high = right if bend["is_open_high"] else min(right, bend["ci_high_pg_ml"])
        axes.axvspan(low, high, ymax=0.06, color=color, alpha=0.5, linewidth=0)
    if left < bend["place_pg_ml"] < right:
        axes.axvline(bend["place_pg_ml"], color=color, linewidth=1.2)
        tag_line(axes, bend["place_pg_ml"], f"bends at {compact(bend['place_pg_ml'])}", color=ink_of(color))


def _vertical(outcome: str) -> str:
    unit = split_unit(outcome)[1]
    return f"Difference, {unit}" if unit else "Difference"


def _draw(
    axes: "Axes", curve: pl.DataFrame, color: str, limits: list[float], marks: tuple[float, ...] = MARKS_PG_ML
) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    x, y = curve["exposure_value"].to_numpy(), curve["estimate"].to_numpy()
    low, high = float(x.min()), float(x.max())
    axes.set_xscale("log")
    axes.set_xlim(low / (high / low) ** 0.04, high * (high / low) ** 0.04)
    left, right = axes.get_xlim()
    axes.axhline(0, color="#8a949c", linewidth=0.8)
    axes.fill_between(x, curve["ci_low"].to_numpy(), curve["ci_high"].to_numpy(), color=color, alpha=0.16, linewidth=0)
    limit = max((value for value in limits if value > left), default=left)
    is_imputed = x <= limit
    axes.plot(x, y, color=color)
    if limits and is_imputed.any():
        axes.plot(x[is_imputed], y[is_imputed], color="white", linewidth=1.6, linestyle=(0, (2, 2)))
    reference = float(curve["reference_value"][0])
    axes.plot([reference], [0], marker="o", markersize=5, color=color, markerfacecolor="white", zorder=5)
    outside = []
    for value in marks:
        if left < value < right:
            axes.axvline(value, color=INK, linewidth=0.9, linestyle=":")
            tag_line(axes, value, f"{value:g}", color=INK, is_left=True)
        else:
            outside.append(f"{value:g}")
    for value in limits:
        if left < value < right:
            axes.axvspan(left, value, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
            axes.axvline(value, color=MUTED, linewidth=0.9, linestyle="--")
            tag_line(axes, value, "LLOQ", color=MUTED)
    if outside:
        note = f"{' and '.join(outside)} pg/mL: outside this range"
        axes.text(0.985, 0.03, note, transform=axes.transAxes, ha="right", va="bottom", **_NOTE)
    ticks = [tick for tick in _TICKS if left <= tick <= right]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: decimal(value, 2)))
