"""The two ends of each curve as numbers, for readers who want them beside the picture. Only points the mart holds."""

from typing import Any

import polars as pl

from pipelines.report.labels import heading, label, split_unit
from pipelines.report.numerals import NBSP, compact, decimal, interval, with_unit
from pipelines.report.views import Cell, Column, Row, Table, number


def ends_table(curves: pl.DataFrame) -> Table:
    """One row per curve: reference, and the difference at the lowest and the highest estradiol of the curve."""
    rows = []
    for _, curve in curves.group_by("study_id", "outcome", "population", maintain_order=True):
        first, last = curve.row(0, named=True), curve.row(-1, named=True)
        who = f"{heading(first['population'])}, {label(first['outcome'])}"
        reference = number(with_unit(compact(first["reference_value"]), "pg/mL"))
        rows.append(Row(who, (reference, *_end(first), *_end(last))))
    columns = (
        Column("Population and outcome"),
        Column("Reference", "difference is 0", is_number=True),
        Column("Lowest", "5th percentile", is_number=True),
        Column("Difference there", f"95{NBSP}% CI", is_number=True),
        Column("Highest", "95th percentile", is_number=True),
        Column("Difference there", f"95{NBSP}% CI", is_number=True),
    )
    return Table("Both ends of each curve", "mart.dose_response", columns, tuple(rows))


def _end(point: dict[str, Any]) -> tuple[Cell, Cell]:
    unit = split_unit(point["outcome"])[1]
    difference = with_unit(decimal(point["estimate"], 3), unit)
    where = number(with_unit(compact(point["exposure_value"]), "pg/mL"))
    return where, number(difference, interval(point["ci_low"], point["ci_high"], 3))
