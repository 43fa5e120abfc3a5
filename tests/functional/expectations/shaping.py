"""How rows of a test population get their provenance, their contract's columns and their place in a home."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.tables import CONTRACTS

SURVEY, CLINIC, DROP = "nhanes", "omop", "drop-1"
# What a required column holds where a table of the population has nothing to say about it.
USUAL = {
    "record_number": 1, "setting_code": "unknown", "is_history": False, "record_type": "fill", "status_code": "unknown",
    "days_supply_basis": "none", "is_compounded": False, "is_combined": False, "is_implausible": False,
    "is_artefact_suspect": False,
}  # fmt: skip
i = pl.col("person_id")
is_male = pl.col("sex_code") == "male"
age = pl.col("age_years")


def sourced(frame: pl.DataFrame, file: str | pl.Expr, source: str = SURVEY) -> pl.DataFrame:
    """Rows as they came from a file, numbered from 1 in it."""
    file = pl.lit(file) if isinstance(file, str) else file
    return frame.with_columns(
        file.alias("source_file"),
        pl.int_range(1, pl.len() + 1).over(file).alias("source_row"),
        pl.lit(source).alias("source_id"),
        pl.lit(DROP).alias("drop_id"),
    )


def shaped(frame: pl.DataFrame, table: str, **same: Any) -> pl.DataFrame:
    """The contract's columns in its order: of the frame, the same everywhere, as usual where required, the rest NULL."""
    stored = types(table)
    required = {column.name for column in CONTRACTS[table].columns if not column.is_nullable}
    same = {name: value for name, value in USUAL.items() if name in required and name not in frame.columns} | same
    absent = [name for name in stored if name not in frame.columns and name not in same]
    given = [(value if isinstance(value, pl.Expr) else pl.lit(value)).alias(name) for name, value in same.items()]
    filled = frame.with_columns(*given, *(pl.lit(None).alias(name) for name in absent))
    return filled.select(pl.col(name).cast(dtype) for name, dtype in stored.items())


@lru_cache(maxsize=512)
def types(table: str) -> dict[str, Any]:
    """Column types as stored: codes are text."""
    contract = CONTRACTS[table]
    schema = contract.empty().schema
    return {c.name: pl.String if c.duckdb_type == "VARCHAR" else schema[c.name] for c in contract.columns}


def write(frame: pl.DataFrame, table: str, data: Path) -> Path:
    """Put a table where the store looks for it, also one that breaks its contract."""
    contract = CONTRACTS[table]
    known = [pl.col(name).cast(dtype) for name, dtype in types(table).items() if name in frame.columns]
    strays = [name for name in frame.columns if name not in types(table)]
    file = "0000-4095.parquet" if contract.unit == "person" else "all.parquet"
    path = data / contract.layer / contract.table / file
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.select(*known, *strays).write_parquet(path)
    return path


def retyped(frame: pl.DataFrame) -> pl.DataFrame | None:
    """The table with one column of numbers stored in a narrower type, which all other rules can read; None without one."""
    narrower = {pl.Int64: pl.Int32, pl.Float64: pl.Float32, pl.Boolean: pl.Int8}
    for wide, narrow in narrower.items():
        for name, kind in frame.schema.items():
            if kind == wide and name != "person_id":
                return frame.with_columns(pl.col(name).cast(narrow))
    return None
