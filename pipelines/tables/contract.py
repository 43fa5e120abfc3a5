"""What a table contract is: a dataframely schema plus grain and unit of work, and what derives from it (DuckDB types, keys).

The contracts themselves stand in the module of their layer. Nothing here reads or writes data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Literal

import dataframely as dy
import polars as pl

Unit = Literal["person", "population"]
LAYERS = ("ref", "raw", "staging", "cohort", "features", "models", "mart")

_DUCKDB_TYPE: dict[object, str] = {
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.String: "VARCHAR",
    pl.Enum: "VARCHAR",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column as every reader sees it: name, DuckDB type, unit of measurement, meaning, key and NULL rules.

    Features also tell their formula, the days they look at, their source, and what leaves them NULL.
    """

    name: str
    duckdb_type: str
    unit: str | None
    meaning: str
    is_key: bool
    is_nullable: bool
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    formula: str = ""
    window: str = ""
    source: str = ""
    null_where: str = ""

    @property
    def is_feature(self) -> bool:
        """Whether it tells something of a person beyond which row it is and when; asked of tables of `features` only."""
        return not self.is_key and self.duckdb_type != "DATE"

    @property
    def comment(self) -> str:
        """The text of COMMENT ON COLUMN."""
        return f"{self.meaning} [{self.unit}]" if self.unit else self.meaning


@dataclass(frozen=True, slots=True)
class Contract:
    """A table: its schema, grain, unit of work (`person` tables are bucketed) and plain-language description."""

    name: str
    schema: type[dy.Schema]
    grain: str
    unit: Unit
    description: str
    window: str = ""
    source: str = ""

    @property
    def layer(self) -> str:
        return self.name.split(".")[0]

    @property
    def table(self) -> str:
        return self.name.split(".")[1]

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that identify a row; rows are stored in this order."""
        return tuple(self.schema.primary_key())

    @property
    def columns(self) -> tuple[Column, ...]:
        return _columns(self.schema, self.window, self.source)

    @property
    def features(self) -> tuple[Column, ...]:
        """Columns that the feature dictionary explains: of `features`, neither keys nor dates."""
        return tuple(column for column in self.columns if column.is_feature) if self.layer == "features" else ()

    @property
    def comment(self) -> str:
        """The text of COMMENT ON TABLE."""
        return f"{self.description} Grain: {self.grain}."

    @property
    def fingerprint(self) -> str:
        """Hash of everything about the table that decides which rows may be stored, and how."""
        shape = [
            (c.name, c.duckdb_type, c.is_key, c.is_nullable, c.allowed, c.minimum, c.maximum) for c in self.columns
        ]
        return sha256(repr((self.name, self.unit, shape)).encode()).hexdigest()

    def empty(self) -> pl.DataFrame:
        """No rows, right columns."""
        return self.schema.create_empty()


CONTRACTS: dict[str, Contract] = {}


def table(
    name: str,
    *,
    grain: str,
    unit: Unit = "person",
    window: str = "",
    source: str = "",
) -> Callable[[type[dy.Schema]], type[dy.Schema]]:
    """Register a schema as the contract of `<layer>.<table>`; its docstring is the description of the table.

    `window` and `source` hold for every column that does not name its own.
    """

    def register(schema: type[dy.Schema]) -> type[dy.Schema]:
        if name in CONTRACTS:
            raise ValueError(f"two contracts for {name}")
        layer = name.split(".")[0]
        if layer not in LAYERS:
            raise ValueError(f"{name}: no such layer; layers are {', '.join(LAYERS)}")
        description = " ".join((schema.__doc__ or "").split())
        CONTRACTS[name] = Contract(name, schema, grain, unit, description, window, source)
        return schema

    return register


@lru_cache(maxsize=1024)
def _columns(schema: type[dy.Schema], window: str, source: str) -> tuple[Column, ...]:
    return tuple(_column(name, spec, window, source) for name, spec in schema.columns().items())


def _column(name: str, spec: dy.Column, window: str, source: str) -> Column:
    facts = spec.metadata or {}
    return Column(
        name=name,
        duckdb_type=_DUCKDB_TYPE[spec.dtype.base_type()],
        unit=facts.get("unit"),
        meaning=spec.description or "",
        is_key=spec.primary_key,
        is_nullable=spec.nullable,
        allowed=tuple(spec.categories) if isinstance(spec, dy.Enum) else (),
        minimum=getattr(spec, "min", None),
        maximum=getattr(spec, "max", None),
        formula=facts.get("formula", ""),
        window=facts.get("window", window),
        source=facts.get("source", source),
        null_where=facts.get("null", ""),
    )
