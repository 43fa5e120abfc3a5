"""Whole records of a text file in blocks: their bytes, their numbers, and which of them are flawed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.errors import BadInput
from pipelines.sources.text_table import byte_stream
from pipelines.sources.text_table.dialect import Dialect
from pipelines.sources.text_table.lexer import CARRIAGE_RETURN, Records, split_records
from pipelines.sources.text_table.limits import Limits


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records. `places` are those that are not blank, numbered from `first` (0 is the header).

    `is_terminated` is False for a last record without line end.
    """

    block: bytes
    records: Records
    places: np.ndarray
    first: int
    is_terminated: bool

    @property
    def numbers(self) -> np.ndarray:
        """Row numbers of the records that are not blank."""
        return np.arange(self.first, self.first + len(self.places), dtype=np.int64)

    def record(self, position: int) -> bytes:
        """The bytes of the record at this position among those that are not blank."""
        place = self.places[position]
        return self.block[int(self.records.starts[place]) : int(self.records.ends[place])].removesuffix(b"\r")

    def row_at(self, offset: int) -> int:
        """Number of the record that holds this byte of the block."""
        place = np.searchsorted(self.records.ends, offset)
        return self.first + int(np.searchsorted(self.places, place))

    def without_header(self) -> "Chunk":
        """The same records without the header, if it is among them."""
        return self if self.first else Chunk(self.block, self.records, self.places[1:], 1, self.is_terminated)

    def examined(self, longest: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Which of the records can be parsed, as flags, and the numbers of the others by rule."""
        flawed = {"quote_inside_cell": self.records.torn, "stray_carriage_return": self.records.split}
        if b"\0" in self.block:
            nul = np.flatnonzero(np.frombuffer(self.block, dtype=np.uint8) == 0)
            flawed["nul_byte"] = np.unique(np.searchsorted(self.records.ends, nul))
        flawed["row_too_long"] = np.flatnonzero(self.records.ends - self.records.starts > longest)
        good = np.ones(len(self.places), dtype=bool)
        faults: dict[str, np.ndarray] = {}
        for rule, places in flawed.items():
            hit = np.isin(self.places, places) & good
            if hit.any():
                faults[rule] = self.numbers[hit]
                good &= ~hit
        return good, faults

    def content(self, good: np.ndarray) -> bytes:
        """The bytes of the records that are flagged, in order."""
        places = self.places[good]
        if len(places) == len(self.records.starts):
            return self.block
        if not len(places):
            return b""
        breaks = np.flatnonzero(np.diff(places) > 1)
        begin = self.records.starts[places[np.concatenate(([0], breaks + 1))]]
        end = self.records.ends[places[np.concatenate((breaks, [len(places) - 1]))]] + 1
        return b"".join(self.block[b:e] for b, e in zip(begin.tolist(), end.tolist(), strict=True))


def chunks(path: Path, is_gzip: bool, dialect: Dialect, limits: Limits) -> Iterator[Chunk]:
    """All records of the file in order, header included.

    Raises:
        BadInput: naming file and row: a quoted cell never closes, or a line does not end.
    """
    source = byte_stream.decoded(path, byte_stream.blocks(path, is_gzip, limits), dialect.encoding or "utf-8")
    if dialect.carriage_returns:
        source = byte_stream.with_line_feeds(source)
    delimiter = dialect.delimiter.encode()
    rest, first, skip = b"", 0, dialect.skipped_bytes
    for block in source:
        block = rest + block
        block, skip = block[skip:], max(0, skip - len(block))
        records = split_records(block, delimiter, dialect.quoting)
        rest = block[records.consumed :]
        if records.consumed:
            chunk = _chunk(block[: records.consumed], records, first, True)
            first += len(chunk.places)
            yield chunk
        if len(rest) > limits.endless_row_bytes:
            _refuse_endless(path, first, records.in_quotes, limits)
    if rest.strip(b"\r\n"):
        if split_records(rest, delimiter, dialect.quoting).in_quotes:
            raise BadInput(
                f"{path}, {_row(first)}: a quoted cell opens and never closes: the file is cut off, or a quote is "
                "missing; deliver it again"
            )
        yield _chunk(rest + b"\n", split_records(rest + b"\n", delimiter, dialect.quoting), first, False)


def _chunk(block: bytes, records: Records, first: int, is_terminated: bool) -> Chunk:
    lengths = records.ends - records.starts
    codes = np.frombuffer(block, dtype=np.uint8)
    is_blank = (lengths == 0) | ((lengths == 1) & (codes[records.starts] == CARRIAGE_RETURN))
    return Chunk(block, records, np.flatnonzero(~is_blank), first, is_terminated)


def _refuse_endless(path: Path, row: int, in_quotes: bool, limits: Limits) -> None:
    size = (
        f"{limits.endless_row_bytes >> 20} MiB"
        if limits.endless_row_bytes >> 20
        else f"{limits.endless_row_bytes} bytes"
    )
    if in_quotes:
        raise BadInput(
            f"{path}, {_row(row)}: a quoted cell opens and does not close within {size}: a quote is missing or too many; "
            'mend the row, or state quote = "none" if quotes are plain text in this file'
        )
    raise BadInput(f"{path}, {_row(row)}: no line end within {size}: not a table of rows; export it again")


def _row(number: int) -> str:
    return f"row {number}" if number else "header row"
