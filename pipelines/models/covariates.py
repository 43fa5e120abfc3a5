"""Covariates at time zero as models take them: a column each, for the people of a question.

The study in hand is kept for as long as the rows it was read from are in use: its questions ask for the same people and
covariates one after another, and turning rows into columns cost more than most fits. Not here: the matrix made of them
(`design_matrix`), surveys (`study_frame`).
"""

import weakref
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pipelines.run_facts import Inputs

KEY = ("person_id", "trial_number")
TABLE = "features.covariate"


@dataclass(frozen=True, slots=True)
class _Study:
    """The covariates of one study, and which rows they were read from; a step has its own."""

    rows: weakref.ref[pl.LazyFrame]
    study_id: str
    wide: pl.DataFrame


_in_hand: list[_Study] = []
#: with more of them, rows are pivoted
_MOST_COVARIATES = 1_000
#: time zeros that are unfolded at once
_AT_ONCE = 5_000


def covariates_of(inputs: Inputs, study_id: str, people: pl.DataFrame, excluded: Iterable[str] = ()) -> pl.DataFrame:
    """[n rows] a column a covariate of the study, by name, NULL where missing; in the order of `people`.

    Args:
        inputs: with `features.covariate`.
        study_id: the study.
        people: [n rows] with `person_id` and `trial_number`.
        excluded: covariates that do not enter.
    """
    return slim_covariates_of(inputs, study_id, people, excluded).cast(pl.Float64)


def slim_covariates_of(
    inputs: Inputs, study_id: str, people: pl.DataFrame, excluded: Iterable[str] = ()
) -> pl.DataFrame:
    """The same, columns of small whole numbers a byte a value: most covariates are flags, and the draws of everybody are many."""
    wide = _wide(inputs[TABLE], study_id)
    names = sorted(set(wide.columns) - {*KEY, *excluded})
    return people.select(KEY).join(wide.select(*KEY, *names), on=KEY, how="left", maintain_order="left").select(names)


def _wide(rows: pl.LazyFrame, study_id: str) -> pl.DataFrame:
    for each in _in_hand:
        if each.rows() is rows and each.study_id == study_id:
            return each.wide
    _in_hand.clear()
    long = rows.filter(pl.col("study_id") == study_id).select(*KEY, pl.col("covariate_code").cast(pl.String), "value")
    wide = _unfolded(long)
    if wide is None:
        pivoted = long.collect().pivot("covariate_code", index=KEY, values="value")
        wide = pivoted.select(*KEY, *map(_slim, pivoted.drop(KEY)))
    # Gone with the rows, so that nothing is held beyond the step that asked.
    _in_hand.append(_Study(weakref.ref(rows, lambda _: _in_hand.clear()), study_id, wide))
    return wide


def _unfolded(long: pl.LazyFrame) -> pl.DataFrame | None:
    """The rows as columns where they lie as they are stored, time zero by time zero, each with the same covariates in one order.

    None where they do not, which is asked of every row. Some time zeros are read at once, so that never more than the columns
    themselves is held: a tenth of the time of a pivot, and a fraction of its memory.
    """
    first = long.select(*KEY, "covariate_code").head(_MOST_COVARIATES).collect()
    if first.is_empty():
        return None
    names = first.join(first.head(1), on=KEY, how="semi")["covariate_code"].to_list()
    if len(set(names)) < len(names):
        return None
    pieces: list[pl.DataFrame] = []
    rest = long.collect_schema().to_frame()
    for batch in long.collect_batches(chunk_size=len(names) * _AT_ONCE, maintain_order=True):
        rows = pl.concat([rest, batch])
        end = rows.height - rows.height % len(names)
        piece, rest = _piece(rows.head(end), names), rows.slice(end)
        if piece is None:
            return None
        pieces.append(piece)
    if rest.height:
        return None
    wide = pl.DataFrame([_joined([piece[name] for piece in pieces]) for name in (*KEY, *names)])
    return None if wide.select(KEY).is_duplicated().any() else wide


def _piece(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame | None:
    """Whole time zeros as columns; None where a row is not the one that its place says."""
    n = len(names)

    def every(column: str, place: int) -> pl.Expr:
        return pl.col(column).gather_every(n, place)

    is_named = [(every("covariate_code", place) == name).all().alias(name) for place, name in enumerate(names)]
    is_of_one = [(every(key, 0) == every(key, n - 1)).all().alias(key) for key in KEY]
    if not all(rows.select(*is_named, *is_of_one).row(0)):
        return None
    columns = rows.select(every("value", place).alias(name) for place, name in enumerate(names))
    return pl.DataFrame([*rows.select(every(key, 0) for key in KEY), *map(_slim, columns)])


def _slim(column: pl.Series) -> pl.Series:
    """As whole numbers of one byte where nothing is lost by it."""
    slim = column.cast(pl.Int8, strict=False)
    return slim if slim.cast(column.dtype).equals(column) else column


def _joined(parts: list[pl.Series]) -> pl.Series:
    """Pieces of a column below each other; as numbers of full width where one of them is."""
    widest = max((part.dtype for part in parts), key=lambda dtype: dtype.is_float())
    return pl.concat([part.cast(widest) for part in parts])
