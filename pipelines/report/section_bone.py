"""The table of bone prevalence: every number behind the plots, gates that are closed, and what was published."""

from typing import Any

import polars as pl

from pipelines.report.gate_words import gate_words
from pipelines.report.labels import cycle, heading, label
from pipelines.report.numerals import NBSP, NONE, count, interval, percent
from pipelines.report.plot_prevalence import canonical_band, published_pct
from pipelines.report.views import Cell, Column, Row, Table, hidden_cell, number, tagged

_COLUMNS_BEFORE = (Column("Cycle, sex and band"),)


def prevalence_table(frame: pl.DataFrame, site: str, threshold: int) -> Table:
    """One site: cycle, sex and band down, references across, published values in the last column."""
    part = frame.filter(pl.col("site_code") == site)
    references = part["reference_code"].unique(maintain_order=True).to_list()
    keyed = {
        (row["cycle_label"], row["sex_code"], row["band"], row["reference_code"]): row
        for row in part.iter_rows(named=True)
    }
    rows: list[Row] = []
    group = None
    for where in part.select("cycle_label", "sex_code", "band").unique(maintain_order=True).iter_rows():
        cycle_label, sex, band = where
        found = [keyed.get((*where, reference)) for reference in references]
        published = next((value for row in found if row and (value := published_pct(row)) is not None), None)
        if (cycle_label, sex) != group:
            group = (cycle_label, sex)
            rows.append(Row(f"{cycle(cycle_label)}, {label(sex)}{_scanned(found, threshold)}"))
        cells = (
            *(_cell(row, threshold) for row in found),
            number(percent(published, 0) if published is not None else ""),
        )
        rows.append(Row(heading(canonical_band(band)), cells, is_indented=True))
    columns = (
        *_COLUMNS_BEFORE,
        *(Column(f"T-score against {label(reference)}", f"95{NBSP}% CI", is_number=True) for reference in references),
        Column("Published", "Looker 2010", is_number=True),
    )
    return Table(
        f"{heading(site)}: prevalence by reference", "mart.bone_prevalence", columns, tuple(rows), is_folded=True
    )


def closed_sentence(frame: pl.DataFrame) -> str:
    """How many values stand behind a closed gate, and why; empty where none does."""
    closed = frame.filter(pl.col("gate_status") == "closed")
    if closed.is_empty():
        return ""
    reasons = sorted({gate_words(reason or "no reason given") for reason in closed["gate_reason"]})
    listed = ". ".join(reasons[:4]) + (f"; and {len(reasons) - 4} more reasons" if len(reasons) > 4 else "")
    return f"{closed.height} of {frame.height} values are not shown because their gate is closed: {listed}."


def _scanned(rows: list[dict[str, Any] | None], threshold: int) -> str:
    known = {row["n"] for row in rows if row and row["n"] is not None and row["n"] >= threshold}
    return f" ({count(known.pop())} scanned)" if len(known) == 1 else ""


def _cell(row: dict[str, Any] | None, threshold: int) -> Cell:
    if row is None:
        return number(NONE)
    if row["gate_status"] == "closed":
        return tagged("gate closed", "bad", note=gate_words(row["gate_reason"]))
    if row["is_suppressed"] or row["prevalence_pct"] is None:
        return hidden_cell(threshold)
    return number(percent(row["prevalence_pct"]), interval(row["ci_low_pct"], row["ci_high_pct"], 1))
