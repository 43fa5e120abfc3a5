"""SAS transport files, version 5, as CDC publishes them: is the file whole, and what are its verbatim values.

A transport file does not say how many rows it has, so a reader takes a truncated one for a shorter table. `inspect`
walks the records and refuses that; pyreadstat decodes the values. Not here: which table a file is (`drop_file`).

Source of the layout: SAS Technical Support TS-140, "The Record Layout of a Data Set in SAS Transport (XPORT) Format".
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.nhanes import signature

RECORD = 80
_LIBRARY_BYTES = 3 * RECORD
_MEMBER = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
_DESCRIPTOR = b"HEADER RECORD*******DSCRPTR HEADER RECORD!!!!!!!"
_NAMESTR = b"HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!"
_OBSERVATIONS = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!"
_AGAIN = "the file is damaged or truncated: download it again"


@dataclass(frozen=True, slots=True)
class XptStructure:
    """What the records of a transport file say: its table's name, columns (upper case, in file order) and size.

    `row_length`, `data_offset` and `trailing_bytes` (blank padding after the last row, always below 80) are in bytes.
    """

    table: str
    columns: tuple[str, ...]
    row_length: int
    rows: int
    data_offset: int
    trailing_bytes: int


def inspect(path: Path) -> XptStructure:
    """Walks the records of a version 5 transport file without decoding a value.

    Raises BadInput on a file that is something else, has a damaged or incomplete header, holds more than one table, has
    a length that is no multiple of 80, or ends inside a row. One cut cannot be seen in the file itself: one that falls
    on a multiple of 80 bytes and also between two rows (or after nothing but blanks of the next row, which a table that
    begins with a number, such as SEQN, does not have). Only a size or checksum in a manifest shows that one.
    """
    with _open(path) as file:
        start = file.read(512)
        kind = signature.identify(start)
        if kind == signature.SAS_TRANSPORT_8:
            raise BadInput(f"{path}: {kind}; CDC publishes version 5: download the original, or write it as version 5")
        if kind != signature.SAS_TRANSPORT_5:
            raise BadInput(
                f"{path}: not a SAS transport file but {kind}: give it its right extension, or download it again"
            )
        size = file.seek(0, 2)
        if size % RECORD:
            raise BadInput(f"{path}: {size} bytes are not whole 80-byte records: truncated; download it again")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _structure(path, content)


def read(path: Path) -> pl.DataFrame:
    """The verbatim values of a version 5 transport file: one row per observation, columns in upper case.

    Numbers are Float64 and text is String, decoded as Latin-1. Every kind of SAS missing value (`.`, `._`, `.A` to
    `.Z`) is null, blank text is the empty string, and dates stay SAS numbers. Raises BadInput as `inspect` does, and
    where the decoder finds another number of rows or other columns than the records hold.
    """
    structure = inspect(path)
    frame = _decode(path, None)
    if (frame.height, tuple(frame.columns)) != (structure.rows, structure.columns):
        raise BadInput(f"{path}: its records and its decoded values disagree in rows or columns: {_AGAIN}")
    return frame


def read_column(path: Path, column: str) -> pl.Series:
    """One column (its upper-case name), decoded as `read` does; the caller has inspected the file."""
    return _decode(path, column)[column]


def _decode(path: Path, column: str | None) -> pl.DataFrame:
    import pyreadstat

    wanted = None
    try:
        if column is not None:
            _, header = pyreadstat.read_xport(str(path), metadataonly=True, encoding="LATIN1", output_format="polars")
            wanted = [name for name in header.column_names if name.upper() == column]
        frame, _ = pyreadstat.read_xport(
            str(path), encoding="LATIN1", usecols=wanted, disable_datetime_conversion=True, output_format="polars"
        )
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{path}: cannot be decoded ({error}): {_AGAIN}") from error
    return cast(pl.DataFrame, frame).rename(str.upper).with_columns(pl.col(pl.Float64).fill_nan(None))


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}): check the file and its permissions") from error


def _structure(path: Path, content: mmap.mmap) -> XptStructure:
    offset = _LIBRARY_BYTES
    member = _record(path, content, offset, _MEMBER, "member header")
    namestr_length = _digits(path, member[74:78], "member header")
    offset += RECORD
    _record(path, content, offset, _DESCRIPTOR, "descriptor header")
    offset += RECORD
    table = content[offset + 8 : offset + 16].decode("latin-1").strip().upper()
    offset += 2 * RECORD
    count = _digits(path, _record(path, content, offset, _NAMESTR, "variable header")[54:58], "variable header")
    offset += RECORD
    columns, row_length = _columns(path, content[offset : offset + count * namestr_length], count, namestr_length)
    offset += -(-count * namestr_length // RECORD) * RECORD
    _record(path, content, offset, _OBSERVATIONS, "observation header")
    offset += RECORD
    if content.find(_MEMBER, offset) >= 0:
        raise BadInput(f"{path}: holds more than one table, and CDC publishes one a file: split it")
    rows, trailing = divmod(len(content) - offset, row_length)
    padding = content[len(content) - trailing :]
    if trailing >= RECORD or padding.strip(b" "):
        raise BadInput(f"{path}: ends inside row {rows + 1}: truncated; download it again")
    # Short rows: whole rows of blanks in the last record are padding too, since padding never fills a record.
    while rows and trailing + row_length < RECORD:
        last = offset + (rows - 1) * row_length
        if content[last : last + row_length].strip(b" "):
            break
        rows, trailing = rows - 1, trailing + row_length
    return XptStructure(table, columns, row_length, rows, offset, trailing)


def _record(path: Path, content: mmap.mmap, offset: int, expected: bytes, what: str) -> bytes:
    record = content[offset : offset + RECORD]
    if not record.startswith(expected):
        raise BadInput(f"{path}: no {what} at byte {offset}: {_AGAIN}")
    return record


def _digits(path: Path, field: bytes, what: str) -> int:
    if not field.isdigit() or int(field) == 0:
        raise BadInput(f"{path}: unreadable {what}: {_AGAIN}")
    return int(field)


def _columns(path: Path, namestrs: bytes, count: int, length: int) -> tuple[tuple[str, ...], int]:
    if length not in (136, 140) or len(namestrs) < count * length:
        raise BadInput(f"{path}: incomplete column descriptions: {_AGAIN}")
    names, position = [], 0
    for start in range(0, count * length, length):
        kind, _, width, _, name = struct.unpack_from(">hhhh8s", namestrs, start)
        (declared,) = struct.unpack_from(">l", namestrs, start + 84)
        if kind not in (1, 2) or width < 1 or declared != position or (kind == 1 and not 2 <= width <= 8):
            raise BadInput(f"{path}: damaged description of column {len(names) + 1}: {_AGAIN}")
        names.append(name.decode("latin-1").strip().upper())
        position += width
    if len(set(names)) != len(names):
        raise BadInput(f"{path}: two columns of the same name: {_AGAIN}")
    return tuple(names), position
