"""Excel workbooks (.xlsx) as batches of text, by the standard library alone: a zip of plain XML.

Numbers come as the shortest decimal text of the stored value, dates and times as ISO 8601, formulas as their last value.
Archives that unpack without end and XML that defines entities are refused. Old .xls files are refused in `signature`.
"""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.parsers import expat

import numpy as np
import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.text_table import workbook_cells
from pipelines.sources.text_table.batch import ROW, Batch, rejects
from pipelines.sources.text_table.dialect import header
from pipelines.sources.text_table.limits import Limits
from pipelines.sources.text_table.workbook_cells import Row, SheetParser, Styles

_WORKBOOK, _RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_STRINGS, _STYLES = "xl/sharedStrings.xml", "xl/styles.xml"
_READ_BYTES = 1 << 20
_DAMAGED = "damaged or truncated Excel workbook: save it again, or as CSV"


@dataclass(frozen=True, slots=True)
class Workbook:
    """An examined sheet. Its first row that is not empty is the header; empty rows are not counted."""

    path: Path
    part: str
    columns: tuple[str, ...]
    rows: int
    limits: Limits

    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows of the sheet in order, every cell as text, an empty one as NULL."""
        width, wanted = len(self.columns), [self.columns.index(name) for name in columns]
        found = _rows(self.path, self.part, self.limits)
        next(found, None)
        number, is_done = 0, False
        while not is_done:
            held: list[list[str | None]] = []
            numbers: list[int] = []
            misfits: list[int] = []
            for row in found:
                number += 1
                if any(row[width:]):
                    misfits.append(number)
                else:
                    held.append((row + [None] * width)[:width])
                    numbers.append(number)
                if len(held) + len(misfits) >= rows:
                    break
            else:
                is_done = True
            data = {name: [row[at] for row in held] for name, at in zip(columns, wanted, strict=True)}
            frame = pl.DataFrame({ROW: numbers} | data, schema={ROW: pl.Int64} | dict.fromkeys(columns, pl.String))
            yield Batch(frame, rejects({"wrong_cell_count": np.array(misfits, dtype=np.int64)}))


def open_workbook(path: Path, sheet: str | None, limits: Limits) -> Workbook:
    """Examine one sheet of a workbook.

    Raises:
        BadInput: it is no workbook, is damaged, unpacks without end, defines XML entities, or the sheet is not in it.
    """
    with _Archive(path, limits) as archive:
        parts = _sheets(path, archive)
    if sheet is None and len(parts) > 1:
        raise BadInput(f"{path}: has {len(parts)} sheets ({', '.join(parts)}): state sheet in the mapping")
    if sheet is not None and sheet not in parts:
        raise BadInput(f"{path}: no sheet {sheet!r}: it has {', '.join(parts)}")
    part = parts[sheet] if sheet is not None else next(iter(parts.values()))
    found = _rows(path, part, limits)
    names = next(found, None)
    if names is None:
        raise BadInput(f"{path}: the sheet is empty, not even column names: deliver it again")
    while names and not names[-1]:
        names.pop()
    columns = header(path, [name or "" for name in names])
    return Workbook(path, part, columns, sum(1 for _ in found), limits)


class _Archive:
    """The zip of a workbook, open, with its sizes checked before anything is unpacked."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        try:
            self.zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise BadInput(f"{path}: {_DAMAGED}") from error
        names = self.zip.namelist()
        if _WORKBOOK not in names:
            self.zip.close()
            is_binary = "xl/workbook.bin" in names
            kind = "a binary workbook (.xlsb): save it as .xlsx" if is_binary else "a zip archive: unpack it"
            raise BadInput(f"{path}: not an Excel workbook (.xlsx) but {kind}, and deliver the table itself")
        unpacked = sum(entry.file_size for entry in self.zip.infolist())
        if unpacked > limits.workbook_bytes or not limits.allows(unpacked, path.stat().st_size):
            self.zip.close()
            raise BadInput(f"{path}: unpacks to more than a workbook can hold: not a table but a bomb; save it as CSV")

    def __enter__(self) -> zipfile.ZipFile:
        return self.zip

    def __exit__(self, *error: object) -> None:
        self.zip.close()


def _rows(path: Path, part: str, limits: Limits) -> Iterator[Row]:
    with _Archive(path, limits) as archive:
        strings = _shared_strings(path, archive)
        styles = _styles(path, archive)
        pending: list[Row] = []
        parser = SheetParser(strings, styles, pending.append)
        for _ in _fed(path, archive, part, parser.expat):
            yield from (row for row in pending if any(row))
            pending.clear()


def _sheets(path: Path, archive: zipfile.ZipFile) -> dict[str, str]:
    """Part name of each worksheet by its title, in the order of the workbook."""
    listed, relations = workbook_cells.WorkbookParts(), workbook_cells.Relations()
    _parse(path, archive, _WORKBOOK, listed.expat)
    _parse(path, archive, _RELATIONS, relations.expat)
    parts = {title: relations.parts[relation] for title, relation in listed.titles if relation in relations.parts}
    if not parts:
        raise BadInput(f"{path}: {_DAMAGED}")
    return parts


def _shared_strings(path: Path, archive: zipfile.ZipFile) -> list[str]:
    if _STRINGS not in archive.namelist():
        return []
    found = workbook_cells.SharedStrings()
    _parse(path, archive, _STRINGS, found.expat)
    return found.strings


def _styles(path: Path, archive: zipfile.ZipFile) -> Styles:
    found = workbook_cells.StyleTable()
    if _STYLES in archive.namelist():
        _parse(path, archive, _STYLES, found.expat)
    base = workbook_cells.WorkbookParts()
    _parse(path, archive, _WORKBOOK, base.expat)
    return found.styles(base.is_1904)


def _parse(path: Path, archive: zipfile.ZipFile, part: str, parser: expat.XMLParserType) -> None:
    for _ in _fed(path, archive, part, parser):
        pass


def _fed(path: Path, archive: zipfile.ZipFile, part: str, parser: expat.XMLParserType) -> Iterator[None]:
    """Feeds a part to its parser piece by piece."""

    def refuse(*declared: object) -> None:
        raise BadInput(f"{path}: its XML declares a document type, as no spreadsheet program does: save it again")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        file: IO[bytes]
        with archive.open(part) as file:
            while piece := file.read(_READ_BYTES):
                parser.Parse(piece)
                yield
        parser.Parse(b"", True)
        yield
    except (
        expat.ExpatError,
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        EOFError,
        OSError,
        ValueError,
        IndexError,
    ) as error:
        raise BadInput(f"{path}: {_DAMAGED}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise BadInput(f"{path}: encrypted or unusually packed workbook: save it without a password") from error
