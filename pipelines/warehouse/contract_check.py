"""The contract of a table, asked of a written file before it takes its place, or of the rows that are merged into one.

Structure only: keys, NULLs, codes, limits. Whether values are plausible is for `expectations`.
"""

from pathlib import Path

import duckdb
import polars as pl

from pipelines.errors import BlockedByCheck
from pipelines.settings import Settings
from pipelines.tables import Contract
from pipelines.warehouse.engine import connect, literal, quoted


def check_contract(rows: Path | pl.DataFrame, contract: Contract, settings: Settings) -> None:
    """One pass over a written file or over rows: keys unique, required columns filled, codes and numbers within their limits.

    Raises:
        BlockedByCheck: naming table, column and how many rows; never a value.
    """
    counts = {f"{c.name} is NULL": f"count_if({quoted(c.name)} is null)" for c in contract.columns if not c.is_nullable}
    for column in contract.columns:
        if column.allowed:
            listed = ", ".join(literal(code) for code in column.allowed)
            counts[f"{column.name} is not one of its codes"] = f"count_if({quoted(column.name)} not in ({listed}))"
        if column.duckdb_type == "DOUBLE":
            counts[f"{column.name} is NaN or infinite"] = f"count_if(not isfinite({quoted(column.name)}))"
        for bound, sign in ((column.minimum, "<"), (column.maximum, ">")):
            if bound is not None and column.duckdb_type in ("DOUBLE", "BIGINT"):
                counts[f"{column.name} {sign} {bound:g}"] = f"count_if({quoted(column.name)} {sign} {bound})"
    with connect(settings) as connection:
        source = f"read_parquet({literal(rows)})" if isinstance(rows, Path) else "judged_rows"
        if not isinstance(rows, Path):
            connection.register(source, rows.to_arrow())
        found = connection.execute(f"select count(*), {', '.join(counts.values())} from {source}").fetchone() or ()
        problems = [f"{n} rows where {what}" for what, n in zip(counts, found[1:], strict=True) if n]
        frame = pl.scan_parquet(rows) if isinstance(rows, Path) else rows.lazy()
        if contract.key and (repeated := _repeated_keys(connection, frame, source, contract.key)):
            problems.append(f"{repeated} keys ({', '.join(contract.key)}) occur more than once")
    if problems:
        raise BlockedByCheck(f"{contract.name} breaks its contract: {'; '.join(problems)}")


def _repeated_keys(
    connection: duckdb.DuckDBPyConnection, frame: pl.LazyFrame, source: str, key: tuple[str, ...]
) -> int:
    """Keys that occur more than once. A file lies in the order of its key, so that neighbours tell, without hashing all keys."""
    columns = [pl.col(name) for name in key]
    before = [column.shift(1) for column in columns]
    tied = pl.lit(value=True)
    descends = pl.lit(value=False)
    for column, earlier in zip(columns, before, strict=True):
        descends = descends | (tied & (column < earlier))
        tied = tied & (column == earlier)
    tied = tied.fill_null(value=False)  # the first row has no neighbour
    first_of_run = tied & ~tied.shift(1, fill_value=False)
    found = frame.select(
        first_of_run.sum().alias("repeated"),
        (descends | pl.any_horizontal(c.is_null() for c in columns)).sum().alias("loose"),
    )
    repeated, loose = found.collect().row(0)
    if not loose:
        return int(repeated)
    listed = ", ".join(quoted(name) for name in key)
    query = f"select count(*) from (select {listed} from {source} group by all having count(*) > 1)"
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
