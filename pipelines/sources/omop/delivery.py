"""An OMOP delivery as what landing needs: which file is which table, its columns, the manifest, what is missing.

Files are Parquet, delimited text (plain or gzip), Excel, or the tables of a DuckDB file, one or many a table. What a code
means is decided in staging; here only where rows are.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePath
from typing import Protocol

import polars as pl
import pyarrow.parquet as pq

from pipelines.errors import BadInput
from pipelines.sources.delivery import (
    BatchOfRows,
    DatabaseRows,
    Delivery,
    Drop,
    FoundFile,
    ParquetRows,
    Part,
    Rows,
    StreamedRows,
    delivery_id,
    manifest,
    missing_pieces,
)
from pipelines.sources.drops import TRUTH_FILE, drops_of, file_hash, visible_files
from pipelines.sources.omop.column_plan import plan_columns
from pipelines.sources.omop.missing import missing_tables
from pipelines.sources.omop.table_name import OUT_OF_SCOPE, table_of
from pipelines.sources.text_table import open_table

SOURCE = "omop"
# Raise when reading a file gives other rows than before.
READER_VERSION = "1"
# Directions are free text by nature, product and procedure names may be long; whether they hold an address is asked all the same.
EXEMPT = {
    name: frozenset({"prose"})
    for name in ("sig", "drug_source_value", "procedure_source_value", "condition_source_value", "device_source_value")
}
_SAYS_SIMULATED = ("synthea", "synthetic", "simulat", "synpuf")
_IDS_FROM_ROWS = 20


class DatabaseTable(Protocol):
    """A stored table of a DuckDB file, as the warehouse layer describes it."""

    @property
    def schema(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> int: ...
    def read(self, columns: Sequence[str]) -> Iterable[pl.DataFrame]: ...


# The tables of a DuckDB file; None for a file that is none. Given by the caller: sources know no database.
DatabaseReader = Callable[[Path], Sequence[DatabaseTable] | None]


@dataclass(frozen=True, slots=True)
class _Table:
    """A table found in the input: in which file, which table of the model (None: none), and how to open it."""

    source_file: str
    path: Path
    drop: Drop
    sha256: str
    format_code: str
    name: str | None
    open: Callable[[], tuple[Rows, tuple[str, ...]]]


@dataclass(slots=True)
class _Found:
    parts: list[Part] = field(default_factory=list)
    files: list[FoundFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    landed: dict[tuple[str, str, str], str] = field(default_factory=dict)


def open_delivery(
    folder: Path, databases: DatabaseReader = lambda path: None, drops: Sequence[Drop] | None = None
) -> Delivery:
    """Examine an input folder (or one DuckDB file) and refuse it as a whole if any table in it is bad.

    Args:
        databases: how the tables of a DuckDB file are listed and read.
        drops: the deliveries in it; default what `drops_of` finds.

    Raises:
        BadInput: with every problem of the folder.
    """
    folder = Path(folder)
    drops = tuple(drops or drops_of(folder, is_table_folder))
    found = _Found()
    for drop in drops:
        for table in _tables(folder, drop, databases, found):
            try:
                _add(table, found)
            except BadInput as error:
                found.problems += error.problems
    held = {part.table.removeprefix("raw.omop_") for part in found.parts}
    if not found.problems and not held:
        found.problems.append(f"{folder}: none of its {len(found.files)} files is an OMOP table: name the right folder")
    if held and "person" not in held:
        found.problems.append(
            f"{folder}: no person table, so no row can be given to anybody: deliver person with the rest"
        )
    if found.problems:
        raise BadInput(found.problems)
    drop_id = delivery_id({file.source_file: file.sha256 or "" for file in found.files})
    texts, version = _described(found.parts)
    missing = missing_tables(held)
    truth = _truth(folder, drops)
    return Delivery(
        drop_id=drop_id,
        parts=tuple(found.parts),
        persons=sum(part.rows.count() for part in found.parts if part.table == "raw.omop_person"),
        manifest=manifest(SOURCE, found.files),
        missing=missing_pieces(SOURCE, drop_id, missing),
        notes=(f"OMOP CDM {version}", *(f"{group} is missing" for group, _ in missing)),
        is_simulated=truth is not None or any(word in texts for word in _SAYS_SIMULATED),
        drops=drops,
        truth=truth,
    )


def is_table_folder(path: Path) -> bool:
    """Whether a subfolder holds the part-files of one OMOP table."""
    return table_of(PurePath(path.name, "part")) is not None


def _tables(folder: Path, drop: Drop, databases: DatabaseReader, found: _Found) -> Iterable[_Table]:
    root = folder / drop.folder
    base = folder.parent if folder.is_file() else folder
    for path in [folder] if folder.is_file() else visible_files(root):
        relative = path.relative_to(base).as_posix()
        if path.name == TRUTH_FILE:
            continue
        try:
            digest = file_hash(path)
            stored = databases(path)
        except BadInput as error:
            found.problems += error.problems
            continue
        if stored is not None:
            for table in stored:
                name = table_of(PurePath(table.name))
                where = f"{relative}#{table.schema}.{table.name}"
                opened = partial(_open_stored, path, table)
                yield _Table(where, path, drop, digest, "duckdb", name, opened)
            continue
        name = table_of(path.relative_to(root)) if not folder.is_file() else None
        yield _Table(relative, path, drop, digest, _format(path), name, partial(_open_file, path))


def _format(path: Path) -> str:
    """How a file is written, by its name; only said in the manifest."""
    ending = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    return {"parquet": "parquet", "pq": "parquet", "parq": "parquet", "csv": "csv", "tsv": "csv", "xlsx": "xlsx"}.get(
        ending, "other"
    )


def _open_stored(path: Path, table: DatabaseTable) -> tuple[Rows, tuple[str, ...]]:
    return DatabaseRows(path, table.schema, table.name, table.rows, lambda c: iter(table.read(c))), table.columns


def _open_file(path: Path) -> tuple[Rows, tuple[str, ...]]:
    file = open_table(path)
    if file.format == "parquet":
        return ParquetRows(path), tuple(pq.read_schema(path).names)

    def read(columns: Sequence[str]) -> Iterable[BatchOfRows]:
        return file.batches(columns=columns)

    return StreamedRows(lambda columns: iter(read(columns)), file.rows), file.columns


def _add(table: _Table, found: _Found) -> None:
    def file(status: str, **more: object) -> FoundFile:
        return FoundFile(
            table.source_file,
            table.format_code,
            table.path.stat().st_size,
            table.sha256,
            status,  # ty: ignore[invalid-argument-type]
            table.drop,
            **more,  # ty: ignore[invalid-argument-type]
        )

    if table.name is None:
        found.files.append(file("out_of_scope", reason="its name is not that of an OMOP table"))
        return
    rows, columns = table.open()
    if table.name in OUT_OF_SCOPE:
        found.files.append(
            file("out_of_scope", table_name=table.name, rows=rows.count(), reason=OUT_OF_SCOPE[table.name])
        )
        return
    raw = f"omop_{table.name}"
    content = (table.drop.folder, table.name, table.sha256 if table.format_code != "duckdb" else table.source_file)
    if (first := found.landed.setdefault(content, table.source_file)) != table.source_file:
        found.files.append(file("duplicate", table_name=raw, rows=rows.count(), reason=f"same bytes as {first}"))
        return
    plan = plan_columns(table.name, columns, table.source_file)
    kept, notes = dict(plan.columns), list(plan.notes)
    if table.name == "visit_occurrence":
        notes += _leave_out_visit_ids(rows, kept)
    found.parts.append(
        Part(
            table=f"raw.{raw}",
            source_file=table.source_file,
            sha256=table.sha256,
            rows=rows,
            columns=kept,
            kinds=plan.kinds,
            id_column=plan.id_column,
            drop=table.drop,
            reader_version=READER_VERSION,
            top_coded_year="year_of_birth" if table.name == "person" and "year_of_birth" in kept.values() else None,
            exempt=EXEMPT,
            notes=tuple(notes),
        )
    )
    found.files.append(file("landed", table_name=raw, rows=rows.count(), note="; ".join(notes) or None))


def _leave_out_visit_ids(rows: Rows, columns: dict[str, str]) -> list[str]:
    """Some sources keep the visit's own number, with the patient's in it, where the kind of visit should stand."""
    column = next((column for column, name in columns.items() if name == "visit_source_value"), None)
    if column is None:
        return []
    filled, distinct = 0, pl.Series([], dtype=pl.String)
    for frame in rows.batches([column]):
        values = frame[column].cast(pl.String).drop_nulls()
        filled += len(values)
        distinct = pl.concat([distinct, values.rename("")]).unique()
    if filled < _IDS_FROM_ROWS or 2 * len(distinct) < filled:
        return []
    del columns[column]
    return ["not landed, for it tells visits apart: visit_source_value"]


def _described(parts: Sequence[Part]) -> tuple[str, str]:
    """What cdm_source says, in lower case, and the version of the model: as it says, else as the columns tell."""
    said: list[str] = []
    version = ""
    for part in parts:
        if part.table != "raw.omop_cdm_source":
            continue
        by_name = {name: column for column, name in part.columns.items()}
        named = [n for n in ("cdm_source_name", "cdm_source_abbreviation", "source_description") if n in by_name]
        for frame in part.rows.batches([by_name[n] for n in named]):
            said += [str(value).lower() for row in frame.iter_rows() for value in row if value is not None]
        if "cdm_version" in by_name:
            for frame in part.rows.batches([by_name["cdm_version"]]):
                version = next((str(v).lower().lstrip("v") for v in frame.to_series() if v is not None), version)
    names = {name for part in parts for name in part.columns.values()}
    newer = names & {"admitted_from_concept_id", "unit_source_concept_id", "measurement_event_id", "procedure_end_date"}
    told = "5.4" if newer else "5.3"
    is_known = version.startswith(("5.3", "5.4"))
    return " ".join(said), f"{version} (cdm_source)" if is_known else f"{told} (by its columns)"


def _truth(folder: Path, drops: Sequence[Drop]) -> Path | None:
    """What our simulator says is true of the people; None where it did not write them."""
    base = folder.parent if folder.is_file() else folder
    inside = {base, *(base / drop.folder for drop in drops)}
    # The simulator writes its truth beside the folder; what else lies there is nobody's input and may be anything.
    for place in (*sorted(inside), base.resolve().parent):
        truth = place / TRUTH_FILE
        try:
            if truth.exists() and json.loads(truth.read_text()).get("evidence_source") == "simulated":
                return truth
        except (OSError, ValueError, AttributeError) as error:
            if place in inside:
                raise BadInput(f"{truth}: not valid JSON: take it away or write it again") from error
    return None
