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


def covariates_of(inputs: Inputs, study_id: str, people: pl.DataFrame, excluded: Iterable[str] = ()) -> pl.DataFrame:
    """[n rows] a column a covariate of the study, by name, NULL where missing; in the order of `people`.

    Args:
        inputs: with `features.covariate`.
        study_id: the study.
        people: [n rows] with `person_id` and `trial_number`.
        excluded: covariates that do not enter.
    """
    wide = _wide(inputs[TABLE], study_id)
    names = sorted(set(wide.columns) - {*KEY, *excluded})
    return people.select(KEY).join(wide.select(*KEY, *names), on=KEY, how="left", maintain_order="left").select(names)


def _wide(rows: pl.LazyFrame, study_id: str) -> pl.DataFrame:
    for each in _in_hand:
        if each.rows() is rows and each.study_id == study_id:
            return each.wide
    _in_hand.clear()
    long = rows.filter(pl.col("study_id") == study_id).select(*KEY, pl.col("covariate_code").cast(pl.String), "value")
    wide = long.collect().pivot("covariate_code", index=KEY, values="value")
    # Gone with the rows, so that nothing is held beyond the step that asked.
    _in_hand.append(_Study(weakref.ref(rows, lambda _: _in_hand.clear()), study_id, wide))
    return wide
