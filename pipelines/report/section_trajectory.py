"""Change of bone density by arm in numbers: arms down, years across, and why a year is not told."""

from typing import Any

import polars as pl

from pipelines.report.gate_words import gate_words
from pipelines.report.labels import capitalized, heading, label, readable
from pipelines.report.numerals import NBSP, NONE, count, decimal, interval, percent
from pipelines.report.plot_incidence import arms_of
from pipelines.report.plot_trajectory import YEAR_DAYS, courses
from pipelines.report.views import Cell, Column, Row, Table, number


def trajectory_table(trajectory: pl.DataFrame) -> Table:
    """One row an arm; each told day has the mean change, its limits and the people scanned."""
    told = courses(trajectory)
    days = sorted({day for _, rows in told for day in rows["follow_up_days"]})
    years = sorted({_year(day) for day in days})
    rows: list[Row] = []
    for (_, pair, population, outcome), course in told:
        rows.append(Row(f"{capitalized(label(outcome))}: {readable(pair)}, {label(population)}"))
        for arm in arms_of(course):
            own = {_year(row["follow_up_days"]): row for row in course.filter(pl.col("arm_code") == arm).to_dicts()}
            rows.append(Row(heading(arm), tuple(_cell(own.get(year)) for year in years), is_indented=True))
    columns = (
        Column("Outcome and arm"),
        *(
            Column(f"{decimal(year, 0)} year{'s' if year != 1 else ''}", f"95{NBSP}% CI; scanned", True)
            for year in years
        ),
    )
    note = "The two means at a horizon are those behind the estimate; their difference has a narrower interval than theirs."
    return Table("Change of bone density by arm", "mart.bmd_trajectory", columns, tuple(rows), note=note)


def silence_sentence(trajectory: pl.DataFrame) -> str:
    """Years of an open question that are not told, and what closed them; empty where all are."""
    closed = trajectory.filter(pl.col("gate_status") == "closed").unique(
        ["contrast", "outcome", "population", "follow_up_days"], maintain_order=True
    )
    said = [
        f"{label(row['outcome'])}, {readable(row['contrast'])}, at {decimal(_year(row['follow_up_days']), 0)} years: "
        f"{gate_words(row['gate_reason'])}"
        for row in closed.to_dicts()
    ]
    return f"Not told, since diagnostics of that year do not hold: {'. '.join(said)}." if said else ""


def _year(day: int) -> int:
    return round(day / YEAR_DAYS)


def _cell(row: dict[str, Any] | None) -> Cell:
    if row is None or row["change_pct"] is None:
        return number(NONE)
    scanned = "hidden" if row["n_observed"] is None else count(row["n_observed"])
    limits = interval(row["ci_low_pct"], row["ci_high_pct"], 1)
    return number(percent(row["change_pct"]), f"{limits}; {scanned}")
