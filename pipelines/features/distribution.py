"""How many people have which values of a feature, for pictures: counts by bin and by code, small cells merged or hidden.

Counts people, not rows: a person is counted once in each bin that holds one of their values. Outer bins are open, so no
least or greatest value is told. Nothing here draws, and nothing here is an estimate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.disclosure import hidden_parts

BINS = 16
MOST_CODES = 12
_EDGE_PERCENTILES = (2.0, 98.0)
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts of people: by bin of a number (`edges` one longer than `people`), or by code (`codes`, as many as `people`).

    `hidden` is how many codes were left out as too small or too many; `null_pct` is of rows, a whole per cent.
    """

    people: tuple[int, ...]
    edges: tuple[float, ...] = ()
    codes: tuple[str, ...] = ()
    hidden: int = 0
    null_pct: int = 0


def bin_edges(samples: Sequence[np.ndarray], bins: int = BINS) -> tuple[float, ...]:
    """Even edges at round numbers over the middle 96 % of all values; the outer bins are meant to be open.

    Args:
        samples: values of the populations that are to be compared, each of shape (n,), NaN-free.

    Returns:
        At least two edges, rising; empty without values.
    """
    values = np.concatenate([np.asarray(sample, dtype=np.float64) for sample in samples]) if samples else np.empty(0)
    if values.size == 0:
        return ()
    low, high = np.percentile(values, _EDGE_PERCENTILES)
    if high <= low:
        high = low + 1.0
    step = _nice_step((high - low) / bins)
    first, last = math.floor(low / step), math.ceil(high / step)
    return tuple(float(f"{k * step:.10g}") for k in range(first, max(last, first + 1) + 1))


def of_number(rows: pl.DataFrame, edges: Sequence[float], min_cell: int) -> Distribution | None:
    """People by bin; neighbours are merged until each bin holds nobody or at least `min_cell` people.

    Args:
        rows: `person_id` and `value`, which may be null.
        edges: from `bin_edges`; values beyond the outer edges count in the outer bins.

    Returns:
        None where fewer than `min_cell` people have a value.
    """
    present = rows.drop_nulls("value")
    if not edges or present["person_id"].n_unique() < min_cell:
        return None
    inner = np.asarray(edges[1:-1])
    # A value on an edge belongs to the bin above it.
    place = np.searchsorted(inner, present["value"].cast(pl.Float64).to_numpy(), side="right")
    placed = present.select("person_id").with_columns(place=pl.Series(place)).unique()
    members = dict(placed.group_by("place").agg(pl.col("person_id")).iter_rows())
    groups = _merged([set(members.get(k, ())) for k in range(len(edges) - 1)], min_cell)
    merged_edges = (*(edges[start] for start, _ in groups), edges[-1])
    return Distribution(tuple(n for _, n in groups), edges=tuple(merged_edges), null_pct=_null_pct(rows))


def of_code(rows: pl.DataFrame, min_cell: int) -> Distribution | None:
    """People by code, most first; codes of fewer than `min_cell` people are hidden, and what would give them away.

    Args:
        rows: `person_id` and `value` (text or true and false), which may be null.
    """
    present = rows.drop_nulls("value").unique()
    if present["person_id"].n_unique() < min_cell:
        return None
    counted = (
        present.group_by(pl.col("value").cast(pl.String))
        .agg(n=pl.col("person_id").n_unique())
        .sort("n", "value", descending=[True, False])
    )
    hidden = hidden_parts(counted["n"].to_list(), min_cell)
    shown = [(code, n) for (code, n), hide in zip(counted.iter_rows(), hidden, strict=True) if not hide][:MOST_CODES]
    return Distribution(
        tuple(n for _, n in shown),
        codes=tuple(code for code, _ in shown),
        hidden=counted.height - len(shown),
        null_pct=_null_pct(rows),
    )


def _merged(members: Sequence[set[int]], min_cell: int) -> list[tuple[int, int]]:
    """(first bin, people) of each group of neighbours that holds nobody or enough; a short last group joins the one before."""
    groups: list[tuple[int, set[int]]] = []
    for index, people in enumerate(members):
        if groups and 0 < len(groups[-1][1]) < min_cell:
            groups[-1] = (groups[-1][0], groups[-1][1] | people)
        else:
            groups.append((index, set(people)))
    while len(groups) > 1 and 0 < len(groups[-1][1]) < min_cell:
        _, people = groups.pop()
        groups[-1] = (groups[-1][0], groups[-1][1] | people)
    return [(start, len(people)) for start, people in groups]


def _nice_step(least: float) -> float:
    """The smallest round step (1, 2, 2.5 or 5 times a power of ten) that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(nice * power for nice in _NICE if nice * power >= least * (1 - 1e-12))


def _null_pct(rows: pl.DataFrame) -> int:
    return round(100 * rows["value"].null_count() / max(rows.height, 1))
