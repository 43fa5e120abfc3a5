"""The engines of time to event on public data: GBSG, Rotterdam, Framingham, and NHANES with linked deaths.

The data are read where they lie, and never copied: `python docs/survival_examples.py --data DATA` writes
`survival-examples.json` and the tables of docs/survival-examples.md; with `--draw` the pictures, too. DATA holds the
folders `breast_cancer_survival`, `framingham` and `nhanes`. Numbers of people below 11 are never written.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from survival_cohorts import framingham, gbsg, rotterdam  # noqa: E402
from survival_nhanes import nhanes  # noqa: E402
from survival_parts import SMALLEST, Line, Panel, Row, Told, interval  # noqa: E402

from pipelines.models.survival_curve import curve_point, fit_curve, step_values  # noqa: E402
from pipelines.report.figure import MUTED, blank, styled  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MINUS = "\u2212"
JSON, PAGE, IMAGES = HERE / "survival-examples.json", HERE / "survival-examples.md", HERE / "images"
EXAMPLES: dict[str, Callable[[Path], Told]] = {
    "gbsg": gbsg,
    "rotterdam": rotterdam,
    "framingham": framingham,
    "nhanes": nhanes,
}
FOLDERS = {"gbsg": "breast_cancer_survival", "rotterdam": "breast_cancer_survival"}


def rounded(value: Any) -> Any:
    """Numbers to six digits, so that another machine's last bit is not another file."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else float(f"{value:.6g}")
    return value


def percent(part: Sequence[float], sign: str = "") -> str:
    """A share with its interval, in per cent."""
    middle, low, high = (f"{100 * each:{sign}.1f}".replace("-", MINUS) for each in part)
    return f"{middle} ({low} to {high})"


def plain(part: Sequence[float]) -> str:
    middle, low, high = (f"{each:.2f}".replace("-", MINUS) for each in part)
    return f"{middle} ({low} to {high})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], n_words: int) -> str:
    """Markdown; the first `n_words` columns are words, the others numbers."""
    marks = ["---" if place < n_words else "---:" for place in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, marks, *rows]).replace("| --- |", "|---|")


def risk_table(told: Row, arms: Sequence[str]) -> str:
    rows = [
        [
            f"{how}, {each['horizon']:g} {'year' if each['horizon'] == 1 else 'years'}",
            percent(each["target"]),
            percent(each["comparator"]),
            percent(each["difference"], "+"),
            plain(each["ratio"]),
            plain(each["time_lived"]),
        ]
        for how, found in told["risks"].items()
        for each in found
    ]
    head = [
        "",
        *(f"{name}, %" for name in arms),
        "difference, points",
        "ratio",
        "years lived without event, difference",
    ]
    return table(head, rows, 1)


def ratio_table(told: Row) -> str:
    rows = [
        [each["name"], plain(each["ratio"]), "" if each["p_drift"] is None else f"{each['p_drift']:.2g}"]
        for each in told["ratios"]
    ]
    return table(["hazard ratio", "", "P, no drift in time"], rows, 1)


def group_table(rows: Sequence[Row], first: str) -> str:
    told = [
        [
            each["name"],
            f"{each['people']:,}",
            *([str(each["deaths"] or f"under {SMALLEST}")] if "deaths" in each else []),
            percent(each["risk"]),
        ]
        for each in rows
    ]
    years = f"{rows[0]['horizon']:g}-year risk, %"
    return table([first, "people", *(["deaths by then"] if "deaths" in rows[0] else []), years], told, 1)


def tables(name: str, told: Row) -> str:
    """All tables of one data set, as the page holds them."""
    if name == "nhanes":
        parts = [
            f"{told['examined']:,} people of 40 or more were examined, {told['followed']:,} of them are linked.",
            group_table(told["by_age"], "sex and age"),
            group_table(told["smoking"], "smoking, 40 to 79 years, standardised"),
            f"Difference: {percent(told['smoking_difference'], '+')} points.",
            *(
                group_table(rows, f"men of 40 to 79, {hormone}, standardised")
                for hormone, rows in told["hormones"].items()
            ),
        ]
        return "\n\n".join([*parts, ratio_table(told)])
    arms = {"gbsg": ("tamoxifen", "none"), "rotterdam": ("hormonal therapy", "none")}
    said = f"{told['people']:,} people, {told['people_target']:,} in the first arm, {told['events']:,} events"
    parts = [said + (f", {told['deaths_without']:,} deaths without." if "deaths_without" in told else ".")]
    if "published" in told:
        rows = [[each["term"], f"{each['published']:.2f}", f"{each['ours']:.4f}"] for each in told["published"]]
        parts.append(
            table(["log hazard ratio", "Royston and Altman 2013", "here"], rows, 1)
            .replace("-", MINUS)
            .replace(MINUS * 3, "---")
        )
    if "by_sex" in told:
        for years in sorted({each["horizon"] for each in told["by_sex"]}):
            parts.append(group_table([each for each in told["by_sex"] if each["horizon"] == years], "coronary disease"))
    return "\n\n".join([*parts, risk_table(told, arms.get(name, ("raised pressure", "not raised"))), ratio_table(told)])


