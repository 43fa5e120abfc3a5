"""Dates and times as a mapping states them: which formats may be stated, and how a text column reads by them.

A format is `iso`, a pattern of strptime directives, or `days since YYYY-MM-DD`. Nothing is tried that was not stated.
"""

import datetime as dt
import re
from collections.abc import Sequence

import polars as pl

DIRECTIVES = ("%Y", "%y", "%m", "%d", "%b", "%B", "%H", "%I", "%p", "%M", "%S", "%z")
FIRST_YEAR, LAST_YEAR = 1900, 2199
_DIRECTIVE = re.compile(r"%.")
_SINCE = re.compile(r"days since (\d{4}-\d{2}-\d{2})")
# Widest text that a directive takes, to tell formats apart that would read the same text in two ways.
_SHAPE = {"%Y": "0000", "%y": "00", "%m": "00", "%d": "00", "%H": "00", "%I": "00", "%M": "00", "%S": "00"}
_ISO_DAY = r"\d{4}-\d{2}-\d{2}"
_ISO_TIME = r"[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_ISO_ZONE = r" ?(Z|[+-]\d{2}(:?\d{2})?)"
ISO = "iso"
_MOMENT = pl.Datetime("us")


def problems(formats: Sequence[str], is_instant: bool, time_zone: str | None, first_year: int | None) -> list[str]:
    """What is wrong with the formats stated for a column, in words; none where they can be used."""
    found = []
    for stated in formats:
        if stated == ISO or ((since := _SINCE.fullmatch(stated)) and _is_day(since[1])):
            continue
        used = _DIRECTIVE.findall(stated)
        if unknown := sorted(set(used) - set(DIRECTIVES)):
            found.append(f"{stated!r} uses {', '.join(unknown)}; directives are {', '.join(DIRECTIVES)}")
            continue
        if len(set(used)) != len(used):
            found.append(f"{stated!r} names a part twice")
        has_day = {"%d"} <= set(used) and bool({"%m", "%b", "%B"} & set(used)) and bool({"%Y", "%y"} & set(used))
        if not has_day:
            found.append(
                f"{stated!r} is no date format: state 'iso', 'days since YYYY-MM-DD', or a pattern with year, month and "
                "day such as '%d.%m.%Y'"
            )
        elif is_instant and {"%I"} & set(used) and "%p" not in used:
            found.append(f"{stated!r} has a 12-hour clock without %p")
        if "%y" in used and first_year is None:
            found.append(f"{stated!r} has years of two digits: state first_year, the earliest year they can mean")
        if "%z" in used and time_zone is None:
            found.append(f"{stated!r} has a time zone in it: state time_zone, where the clock on the wall hung")
    shapes: dict[str, str] = {}
    for stated in formats:
        shape = _DIRECTIVE.sub(lambda directive: _SHAPE.get(directive[0], directive[0]), stated)
        if shape in shapes and shapes[shape] != stated:
            found.append(f"{shapes[shape]!r} and {stated!r} read the same text in two ways: state one of them")
        shapes[shape] = stated
    return found


def instants(text: pl.Series, formats: Sequence[str], time_zone: str | None, first_year: int | None) -> pl.Series:
    """A trimmed text column as local wall time (Datetime, microseconds), NULL where no stated format reads it.

    Text with an offset is turned into the wall time of `time_zone`; without one it is wall time already.
    """
    found = pl.Series(text.name, [None], dtype=_MOMENT).extend_constant(None, len(text)).head(len(text))
    for stated in formats:
        if found.null_count() > text.null_count():
            found = found.zip_with(found.is_not_null(), _by_format(text, stated, time_zone, first_year))
    return plausible(found)


def plausible(moments: pl.Series) -> pl.Series:
    """The moments of years that a record can be of; NULL where the year is another."""
    return moments.set(~moments.dt.year().is_between(FIRST_YEAR, LAST_YEAR).fill_null(False), None)


def wall_time(moments: pl.Series, time_zone: str) -> pl.Series:
    """Instants with a zone as the wall time of another."""
    return moments.dt.convert_time_zone(time_zone).dt.replace_time_zone(None).cast(_MOMENT)


def days_since(column: pl.Series, stated: str) -> pl.Series | None:
    """A number of days as an instant at midnight; None where the format is another."""
    since = _SINCE.fullmatch(stated)
    if not since:
        return None
    # Two hundred years either way: beyond it nothing is plausible, and the sum must not overflow.
    number = column.cast(pl.Float64, strict=False).rename("number").to_frame()
    whole = pl.when(pl.col("number").abs() < 200 * 366).then(pl.col("number").floor()).cast(pl.Int64)
    anchor = pl.lit(dt.datetime.fromisoformat(since[1])).cast(_MOMENT)
    return number.select(anchor + pl.duration(days=whole, time_unit="us")).to_series()


