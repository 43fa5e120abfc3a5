"""Risks of events: differences, ratios before and after calibration, and how strong a confounder would have to be.

Rows of studies that compare risks, told apart by their estimators. A closed gate shows its reason and no number.
"""

import math
import re
from typing import Any

import polars as pl

from pipelines.report.labels import RISK_ESTIMATORS, RISK_ROWS, capitalized, heading, label, readable
from pipelines.report.numerals import NBSP, NONE, count, decimal, interval, p_value
from pipelines.report.section_checks import gate_cell
from pipelines.report.views import Cell, Column, Row, Table, number

#: horizon shown first, in months. Source: estimands of the first studies
MAIN_HORIZON = 60.0
_KEY = ("study_id", "contrast", "outcome", "population")
#: by primary estimator, that of the ratio beside it
_RATIO = {"risk_difference": "log_risk_ratio", "interaction_additive": "interaction_log_ratio"}
#: two arms, a horizon, and what else the contrast says
ARMS = re.compile(r"([a-z0-9_.]+) vs ([a-z0-9_.]+), ([\d.]+) months(?:, (.+))?$")
_COLUMNS = (
    Column("Outcome"),
    Column("Difference", f"percentage points, 95{NBSP}% CI", is_number=True),
    Column("Ratio", f"95{NBSP}% CI", is_number=True),
    Column("Ratio, calibrated", f"95{NBSP}% CI", is_number=True),
    Column("E-value", "of the limit", is_number=True),
    Column("People", "target, comparator", is_number=True),
    Column("Events", "target, comparator", is_number=True),
    Column("Gate"),
)


def is_risk() -> pl.Expr:
    """Rows of a comparison of risks, whatever the estimator."""
    return pl.col("estimator").is_in(RISK_ROWS)


def is_main() -> pl.Expr:
    """What leads the page: the main horizon, and no interaction."""
    is_interaction = pl.col("estimator") == "interaction_additive"
    return ~pl.col("estimator").is_in(RISK_ESTIMATORS) | ((pl.col("horizon_months") == MAIN_HORIZON) & ~is_interaction)


def other_parts(estimates: pl.DataFrame) -> list[tuple[str, pl.Expr]]:
    """What does not lead the page, in words and as its rows: every other horizon, and how effects differ between cohorts."""
    is_interaction = pl.col("estimator") == "interaction_additive"
    of_pairs = estimates.filter(pl.col("estimator") == "risk_difference")
    months = of_pairs["horizon_months"].drop_nulls().unique().sort()
    parts = [
        (f"risks by {each:g} months", (pl.col("estimator") == "risk_difference") & (pl.col("horizon_months") == each))
        for each in months
        if each != MAIN_HORIZON
    ]
    return [*parts, ("how effects differ between cohorts", is_interaction)]


def risk_sentence(row: dict[str, Any]) -> str:
    """What is said of one risk difference in the key findings."""
    points = 100 * row["estimate"]
    low, high = (100 * row[name] for name in ("ci_low", "ci_high"))
    limits = f"95{NBSP}%{NBSP}CI {interval(low, high, 2)}; {p_value(row['p_value'])}"
    found = ARMS.match(row["contrast"])
    if found is None:
        contrast = readable(row["contrast"])
        return f"{label(row['outcome'])}: {decimal(points, 2)} percentage points ({contrast}; {limits})."
    target, comparator, months, rest = found.groups()
    size = f"{decimal(abs(points), 2)} percentage points {'higher' if points >= 0 else 'lower'}"
    at = f"{months}{NBSP}months" + (f", {readable(rest)}" if rest else "")
    arms = f"under {label(target)} than under {label(comparator)}"
    return f"the risk of {label(row['outcome'])} was {size} {arms}, by {at} ({limits})."


def risk_tables(estimates: pl.DataFrame) -> tuple[Table, ...]:
    """Of every study the main horizon, the other horizons folded away, and how effects differ between cohorts."""
    frame = estimates.filter(is_risk())
    beside = {(*(row[name] for name in _KEY), row["estimator"]): row for row in frame.iter_rows(named=True)}
    tables = []
    for (study,), part in frame.group_by("study_id", maintain_order=True):
        primary = part.filter(pl.col("estimator") == "risk_difference")
        is_main_horizon = pl.col("horizon_months") == MAIN_HORIZON
        main = primary.filter(is_main_horizon)
        name = heading(str(study))
        tables += [
            _table(
                f"{name}: risks by 5 years",
                main,
                beside,
                # Without an answer it is reasons alone, and those lead the page.
                is_folded=main["estimate"].null_count() == main.height,
            ),
            _table(f"{name}: risks by other horizons", primary.filter(~is_main_horizon), beside, is_folded=True),
            _table(
                f"{name}: how the effect differs between cohorts",
                part.filter(pl.col("estimator") == "interaction_additive"),
                beside,
                is_folded=True,
            ),
        ]
    return tuple(table for table in tables if table.rows)


def _table(
    caption: str, primary: pl.DataFrame, beside: dict[tuple[Any, ...], dict[str, Any]], *, is_folded: bool = False
) -> Table:
    rows: list[Row] = []
    for (contrast,), part in primary.group_by("contrast", maintain_order=True):
        rows.append(Row(capitalized(readable(str(contrast)))))
        for row in part.iter_rows(named=True):
            ratio = beside.get((*(row[name] for name in _KEY), _RATIO[row["estimator"]]))
            rows.append(_row(row, ratio))
    note = (
        "Weighted Aalen-Johansen risks; death competes. Calibrated: less the systematic error that negative controls show, "
        "and as uncertain as they leave it. E-value: the least strength of an unmeasured confounder that explains it away."
    )
    return Table(caption, "mart.effect_estimate", _COLUMNS, tuple(rows), note=note, is_folded=is_folded)


def _row(row: dict[str, Any], ratio: dict[str, Any] | None) -> Row:
    who = label(row["outcome"])
    if row["estimate"] is None:
        return Row(who, (*(number(NONE) for _ in range(6)), gate_cell(row)), is_indented=True)
    cells = (
        number(decimal(100 * row["estimate"], 2), interval(100 * row["ci_low"], 100 * row["ci_high"], 2)),
        _ratio(ratio, ("estimate", "ci_low", "ci_high")),
        _ratio(ratio, ("calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high")),
        _strength(ratio),
        number(_both(row, "n")),
        number(_both(row, "events")),
        gate_cell(row),
    )
    return Row(who, cells, is_indented=True)


def _ratio(row: dict[str, Any] | None, names: tuple[str, str, str]) -> Cell:
    if row is None or any(row[name] is None for name in names):
        return number(NONE)
    middle, low, high = (math.exp(row[name]) for name in names)
    return number(decimal(middle, 2), interval(low, high, 2))


def _strength(row: dict[str, Any] | None) -> Cell:
    if row is None or row["e_value"] is None:
        return number(NONE)
    return number(decimal(row["e_value"], 2), decimal(row["e_value_limit"], 2))


def _both(row: dict[str, Any], name: str) -> str:
    return ", ".join(count(row[f"{name}_{arm}"]) for arm in ("target", "comparator"))
