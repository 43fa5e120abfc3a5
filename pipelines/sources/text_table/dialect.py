"""How a text file is written: encoding, delimiter, line ends, header; told from its content, or as the caller states."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines.errors import BadInput
from pipelines.sources.text_table import byte_stream
from pipelines.sources.text_table.batch import ROW

DELIMITERS = (",", ";", "\t", "|")
_SINGLE_BYTE = ("cp1252", "latin-1", "iso8859-15", "cp1250", "cp437", "cp850", "mac_roman")
ENCODINGS = ("utf-8", *byte_stream.UTF_16, *_SINGLE_BYTE)
_SAMPLE_RECORDS = 200
_EXCEL_HINT = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_DATA = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T].*)?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """`encoding` None: UTF-8 or, where bytes are not, Windows-1252; decided over the whole file."""

    encoding: str | None
    delimiter: str
    quoting: bool
    carriage_returns: bool
    skipped_bytes: int


def sniff(path: Path, start: bytes, *, encoding: str | None, delimiter: str | None, quoting: bool) -> Dialect:
    """Tell the dialect from the first bytes of the file (unpacked, undecoded).

    Raises:
        BadInput: an encoding or delimiter is stated that is not supported, or the bytes are no text.
    """
    stated = _known_encoding(path, encoding) if encoding else None
    if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0'):
        raise BadInput(f"{path}: delimiter must be one ASCII character other than a quote or line end")
    stated = _by_mark(path, start, stated)
    if stated is None and start.count(0) > len(start) // 5:
        raise BadInput(f"{path}: holds NUL bytes throughout: UTF-16 without its mark, or no text; state encoding")
    text = _sample(start, stated)
    skipped = 0
    if hint := _EXCEL_HINT.match(text):
        skipped = len(hint[0].encode())
        delimiter = delimiter or hint[1]
        text = text[hint.end() :]
    carriage_returns = "\n" not in text and "\r" in text
    return Dialect(stated, delimiter or _delimiter(text, quoting), quoting, carriage_returns, skipped)


def cells(record: str, dialect: Dialect) -> list[str]:
    """One record taken apart by the standard library; for headers and last lines, not for data."""
    return next(csv.reader([record], **_csv_options(dialect.delimiter, dialect.quoting)), [])


def header(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Column names from the first record: trimmed; one without a name gets `column_<position>`.

    Raises:
        BadInput: there is no header, a name stands twice, or a name is reserved.
    """
    trimmed = [name.strip().strip("\ufeff") for name in names]
    named = [name for name in trimmed if name]
    if not named:
        raise BadInput(f"{path}: the first row is empty where the column names should be: add a header row")
    if 2 * sum(bool(_DATA.fullmatch(name)) for name in named) >= len(named):
        raise BadInput(f"{path}: the first row holds data where the column names should be: add a header row")
    columns = [name or f"column_{position}" for position, name in enumerate(trimmed, 1)]
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise BadInput(f"{path}: header row: more than one column is named {', '.join(twice)}: rename one of them")
    if ROW in columns:
        raise BadInput(f"{path}: header row: {ROW} is a reserved name: rename the column")
    return tuple(columns)


def _known_encoding(path: Path, name: str) -> str:
    try:
        known = codecs.lookup(name).name
    except LookupError:
        known = name
    supported = {codecs.lookup(each).name: each for each in (*ENCODINGS, "utf-8-sig", "utf-16")}
    if known not in supported:
        raise BadInput(f"{path}: encoding {name!r} is not one of {', '.join(ENCODINGS)}")
    return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(supported[known], supported[known])


def _by_mark(path: Path, start: bytes, stated: str | None) -> str | None:
    found = None
    if start.startswith(byte_stream.UTF_8_MARK):
        found = "utf-8"
    elif start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise BadInput(f"{path}: written as UTF-32: write it as UTF-8")
    elif start.startswith(byte_stream.UTF_16_LITTLE):
        found = "utf-16-le"
    elif start.startswith(byte_stream.UTF_16_BIG):
        found = "utf-16-be"
    if found and stated and found[:6] != stated[:6]:
        raise BadInput(f"{path}: its byte order mark says {found}, the mapping {stated}: correct the mapping")
    return found or stated


def _sample(start: bytes, encoding: str | None) -> str:
    if encoding in byte_stream.UTF_16:
        return start[: len(start) // 2 * 2].decode(encoding, errors="replace").removeprefix("\ufeff")
    return start.removeprefix(byte_stream.UTF_8_MARK).decode(encoding or "latin-1", errors="replace")


def _delimiter(text: str, quoting: bool) -> str:
    """The delimiter under which most records are as wide as the header; of equals the one with the wider header."""
    lines = re.split(r"\r\n|\n|\r", text)
    if len(lines) > 1:
        lines.pop()  # the sample may end within a record
    scores = {delimiter: _score(lines, delimiter, quoting) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda each: scores[each])
    return best if scores[best] > (0.0, 1) else ","


def _score(lines: list[str], delimiter: str, quoting: bool) -> tuple[float, int]:
    rows: Iterator[list[str]] = csv.reader((line + "\n" for line in lines), **_csv_options(delimiter, quoting))
    try:
        widths = [len(row) for row in islice((row for row in rows if row), _SAMPLE_RECORDS)]
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] < 2:
        return 0.0, 1
    return sum(width == widths[0] for width in widths) / len(widths), widths[0]


def _csv_options(delimiter: str, quoting: bool) -> dict[str, Any]:
    if not quoting:
        return {"delimiter": delimiter, "quoting": csv.QUOTE_NONE}
    return {"delimiter": delimiter, "quotechar": '"', "doublequote": True}
