"""Prevalence of low bone mass by cycle: both references side by side with intervals, published values as ticks."""

from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.report.figure import INK, MUTED, Drawing, blank, color_of
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import OSTEOPENIA, capitalized, cycle, heading, label
from pipelines.report.numerals import TIMES, interval, percent
from pipelines.report.order import ordered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Looker et al. 2010, J Bone Miner Res 25:64: femoral neck, age 50 and over, NHANES 2005-2006, one reference for both.
LOOKER_2010 = {
    ("female", "osteoporosis"): 10.0,
    ("female", "osteopenia"): 49.0,
    ("male", "osteoporosis"): 2.0,
    ("male", "osteopenia"): 30.0,
}
LOOKER_CYCLE, LOOKER_SITE, LOOKER_REFERENCE = "2005-2006", "femoral_neck", "white_female"
_BANDS = ("osteoporosis", "osteopenia")


def published_pct(row: dict[str, Any]) -> float | None:
    """The published prevalence of the same cycle, site, sex, band and reference, percent; None for simulated people."""
    where = (row["cycle_label"], row["site_code"], row["reference_code"])
    if where != (LOOKER_CYCLE, LOOKER_SITE, LOOKER_REFERENCE) or row["evidence_source"] == "simulated":
        return None
    return LOOKER_2010.get((row["sex_code"], canonical_band(row["band"])))


def canonical_band(band: str) -> str:
    """Low bone mass and osteopenia are one band under two names."""
    return "osteopenia" if band in OSTEOPENIA else band


def bone_prevalence(mart: Mart, site: str) -> Drawing | None:
    """Weighted prevalence at one site, rows are bands, columns are sexes; None where no value may be shown."""
    from matplotlib.ticker import MaxNLocator

    frame = prepared(mart, ["mart.bone_prevalence"])["mart.bone_prevalence"]
    frame = frame.filter(pl.col("site_code") == site).with_columns(
        pl.col("band").map_elements(canonical_band, return_dtype=pl.String)
    )
    frame = frame.filter(pl.col("band").is_in(_BANDS))
    if frame["prevalence_pct"].null_count() == frame.height:
        return None
    cycles = frame["cycle_label"].unique().sort().to_list()
    references = ordered(frame["reference_code"], "reference_code")
    sexes, bands = ordered(frame["sex_code"], "sex_code"), ordered(frame["band"], "band")
    figure = blank(0.75 + 2.0 * len(bands), head_inches=0.3)
    grid = figure.subplots(len(bands), len(sexes), squeeze=False, sharey="row")
    for row, band in zip(grid, bands, strict=True):
        for axes, sex in zip(row, sexes, strict=True):
            axes.set_title(f"{heading(band)}, {label(sex)}")
            part = frame.filter((pl.col("band") == band) & (pl.col("sex_code") == sex))
            _draw(axes, part, cycles, references, sex)
        heights = frame.filter(pl.col("band") == band).select(pl.max_horizontal("ci_high_pct", "prevalence_pct"))
        row[0].set_ylim(0, 1.08 * float(heights.to_series().drop_nulls().to_numpy().max(initial=1.0)))
        row[0].yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        row[0].set_ylabel("Prevalence, %")
    has_published = any(published_pct(row) is not None for row in frame.iter_rows(named=True))
    _legend(figure, references, has_published=has_published)
    title = f"Prevalence of osteoporosis and low bone mass, {label(site)}"
    return Drawing(figure, title, _description(frame), "mart.bone_prevalence")


def _draw(axes: "Axes", part: pl.DataFrame, cycles: list[str], references: list[str], sex: str) -> None:
    axes.grid(visible=False, axis="x")
    gap = 0.2
    for number, reference in enumerate(references):
        shift = gap * (number - (len(references) - 1) / 2)
        face = color_of(sex) if number == 0 else "white"
        for row in part.filter(pl.col("reference_code") == reference).iter_rows(named=True):
            x = cycles.index(row["cycle_label"]) + shift
            value = row["prevalence_pct"]
            if value is None:
                transform = axes.get_xaxis_transform()
                axes.text(x, 0.012, TIMES, transform=transform, ha="center", va="bottom", fontsize=7, color=MUTED)
                continue
            if row["ci_low_pct"] is not None and row["ci_high_pct"] is not None:
                axes.vlines(x, row["ci_low_pct"], row["ci_high_pct"], color=color_of(sex), linewidth=1.3)
            axes.plot([x], [value], marker=_shape(number), markersize=5, color=color_of(sex), markerfacecolor=face)
            published = published_pct(row)
            if published is not None:
                axes.hlines(published, x - 0.13, x + 0.13, color=INK, linewidth=2.0, zorder=1.5)
    axes.set_xticks(range(len(cycles)), [cycle(text) for text in cycles])
    axes.set_xlim(-0.5, len(cycles) - 0.5)


def _shape(number: int) -> str:
    return "oDs^"[number % 4]


def _legend(figure: "Figure", references: list[str], *, has_published: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=MUTED, marker=_shape(number), markerfacecolor=MUTED if number == 0 else "white")
        for number in range(len(references))
    ]
    texts = [f"T-score against {label(reference)}" for reference in references]
    if has_published:
        handles.append(Line2D([], [], color=INK, linewidth=2.0))
        texts.append("published, Looker 2010")
    figure.legend(handles, texts, loc="upper left", ncols=len(handles), handlelength=1.6)


def _description(frame: pl.DataFrame) -> str:
    sentences = []
    for row in frame.filter(pl.col("reference_code") == LOOKER_REFERENCE).iter_rows(named=True):
        if row["prevalence_pct"] is not None:
            limits = interval(row["ci_low_pct"], row["ci_high_pct"], 1)
            who = f"{cycle(row['cycle_label'])}, {label(row['sex_code'])}, {label(row['band'])}"
            sentences.append(f"{capitalized(who)}: {percent(row['prevalence_pct'])} ({limits}).")
    return " ".join(sentences)
