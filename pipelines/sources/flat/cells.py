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
_LONE_NUMBER = r"^\s*[<>=≤≥~]{0,2}\s*[+-]?[\d.,' \u00a0]*\d[\d.,]*\s*$"
_LARGEST_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Cells:
    """A canonical column: its values, and where what is written does not read. Rule and reason are those of such a cell."""

    name: str
    values: pl.Series
    is_fault: pl.Series
    rule: str
    reason: str


def read_cells(name: str, rule: ColumnRule, table: Table, frame: pl.DataFrame) -> Cells:
    """One canonical column of all rows of a frame.

    Args:
        rule: with `column` as the file spells it.
    """
    kind = FLAT_COLUMNS[table.kind][name]
    code, says = RULES[kind]
    reason = f"column {name}" + (f" (from {rule.column})" if rule.column else "") + f" {says}"
    if rule.column is None:
        column = pl.Series(name, [rule.value], dtype=pl.String)
    else:
        column = _translated(frame[rule.column].rename(name), rule, name, table)
    values, is_fault = _typed(column, kind, name, table)
    values, is_fault = values.cast(DTYPES[kind]).rename(name), is_fault.fill_null(False)
    if rule.column is None:
        values, is_fault = _repeated(values, frame.height), _repeated(is_fault, frame.height)
    return Cells(name, values, is_fault, code, reason)


def plain_text(column: pl.Series) -> pl.Series:
    """A column of any type as text; whole floating-point numbers without a point: 38265.0 was a code once."""
    dtype = column.dtype
    if dtype == pl.String:
        return column
    if dtype.is_float():
        number = pl.col(column.name)
        is_whole = (number == number.floor()) & (number.abs() < _LARGEST_EXACT)
        whole = number.cast(pl.Int64, strict=False).cast(pl.String)
        text = pl.when(is_whole).then(whole).otherwise(number.cast(pl.String))
        return column.to_frame().select(pl.when(number.is_not_nan()).then(text).alias(column.name)).to_series()
    if dtype == pl.Datetime:
        return column.dt.to_string("iso:strict")
    return column.cast(pl.String)


def native_id(column: pl.Series) -> pl.Series:
    """A person's id as text, however it is stored: 12, 12.0 and ' 12 ' are one id; NULL where there is none."""
    return _written(plain_text(column)).str.replace(r"^\+?(-?\d+)(\.0*)?$", "$1")


def _repeated(column: pl.Series, rows: int) -> pl.Series:
    return column.new_from_index(0, rows)


def _translated(column: pl.Series, rule: ColumnRule, name: str, table: Table) -> pl.Series:
    """The column itself where nothing is to be translated, else as text."""
    stated = table.values.get(name, {})
    if column.dtype == pl.String and table.empty:
        column = column.set(column.str.strip_chars().is_in(list(table.empty)).fill_null(False), None)
    if not (rule.values or stated or rule.otherwise is not None):
        return column
    text = plain_text(column)
    if rule.values:
        text = _replaced(text, rule.values)
    if stated:
        known = _replaced(text, stated)
        text = known.zip_with(known.is_not_null(), text)
    if rule.otherwise is not None:
        is_blank = (text.str.strip_chars() == "").fill_null(True)
        text = text.set(is_blank, rule.otherwise)
    return text


def _replaced(text: pl.Series, by: dict[str, str]) -> pl.Series:
    trimmed = text.str.strip_chars()
    return trimmed.replace_strict(list(by), list(by.values()), default=None, return_dtype=pl.String)


def _typed(column: pl.Series, kind: str, name: str, table: Table) -> tuple[pl.Series, pl.Series]:
    rule = table.columns[name]
    is_translated = bool(rule.values or rule.otherwise is not None or table.values.get(name))
    if kind == "text":
        if column.dtype == pl.String and name in DECIMAL_COLUMNS[table.kind] and not is_translated:
            return _number_in_text(column, table)
        return plain_text(column), _never(column)
    if kind in ("day", "instant") or (kind == "whole" and name in table.dates):
        return _dated(column, kind, name, table)
    if column.dtype.is_numeric():
        return _number(column, kind)
    written = _written(plain_text(column))
    point, is_doubtful = _with_point(written, table)
    fits = point.str.contains(_NUMBER if kind == "number" else _WHOLE).fill_null(False) & ~is_doubtful
    values = point.set(~fits, None).cast(pl.Float64, strict=False)
    values = values.set(~values.is_finite().fill_null(False), None)
    return (values if kind == "number" else values.cast(pl.Int64)), written.is_not_null() & values.is_null()


