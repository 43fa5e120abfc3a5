"""Change of bone density over time by arm, with the people scanned below: a panel an outcome and pair of arms.

Every mark has an error of its own. Between two marks a straight line is drawn; none across a year that is not told.
"""

from textwrap import fill
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.report.figure import BLUE, MUTED, VERMILLION, Drawing, blank, ink_of
from pipelines.report.frames import Mart, prepared
from pipelines.report.labels import capitalized, heading, label, readable
from pipelines.report.numerals import NBSP, NONE, count, decimal, interval
from pipelines.report.plot_incidence import arms_of
from pipelines.trials.risk import HORIZON_WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = "mart.bmd_trajectory"
YEAR_DAYS = 365.25
#: panels of one picture; what is more stands in further ones
MOST_PANELS = 12
_KEY = ("study_id", "pair", "population", "outcome")
_COLUMNS = 2
#: marks of the arms stand this far beside each other, in years, so that neither hides the other's interval
_ASIDE = 0.025
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-", "marker": "o", "markersize": 4},
    {"color": VERMILLION, "linestyle": (0, (5, 2)), "marker": "s", "markersize": 4},
)


def courses(trajectory: pl.DataFrame) -> list[tuple[tuple[str, ...], pl.DataFrame]]:
    """Rows of each study, pair of arms, population and outcome with a change that is told, whatever the horizon."""
    named = trajectory.with_columns(pl.col("contrast").str.replace(HORIZON_WORDS, "").alias("pair"))
    found = [(key, rows.sort("follow_up_days")) for key, rows in named.group_by(*_KEY, maintain_order=True)]
    return [(tuple(map(str, key)), rows) for key, rows in found if rows["change_pct"].drop_nulls().len()]


def bmd_trajectory(mart: Mart, study: str | None = None, picture: int = 0) -> Drawing | None:
    """Mean change in percent with 95 % intervals by years after time zero; None where no change is told.

    Args:
        study: one study; all of them else.
        picture: which of the pictures, where there are more panels than one holds.
    """
    frame = prepared(mart, [TABLE])[TABLE]
    own = frame if study is None else frame.filter(pl.col("study_id") == study)
    told = courses(own)[picture * MOST_PANELS :][:MOST_PANELS]
    if not told:
        return None
    n_rows = -(-len(told) // _COLUMNS)
    figure = blank(0.3 + 2.9 * n_rows)
    grid = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    sentences = []
    for axes, (key, rows) in zip(grid, told, strict=False):
        _, pair, population, outcome = key
        title = f"{capitalized(label(outcome))}: {readable(pair)}, {label(population)}"
        is_waived = "waived" in rows["gate_status"].to_list()
        axes.set_title(fill(title, 62) + (" (gate waived)" if is_waived else ""))
        arms = arms_of(rows)
        _draw(axes, rows, arms)
        sentences.append(f"{title}: {'; '.join(_sentence(rows, arm) for arm in arms)}.")
    for axes in grid[len(told) :]:
        axes.set_axis_off()
    return Drawing(figure, "Change of bone density by arm", " ".join(sentences), TABLE)


def _sentence(rows: pl.DataFrame, arm: str) -> str:
    """The last day that is told, in words."""
    own = rows.filter(pl.col("arm_code") == arm, pl.col("change_pct").is_not_null())
    if own.is_empty():
        return f"{label(arm)} hidden"
    last = own.row(-1, named=True)
    limits = interval(last["ci_low_pct"], last["ci_high_pct"], 1)
    years = decimal(last["follow_up_days"] / YEAR_DAYS, 1)
    return f"{label(arm)} {decimal(last['change_pct'], 1)}{NBSP}% ({limits}) at {years} years"


def _draw(axes: "Axes", rows: pl.DataFrame, arms: list[str]) -> None:
    longest = float(rows["follow_up_days"].to_numpy().max()) / YEAR_DAYS
    axes.axhline(0, color=MUTED, linewidth=0.7)
    axes.plot([0], [0], marker="o", markersize=4, markerfacecolor="white", markeredgecolor=MUTED, linestyle="none")
    days = sorted(set(rows["follow_up_days"]))
    for side, (arm, style) in zip((-_ASIDE, _ASIDE), zip(arms, _STYLES, strict=False), strict=False):
        own = {row["follow_up_days"]: row for row in rows.filter(pl.col("arm_code") == arm).to_dicts()}
        begun = False
        # A day that is not told breaks the line; at time zero the change is 0 by definition.
        for part in _unbroken([0, *days], own):
            marks = [(day / YEAR_DAYS + (side if day else 0), own[day]["change_pct"] if day else 0.0) for day in part]
            stroke: dict[str, Any] = style | {"marker": ""}
            axes.plot([x for x, _ in marks], [y for _, y in marks], **stroke)
            told = [own[day] for day in part if day]
            if not told:
                continue
            x = [row["follow_up_days"] / YEAR_DAYS + side for row in told]
            y = [row["change_pct"] for row in told]
            low = [row["change_pct"] - row["ci_low_pct"] for row in told]
            high = [row["ci_high_pct"] - row["change_pct"] for row in told]
            mark: dict[str, Any] = style | {"linestyle": "none", "label": None if begun else heading(arm)}
            axes.errorbar(x, y, yerr=[low, high], capsize=2, elinewidth=1, **mark)
            begun = True
    axes.set_xlim(-0.08, longest + 0.15)
    axes.set_ylabel("change, %")
    axes.legend(loc="lower left")
    marks = list(range(int(longest + 0.05) + 1))
    axes.set_xticks(marks)
    axes.set_xlabel("years after time zero; below: people scanned", labelpad=2)
    for line, (arm, style) in enumerate(zip(arms, _STYLES, strict=False)):
        place: dict[str, Any] = {"fontsize": 6.5, "color": ink_of(style["color"]), "va": "center", "ha": "center"}
        for day, n in rows.filter(pl.col("arm_code") == arm).select("follow_up_days", "n_observed").iter_rows():
            words = NONE if n is None else count(n)
            axes.text(day / YEAR_DAYS, -0.36 - 0.1 * line, words, transform=axes.get_xaxis_transform(), **place)
    axes.tick_params(axis="x", labelcolor=MUTED)


def _unbroken(days: list[int], own: dict[int, dict[str, Any]]) -> list[list[int]]:
    """Days in a row whose change is told; day 0 always is."""
    parts: list[list[int]] = [[]]
    for day in days:
        if day and own.get(day, {}).get("change_pct") is None:
            parts.append([])
        else:
            parts[-1].append(day)
    return [part for part in parts if part]
