"""What weighting had to do and what it cost: what diagnostics say of weights, contrast by contrast."""

import re

import polars as pl

from pipelines.report.labels import capitalized, heading, label, readable
from pipelines.report.numerals import NONE
from pipelines.report.section_checks import LONG, diagnostic_value
from pipelines.report.views import Cell, Column, Row, Table, number

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
    "protocol_share_target",
    "protocol_share_comparator",
)


_HORIZON = re.compile(r", (\d+) months(?=,|$)")
#: outcome and horizon in months
_Asked = tuple[str, int | None]


def weights_table(diagnostics: pl.DataFrame) -> Table:
    """Comparisons down, what is told of their weights across; hidden values say so. Outcomes and horizons that were weighted
    alike share a row."""
    # What is asked by strata has the weights of its trial.
    is_divided = (pl.col("diagnostic") == "trial_gate").any().over("study_id", "contrast", "outcome", "population")
    told = diagnostics.filter(~is_divided, pl.col("diagnostic").is_in(WEIGHTS), pl.col("value").is_not_null())
    names = [name for name in WEIGHTS if name in set(told["diagnostic"])]
    alike: dict[str, dict[tuple[str, tuple[Cell, ...]], list[_Asked]]] = {}
    for (contrast, outcome, population), own in told.group_by("contrast", "outcome", "population", maintain_order=True):
        known = dict(own.select("diagnostic", "value").iter_rows())
        cells = tuple(number(diagnostic_value(name, known[name]) if name in known else NONE) for name in names)
        found = _HORIZON.search(str(contrast))
        asked = (str(outcome), int(found[1]) if found else None)
        of_comparison = alike.setdefault(_HORIZON.sub("", str(contrast)), {})
        of_comparison.setdefault((str(population), cells), []).append(asked)
    rows: list[Row] = []
    for comparison, by_cells in alike.items():
        rows.append(Row(capitalized(readable(comparison))))
        for (population, cells), asked in by_cells.items():
            is_every = sum(of == population for of, _ in by_cells) == 1
            rows.append(Row(f"{heading(population)}, {_which(asked, is_every=is_every)}", cells, is_indented=True))
    columns = (Column("Population and outcome"), *(Column(heading(name), is_number=True) for name in names))
    note = (
        "An effective share of 50 % means that weighting left the precision of half the people. A largest weight of 10 "
        "means that one person stands for ten."
    )
    return Table("Weights", "mart.diagnostic", columns, tuple(rows), note=note, is_folded=len(rows) > LONG)


def _which(asked: list[_Asked], *, is_every: bool) -> str:
    """Outcomes and horizons of a row; more than two outcomes that are all of them are not listed."""
    by_outcome: dict[str, list[int]] = {}
    for outcome, months in asked:
        by_outcome.setdefault(outcome, []).extend([] if months is None else [months])
    horizons = {outcome: _months(months) for outcome, months in by_outcome.items()}
    if len(set(horizons.values())) > 1:
        return "; ".join(f"{label(outcome)}{said}" for outcome, said in horizons.items())
    named = "every outcome" if is_every and len(horizons) > 2 else ", ".join(label(outcome) for outcome in horizons)
    return named + next(iter(horizons.values()))


def _months(months: list[int]) -> str:
    return f", {', '.join(map(str, sorted(months)))} months" if months else ""
