"""How a cell of a file becomes a canonical one: the value and, where something is written that does not read, the fault.

Typed columns are read by the mapping's formats and decimal mark. Texts stay verbatim, but that numbers in them get a
decimal point. What cannot be read in one way only is a fault, never a guess.
"""

import re
from dataclasses import dataclass

import polars as pl

from pipelines.sources.flat import date_format
from pipelines.sources.flat.mapping import ColumnRule, Table
from pipelines.tables.raw_flat import DECIMAL_COLUMNS, FLAT_COLUMNS

# What database exports write for "no value" in a column that holds no text.
NO_VALUE = ("", "NULL", "\\N", "NA", "N/A", "NaN", "nan", "None", "null", "<NA>", "NaT")
DTYPES = {
    "number": pl.Float64(),
    "whole": pl.Int64(),
    "text": pl.String(),
    "day": pl.Date(),
    "instant": pl.Datetime("us"),
}
RULES = {
    "number": ("not_a_number", "is not a number; correct it, or state decimal and thousands in the mapping"),
    "whole": ("not_a_whole_number", "is not a whole number; correct it in the source"),
    "day": ("not_a_date", "is not a date as the mapping states it (dates, time_zone, first_year); correct one of them"),
    "instant": ("not_a_date_time", "is not a time as the mapping states it (dates, time_zone); correct one of them"),
    "text": (
        "ambiguous_number",
        "holds a number that can be read in two ways; state decimal and thousands in the mapping",
    ),
}
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_WHOLE = r"^[+-]?\d{1,15}(\.0*)?$"
_LARGEST_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Cell:
    """A canonical column as expressions over the file's columns; `is_fault` is true where what is written does not read."""

    name: str
    value: pl.Expr
    is_fault: pl.Expr
    rule: str
    reason: str


def cell(name: str, rule: ColumnRule, table: Table, schema: pl.Schema) -> Cell:
    """The expressions of one canonical column.

    Args:
        rule: with `column` as the file spells it.
        schema: of the file's columns.
    """
    kind = FLAT_COLUMNS[table.kind][name]
    code, says = RULES[kind]
    reason = f"column {name}" + (f" (from {rule.column})" if rule.column else "") + f" {says}"
    if rule.column is None:
        constant = pl.lit(rule.value, dtype=pl.String)
        value, is_fault = _typed(constant, pl.String(), kind, name, table)
    else:
        dtype = schema[rule.column]
        value, is_fault = _typed(_translated(pl.col(rule.column), dtype, rule, name, table), dtype, kind, name, table)
    return Cell(name, value.cast(DTYPES[kind]).alias(name), is_fault.fill_null(False), code, reason)


def plain_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A column of any type as text; whole floating-point numbers without a point: 38265.0 was a code once."""
    if dtype == pl.String:
        return column
    if dtype.is_float():
        is_whole = (column == column.floor()) & (column.abs() < _LARGEST_EXACT)
        text = (
            pl.when(is_whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
        )
        return pl.when(column.is_not_nan()).then(text)
    if dtype == pl.Datetime:
        return column.dt.to_string("iso:strict")
    return column.cast(pl.String)


def native_id(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A person's id as text, however it is stored: 12, 12.0 and ' 12 ' are one id; NULL where there is none."""
    text = plain_text(column, dtype).str.strip_chars()
    whole = text.str.replace(r"^\+?(\d+)\.0*$", "$1")
    return pl.when(~text.is_in(NO_VALUE)).then(whole)


def _translated(column: pl.Expr, dtype: pl.DataType, rule: ColumnRule, name: str, table: Table) -> pl.Expr:
    """The column itself where nothing is to be translated, else as text."""
    stated = table.values.get(name, {})
    is_text = dtype == pl.String
    if is_text and table.empty:
        column = pl.when(~column.str.strip_chars().is_in(list(table.empty))).then(column)
    if rule.values or stated or rule.otherwise is not None:
        text = plain_text(column, dtype)
        trimmed = text.str.strip_chars()
        if rule.values:
            text = trimmed.replace_strict(list(rule.values), list(rule.values.values()), default=None)
            trimmed = text
        if stated:
            text = pl.coalesce(
                trimmed.replace_strict(list(stated), list(stated.values()), default=None, return_dtype=pl.String), text
            )
        if rule.otherwise is not None:
            is_blank = text.is_null() | (text.str.strip_chars() == "")
            text = pl.when(is_blank).then(pl.lit(rule.otherwise)).otherwise(text)
        return text
    return column


