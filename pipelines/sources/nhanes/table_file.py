"""One table on disk, Parquet or SAS transport: what it holds, its key, its values, and whether two hold the same.

The same rules for both formats, so that a table reads alike whichever way it came. Not here: which table a file is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.nhanes import signature, xpt

Format = Literal["parquet", "xpt"]
FORMATS: dict[str, Format] = {".parquet": "parquet", ".xpt": "xpt"}
RESPONDENT = "SEQN"
# Some readers (pandas.read_sas) decode the eight zero bytes of an IBM zero as the smallest IBM number, 2 to the -260.
ZERO_ARTIFACT = 2.0**-260
# Two decoders of one IBM number may round its last bit differently.
TOLERANCE = 1e-12
LARGEST_KEY = 2**53

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Content:
    """A table file by its own account: rows, upper-case columns in file order, and the table name inside (SAS only)."""

    rows: int
    columns: tuple[str, ...]
    table: str | None


@dataclass(frozen=True, slots=True)
class KeyRange:
    """A key column in short: rows that have no usable key, and the least and greatest SEQN, if it has any."""

    rows_without_key: int
    span: tuple[int, int] | None


def inspect(path: Path, file_format: Format) -> Content:
    """What the file holds, from metadata alone; BadInput where it is damaged, truncated, renamed or ambiguous."""
    if file_format == "xpt":
        structure = xpt.inspect(path)
        return Content(structure.rows, tuple(map(_cdc_name, structure.columns)), structure.table)
    schema = _parquet(path, lambda: pl.read_parquet_schema(path))
    rows = _parquet(path, lambda: _scan(path).select(pl.len()).collect().item())
    columns = tuple(_cdc_name(name) for name in schema)
    if len(set(columns)) != len(columns):
        raise BadInput(f"{path}: two columns have the same name but for upper and lower case: rename or drop one")
    if raw := [name for name, kind in schema.items() if kind == pl.Binary]:
        raise BadInput(
            f"{path}: text stored as bytes in {_listed(raw)}: write it as text "
            "(pandas: read_sas(..., encoding='latin-1'))"
        )
    key = next((kind for name, kind in schema.items() if name.upper() == RESPONDENT), pl.Int64())
    if not (key.is_numeric() or key in (pl.String, pl.Null)):
        raise BadInput(f"{path}: {RESPONDENT} is stored as {key}: write it as a number")
    return Content(rows, columns, None)


def read(path: Path, file_format: Format) -> pl.DataFrame:
    """The verbatim table: upper-case CDC column names, `SEQN` as Int64 (null where it is no positive whole number).

    Nothing else is changed but for two artifacts of other programs: R's `X_MULT_` is CDC's `_MULT_` again, and NaN and
    the decoder's 2 to the -260 are null and 0 again. Raises BadInput where the file cannot be read.
    """
    frame = xpt.read(path) if file_format == "xpt" else _parquet(path, lambda: _scan(path).collect())
    frame = frame.rename(_cdc_name)
    number = pl.col(pl.Float64, pl.Float32)
    frame = frame.with_columns(number.fill_nan(None)).with_columns(
        pl.when(number == ZERO_ARTIFACT).then(0.0).otherwise(number).name.keep()
    )
    if RESPONDENT in frame.columns:
        frame = frame.with_columns(_whole_number(RESPONDENT).alias(RESPONDENT))
    return frame


def read_column(path: Path, file_format: Format, column: str) -> pl.Series:
    """One column by its upper-case name, as stored."""
    if file_format == "xpt":
        return xpt.read_column(path, column)
    stored = {_cdc_name(name): name for name in _parquet(path, lambda: pl.read_parquet_schema(path))}
    frame = _parquet(path, lambda: _scan(path).select(stored[column]).collect())
    return frame[stored[column]].rename(column)


def key_range(path: Path, file_format: Format, key: str) -> KeyRange:
    """Counts the rows whose key is missing or, for SEQN, no positive whole number; reads that one column."""
    return keys_of(read_column(path, file_format, key))


def keys_of(column: pl.Series) -> KeyRange:
    """The same of a column in hand, named as its key."""
    frame, key = column.to_frame(), column.name
    if key != RESPONDENT:
        usable = frame.filter(pl.col(key).cast(pl.String).str.strip_chars() != "")
        return KeyRange(frame.height - usable.height, None)
    numbers = frame.select(_whole_number(key)).to_series().drop_nulls().sort()
    return KeyRange(frame.height - len(numbers), (numbers[0], numbers[-1]) if len(numbers) else None)


def difference(left: pl.DataFrame, right: pl.DataFrame) -> str | None:
    """How two tables differ, in words without a value; None where they agree cell by cell.

    The order of columns and rows does not matter, nor does null against empty text, nor the last bit of a number.
    """
    if left.height != right.height:
        return f"{left.height} and {right.height} rows"
    if alone := sorted(set(left.columns) ^ set(right.columns)):
        return f"only one of them has {_listed(alone)}"
    order = sorted(left.columns)
    left, right = _comparable(left.select(order)), _comparable(right.select(order))
    unequal = _unequal(left, right)
    if unequal and left.schema == right.schema:
        unequal = _unequal(left.sort(order), right.sort(order))
    return f"different values in {_listed(unequal)}" if unequal else None


def _scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


def _parquet(path: Path, action: Callable[[], Result]) -> Result:
    try:
        kind = signature.identify_file(path)
        if kind != signature.PARQUET:
            raise BadInput(
                f"{path}: not a Parquet file but {kind}: give it its right extension, or take it from the source again"
            )
        return action()
    except OSError as error:
        if error.errno is not None:
            raise BadInput(f"{path}: cannot be read ({error.strerror}): check the file and its permissions") from error
        raise BadInput(f"{path}: damaged or truncated Parquet file: take it from the source again") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise BadInput(f"{path}: damaged or truncated Parquet file: take it from the source again") from error


def _cdc_name(name: str) -> str:
    upper = name.upper()
    return "_MULT_" if upper == "X_MULT_" else upper


def _whole_number(key: str) -> pl.Expr:
    number = pl.col(key).cast(pl.Float64, strict=False)
    usable = number.is_finite() & (number == number.floor()) & (number > 0) & (number < LARGEST_KEY)
    return pl.when(usable).then(number).cast(pl.Int64)


def _comparable(frame: pl.DataFrame) -> pl.DataFrame:
    text = pl.col(pl.String).str.strip_chars_end(" ")
    return frame.with_columns(
        pl.when(text != "").then(text).name.keep(),
        pl.selectors.by_dtype(pl.Boolean, *pl.datatypes.group.NUMERIC_DTYPES).cast(pl.Float64),
    )


def _unequal(left: pl.DataFrame, right: pl.DataFrame) -> list[str]:
    return [name for name in left.columns if not _equal(left[name], right[name])]


def _equal(left: pl.Series, right: pl.Series) -> bool:
    if left.null_count() == right.null_count() == len(left):
        return True
    if left.dtype != right.dtype:
        return False
    same = left.eq_missing(right)
    if left.dtype == pl.Float64:
        same |= ((left - right).abs() <= TOLERANCE * left.abs()).fill_null(False)
    return bool(same.all())


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
