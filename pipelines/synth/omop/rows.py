"""What every rendered table shares: row numbers that do not depend on the batch, dates, and the visit of a day.

Nothing here knows what a row means.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.synth.mechanism.life import EPOCH, Lives

ROWS_OF_A_PERSON = 1_000_000
"""Row ids of a person lie between person x this and the next person's; the ranges inside are given by `row_ids`."""
COPY = 100_000
"""A second row made of a first one has its id plus this."""
_VISITS_OF_A_PERSON = 10_000


def ordinals(person: np.ndarray) -> np.ndarray:
    """Position of each row within its person from 0, [n] int64; equal persons must stand together."""
    first = np.flatnonzero(np.r_[True, person[1:] != person[:-1]]) if len(person) else np.array([], dtype=int)
    return np.arange(len(person)) - np.repeat(first, np.diff(np.r_[first, len(person)]))


def row_ids(person: pl.Series, start: int, step: int = 1) -> np.ndarray:
    """Ids of the rows of a frame sorted by person: start + 1, start + 1 + step, ... within the person's range.

    Raises:
        ValueError: a person has more rows than fit below the range of copies.
    """
    people = person.to_numpy().astype(np.int64)
    position = ordinals(people)
    if len(position) and position.max() * step >= COPY - 1:
        raise ValueError("a person has more rows in one table than row ids are kept for")
    return people * ROWS_OF_A_PERSON + start + 1 + step * position


def date(day: str | pl.Expr) -> pl.Expr:
    """The calendar date of a column of days since the epoch."""
    days = pl.col(day) if isinstance(day, str) else day
    return (pl.lit(EPOCH) + pl.duration(days=days.cast(pl.Int64))).cast(pl.Date)


def instant(day: str, minute: pl.Expr) -> pl.Expr:
    """The date-time of a column of days and a minute of the day."""
    return date(day).cast(pl.Datetime("us")) + pl.duration(minutes=minute.cast(pl.Int64))


def visit_id() -> pl.Expr:
    """Id of a visit from columns person and visit."""
    return pl.col("person") * _VISITS_OF_A_PERSON + pl.col("visit")


@dataclass(frozen=True, slots=True)
class Contacts:
    """Which visit a day belongs to: one row per person and day, columns person, day, visit_occurrence_id."""

    frame: pl.DataFrame

    @classmethod
    def of(cls, lives: Lives) -> "Contacts":
        """The first visit of each day."""
        visits = lives.visits.select("person", "day", visit_occurrence_id=visit_id())
        return cls(visits.unique(["person", "day"], keep="first", maintain_order=True))

    def joined(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame, with columns person and day, plus visit_occurrence_id; NULL without a visit that day."""
        return frame.join(self.frame, on=["person", "day"], how="left", maintain_order="left")


def is_during(rows: pl.DataFrame, spells: pl.DataFrame) -> np.ndarray:
    """Whether the day of each row lies in any spell of its person, [n] bool.

    Args:
        rows: columns person, day.
        spells: columns person, first, last (days, both inside).
    """
    if rows.is_empty() or spells.is_empty():
        return np.zeros(len(rows), dtype=bool)
    # Spells overlap: the furthest end so far is what counts.
    sorted_spells = spells.sort("person", "first").with_columns(last=pl.col("last").cum_max().over("person"))
    numbered = rows.select("person", pl.col("day").cast(pl.Int32)).with_row_index("position").sort("person", "day")
    found = numbered.join_asof(
        sorted_spells.select("person", pl.col("first").cast(pl.Int32), pl.col("last").cast(pl.Int32)),
        left_on="day",
        right_on="first",
        by="person",
        strategy="backward",
        check_sortedness=False,
    )
    return (found.sort("position")["last"] >= found.sort("position")["day"]).fill_null(False).to_numpy()
