"""Who was counted in and who they were: attrition with bars and Table 1, study by study."""

import re
from collections.abc import Iterable
from typing import Any

import polars as pl

from pipelines.report.covariate_names import covariate
from pipelines.report.labels import heading, quantity, readable, split_unit
from pipelines.report.numerals import NBSP, NONE, compact, count, decimal, hidden, percent
from pipelines.report.order import ordered
from pipelines.report.views import Cell, Column, Row, Table, hidden_cell, number

_DIGITS = {"years": 1, "a": 1, "kg/m²": 1, "g/cm²": 3, "pg/mL": 1, "ng/dL": 0, "nmol/L": 1}
_UNITS = {"a": "years", "kg/m2": "kg/m²", "g/cm2": "g/cm²", "{score}": ""}
_YES_NO = {"no", "yes"}
_SURVEY = "survey"
_COHORT = r", (cohort \w+)$"
_WEIGHTED = f"Means are followed by ±{NBSP}standard deviation."
_AS_THEY_ARE = (
    "Each arm as its first comparison has it, before weighting; with a grace period those who kept to the strategy. Shares are "
    "rounded, so that none tells a small number of people. What nobody has is in mart.table_one alone."
)
#: what `models.monitoring_gap` tells of one month of treatment
_MONTH = re.compile(r"(.+), month (\d+)$")
WATCHED = (
    "Of those still treated so many months of 30 days after their first fill, in the episode that began with it. On schedule: "
    "estradiol was drawn since the last change of dose, or that was at most 12 weeks ago; bone was scanned in the two years "
    "before. Months are means of those who were ever looked at. Shares are rounded, so that none tells a small number of people."
)
_SHARES = {"1": 100.0, "%": 1.0, "share": 100.0}


def attrition_tables(attrition: pl.DataFrame, threshold: int, *, is_folded: bool = False) -> tuple[Table, ...]:
    """One table a cohort: steps down, arms across, each with the people left, a bar, and how many the step took away."""
    return tuple(
        _attrition(str(study), str(cohort), part, threshold, is_folded=is_folded)
        for (study, cohort), part in attrition.group_by("study_id", "cohort_code", maintain_order=True)
    )


def _attrition(study: str, cohort: str, part: pl.DataFrame, threshold: int, *, is_folded: bool) -> Table:
    arms = part["arm_code"].unique(maintain_order=True).to_list()
    cells = {(row["step_number"], row["arm_code"]): row for row in part.iter_rows(named=True)}
    start = {arm: (cells.get((0, arm)) or {}).get("n_after") for arm in arms}
    steps = part.select("step_number", "label").unique(subset="step_number").sort("step_number")
    rows = tuple(
        Row(
            f"{step}. {readable(words)}" if step else readable(words),
            tuple(_left(cells.get((step, arm)), start[arm], threshold) for arm in arms),
        )
        for step, words in steps.iter_rows()
    )
    columns = (
        Column("Step"),
        *(Column(arm_name(arm), "left, and taken away by the step", is_number=True) for arm in arms),
    )
    note = f"Steps are asked in this order; unknown counts as not met. {_cohort_note(cohort, start)}"
    return Table(
        f"{cohort_name(study, cohort)}: who was counted in",
        "mart.attrition",
        columns,
        rows,
        note=f"{note}{hidden_note(rows, threshold)}",
        is_folded=is_folded,
    )


def cohort_name(study: str, cohort: str) -> str:
    """The study, and its cohort where it has several."""
    return heading(study) if cohort == _SURVEY else f"{heading(study)}, {readable(cohort)}"


def arm_name(arm: str) -> str:
    """The arm; with a grace period it is still open while people are counted in."""
    return heading("open_arm" if arm == "open" else arm)


def _cohort_note(cohort: str, start: dict[str, int | None]) -> str:
    """What a reader of a clinical cohort must know: nothing is estimated by counting, and nobody may be there."""
    if cohort == _SURVEY:
        return ""
    nobody = "" if any(n != 0 for n in start.values()) else "Nobody in these data has such a time zero. "
    return f"{nobody}These are people counted in; no effect has been estimated for them here. "


def hidden_note(rows: Iterable[Row], threshold: int) -> str:
    """What a hidden cell means, where the table has one."""
    word = hidden(threshold)
    if not any(word in cell.text or f"<{threshold}" in cell.note for row in rows for cell in row.cells):
        return ""
    return (
        f"“{word}”: fewer than {threshold} people, or hidden so that such a number cannot be worked "
        "out from the others. Which of the two is not released."
    )


def _left(row: dict[str, Any] | None, start: int | None, threshold: int) -> Cell:
    if row is None:
        return number(NONE)
    if row["n_after"] is None:
        return hidden_cell(threshold)
    bar = 100 * row["n_after"] / start if start else None
    return number(count(row["n_after"]), taken(row, threshold), bar, beside=True)