def _number(column: pl.Series, kind: str) -> tuple[pl.Series, pl.Series]:
    number = column.cast(pl.Float64)
    is_usable = number.is_finite()
    if kind == "whole":
        is_usable &= number == number.floor()
    values = number.set(~is_usable.fill_null(False), None)
    is_fault = number.is_not_null() & ~number.is_nan() & ~is_usable
    return (values if kind == "number" else values.cast(pl.Int64)), is_fault


def _never(column: pl.Series) -> pl.Series:
    return pl.Series(column.name, [False]).new_from_index(0, len(column))


def _written(text: pl.Series) -> pl.Series:
    trimmed = text.str.strip_chars(" \t\r\n\u00a0")
    return trimmed.set(trimmed.is_in(NO_VALUE).fill_null(False), None)


def _with_point(text: pl.Series, table: Table) -> tuple[pl.Series, pl.Series]:
    """Numbers with a decimal point and no thousands mark, and where marks stand that were not stated."""
    is_doubtful = _never(text)
    if table.thousands:
        mark, decimal = re.escape(table.thousands), re.escape(table.decimal)
        # A mark that does not part groups of three, or stands after the decimal mark, is not a thousands mark.
        leading = "" if table.thousands == " " else rf"|(^|\D){mark}\d"  # a space may follow a comparator
        is_doubtful = text.str.contains(
            rf"\d{mark}(\d{{0,2}}(\D|$)|\d{{4}})|\d{{4}}{mark}\d|{decimal}.*{mark}\d{leading}"
        )
        text = text.str.replace_all(rf"(\d){mark}", "${1}")
    if table.decimal == ",":
        is_doubtful = is_doubtful | text.str.contains(r",.*,|\d\.\d")
        text = text.str.replace_all(r"(\d),(\d)", "${1}.${2}").str.replace_all(r"(^|[^\d]),(\d)", "${1}0.${2}")
    elif table.thousands != ",":
        is_doubtful = is_doubtful | text.str.contains(r"\d,\d")
    return text, is_doubtful.fill_null(False)


def _number_in_text(column: pl.Series, table: Table) -> tuple[pl.Series, pl.Series]:
    """A text in which a number may stand alone, perhaps after a comparator; of other texts nothing is changed."""
    is_lone = column.str.contains(_LONE_NUMBER).fill_null(False)
    point, is_doubtful = _with_point(column, table)
    is_fault = is_lone & is_doubtful
    if table.decimal == "." and not table.thousands:
        return column, is_fault
    return point.zip_with(is_lone, column), is_fault


def _dated(column: pl.Series, kind: str, name: str, table: Table) -> tuple[pl.Series, pl.Series]:
    formats = table.dates.get(name, (date_format.ISO,))
    dtype = column.dtype
    written = column
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        nothing = pl.Series(name, [None], dtype=DTYPES["instant"]).new_from_index(0, len(column))
        moments = date_format.wall_time(column, table.time_zone) if table.time_zone else nothing
    elif dtype in (pl.Date, pl.Datetime):
        moments = column.cast(DTYPES["instant"])
    elif dtype.is_numeric() and (counted := date_format.days_since(column, formats[0])) is not None:
        moments = counted
    else:
        written = _written(plain_text(column))
        moments = date_format.instants(written, formats, table.time_zone, table.first_year)
    moments = date_format.plausible(moments)
    values = {"instant": moments, "day": moments.dt.date(), "whole": moments.dt.year()}[kind]
    return values, written.is_not_null() & moments.is_null()
