"""Whether effects differ between strata: each stratum beside the other, their difference, and how many such tests were made.

Rows are told apart by their estimators; a closed gate shows its reason and no number.
"""

from math import exp
from typing import Any

import polars as pl

from pipelines.report.labels import (
    DISCOVERY,
    INTERACTION,
    MODIFIER_ROWS,
    WITHIN_STRATUM,
    heading,
    label,
    readable,
    split_unit,
)
from pipelines.report.numerals import NBSP, NONE, count, decimal, estimate_digits, interval, p_value, with_unit
from pipelines.report.section_checks import gate_cell
from pipelines.report.section_risk import ARMS
from pipelines.report.views import Cell, Column, Row, Table, number

_KEY = ("study_id", "contrast", "outcome", "population")
_LOG_RATIO = "differences of log ratios"
_COLUMNS = (
    Column("Divided by"),
    Column("Effect in the lower stratum", f"95{NBSP}% CI", is_number=True),
    Column("Effect in the upper stratum", f"95{NBSP}% CI", is_number=True),
    Column("Upper less lower", f"95{NBSP}% CI", is_number=True),
    Column("p", is_number=True),
    Column("p, adjusted", "false discovery rate", is_number=True),
    Column("People", "lower, upper", is_number=True),
    Column("Gate"),
)


def is_modifier() -> pl.Expr:
    """Rows of effects by stratum, whatever the estimator."""
    return pl.col("estimator").is_in(MODIFIER_ROWS) | pl.col("estimator").str.starts_with(WITHIN_STRATUM)


def modifier_sentence(row: dict[str, Any]) -> str:
    """What is said of one difference between strata in the key findings."""
    upper, lower = _strata(row)
    found = ARMS.match(row["contrast"])
    assert found is not None
    target, comparator, months, _ = found.groups()
    arms = f"{label(target)} against {label(comparator)}, by {months}{NBSP}months"
    people = f"with {readable(upper)} than with {readable(lower)}"
    if _LOG_RATIO in row["scale"]:
        ratio, limits = _figures(row)
        size = f"the ratio of {label(row['outcome'])} under {arms}, was {ratio} times as large {people}"
    else:
        unit = split_unit(row["outcome"])[1]
        digits = estimate_digits(unit, row["se"])
        points = with_unit(decimal(abs(row["estimate"]), digits), "percentage points" if unit == "%" else unit)
        limits = interval(row["ci_low"], row["ci_high"], digits)
        side = "higher" if row["estimate"] >= 0 else "lower"
        size = f"the effect of {arms}, on {label(row['outcome'])} was {points} {side} {people}"
    return f"{size} (95{NBSP}%{NBSP}CI {limits}; {p_value(row['p_value'])}, not adjusted)."


def modifier_tables(estimates: pl.DataFrame) -> tuple[Table, ...]:
    """One table a study: the trials, and under each what its people are divided by; nothing where no study divides any."""
    frame = estimates.filter(is_modifier())
    beside = {(*(row[name] for name in _KEY), row["estimator"]): row for row in frame.iter_rows(named=True)}
    tables = []
    for (study,), part in frame.filter(pl.col("estimator") == INTERACTION).group_by("study_id", maintain_order=True):
        rows: list[Row] = []
        named = part.with_columns(trial=pl.col("contrast").str.replace(r", by [a-z0-9_]+$", ""))
        for (trial, outcome, population), of_trial in named.group_by(
            "trial", "outcome", "population", maintain_order=True
        ):
            who = f"{heading(str(population))}, {label(str(outcome))}"
            rows.append(Row(f"{who}: {readable(str(trial))}"))
            rows += [_row(row, beside) for row in of_trial.iter_rows(named=True)]
        note = (
            "Strata as known at time zero. Ratios where the outcome is compared by ratios, else in its unit. Adjusted: by "
            "Benjamini and Hochberg over every open interaction of the study. An effect that differs between strata is not "
            "shown to differ because of what divides them."
        )
        caption = f"{heading(str(study))}: effects by stratum"
        nothing = part["estimate"].is_null().all()
        tables.append(Table(caption, "mart.effect_estimate", _COLUMNS, tuple(rows), note=note, is_folded=nothing))
    return tuple(tables)


def _row(row: dict[str, Any], beside: dict[tuple[Any, ...], dict[str, Any]]) -> Row:
    upper, lower = _strata(row)
    name = f"{heading(row['contrast'].rpartition(', by ')[2])}: {readable(lower)}; {readable(upper)}"
    key = tuple(row[column] for column in _KEY)
    within = [beside.get((*key, f"{WITHIN_STRATUM}{stratum}")) for stratum in (lower, upper)]
    adjusted = beside.get((*key, DISCOVERY))
    if row["estimate"] is None:
        return Row(name, (*(number(NONE) for _ in range(6)), gate_cell(row, most=2)), is_indented=True)
    people = ", ".join(_people(each) for each in within)
    told = (
        *(_cell(each) for each in within),
        _cell(row),
        _p(row),
        _p(adjusted),
        number(people),
        gate_cell(row, most=2),
    )
    return Row(name, told, is_indented=True)


def _strata(row: dict[str, Any]) -> tuple[str, str]:
    """Upper and lower stratum, which the estimand of the row names."""
    upper, _, lower = row["estimand"].rpartition(": ")[2].partition(" less ")
    return upper, lower


def _figures(row: dict[str, Any]) -> tuple[str, str]:
    """Value and limits: of log ratios the ratio."""
    ends = [row[name] for name in ("estimate", "ci_low", "ci_high")]
    unit = split_unit(row["outcome"])[1]
    digits = estimate_digits(unit, row["se"])
    if "log ratio" in row["scale"]:
        ends, digits = [exp(end) for end in ends], 2
    return decimal(ends[0], digits), interval(ends[1], ends[2], digits)


def _cell(row: dict[str, Any] | None) -> Cell:
    return number(NONE) if row is None or row["estimate"] is None else number(*_figures(row))


def _p(row: dict[str, Any] | None) -> Cell:
    return number(NONE if row is None else p_value(row["p_value"]).removeprefix("p").strip(f"{NBSP}="))


def _people(row: dict[str, Any] | None) -> str:
    """Of both arms together; not told where that of an arm is not."""
    if row is None or row["n_target"] is None or row["n_comparator"] is None:
        return NONE
    return count(row["n_target"] + row["n_comparator"])
