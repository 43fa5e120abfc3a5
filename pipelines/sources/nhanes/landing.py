"""An examined NHANES drop as what landing needs: parts to land, the manifest, and what the drop cannot answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import polars as pl

from pipelines.sources import delivery
from pipelines.sources.nhanes.drop import Drop, DropFile, examine, load, missing
from pipelines.tables import CONTRACTS

SOURCE = "nhanes"
# Raise when reading a file gives other rows than before.
READER_VERSION = "1"
TRUTH_FILE = "truth.json"
_FILE_FORMAT = {"parquet": "parquet", "xpt": "xpt", "mortality": "dat", None: "other"}


@dataclass(frozen=True, slots=True)
class Part:
    """One file to land: raw table, part name, provenance, and a way to get its rows with an integer SEQN or none."""

    table: str
    name: str
    source_file: str
    cycle_code: str
    sha256: str
    id_column: str | None
    load: Callable[[], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A drop ready to land. `is_simulated`: the folder says that a program wrote it, in the file `truth`."""

    drop_id: str
    parts: tuple[Part, ...]
    persons: int
    manifest: pl.DataFrame
    missing: pl.DataFrame
    notes: tuple[str, ...]
    is_simulated: bool
    drops: tuple[delivery.Drop, ...] = ()
    truth: Path | None = None


def open_delivery(folder: Path) -> Delivery:
    """Examine a folder and refuse it as a whole if any file in it is bad.

    Raises:
        BadInput: with every problem of the folder.
    """
    drop = examine(folder)
    drop.require_usable()
    drop_id = sha256("".join(sorted(f"{f.relative_path}{f.sha256}" for f in drop.tables)).encode()).hexdigest()[:16]
    parts = tuple(_part(file) for file in drop.tables)
    persons = sum(file.rows or 0 for file in drop.tables if file.family == "demo")
    truth = _truth(folder)
    return Delivery(
        drop_id=drop_id,
        parts=parts,
        persons=persons,
        manifest=_manifest(drop, drop_id),
        missing=_missing(drop, drop_id),
        notes=drop.notes,
        is_simulated=truth is not None,
        truth=truth,
    )


def _part(file: DropFile) -> Part:
    cycle = file.cycle.tag if file.cycle else "none"
    return Part(
        table=f"raw.nhanes_{file.family}",
        name=cycle,
        source_file=file.relative_path,
        cycle_code=cycle,
        sha256=file.sha256 or "",
        id_column="SEQN" if "SEQN" in file.columns else None,
        load=partial(load, file),
    )


def _manifest(drop: Drop, drop_id: str) -> pl.DataFrame:
    status = {"recognized": "landed", "duplicate": "duplicate", "superseded": "out_of_scope"}
    rows = [
        {
            "source_id": SOURCE,
            "source_file": file.relative_path,
            "table_name": f"nhanes_{file.family}" if file.family else None,
            "cycle_code": file.cycle.tag if file.cycle else None,
            "cycle_label": file.cycle.label if file.cycle else None,
            "format_code": _FILE_FORMAT[file.format],
            "bytes": file.bytes,
            "sha256": file.sha256,
            "rows_in": file.rows if file.status in ("recognized", "duplicate") else None,
            "status_code": status.get(file.status, "out_of_scope"),
            "reason": file.reason or None,
            "drop_id": drop_id,
        }
        for file in drop.files
    ]
    return pl.DataFrame(rows, schema=CONTRACTS["raw.manifest"].empty().schema)


def _missing(drop: Drop, drop_id: str) -> pl.DataFrame:
    rows = [
        {
            "source_id": SOURCE,
            "cycle_label": piece.cycle.label if piece.cycle else "all cycles",
            "file_group": " or ".join(family.upper() for family in piece.families) + f": {piece.gives}",
            "consequence": piece.text,
            "drop_id": drop_id,
        }
        for piece in missing(drop)
    ]
    return pl.DataFrame(rows, schema=CONTRACTS["raw.missing_piece"].empty().schema)


def _truth(folder: Path) -> Path | None:
    """What a program that wrote the drop says is true; None where no program did."""
    truth = folder / TRUTH_FILE
    is_told = truth.exists() and json.loads(truth.read_text()).get("evidence_source") == "simulated"
    return truth if is_told else None
