"""Which rows carry which trap: the draw that decides it, and the exact count of what was planted.

The list of traps with their rates is `traps.csv`, numbered as in the project's list of data traps. What a trap does to a
row is in the modules that render the table. A trap without rates arises from the lives or from a site's habit; it is
counted all the same.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl

from pipelines.domain.randomness import uniforms

Level = Literal["none", "light", "real", "heavy"]
LEVELS: tuple[Level, ...] = get_args(Level)
_FILE = Path(__file__).with_name("traps.csv")

PLANTED_SCHEMA = {
    "trap": pl.String(),
    "table": pl.String(),
    "row_id": pl.Int64(),
    "person_id": pl.Int64(),
    "true_value": pl.Float64(),
}
"""One row per trap and row that carries it. `true_value`: what a reader should find, where a value was spoiled."""


@dataclass(frozen=True, slots=True)
class Trap:
    """A way in which records mislead.

    Attributes:
        code: its name.
        number: its row in the list of data traps; 0 for plain dirt.
        table: OMOP table whose rows carry it.
        unit: what is counted: row, or person.
        rates: share of the rows in question per level; None where nobody plants it.
        what: one line for the docs.
    """

    code: str
    number: int
    table: str
    unit: str
    rates: dict[Level, float] | None
    what: str


@cache
def traps() -> dict[str, Trap]:
    """Every trap, by its code, in the order of the list."""
    with _FILE.open(encoding="utf-8", newline="") as lines:
        found = list(csv.DictReader(lines))
    return {
        row["code"]: Trap(
            row["code"],
            int(row["number"]),
            row["table"],
            row["unit"],
            {"none": 0.0, "light": float(row["light"]), "real": float(row["real"]), "heavy": float(row["heavy"])}
            if row["real"]
            else None,
            row["what"],
        )
        for row in found
    }


@dataclass(slots=True)
class Mess:
    """The level of mess of a simulation, and what was planted so far in a batch."""

    seed: int
    level: Level
    _planted: list[pl.DataFrame] = field(default_factory=list)

    def rate(self, code: str) -> float:
        """Share of the rows in question that carry the trap at this level."""
        rates = traps()[code].rates
        if rates is None:
            raise ValueError(f"trap {code} is not planted by a rate")
        return rates[self.level]

    def uniforms(self, keys: np.ndarray, purpose: str, draw: int = 0) -> np.ndarray:
        """One uniform number per key (a row, a site, a person); the same key gets the same number in any batch."""
        return uniforms(self.seed, keys, f"omop {purpose}", draw)

    def happens(self, keys: np.ndarray, code: str) -> np.ndarray:
        """Where a trap strikes, [n] bool."""
        rate = self.rate(code)
        return self.uniforms(keys, code) < rate if rate else np.zeros(len(keys), dtype=bool)

    def one_of(self, keys: np.ndarray, stream: str, codes: Sequence[str]) -> np.ndarray:
        """At most one of several traps per row: [n] positions in `codes`, or -1 for none."""
        edges = np.cumsum([self.rate(code) for code in codes])
        if edges[-1] == 0:
            return np.full(len(keys), -1)
        found = np.searchsorted(edges, self.uniforms(keys, stream), side="right")
        return np.where(found == len(codes), -1, found)

    def plant(
        self,
        code: str,
        row_id: np.ndarray | pl.Series,
        person_id: np.ndarray | pl.Series,
        true_value: np.ndarray | pl.Series | None = None,
    ) -> None:
        """Note that these rows carry the trap."""
        if not len(row_id):
            return
        trap = traps()[code]
        frame = pl.DataFrame({"row_id": row_id, "person_id": person_id}).with_columns(
            pl.lit(code).alias("trap"),
            pl.lit(trap.table).alias("table"),
            pl.Series("true_value", np.full(len(row_id), np.nan) if true_value is None else true_value, strict=False),
        )
        self._planted.append(
            frame.select(pl.col(name).cast(kind) for name, kind in PLANTED_SCHEMA.items()).with_columns(
                pl.col("true_value").fill_nan(None)
            )
        )

    def plant_where(
        self, code: str, frame: pl.DataFrame, is_hit: pl.Expr | np.ndarray, true: str | None = None
    ) -> None:
        """As `plant`, for the rows of a frame with columns row_id and person_id where a condition holds."""
        hit = frame.filter(is_hit)
        self.plant(code, hit["row_id"], hit["person_id"], hit[true] if true else None)

    def planted(self) -> pl.DataFrame:
        """Everything planted in this batch, columns as in `PLANTED_SCHEMA`."""
        return pl.concat(self._planted) if self._planted else pl.DataFrame(schema=PLANTED_SCHEMA)
