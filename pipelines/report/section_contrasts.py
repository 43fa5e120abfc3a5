"""Every contrast in one table to sort and search, and how far each primary estimate depends on how it was made.

Sentences and tables study by study stand in `section_findings` and `section_risk`.
"""

from typing import Any

import polars as pl

from pipelines.report.frames import primary
from pipelines.report.labels import (
    COMPARISON_ESTIMATORS,
    DISCOVERY,
    JOINT_TEST,
    LOG_HAZARD_RATIO,
    NONLINEARITY_TEST,
    capitalized,
    heading,
    label,
    readable,
    split_unit,
)
from pipelines.report.numerals import NBSP, NONE, count, p_value
from pipelines.report.plot_estimates import value_and_limits
from pipelines.report.section_checks import gate_cell
from pipelines.report.views import Cell, Column, Row, Table, number, text

_KEY = ("study_id", "contrast", "outcome", "population")
#: tests, and estimators of another quantity than the primary one
_OTHER_QUANTITY = (
    *(JOINT_TEST, NONLINEARITY_TEST, "two_lines_break", "two_lines_test", "two_lines_test_holm"),
    *(DISCOVERY, "additive_testosterone", "additive_estradiol", "aic_ratio_less_additive"),
)


def contrast_table(estimates: pl.DataFrame) -> Table:
    """One row a primary estimate, gates closed or open; `filters` are study, outcome, population and gate."""
    columns = (
        Column("Study"),
        Column("Contrast"),
        Column("Outcome"),
        Column("Population"),
        Column("Estimate", f"95{NBSP}% CI", is_number=True),
        Column("p", is_number=True),
        Column("People", is_number=True),
        Column("Gate"),
    )
    rows = tuple(_contrast(row) for row in primary(estimates).iter_rows(named=True))
    caption = f"{count(len(rows))} primary estimates, one row each"
    note = (
        "Estimates are on the scale named below each; ratios of hazards are told as ratios. p-values are not adjusted for "
        "their number. A closed gate tells nothing; all that closed it stands on the page of its study."
    )
    return Table(caption, "mart.effect_estimate", columns, rows, note=note, is_sortable=True, filters=(0, 2, 3, 7))


def _contrast(row: dict[str, Any]) -> Row:
    told = Cell(NONE, is_number=True), number(NONE)
    if row["estimate"] is not None:
        value, limits = value_and_limits(row)
        unit = split_unit(row["outcome"])[1]
        scale = "ratio of hazards" if row["scale"] == LOG_HAZARD_RATIO else readable(row["scale"])
        tested = NONE if row["p_value"] is None else p_value(row["p_value"]).removeprefix("p").strip(f"{NBSP}=")
        told = (
            Cell(value, note=limits, is_number=True, sort=row["estimate"], hint="" if scale == unit else scale),
            Cell(tested, is_number=True, sort=row["p_value"]),
        )
    people = [n for n in (row["n_target"], row["n_comparator"]) if n is not None]
    cells = (
        text(capitalized(readable(row["contrast"]))),
        text(heading(row["outcome"])),
        text(heading(row["population"])),
        *told,
        Cell(" + ".join(count(n) for n in people) or NONE, is_number=True, sort=float(sum(people)) if people else None),
        gate_cell(row, most=2),
    )
    return Row(heading(row["study_id"]), cells)


def sensitivity_table(estimates: pl.DataFrame) -> Table:
    """Questions down, estimators across, on the scale of the primary one: how far the answer depends on the method."""
    told = estimates.filter(
        pl.col("estimate").is_not_null(),
        ~pl.col("estimator").is_in([*COMPARISON_ESTIMATORS, *_OTHER_QUANTITY]),
    )
    main = primary(told).select(*_KEY, "estimator", "scale").rename({"estimator": "led_by"}).unique(_KEY)
    same = told.join(main, on=[*_KEY, "scale"], how="inner", maintain_order="left")
    several = same.filter(pl.col("estimator").n_unique().over(_KEY) > 1)
    others = several.filter(pl.col("estimator") != pl.col("led_by"))["estimator"].unique(maintain_order=True).to_list()
    rows: list[Row] = []
    for (_, contrast), of_contrast in several.group_by("study_id", "contrast", maintain_order=True):
        rows.append(Row(capitalized(readable(str(contrast)))))
        for (outcome, population), part in of_contrast.group_by("outcome", "population", maintain_order=True):
            by_estimator = {row["estimator"]: row for row in part.iter_rows(named=True)}
            first = by_estimator[part["led_by"][0]]
            cells = (_told(first, None), *(_told(by_estimator.get(name), first) for name in others))
            rows.append(Row(f"{heading(str(population))}, {label(str(outcome))}", cells, is_indented=True))
    columns = (
        Column("Population and outcome"),
        Column("Primary", f"95{NBSP}% CI", is_number=True),
        *(Column(heading(name), is_number=True) for name in others),
    )
    note = "All on one scale. “Other side”: the estimate lies on the other side of no difference than the primary one."
    return Table("How far the answer depends on the method", "mart.effect_estimate", columns, tuple(rows), note=note)


def _told(row: dict[str, Any] | None, first: dict[str, Any] | None) -> Cell:
    if row is None:
        return number(NONE)
    value, limits = value_and_limits(row)
    is_other = first is not None and row["estimate"] * first["estimate"] < 0
    return Cell(value, note=limits, is_number=True, tag="other side" if is_other else "", tone="unsure")
