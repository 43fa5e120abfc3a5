"""Risks of an event over time by arm, with the people at risk below: a panel an outcome, only days that the mart tells.

Between two days that are told a straight line is drawn: what lies between them was too few events to be told.
"""

import re
from textwrap import fill
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.report.figure import BLUE, MUTED, VERMILLION, Drawing, blank, ink_of
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import capitalized, heading, label, readable
from pipelines.report.numerals import NONE, count, decimal
from pipelines.trials.risk import HORIZON_WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

YEAR_DAYS = 365.25
#: a day so near to the end of a year stands for it
_NEAR_DAYS = 15
#: more than two quarters
_GAP_DAYS = 200
_KEY = ("study_id", "pair", "population")
#: panels of one picture; what is more stands in further ones
MOST_PANELS = 12
_COLUMNS = 2
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-", "marker": "o", "markersize": 3},
    {"color": VERMILLION, "linestyle": (0, (5, 2)), "marker": "s", "markersize": 3},
)


def pairs(curves: pl.DataFrame, lead: str | None = None) -> list[tuple[str, str]]:
    """Pairs of arms and populations with a curve to draw, that of the leading contrast first."""
    shown = _shown(curves).with_columns(_pair()).filter(pl.col("follow_up_days") > 0)
    found = list(shown.select("pair", "population").unique(maintain_order=True).iter_rows())
    leading = None if lead is None else re.sub(HORIZON_WORDS, "", lead)
    return sorted(found, key=lambda each: each[0] != leading)


def cumulative_incidence(
    mart: Mart, study: str | None = None, of: tuple[str, str] | None = None, picture: int = 0
) -> Drawing | None:
    """Risks in percent with 95 % bands by years after time zero; None where no day after time zero is told.

    Args:
        study: one study; all of them else.
        of: a pair of arms and a population, as `pairs` has them; all of them else.
        picture: which of the pictures, where there are more panels than one holds.
    """
    frame = prepared(mart, ["mart.cumulative_incidence"])["mart.cumulative_incidence"].with_columns(_pair())
    if study is not None:
        frame = frame.filter(pl.col("study_id") == study)
    if of is not None:
        frame = frame.filter(pl.col("pair") == of[0], pl.col("population") == of[1])
    told = [
        (key, rows)
        for key, rows in frame.group_by(*_KEY, "outcome", maintain_order=True)
        if _shown(rows)["follow_up_days"].max() not in (None, 0)
    ][picture * MOST_PANELS :][:MOST_PANELS]
    if not told:
        return None
    n_rows = -(-len(told) // _COLUMNS)
    figure = blank(0.3 + 2.75 * n_rows)
    grid = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    sentences = []
    for axes, (key, rows) in zip(grid, told, strict=False):
        title = capitalized(label(str(key[3]))) if of is not None else _title(key)
        is_waived = "waived" in rows["gate_status"].to_list()
        axes.set_title(fill(title, 62) + (" (gate waived)" if is_waived else ""))
        arms = arms_of(rows)
        _draw(axes, rows, arms)
        sentences.append(f"{title}: {'; '.join(_sentence(rows, arm) for arm in arms)}.")
    for axes in grid[len(told) :]:
        axes.set_axis_off()
    return Drawing(figure, "Risk over time by arm", " ".join(sentences), "mart.cumulative_incidence")


def arms_of(rows: pl.DataFrame) -> list[str]:
    """Both arms, that which the contrast names first above."""
    arms = rows["arm_code"].unique(maintain_order=True).to_list()
    contrast = str(rows["contrast"][0])
    return sorted(arms, key=lambda arm: not contrast.startswith(f"{arm} vs "))


def at_risk(rows: pl.DataFrame, arm: str, years: list[int]) -> list[int | None]:
    """People of an arm at risk at the end of each year; None where that is not told."""
    own = rows.filter(pl.col("arm_code") == arm).select("follow_up_days", "n_at_risk").rows()
    found = []
    for year in years:
        near = [(abs(day - year * YEAR_DAYS), n) for day, n in own if abs(day - year * YEAR_DAYS) <= _NEAR_DAYS]
        found.append(min(near)[1] if near else None)
    return found


def _pair() -> pl.Expr:
    """The two arms of a contrast whatever its horizon, as `mart.propensity_score` names them."""
    return pl.col("contrast").str.replace(HORIZON_WORDS, "").alias("pair")


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("risk_pct").is_not_null())


def _title(key: tuple[object, ...]) -> str:
    return f"{capitalized(label(str(key[3])))}: {readable(str(key[1]))}, {label(str(key[2]))}"


def _sentence(rows: pl.DataFrame, arm: str) -> str:
    """The last day that is told, in words."""
    own = _shown(rows.filter(pl.col("arm_code") == arm))
    if own.is_empty():
        return f"{label(arm)} hidden"
    last = own.row(-1, named=True)
    return f"{label(arm)} {decimal(last['risk_pct'], 2)} % by {decimal(last['follow_up_days'] / YEAR_DAYS, 1)} years"


def _draw(axes: "Axes", rows: pl.DataFrame, arms: list[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    longest = float(_shown(rows)["follow_up_days"].to_numpy().max()) / YEAR_DAYS
    for arm, style in zip(arms, _STYLES, strict=False):
        own = rows.filter(pl.col("arm_code") == arm)
        # Days that are not there at all stand behind a closed gate: no line is drawn across them.
        is_gap = (own["follow_up_days"].diff() > _GAP_DAYS).fill_null(value=False)
        for number, part in enumerate(_shown(own.with_columns(part=is_gap.cum_sum())).partition_by("part")):
            years = part["follow_up_days"].to_numpy() / YEAR_DAYS
            # A risk of nobody has no interval: the band begins at the line.
            low, high = (part[name].fill_null(part["risk_pct"]).to_numpy() for name in ("ci_low_pct", "ci_high_pct"))
            axes.fill_between(years, low, high, color=style["color"], alpha=0.14, linewidth=0)
            axes.plot(years, part["risk_pct"].to_numpy(), label=None if number else heading(arm), **style)
    axes.set_xlim(0, longest * 1.02)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("risk, %")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left")
    every = 1 if longest < 7 else 2
    marks = list(range(0, int(longest + 0.05) + 1, every))
    axes.set_xticks(marks)
    axes.set_xlabel("years after time zero; below: people at risk", labelpad=2)
    for line, (arm, style) in enumerate(zip(arms, _STYLES, strict=False)):
        height = -0.36 - 0.1 * line
        place: dict[str, Any] = {"fontsize": 6.5, "color": ink_of(style["color"]), "va": "center"}
        for year, n in zip(marks, at_risk(rows, arm, marks), strict=True):
            words = NONE if n is None else count(n)
            axes.text(year, height, words, transform=axes.get_xaxis_transform(), ha="center", **place)
    axes.tick_params(axis="x", labelcolor=MUTED)