def with_tables(text: str, told: dict[str, Row]) -> str:
    """The page with each data set's tables put between its marks."""
    for name, found in told.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{tables(name, found)}\n\n{end}{rest.partition(end)[2]}"
    return text


def draw(name: str, panels: Sequence[Panel]) -> None:
    """Risks with 95 % bands and the numbers at risk below, as PNG."""
    down = (len(panels) + 1) // 2
    with styled():
        most = max(len(panel.lines) for panel in panels)
        figure = blank(down * (2.8 + 0.13 * most))
        for place, panel in enumerate(panels):
            draw_panel(figure.add_subplot(down, 2, place + 1), panel)
        figure.savefig(IMAGES / f"survival-{name}.png", format="png", dpi=110, metadata={"Software": None})


def draw_panel(axes: Axes, panel: Panel) -> None:
    end = float(max(panel.ticks))
    axes.set_title(panel.title)
    write_below(axes, 0.0, -31, "At risk, in tens", MUTED, is_left=True)
    for place, line in enumerate(panel.lines):
        draw_line(axes, line, panel, end)
        used = line.rows.weights > 0
        down = -41 - 9.5 * place
        write_below(axes, 0.0, down, line.name, line.color, is_left=True)
        for tick in panel.ticks:
            # To tens: neighbours must not tell how few left between them.
            count = int((line.rows.exit[used] >= tick - 1e-9).sum())
            write_below(axes, tick, down, f"{round(count, -1):,}" if count >= SMALLEST else f"<{SMALLEST}", MUTED)
    axes.set_xlim(0, end)
    axes.set_ylim(0, panel.top)
    axes.set_xticks(list(panel.ticks))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_xlabel(panel.bottom, loc="right", labelpad=2)
    axes.legend(loc="upper left")


def write_below(axes: Axes, at: float, down: float, text: str, color: str, *, is_left: bool = False) -> None:
    """A word of the table under a panel, `down` points from the axis; names stand left of it."""
    how: dict[str, Any] = {"ha": "right" if is_left else "center", "va": "center", "fontsize": 6.5, "color": color}
    across = -16 if is_left else 0
    place = {"xycoords": axes.get_xaxis_transform(), "textcoords": "offset points"}
    axes.annotate(text, (at, 0), xytext=(across, down), **place, **how)


def draw_line(axes: Axes, line: Line, panel: Panel, end: float) -> None:
    curve = fit_curve(line.rows)
    end = min(end, curve.last)
    at = np.unique(np.r_[0.0, curve.times[curve.times <= end], end])
    axes.step(
        at,
        step_values(curve, at)[1][:, line.cause - 1],
        where="post",
        color=line.color,
        linestyle=line.style,
        label=line.name,
    )
    moments = np.linspace(0, end, 41)[1:]
    points = [curve_point(line.rows, curve, "risk", moment, line.cause) for moment in moments]
    bands = np.array([interval(point.value, panel.error(point.influence)) for point in points])
    axes.fill_between(moments, bands[:, 1], bands[:, 2], color=line.color, alpha=0.14, linewidth=0)


def main() -> None:
    """Command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True, help="holds breast_cancer_survival, framingham, nhanes")
    asked.add_argument("--draw", action="store_true", help="the pictures, too")
    given = asked.parse_args()
    absent = sorted({folder for name in EXAMPLES if not (given.data / (folder := FOLDERS.get(name, name))).is_dir()})
    if absent:
        sys.exit(f"{given.data} does not hold {', '.join(absent)}: give the folder of these public data with --data")
    told: dict[str, Row] = {}
    for name, example in EXAMPLES.items():
        found = example(given.data)
        told[name] = rounded(found.numbers)
        if given.draw:
            draw(name, found.panels)
    JSON.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), told), encoding="utf-8")


if __name__ == "__main__":
    main()
