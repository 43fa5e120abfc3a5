"""Parquet files as batches: types kept, row groups read a piece at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import BadInput
from pipelines.sources.text_table.batch import REJECT_SCHEMA, ROW, Batch
from pipelines.sources.text_table.dialect import header
from pipelines.sources.text_table.limits import Limits

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """An examined Parquet file. `names` are its own column names, `columns` the same trimmed."""

    path: Path
    names: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int

    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[Batch]:
        """Rows in file order; text categories and dictionaries come as plain text."""
        stored = dict(zip(self.columns, self.names, strict=True))
        wanted = [stored[name] for name in columns]
        row = 1
        with _refusing(self.path, lambda: pq.ParquetFile(self.path)) as file:
            pieces = file.iter_batches(batch_size=rows, columns=wanted)
            while (piece := _refusing(self.path, lambda: next(pieces, None))) is not None:
                frame = pl.DataFrame(pa.Table.from_batches([piece]).select(wanted)).rename(
                    {stored[name]: name for name in columns}
                )
                frame = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
                numbers = pl.int_range(row, row + frame.height, dtype=pl.Int64, eager=True).alias(ROW)
                row += frame.height
                yield Batch(frame.insert_column(0, numbers), pl.DataFrame(schema=REJECT_SCHEMA))


def open_parquet(path: Path, limits: Limits) -> ParquetTable:
    """Examine a Parquet file by its footer.

    Raises:
        BadInput: the footer is damaged, a column is nested or bytes, or it unpacks to more than the limits allow.
    """
    with _refusing(path, lambda: pq.ParquetFile(path)) as file:
        schema, metadata = file.schema_arrow, file.metadata
        unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
        rows = metadata.num_rows
    if not limits.allows(unpacked, path.stat().st_size):
        raise BadInput(
            f"{path}: unpacks to more than {limits.ratio} times its size: write it again without compression"
        )
    for field in schema:
        if pa.types.is_nested(field.type):
            raise BadInput(f"{path}: column {field.name} is nested: write it as plain columns")
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            raise BadInput(f"{path}: column {field.name} holds text as bytes: write it as text")
    if not len(schema):
        raise BadInput(f"{path}: no columns: export it again")
    return ParquetTable(path, tuple(schema.names), header(path, schema.names), rows)


def _refusing(path: Path, action: Callable[[], Result]) -> Result:
    try:
        return action()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadInput(f"{path}: damaged or truncated Parquet file: deliver it again") from error
