"""Part-files: one fixed range of persons each, whole or not there, with the same bytes for the same rows.

Block n holds persons (n - 1) x `BLOCK_PERSONS` + 1 to n x `BLOCK_PERSONS`, whatever the batch a machine can hold.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import polars as pl
import pyarrow.parquet as pq

from pipelines.synth.omop.mess import PLANTED_SCHEMA, traps

FileFormat = Literal["parquet", "csv"]
FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
BLOCK_PERSONS = 5_000
_ROW_GROUP = 122_880
_FILE_MODE = 0o640
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a simulation lies: the OMOP tables, what was planted, the true doses."""

    out: Path

    @property
    def omop(self) -> Path:
        """One folder per table; hand this one to `trabecula run --source omop`."""
        return self.out / "omop"

    @property
    def planted(self) -> Path:
        """One file per trap."""
        return self.out / "planted"

    @property
    def doses(self) -> Path:
        """Part-files of the true dose of each drug_exposure row."""
        return self.out / "dose"

    @property
    def planted_blocks(self) -> Path:
        """Per block, until all are there."""
        return self.out / ".planted"


def blocks(persons: int, size: int = BLOCK_PERSONS) -> list[tuple[int, int, int]]:
    """Number, first person and size of each block."""
    starts = range(1, persons + 1, size)
    return [(number, first, min(size, persons - first + 1)) for number, first in enumerate(starts, start=1)]


def part(folder: Path, number: int, kind: FileFormat = "parquet") -> Path:
    """Name of a part-file."""
    return folder / f"part-{number:05d}.{kind}"


def write(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame by the ending of its name, under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}{_PARTIAL}")
    # Bytes must not depend on how the frame was put together.
    frame = frame.rechunk()
    try:
        if path.suffix == ".csv":
            frame.write_csv(partial, datetime_format="%Y-%m-%d %H:%M:%S", date_format="%Y-%m-%d")
        else:
            frame.write_parquet(partial, compression="zstd", compression_level=3, row_group_size=_ROW_GROUP)
        partial.chmod(_FILE_MODE)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def gather_planted(folders: Folders, numbers: list[int]) -> dict[str, int]:
    """One file per trap out of the files per block, which are removed; returns rows per trap, traps without any too."""
    folders.planted.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(traps(), 0)
    writers: dict[str, pq.ParquetWriter] = {}
    schema = pl.DataFrame(schema=PLANTED_SCHEMA).drop("trap").to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    partial = {code: folders.planted / f".{code}.parquet{_PARTIAL}" for code in counts}
    try:
        for number in numbers:
            block = pl.read_parquet(part(folders.planted_blocks, number))
            for (code,), rows in block.group_by("trap", maintain_order=True):
                counts[code] += len(rows)
                if code not in writers:
                    writers[code] = pq.ParquetWriter(partial[code], schema, compression="zstd")
                table = rows.drop("trap").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
                writers[code].write_table(table.cast(schema))
        for code, writer in writers.items():
            writer.close()
            os.replace(partial[code], folders.planted / f"{code}.parquet")
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)
    for number in numbers:
        part(folders.planted_blocks, number).unlink(missing_ok=True)
    folders.planted_blocks.rmdir()
    return counts
