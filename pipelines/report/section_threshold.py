"""Change-points along estradiol in words and numbers; the curve with the place drawn into it is `plot_curve`."""

from typing import Any

import polars as pl

from pipelines.report.gate_words import because, gate_words
from pipelines.report.labels import heading, label
from pipelines.report.numerals import EN_DASH, NBSP, NONE, compact, decimal, p_value, with_unit
from pipelines.report.views import Cell, Column, Finding, Row, Table, number

_ANSWERS = {"kink": "it bends", "no_kink": "a straight line", "not_answerable": "no answer"}
_ANALYSES = {"primary": "all draws", "lc_ms_ms_only": "LC-MS/MS alone"}


def threshold_table(frame: pl.DataFrame) -> Table:
    """One row per population, outcome and analysis; an end that the data do not give is called open."""
    columns = (
        Column("Population and outcome"),
        Column("Answer"),
        Column("Place", f"95{NBSP}% CI", is_number=True),
        Column("Below it", "% a year per doubling", is_number=True),
        Column("Above it", "% a year per doubling", is_number=True),
        Column("Bends", "p", is_number=True),
    )
    note = (
        "Places and slopes are corrected for error of measurement where the line bends. 20, 30 and 100 pg/mL are levels "
        "named in practice: marks in the figure, not findings."
    )
    rows = tuple(_row(row) for row in frame.iter_rows(named=True))
    return Table("Change-points", "mart.threshold", columns, rows, note=note)


def threshold_finding(frame: pl.DataFrame) -> tuple[Finding, ...]:
    """Whether each line of all draws bends, and where; those without an answer in one finding."""
    rows = list(frame.filter(pl.col("analysis") == "primary").iter_rows(named=True))
    none = [row for row in rows if row["answer"] == "not_answerable"]
    found = [_finding(row) for row in rows if row["answer"] != "not_answerable"]
    if none:
        who = "; ".join(f"{label(row['population'])}, {label(row['outcome'])}" for row in none)
        why = because(none[0]["why"] or none[0]["gate_reason"])
        found.append(Finding(f"Change-point, {who}:", f"no answer{why}.", "no answer", "unsure"))
    return tuple(found)


def _finding(row: dict[str, Any]) -> Finding:
    who = f"Change-point, {label(row['population'])}, {label(row['outcome'])}:"
    if row["answer"] == "no_kink":
        tested = "" if row["p_value"] is None else f" ({p_value(row['p_value'])})"
        return Finding(who, f"none seen, a straight line fits{tested}.", "no bend", "plain")
    place = _place(row)
    tested = "" if row["p_value"] is None else f"; {p_value(row['p_value'])}"
    return Finding(who, f"the line bends at {place.text} (95{NBSP}%{NBSP}CI {place.note}{tested}).", "bends", "clear")


def why_sentence(frame: pl.DataFrame) -> str:
    """Why there is no answer, where there is none: each reason once, of all that it is said of."""
    rows = frame.filter(pl.col("answer") == "not_answerable")
    said = [
        f"{'; '.join(_who(row) for row in part.iter_rows(named=True))} \u2013 {gate_words(str(why or ''))}"
        for (why,), part in rows.group_by("why", maintain_order=True)
    ]
    return f"No answer: {'. '.join(said)}." if said else ""


def _who(row: dict[str, Any]) -> str:
    return f"{heading(row['population'])}, {label(row['outcome'])}, {_ANALYSES[row['analysis']]}"


def _row(row: dict[str, Any]) -> Row:
    is_bent = row["answer"] == "kink" and row["place_pg_ml"] is not None
    slopes = [row[f"slope_{side}_corrected" if is_bent else f"slope_{side}"] for side in ("below", "above")]
    tested = NONE if row["p_value"] is None else p_value(row["p_value"]).removeprefix("p").strip(f"{NBSP}=")
    cells = (
        Cell(_ANSWERS[row["answer"]], "gate waived" if row["gate_status"] == "waived" else ""),
        _place(row) if is_bent else number(NONE),
        *(number(decimal(slope, 2)) for slope in slopes),
        number(tested),
    )
    return Row(_who(row), cells)


def _place(row: dict[str, Any]) -> Cell:
    where = with_unit(compact(row["place_pg_ml"]), "pg/mL")
    if row["is_empty"]:
        return number(where, "more than one")
    low = "open" if row["is_open_low"] else compact(row["ci_low_pg_ml"])
    high = "open" if row["is_open_high"] else compact(row["ci_high_pg_ml"])
    return number(where, f"{low} {EN_DASH} {high}")
