"""What became another since the publication before: how far the primary estimates and what stands behind them moved, and why."""

from typing import Any

import polars as pl

from pipelines.report.frames import primary
from pipelines.report.labels import heading, label, readable
from pipelines.report.numerals import NONE, decimal
from pipelines.report.views import Column, Row, Table, Tone, hidden_cell, number, tagged, text

_STILL = ("none", "first")
_TONES: dict[str, Tone] = {"unexplained": "bad"}


def drift_sentence(frame: pl.DataFrame) -> str:
    """How many estimates are as they were, others, and new; empty without any."""
    if frame.is_empty():
        return ""
    first = frame.filter(pl.col("cause") == "first").height
    if first == frame.height:
        return "Nothing was published here before, so there is nothing to compare with."
    same = frame.filter(pl.col("cause") == "none").height
    others = frame.height - first - same
    return f"Estimates against the publication before: {same} the same, {others} others, {first} new."


def drift_table(frame: pl.DataFrame, threshold: int) -> Table:
    """Primary estimates that are others than before, those without a cause first."""
    moved = primary(frame).filter(~pl.col("cause").is_in(_STILL))
    order = (pl.col("cause") != "unexplained", pl.col("estimate_change_se").abs().fill_null(-1.0) * -1)
    rows = tuple(_row(row, threshold) for row in moved.sort(*order, maintain_order=True).iter_rows(named=True))
    columns = (
        Column("Population and outcome"),
        Column("Gate", "before"),
        Column("People", "more or fewer", is_number=True),
        Column("Estimate", "standard errors", is_number=True),
        Column("Largest SMD", "more or less", is_number=True),
        Column("EASE", "more or less", is_number=True),
        Column("Cause"),
    )
    note = "Where a gate is closed, now or before, nothing is told of the estimate. People to the nearest ten."
    return Table("Estimates that are others than before", "mart.evidence_drift", columns, rows, note=note)


def _row(row: dict[str, Any], threshold: int) -> Row:
    who = f"{heading(row['population'])}, {label(row['outcome'])}: {readable(row['contrast'])}"
    moved = [
        (row["n_change"], 0),
        (row["estimate_change_se"], 2),
        (row["largest_smd_change"], 2),
        (row["ease_change"], 2),
    ]
    cells = (
        text(label(row["gate_status"]), label(row["previous_gate_status"] or NONE)),
        *(
            hidden_cell(threshold) if row["is_suppressed"] else number(_signed(value, digits))
            for value, digits in moved
        ),
        tagged(readable(row["cause"]), _TONES.get(row["cause"], "plain")),
    )
    return Row(who, cells)


def _signed(value: float | None, digits: int) -> str:
    if value is None:
        return NONE
    shown = decimal(value, digits)
    return f"+{shown}" if value > 0 else shown
