"""`open_table`: any table file behind one interface, whatever its format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipelines.errors import BadInput
from pipelines.sources.text_table import delimited, parquet_table, workbook
from pipelines.sources.text_table.batch import Batch
from pipelines.sources.text_table.limits import DEFAULT, Limits
from pipelines.sources.text_table.signature import Format, identify


class _Reader(Protocol):
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> int: ...
    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[Batch]: ...


@dataclass(frozen=True, slots=True)
class TableFile:
    """An examined table file: columns in file order, and rows in all, header not counted, flawed ones included.

    `encoding` and `delimiter` are None where the format has none. Text and Excel cells come as text, empty ones as
    NULL; Parquet columns keep their types.
    """

    path: Path
    format: Format
    columns: tuple[str, ...]
    rows: int
    encoding: str | None
    delimiter: str | None
    _reader: _Reader

    def batches(self, rows: int = 100_000, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """The rows in file order, at most `rows` a batch, each with its number; memory does not grow with the file.

        Args:
            columns: which to read, in this order; default all. Not the same order of rows, and not fewer.
        """
        return self._reader.batches(rows, self.columns if columns is None else tuple(columns))


def open_table(
    path: Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    quoting: bool = True,
    limits: Limits = DEFAULT,
) -> TableFile:
    """Examine a table file as a whole: its format, header and number of rows. Cells are read by `TableFile.batches`.

    Args:
        sheet: of an Excel workbook; default its only sheet.
        encoding: of text; default UTF-8, or Windows-1252 where no row is UTF-8.
        delimiter: of text; default whichever of comma, semicolon, tab and bar makes rows as wide as the header.
        quoting: whether double quotes enclose cells; False where they are plain characters.

    Raises:
        BadInput: naming file, row and remedy, where it cannot be read as a whole.
    """
    path = Path(path)
    if path.is_dir():
        raise BadInput(f"{path}: a folder where a file was expected: name the file")
    file_format, is_gzip = identify(path)
    if sheet is not None and file_format != "excel":
        raise BadInput(f"{path}: a sheet is named, but this is not an Excel workbook: take sheet out of the mapping")
    if file_format == "text":
        text = delimited.open_text(path, is_gzip, limits, encoding=encoding, delimiter=delimiter, quoting=quoting)
        return TableFile(
            path, file_format, text.columns, text.rows, text.dialect.encoding, text.dialect.delimiter, text
        )
    reader: _Reader = (
        parquet_table.open_parquet(path, limits)
        if file_format == "parquet"
        else workbook.open_workbook(path, sheet, limits)
    )
    return TableFile(path, file_format, reader.columns, reader.rows, None, None, reader)
