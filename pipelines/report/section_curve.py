"""The two ends of each curve as numbers and the tests behind it, for readers who want them beside the picture."""

from typing import Any

import polars as pl

from pipelines.report.labels import JOINT_TEST, NONLINEARITY_TEST, heading, label, readable, split_unit
from pipelines.report.numerals import NBSP, NONE, compact, decimal, interval, p_value, with_unit
from pipelines.report.views import Cell, Column, Row, Table, number

_CURVE = ("study_id", "outcome", "population")
_ALPHA = 0.05


def ends_table(curves: pl.DataFrame, estimates: pl.DataFrame) -> Table:
    """One row per curve: reference, the difference at its lowest and highest point, and p-values of its tests."""
    tests = _tests(estimates)
    rows = []
    for _, curve in curves.group_by(*_CURVE, maintain_order=True):
        first, last = curve.row(0, named=True), curve.row(-1, named=True)
        who = f"{heading(first['population'])}, {label(first['outcome'])}"
        who += f" (gate waived: {readable(first['gate_reason'])})" if first["gate_status"] == "waived" else ""
        reference = number(with_unit(compact(first["reference_value"]), "pg/mL"))
        key = tuple(first[name] for name in _CURVE)
        p_values = tuple(_p(tests.get((*key, test))) for test in (JOINT_TEST, NONLINEARITY_TEST))
        rows.append(Row(who, (reference, *_end(first), *_end(last), *p_values)))
    columns = (
        Column("Population and outcome"),
        Column("Reference", "difference is 0", is_number=True),
        Column("Lowest", is_number=True),
        Column("Difference", f"95{NBSP}% CI", is_number=True),
        Column("Highest", is_number=True),
        Column("Difference", f"95{NBSP}% CI", is_number=True),
        Column("Association", "p, spline", is_number=True),
        Column("Curvature", "p", is_number=True),
    )
    source = "mart.dose_response, mart.effect_estimate"
    return Table("Both ends of each curve, and its tests", source, columns, tuple(rows))


def curvature_sentence(curves: pl.DataFrame, estimates: pl.DataFrame) -> str:
    """Whether any shown curve departs from a straight line on the log scale; empty where none was tested."""
    tests = _tests(estimates)
    shown = curves.select(_CURVE).unique(maintain_order=True).iter_rows()
    found = [(key, p) for key in shown if (p := tests.get((*key, NONLINEARITY_TEST))) is not None]
    if not found:
        return ""
    bent = [f"{label(key[2])}, {label(key[1])} ({p_value(p)})" for key, p in found if p < _ALPHA]
    if bent:
        return f"Curves that depart from a straight line on the log scale at the 5{NBSP}% level: {'; '.join(bent)}."
    least = p_value(min(p for _, p in found))
    return f"No curve departs from a straight line on the log scale at the 5{NBSP}% level (smallest {least})."


def _tests(estimates: pl.DataFrame) -> dict[tuple[str, ...], float]:
    """p-values of the spline tests by study, outcome, population and test, where the gate lets them be told."""
    rows = estimates.filter(
        pl.col("estimator").is_in([JOINT_TEST, NONLINEARITY_TEST]) & pl.col("p_value").is_not_null()
    )
    return {tuple(row[:4]): row[4] for row in rows.select(*_CURVE, "estimator", "p_value").iter_rows()}


def _p(value: float | None) -> Cell:
    return number(NONE if value is None else p_value(value).removeprefix("p").strip(f"{NBSP}="))


def _end(point: dict[str, Any]) -> tuple[Cell, Cell]:
    unit = split_unit(point["outcome"])[1]
    difference = with_unit(decimal(point["estimate"], 3), unit)
    where = number(with_unit(compact(point["exposure_value"]), "pg/mL"))
    return where, number(difference, interval(point["ci_low"], point["ci_high"], 3))