def taken(row: dict[str, Any], threshold: int) -> str:
    """People the step took away; fewer than the threshold stay unsaid here too."""
    if row["n_before"] is None or row["step_number"] == 0:
        return ""
    taken = row["n_before"] - row["n_after"]
    if 0 < taken < threshold:
        return f"<{threshold}"
    return decimal(-taken, 0) if taken else "0"


def table_one(frame: pl.DataFrame, threshold: int) -> tuple[Table, ...]:
    """One table a survey or cohort: means and shares, weighted in surveys, arms across."""
    # Of a clinical cohort an arm is named with it.
    with_cohort = frame.with_columns(cohort=pl.col("arm_code").str.extract(_COHORT, 1))
    return tuple(
        _table_one(str(study), None if cohort is None else str(cohort), part, threshold)
        for (study, cohort), part in with_cohort.group_by("study_id", "cohort", maintain_order=True)
    )


def _table_one(study: str, cohort: str | None, part: pl.DataFrame, threshold: int) -> Table:
    arms = part["arm_code"].unique(maintain_order=True).to_list()
    cells = {(row["arm_code"], row["characteristic"], row["level"]): row for row in part.iter_rows(named=True)}

    def across(characteristic: str, level: str) -> tuple[Cell, ...]:
        return tuple(_described(cells.get((arm, characteristic, level)), threshold) for arm in arms)

    rows: list[Row] = []
    by_characteristic = {str(name): own for (name,), own in part.group_by("characteristic", maintain_order=True)}
    for characteristic in sorted(ordered(part["characteristic"], "characteristic"), key=_month):
        own = by_characteristic[characteristic]
        levels = sorted(set(own["level"].to_list()))
        told = [n for level, n in zip(own["level"], own["n"], strict=True) if level == "yes"]
        if cohort is not None and told == [0] * len(arms):
            continue
        if len(levels) == 1 or set(levels) == _YES_NO:
            rows.append(Row(_named(characteristic, own), across(characteristic, levels[-1])))
            continue
        rows.append(Row(covariate(characteristic) if cohort is not None else quantity(characteristic)))
        rows += [Row(heading(level), across(characteristic, level), is_indented=True) for level in levels]
    what = "weighted (people)" if cohort is None else "(people)"
    names = [heading(re.sub(_COHORT, "", arm)) for arm in arms]
    columns = (Column("Characteristic"), *(Column(name, what, is_number=True) for name in names))
    who = heading(study) if cohort is None else f"{heading(study)}, {readable(cohort)}"
    is_watched = any(_MONTH.match(characteristic) for characteristic in part["characteristic"])
    said = _WEIGHTED if cohort is None else WATCHED if is_watched else _AS_THEY_ARE
    caption = f"{who}: how they are watched" if is_watched else f"{who}: who was studied"
    note = f"{said} {hidden_note(rows, threshold)}"
    is_folded = cohort is not None and not is_watched
    return Table(caption, "mart.table_one", columns, tuple(rows), note=note, is_folded=is_folded)


def _month(characteristic: str) -> tuple[str, int]:
    """Months of one kind by number; everything else stays where it is."""
    found = _MONTH.match(characteristic)
    return (found[1], int(found[2])) if found else ("", 0)


def _named(characteristic: str, own: pl.DataFrame) -> str:
    """A characteristic of one row with the unit of its mean."""
    name, unit = covariate(characteristic), split_unit(characteristic)[1]
    units = own["unit"].drop_nulls()
    unit = unit or (_UNITS.get(units[0], units[0]) if units.len() else "")
    return f"{name} ({unit})" if unit and unit not in _SHARES else name


def _described(row: dict[str, Any] | None, threshold: int) -> Cell:
    if row is None:
        return number(NONE)
    people = f"({count(row['n'])})" if row["n"] is not None else ""
    if row["estimate"] is None:
        return hidden_cell(threshold) if row["is_suppressed"] else number(count(row["n"]))
    if row["is_suppressed"]:
        people = f"({hidden(threshold)} missing)" if row["level"] == "mean" else ""
    unit = row["unit"] or ""
    if row["level"] != "mean" or unit in _SHARES:
        return number(percent(row["estimate"] * _SHARES.get(unit, 1.0)), people, beside=True)
    digits = _DIGITS.get(_UNITS.get(unit, unit))
    mean, spread = (
        compact(row[name]) if digits is None else decimal(row[name], digits) for name in ("estimate", "spread")
    )
    if row["characteristic"] == "calendar_year":
        mean = mean.replace(",", "")  # a year is no quantity
    value = mean if row["spread"] is None else f"{mean}{NBSP}±{NBSP}{spread}"
    return number(value, people, beside=True)
