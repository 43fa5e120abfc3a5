"""What weighting had to do and what it cost: what diagnostics say of weights, contrast by contrast."""

import polars as pl

from pipelines.report.labels import capitalized, heading, label, readable
from pipelines.report.numerals import NONE
from pipelines.report.section_checks import diagnostic_value
from pipelines.report.views import Column, Row, Table, number

#: diagnostics that speak of overlap and weights, in the order of a reader
WEIGHTS = (
    "equipoise",
    "propensity_auc",
    "largest_weight",
    "effective_share_target",
    "effective_share_comparator",
    "effective_n",
    "weight_mean_off",
    "truncated_share",
    "kept_share",
    "kept_share_target",
    "kept_share_comparator",
)


def weights_table(diagnostics: pl.DataFrame) -> Table:
    """Contrasts down, what is told of their weights across; hidden values say so."""
    told = diagnostics.filter(pl.col("diagnostic").is_in(WEIGHTS), pl.col("value").is_not_null())
    names = [name for name in WEIGHTS if name in set(told["diagnostic"])]
    rows: list[Row] = []
    for (contrast,), part in told.group_by("contrast", maintain_order=True):
        rows.append(Row(capitalized(readable(str(contrast)))))
        for (outcome, population), own in part.group_by("outcome", "population", maintain_order=True):
            known = dict(own.select("diagnostic", "value").iter_rows())
            cells = tuple(number(diagnostic_value(name, known[name]) if name in known else NONE) for name in names)
            rows.append(Row(f"{heading(str(population))}, {label(str(outcome))}", cells, is_indented=True))
    columns = (Column("Population and outcome"), *(Column(heading(name), is_number=True) for name in names))
    note = (
        "An effective share of 50 % means that weighting left the precision of half the people. A largest weight of 10 "
        "means that one person stands for ten."
    )
    return Table("Weights", "mart.diagnostic", columns, tuple(rows), note=note)
