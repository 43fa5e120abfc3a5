"""Which encoding a file is in, over all its rows; a file in two encodings is refused with the row where they part."""

from pathlib import Path

from pipelines.errors import BadInput
from pipelines.sources.text_table.byte_stream import UTF_16
from pipelines.sources.text_table.chunk import Chunk

FALLBACK = "cp1252"


class Encoding:
    """Regards chunk after chunk. Without a stated encoding: UTF-8 if all of it is, else Windows-1252 if none of it is."""

    def __init__(self, path: Path, stated: str | None) -> None:
        self.path = path
        self.stated = stated
        self._has_utf_8 = False
        self._first_other: int | None = None

    def plain(self, record: bytes) -> str:
        """One record as text, for the header."""
        try:
            return record.decode(self.stated if self.stated and self.stated not in UTF_16 else "utf-8")
        except UnicodeDecodeError:
            return record.decode(FALLBACK, errors="replace")

    def regard(self, chunk: Chunk) -> None:
        """Take note of a chunk.

        Raises:
            BadInput: it does not decode as stated, or not in the encoding of the rows before it.
        """
        block = chunk.block
        if block.isascii() or self.stated in UTF_16:
            return
        if self.stated:
            self._require(chunk, self.stated)
            return
        try:
            block.decode("utf-8")
            self._has_utf_8 = True
        except UnicodeDecodeError as error:
            if self._first_other is None:
                self._first_other = chunk.row_at(error.start)
            self._has_utf_8 |= not block.decode("utf-8", errors="ignore").isascii()
            if not self._has_utf_8:
                self._require(chunk, FALLBACK)
        if self._has_utf_8 and self._first_other is not None:
            row = f"row {self._first_other}" if self._first_other else "header row"
            raise BadInput(
                f"{self.path}, {row}: not UTF-8, while other rows are: the file mixes encodings; export it again as "
                "UTF-8, or state its encoding in the mapping"
            )

    def settled(self) -> str:
        """The encoding of the whole file."""
        return self.stated or ("utf-8" if self._first_other is None else FALLBACK)

    def _require(self, chunk: Chunk, encoding: str) -> None:
        try:
            chunk.block.decode(encoding)
        except UnicodeDecodeError as error:
            stated = "as stated" if self.stated else "nor UTF-8"
            raise BadInput(
                f"{self.path}, row {chunk.row_at(error.start)}: not {encoding} {stated}: state the right encoding in the "
                "mapping, or export the file as UTF-8"
            ) from error