def _typed(column: pl.Expr, dtype: pl.DataType, kind: str, name: str, table: Table) -> tuple[pl.Expr, pl.Expr]:
    rule = table.columns.get(name)
    is_translated = rule is not None and bool(rule.values or rule.otherwise is not None or table.values.get(name))
    if is_translated:
        dtype = pl.String()
    if kind == "text":
        if dtype != pl.String:
            return plain_text(column, dtype), pl.lit(False)
        if name in DECIMAL_COLUMNS[table.kind] and not is_translated:
            return _number_in_text(column, table)
        return column, pl.lit(False)
    if kind in ("day", "instant") or (kind == "whole" and name in table.dates):
        return _dated(column, dtype, kind, name, table)
    if dtype.is_numeric():
        number = column.cast(pl.Float64)
        is_usable = number.is_finite() if kind == "number" else number.is_finite() & (number == number.floor())
        value = pl.when(is_usable).then(number)
        return (
            value if kind == "number" else value.cast(pl.Int64)
        ), column.is_not_null() & ~number.is_nan() & ~is_usable
    written = _written(plain_text(column, dtype))
    point, is_doubtful = _with_point(written, table)
    pattern = _NUMBER if kind == "number" else _WHOLE
    value = pl.when(point.str.contains(pattern) & ~is_doubtful).then(point).cast(pl.Float64, strict=False)
    value = pl.when(value.is_finite()).then(value)
    return (value if kind == "number" else value.cast(pl.Int64)), written.is_not_null() & value.is_null()


def _written(text: pl.Expr) -> pl.Expr:
    trimmed = text.str.strip_chars(" \t\r\n\u00a0")
    return pl.when(~trimmed.is_in(NO_VALUE)).then(trimmed)


def _with_point(text: pl.Expr, table: Table) -> tuple[pl.Expr, pl.Expr]:
    """Numbers with a decimal point and no thousands mark, and where marks stand that were not stated."""
    doubtful = pl.lit(False)
    if table.thousands:
        mark = re.escape(table.thousands)
        grouped = text.str.contains(rf"\d{mark}\d{{3}}(\D|$)")
        # A mark that does not part groups of three is not a thousands mark.
        doubtful = text.str.contains(rf"\d{mark}(\d{{1,2}}(\D|$)|\d{{4}})")
        text = pl.when(grouped).then(text.str.replace_all(rf"(\d){mark}(\d{{3}})", "${1}${2}")).otherwise(text)
    if table.decimal == ",":
        doubtful = doubtful | (text.str.contains(r"\d\.\d") if table.thousands != "." else pl.lit(False))
        text = text.str.replace_all(r"(\d),(\d)", "${1}.${2}").str.replace_all(r"(^|[^\d]),(\d)", "${1}0.${2}")
    elif table.thousands != ",":
        doubtful = doubtful | text.str.contains(r"\d,\d")
    return text, doubtful


def _number_in_text(column: pl.Expr, table: Table) -> tuple[pl.Expr, pl.Expr]:
    """A text in which a number may stand, perhaps with a comparator or unit: only a lone number is doubtful."""
    lone = column.str.contains(r"^\s*[<>=≤≥~]{0,2}\s*[+-]?[\d.,' \u00a0]*\d[\d.,]*\s*$")
    point, is_doubtful = _with_point(column, table)
    if table.decimal == "." and not table.thousands:
        return column, lone & is_doubtful
    return pl.when(lone).then(point).otherwise(column), lone & is_doubtful


def _dated(column: pl.Expr, dtype: pl.DataType, kind: str, name: str, table: Table) -> tuple[pl.Expr, pl.Expr]:
    formats = table.dates.get(name, (date_format.ISO,))
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        moment = date_format.wall_time(column, table.time_zone) if table.time_zone else pl.lit(None, pl.Datetime("us"))
        written = column
    elif dtype in (pl.Date, pl.Datetime):
        moment, written = column.cast(pl.Datetime("us")), column
    elif dtype.is_numeric() and (counted := date_format.days_since(column, formats[0])) is not None:
        moment, written = counted, column
    else:
        written = _written(plain_text(column, dtype))
        moment = date_format.instants(written, formats, table.time_zone, table.first_year)
    moment = pl.when(moment.dt.year().is_between(date_format.FIRST_YEAR, date_format.LAST_YEAR)).then(moment)
    value = {"instant": moment, "day": moment.dt.date(), "whole": moment.dt.year()}[kind]
    return value, written.is_not_null() & moment.is_null()
