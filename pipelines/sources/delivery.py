"""What an examined input folder is to landing: drops, parts with their rows, a manifest, what is missing.

Shared by every source whose raw tables are declared column by column (omop, flat); surveys have their own. Nothing is read
or written here. Landing (`pipelines.warehouse.landing`) takes these objects as they are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.tables import CONTRACTS

Kind = Literal["number", "whole", "text", "day", "instant"]
BATCH_ROWS = 262_144


class BatchOfRows(Protocol):
    """Rows with `source_row` and the columns of the file, and the rows set aside: source_row, rule_code, reason."""

    @property
    def rows(self) -> pl.DataFrame: ...
    @property
    def rejects(self) -> pl.DataFrame: ...


@dataclass(frozen=True, slots=True)
class ParquetRows:
    """A Parquet file: landing reads it in place, and its row number is the `source_row`."""

    path: Path

    def batches(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Some columns, in order, a batch at a time: what the guard looks at."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(columns)):
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                yield frame

    def different(self, columns: Sequence[str]) -> Iterator[tuple[dict[str, pl.Series], frozenset[str]]]:
        """Batches for who asks what values there are, not where: each value at least once.

        A text column that is stored as a dictionary gives its dictionary: nobody has to tell its rows apart again. The second
        item names these columns.
        """
        repeated = _dictionaries(pq.read_metadata(self.path), columns)
        with pq.ParquetFile(self.path, read_dictionary=repeated) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(columns)):
                plain = batch.select([name for name in batch.schema.names if name not in repeated])
                frame = pl.from_arrow(plain)
                assert isinstance(frame, pl.DataFrame)
                values = {name: frame[name] for name in frame.columns}
                values |= {name: pl.Series(name, batch.column(name).dictionary) for name in repeated}
                yield values, frozenset(repeated)

    def count(self) -> int:
        """Rows of the file, by its footer."""
        return pq.read_metadata(self.path).num_rows


def _dictionaries(metadata: pq.FileMetaData, columns: Sequence[str]) -> list[str]:
    """Text columns that are stored as a dictionary throughout."""
    stored: dict[str, bool] = {}
    for group in range(metadata.num_row_groups):
        chunks = metadata.row_group(group)
        for place in range(chunks.num_columns):
            chunk = chunks.column(place)
            is_one = chunk.physical_type == "BYTE_ARRAY" and "RLE_DICTIONARY" in chunk.encodings
            stored[chunk.path_in_schema] = stored.get(chunk.path_in_schema, True) and is_one
    types = {field.name: field.type for field in metadata.schema.to_arrow_schema()}
    is_text = {name for name, kind in types.items() if pa.types.is_string(kind) or pa.types.is_large_string(kind)}
    return [name for name in columns if stored.get(name) and name in is_text]


@dataclass(frozen=True, slots=True)
class DatabaseRows:
    """A table of a DuckDB file: landing attaches the file read-only. `read` gives some columns a batch at a time."""

    path: Path
    schema: str
    table: str
    rows: int
    read: Callable[[Sequence[str]], Iterator[pl.DataFrame]]

    def batches(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Some columns, a batch at a time: what the guard looks at."""
        return self.read(columns)

    def count(self) -> int:
        """Rows of the table, as the database says."""
        return self.rows


@dataclass(frozen=True, slots=True)
class StreamedRows:
    """Rows that a reader gives batch by batch (delimited text, Excel, NDJSON); it may be asked several times.

    `rows` is the reader's own count, flawed rows included: conservation is measured against it.
    """

    read: Callable[[Sequence[str]], Iterator[BatchOfRows]]
    rows: int

    def batches(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Some columns, a batch at a time: what the guard looks at."""
        for batch in self.read(columns):
            yield batch.rows.select(columns)

    def count(self) -> int:
        """Rows of the file, as its reader says."""
        return self.rows


Rows = ParquetRows | DatabaseRows | StreamedRows


@dataclass(frozen=True, slots=True)
class Drop:
    """One delivery. `folder` is empty for a snapshot, which may be replaced; a named drop never changes once landed."""

    drop_id: str
    sequence: int = 1
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One file on its way to one raw table.

    Attributes:
        table: raw table, e.g. `raw.flat_lab`.
        source_file: path inside the input folder.
        sha256: of the bytes (and of whatever else decides how they read, such as a mapping).
        rows: where the rows are.
        columns: column of the rows -> column of the raw table. What is not named here is not landed.
        kinds: how a column of the raw table is read; one without a kind is text.
        id_column: column of the rows with the native person id; None for a table that is not about persons.
        drop: the delivery.
        top_coded_year: column of the raw table with a year of birth, raised where it would tell an age over 89.
        exempt: columns of the raw table to which a guard rule does not apply (`{"sig_text": {"prose"}}`).
        notes: what was left out and why, for the manifest.
    """

    table: str
    source_file: str
    sha256: str
    rows: Rows
    columns: Mapping[str, str]
    kinds: Mapping[str, Kind]
    id_column: str | None
    drop: Drop
    reader_version: str = "1"
    cycle_code: str | None = None
    top_coded_year: str | None = None
    exempt: Mapping[str, frozenset[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of its file in the raw table: readable, and unique in the delivery."""
        stem = "".join(letter if letter.isalnum() else "_" for letter in self.source_file)[-60:]
        return f"{stem}-{sha256(self.source_file.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of the input folder, for the manifest. `status`: landed, duplicate or out_of_scope, the last two with a reason."""

    source_file: str
    format_code: str
    bytes: int
    sha256: str | None
    status: Literal["landed", "duplicate", "out_of_scope"]
    drop: Drop
    table_name: str | None = None
    reason: str | None = None
    note: str | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An input folder ready to land. `persons` decides the number of buckets; `is_simulated`: a program wrote the data.

    `truth`: the file in which that program says what is true of its people, if there is one.
    """

    drop_id: str
    parts: tuple[Part, ...]
    persons: int
    manifest: pl.DataFrame
    missing: pl.DataFrame
    notes: tuple[str, ...]
    is_simulated: bool
    drops: tuple[Drop, ...] = ()
    truth: Path | None = None


def manifest(source_id: str, files: Sequence[FoundFile]) -> pl.DataFrame:
    """The rows of `raw.manifest`; landing fills in its times, and `rows_in` of a landed file from the reader's count."""
    rows = [
        {
            "source_id": source_id,
            "source_file": file.source_file,
            "table_name": file.table_name,
            "format_code": file.format_code,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "rows_in": file.rows,
            "status_code": file.status,
            "reason": file.reason,
            "drop_id": file.drop.drop_id,
            "drop_sequence": file.drop.sequence,
            "note": file.note,
        }
        for file in files
    ]
    return pl.DataFrame(rows, schema=CONTRACTS["raw.manifest"].empty().schema)


def missing_pieces(source_id: str, drop_id: str, pieces: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """The rows of `raw.missing_piece` from (what is not there, what cannot be computed without it)."""
    rows = [
        {
            "source_id": source_id,
            "cycle_label": "all drops",
            "file_group": group,
            "consequence": consequence,
            "drop_id": drop_id,
        }
        for group, consequence in pieces
    ]
    return pl.DataFrame(rows, schema=CONTRACTS["raw.missing_piece"].empty().schema)


def delivery_id(hashes: Mapping[str, str]) -> str:
    """Id of a delivery: hash of its files' paths and contents."""
    return sha256("".join(sorted(f"{path}{digest}" for path, digest in hashes.items())).encode()).hexdigest()[:16]