def _by_format(text: pl.Series, stated: str, time_zone: str | None, first_year: int | None) -> pl.Series:
    if stated == ISO:
        return _iso(text, time_zone)
    if (counted := days_since(text, stated)) is not None:
        return counted
    # The pattern is anchored, so that a year of two digits is not taken for one of four, nor a rest overlooked.
    fitting = _fitting(text, _pattern(stated))
    if "%z" in stated:
        return _zoned(fitting, stated.replace("%z", "%#z"), time_zone or "UTC")
    if "%H" in stated or "%I" in stated:
        plain = stated if "%M" in stated else f"{stated} %M"
        found = _moment(fitting if "%M" in stated else fitting + " 00", plain)
    else:
        found = fitting.str.to_date(stated, strict=False, exact=True).cast(_MOMENT)
    return _in_century(found, first_year) if "%y" in stated and first_year is not None else found


def _fitting(text: pl.Series, pattern: str) -> pl.Series:
    return text.set(~text.str.contains(f"^{pattern}$").fill_null(False), None)


def _moment(text: pl.Series, stated: str) -> pl.Series:
    return text.str.to_datetime(stated, time_unit="us", strict=False, exact=True)


def _zoned(text: pl.Series, stated: str, time_zone: str) -> pl.Series:
    moments = text.str.to_datetime(stated, time_unit="us", time_zone="UTC", strict=False, exact=True)
    return wall_time(moments, time_zone)


def _in_century(found: pl.Series, first_year: int) -> pl.Series:
    parts = pl.DataFrame(
        {
            "moment": found,
            "year": first_year + (found.dt.year() - first_year) % 100,
            "month": found.dt.month(),
            "day": found.dt.day(),
            "since_midnight": found - found.dt.truncate("1d"),
        }
    )
    # 29 February exists in one century and not in another: such a cell does not read.
    exists = (pl.col("month") != 2) | (pl.col("day") < 29) | _is_leap(pl.col("year"))
    known = parts.with_columns(pl.when(exists).then(pl.col("day")).alias("day"))
    return known.select(
        pl.when(pl.col("day").is_not_null()).then(
            pl.datetime("year", "month", pl.col("day").fill_null(1), time_unit="us") + pl.col("since_midnight")
        )
    ).to_series()


def _is_leap(year: pl.Expr) -> pl.Expr:
    return ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)


def _iso(text: pl.Series, time_zone: str | None) -> pl.Series:
    found = _fitting(text, _ISO_DAY).str.to_date("%Y-%m-%d", strict=False, exact=True).cast(_MOMENT)
    if found.null_count() == text.null_count():
        return found
    local = _moment(_full_clock(_fitting(text, f"{_ISO_DAY}{_ISO_TIME}")), "%Y-%m-%dT%H:%M:%S%.f")
    found = found.zip_with(found.is_not_null(), local)
    if time_zone is None or found.null_count() == text.null_count():
        return found
    zoned = _fitting(text, f"{_ISO_DAY}{_ISO_TIME}{_ISO_ZONE}")
    zone = zoned.str.extract(f"({_ISO_ZONE})$", 1).str.strip_chars().str.replace("^Z$", "+00:00")
    clock = _full_clock(zoned.str.replace(f"{_ISO_ZONE}$", "")) + zone
    return found.zip_with(found.is_not_null(), _zoned(clock, "%Y-%m-%dT%H:%M:%S%.f%#z", time_zone))


def _full_clock(text: pl.Series) -> pl.Series:
    return text.str.replace(" ", "T", literal=True).str.replace(r"^(.{10}T\d{2}:\d{2})$", "${1}:00")


def _pattern(stated: str) -> str:
    widths = {
        "%Y": r"\d{4}",
        "%y": r"\d{2}",
        "%b": r"[A-Za-z]{3}",
        "%B": r"[A-Za-z]{3,9}",
        "%p": r"[AaPp][Mm]",
        "%z": r"(Z|[+-]\d{2}(:?\d{2})?)",
    }
    compact = re.search(r"%[YymdHIMS]%[YymdHIMS]", stated) is not None
    number = r"\d{2}" if compact else r"\d{1,2}"
    parts = re.split(r"(%.)", stated)
    return "".join(widths.get(part, number) if part.startswith("%") else re.escape(part) for part in parts)


def _is_day(text: str) -> bool:
    try:
        return bool(dt.date.fromisoformat(text))
    except ValueError:
        return False
