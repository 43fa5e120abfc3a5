"""Delimited text to batches: whole records are cut out of the byte stream, Arrow parses them, bad rows go on their own.

`open_text` reads the file once from end to end without parsing cells, so that whatever is wrong with the file as a whole
(cut, mixed encodings, a quote that never closes, a line without end) is known before anything is landed.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from pipelines.errors import BadInput
from pipelines.sources.text_table import byte_stream, dialect
from pipelines.sources.text_table.batch import ROW, Batch, rejects
from pipelines.sources.text_table.chunk import Chunk, chunks
from pipelines.sources.text_table.dialect import Dialect
from pipelines.sources.text_table.encoding import Encoding
from pipelines.sources.text_table.limits import MIB, Limits


@dataclass(frozen=True, slots=True)
class TextFile:
    """An examined text file: dialect with its encoding settled, columns in file order, records without the header."""

    path: Path
    is_gzip: bool
    dialect: Dialect
    columns: tuple[str, ...]
    rows: int
    limits: Limits

    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[Batch]:
        """The records in file order, every cell as text, an empty cell as NULL."""
        for chunk in chunks(self.path, self.is_gzip, self.dialect, self.limits):
            batch = self._parse(chunk.without_header(), columns)
            for offset in range(0, max(batch.rows.height, 1), rows):
                part = batch.rows.slice(offset, rows)
                yield Batch(part, batch.rejects if offset == 0 else batch.rejects.clear())

    def _parse(self, chunk: Chunk, columns: Sequence[str]) -> Batch:
        good, faults = chunk.examined(self.limits.row_bytes)
        numbers = chunk.numbers[good]
        content = chunk.content(good)
        encoding = self.dialect.encoding
        if encoding and encoding not in ("utf-8", *byte_stream.UTF_16) and not content.isascii():
            content = content.decode(encoding).encode()
        table, misfits = _arrow(content, self.columns, columns, self.dialect)
        if misfits:
            places = np.array(misfits, dtype=np.int64) - 1
            faults = {"wrong_cell_count": numbers[places], **faults}
            numbers = np.delete(numbers, places)
        if table.num_rows != len(numbers):
            raise BadInput(
                f"{self.path}, rows from {chunk.first}: quotes and line ends cannot be told apart: export it again"
            )
        frame = pl.DataFrame(table)
        return Batch(frame.insert_column(0, pl.Series(ROW, numbers, dtype=pl.Int64)), rejects(faults))


def open_text(
    path: Path,
    is_gzip: bool,
    limits: Limits,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    quoting: bool = True,
) -> TextFile:
    """Examine a delimited file from end to end.

    Raises:
        BadInput: naming file and row, where the file cannot be read as a whole.
    """
    sample_limits = replace(limits, block_bytes=MIB)
    start = next(byte_stream.blocks(path, is_gzip, sample_limits), b"")
    found = dialect.sniff(path, start, encoding=encoding, delimiter=delimiter, quoting=quoting)
    columns: tuple[str, ...] = ()
    rows = 0
    text = Encoding(path, found.encoding)
    for chunk in chunks(path, is_gzip, found, limits):
        if not chunk.first and len(chunk.places) and not columns:
            columns = _columns(path, chunk, text, found, limits)
        text.regard(chunk)
        if not chunk.is_terminated and chunk.first:
            _refuse_cut(path, chunk, found, len(columns))
        rows = max(rows, chunk.first + len(chunk.places) - 1)
    if not columns:
        raise BadInput(f"{path}: there is no row in the file, not even column names: deliver it again")
    return TextFile(path, is_gzip, replace(found, encoding=text.settled()), columns, rows, limits)


def _columns(path: Path, chunk: Chunk, text: Encoding, found: Dialect, limits: Limits) -> tuple[str, ...]:
    good, _ = chunk.examined(limits.row_bytes)
    if not good[0]:
        raise BadInput(f"{path}: the header row is damaged (NUL bytes, stray quotes or too long): export it again")
    return dialect.header(path, dialect.cells(text.plain(chunk.record(0)), found))


def _refuse_cut(path: Path, chunk: Chunk, found: Dialect, width: int) -> None:
    try:
        cells = len(dialect.cells(chunk.record(-1).decode("latin-1"), found))
    except csv.Error:  # a cell longer than the standard library takes: the row is rejected as too long
        return
    if cells < width:
        raise BadInput(
            f"{path}, row {chunk.first + len(chunk.places) - 1}: the file ends in the middle of a row: it was cut off; "
            "deliver it again"
        )


def _arrow(
    content: bytes, names: tuple[str, ...], columns: Sequence[str], found: Dialect
) -> tuple[pa.Table, list[int]]:
    """The parsed rows, and the positions from 1 of the records that have another number of cells."""
    schema = pa.schema([(name, pa.string()) for name in columns])
    if not content:
        return schema.empty_table(), []
    misfits: list[int] = []

    def set_aside(row: arrow_csv.InvalidRow) -> str:
        misfits.append(row.number)
        return "skip"

    def parse(handler: object, use_threads: bool) -> pa.Table:
        # One block holds everything: records were cut out before, Arrow must not look for their ends again.
        return arrow_csv.read_csv(
            pa.BufferReader(content),
            read_options=arrow_csv.ReadOptions(
                column_names=list(names), block_size=len(content) + 1, use_threads=use_threads
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=found.delimiter,
                quote_char='"' if found.quoting else False,
                newlines_in_values=True,
                invalid_row_handler=handler,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=schema,
                include_columns=list(columns),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    try:
        return parse(None, True), []
    except pa.ArrowInvalid:
        # Row numbers are to be had on one thread only.
        return parse(set_aside, False), misfits
