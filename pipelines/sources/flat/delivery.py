"""A folder of flat files as what landing needs: which file is which table of the mapping, its parts, its manifest.

A file that several tables read, or a wide table of several records a row, gives one part each. Such a part is called
`<file>#<table>` or `<file>#<table>.<record>`, so that a row of a part is one record and every count can balance.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.delivery import (
    Delivery,
    Drop,
    FoundFile,
    Kind,
    Part,
    StreamedRows,
    delivery_id,
    manifest,
    missing_pieces,
)
from pipelines.sources.drops import visible_files
from pipelines.sources.flat import fhir
from pipelines.sources.flat.mapping import FILE_NAME, Mapping, Table
from pipelines.sources.flat.records import NATIVE_ID, RecordReader, fit
from pipelines.sources.text_table import Batch, TableFile, open_table
from pipelines.sources.text_table.batch import ROW

SOURCE = "flat"
# Raise when reading a file gives other rows than before.
READER_VERSION = "1"
TRUTH_FILE = "truth.json"
# Directions and names are free text by nature; whether they hold a person's name is asked all the same.
EXEMPT = {"sig_text": frozenset({"prose"}), "name_text": frozenset({"prose"}), "drug_text": frozenset({"prose"})}
_MANY_ROWS = 1_000_000


@dataclass(slots=True)
class _Read:
    """What is found in the folder so far: parts, files for the manifest, what is not there, remarks, problems."""

    parts: list[Part] = field(default_factory=list)
    files: list[FoundFile] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def open_delivery(folder: Path, mapping: Mapping, drops: Sequence[Drop] | None = None) -> Delivery:
    """Examine an input folder and refuse it as a whole if any file in it cannot be read by the mapping.

    Args:
        drops: the deliveries in it, by subfolder; default one snapshot, the folder itself.

    Raises:
        BadInput: with every problem of the folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder: name the folder that holds the files")
    drops = tuple(drops) if drops is not None else (Drop("snapshot"),)
    found = _Read()
    for drop in drops:
        _examine(folder, drop, mapping, found)
    if not found.problems and not found.parts:
        found.problems.append(
            f"{folder}: none of its {len(found.files)} files is named by the mapping: correct files in the mapping, or "
            "name the folder that holds them"
        )
    if found.problems:
        raise BadInput(found.problems)
    drop_id = delivery_id({file.source_file: file.sha256 or "" for file in found.files})
    truth = folder / TRUTH_FILE
    is_simulated = truth.exists() and json.loads(truth.read_text()).get("evidence_source") == "simulated"
    return Delivery(
        drop_id=drop_id,
        parts=tuple(found.parts),
        persons=_persons(found.parts),
        manifest=manifest(SOURCE, found.files),
        missing=missing_pieces(SOURCE, drop_id, found.missing),
        notes=tuple(found.notes),
        is_simulated=is_simulated,
        drops=drops,
        truth=truth if is_simulated else None,
    )


def part_rows(reader: RecordReader, table: TableFile, keeps_malformed: bool, columns: Sequence[str]) -> Iterator[Batch]:
    """Some columns of a part's records, batch by batch, with the records that were set aside for one of them."""
    reader = reader.only(columns)
    for batch in table.batches(columns=reader.needed):
        given = batch if keeps_malformed else Batch(batch.rows, batch.rejects.clear())
        found = reader.records(given)
        yield Batch(found.rows.select(ROW, *columns), found.rejects)


def _examine(folder: Path, drop: Drop, mapping: Mapping, found: _Read) -> None:
    root = folder / drop.folder if drop.folder else folder
    used: set[str] = set()
    landed: dict[str, tuple[str, int]] = {}
    try:
        paths = visible_files(root)
    except BadInput as error:
        found.problems.extend(error.problems)
        return
    for path in paths:
        name = path.relative_to(root).as_posix()
        known = _FileFacts(path, path.relative_to(folder).as_posix(), drop)
        if name in (FILE_NAME, TRUTH_FILE):
            continue
        tables = [table for table in mapping.table if _matches(name, table.files)]
        is_fhir = mapping.fhir is not None and not tables and _matches(name, mapping.fhir.files)
        if not tables and not is_fhir:
            found.files.append(known.out_of_scope("no table of the mapping names this file"))
            continue
        used |= {table.label for table in tables} | ({"fhir"} if is_fhir else set())
        if known.sha256 in landed:
            found.files.append(known.duplicate(*landed[known.sha256]))
            continue
        try:
            rows = _add_fhir(known, mapping, found) if is_fhir else _add_tables(known, tables, mapping, found)
            landed[known.sha256] = known.source_file, rows
        except BadInput as error:
            found.problems.extend(error.problems)
    wanted = {table.label: table for table in mapping.table}
    for label in sorted(wanted.keys() - used):
        files = ", ".join(wanted[label].files)
        found.missing.append((f"{drop.folder or 'drop'}: {label} ({files})", f"no {wanted[label].kind} records of it"))


@dataclass(frozen=True, slots=True)
class _FileFacts:
    path: Path
    source_file: str
    drop: Drop
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        try:
            with self.path.open("rb") as file:
                object.__setattr__(self, "sha256", file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise BadInput(f"{self.path}: cannot be read ({error.strerror}): check its permissions") from error

    def found(self, format_code: str, status: Any, **more: Any) -> FoundFile:
        size = self.path.stat().st_size
        named: dict[str, Any] = {"source_file": self.source_file} | more
        return FoundFile(
            **named,
            format_code=format_code,
            bytes=size,
            sha256=self.sha256,
            status=status,
            drop=self.drop,
        )

    def out_of_scope(self, reason: str) -> FoundFile:
        return self.found("other", "out_of_scope", reason=reason)

    def duplicate(self, first: str, rows: int) -> FoundFile:
        return self.found("other", "duplicate", reason=f"same bytes as {first}", rows=rows)

    def part_name(self, fragment: str | None) -> str:
        return f"{self.source_file}#{fragment}" if fragment else self.source_file


def _add_tables(known: _FileFacts, tables: list[Table], mapping: Mapping, found: _Read) -> int:
    """Parts of one file; how many rows the file has."""
    readers: list[tuple[RecordReader, TableFile]] = []
    opened: dict[object, TableFile] = {}
    problems: list[str] = []
    for table in tables:
        options = (table.sheet, table.encoding, table.delimiter, table.quote != "none")
        if options not in opened:
            opened[options] = open_table(
                known.path, sheet=table.sheet, encoding=table.encoding, delimiter=table.delimiter, quoting=options[3]
            )
        file = opened[options]
        for position, record in enumerate(table.records()):
            try:
                label = f"{known.source_file}, table {record.label}"
                readers.append((fit(record, file.columns, position + 1, position == 0, label), file))
            except BadInput as error:
                problems += error.problems
    if problems:
        raise BadInput(problems)
    counts = _Counts.of(readers)
    for position, (reader, file) in enumerate(readers):
        fragment = reader.table.label if len(readers) > 1 or reader.table.record else None
        name = known.part_name(fragment)
        part = _part(
            known, name, reader, file, counts.rows[position], keeps_malformed=counts.keeper[position], mapping=mapping
        )
        found.parts.append(part)
        note = f"read as {file.encoding}" if file.encoding not in (None, "utf-8") else None
        kind = f"flat_{reader.table.kind}"
        found.files.append(
            known.found(
                _format(known, file), "landed", source_file=name, table_name=kind, rows=part.rows.count(), note=note
            )
        )
        if note:
            found.notes.append(f"{known.source_file}: {note}")
    for rest in counts.unmatched:
        reason = f"{rest} rows meet the conditions of no table of the mapping"
        found.files.append(
            known.found("other", "out_of_scope", source_file=known.part_name("unmatched"), reason=reason, rows=rest)
        )
        found.notes.append(f"{known.source_file}: {reason}")
    return sum(file.rows for file in opened.values())


def _part(
    known: _FileFacts,
    name: str,
    reader: RecordReader,
    file: TableFile,
    rows: int,
    *,
    keeps_malformed: bool,
    mapping: Mapping,
) -> Part:
    kind = reader.table.kind
    decided_by = (known.sha256, mapping.fingerprint, name)
    return Part(
        table=f"raw.flat_{kind}",
        source_file=name,
        sha256=sha256(repr(decided_by).encode()).hexdigest(),
        rows=StreamedRows(partial(part_rows, reader, file, keeps_malformed), rows),
        columns={column: column for column in reader.types},
        kinds=reader.types,
        id_column=NATIVE_ID,
        drop=known.drop,
        reader_version=READER_VERSION,
        top_coded_year="birth_year" if kind == "person" else None,
        exempt={column: rules for column, rules in EXEMPT.items() if column in reader.types},
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """Rows of each part, which part of a file takes its malformed rows, and how many rows no part takes, if any."""

    rows: tuple[int, ...]
    keeper: tuple[bool, ...]
    unmatched: tuple[int, ...]

    @staticmethod
    def of(readers: list[tuple[RecordReader, TableFile]]) -> "_Counts":
        if not any(reader.table.where for reader, _ in readers):
            # Every part is the whole file, malformed rows included.
            return _Counts(tuple(file.rows for _, file in readers), (True,) * len(readers), ())
        keeper = [False] * len(readers)
        rows = [0] * len(readers)
        unmatched = 0
        for file in {id(file): file for _, file in readers}.values():
            places = [place for place, (_, each) in enumerate(readers) if each is file]
            keeper[places[0]] = True
            needed = tuple(dict.fromkeys(c for place in places for c in readers[place][0].table.where))
            for batch in file.batches(columns=needed):
                rest = batch.rows
                for place in places:
                    passing = readers[place][0].passing(batch.rows)
                    rows[place] += passing.height
                    rest = rest.join(passing, on=ROW, how="anti")
                rows[places[0]] += batch.rejects.height
                unmatched += rest.height
        return _Counts(tuple(rows), tuple(keeper), (unmatched,) if unmatched else ())


def _add_fhir(known: _FileFacts, mapping: Mapping, found: _Read) -> int:
    """Parts of one NDJSON file; how many lines the file has."""
    if mapping.fhir is None:
        return 0
    file = fhir.open_resources(known.path, mapping.fhir)
    for label, rows in file.rows.items():
        kind = fhir.kind_of(label)
        if kind is None:
            reason = f"{rows} resources of a type that is not read ({label})"
            aside = known.found("ndjson", "out_of_scope", source_file=known.part_name(label), reason=reason, rows=rows)
            found.files.append(aside)
            continue
        name = known.part_name(label if len(file.rows) > 1 else None)
        types: dict[str, Kind] = {"record_number": "whole"} | fhir.types(kind)
        found.parts.append(
            Part(
                table=f"raw.flat_{kind}",
                source_file=name,
                sha256=sha256(repr((known.sha256, mapping.fingerprint, name)).encode()).hexdigest(),
                rows=StreamedRows(partial(file.batches, label), rows),
                columns={column: column for column in types},
                kinds=types,
                id_column=NATIVE_ID,
                drop=known.drop,
                reader_version=fhir.READER_VERSION,
                top_coded_year="birth_year" if kind == "person" else None,
                exempt={column: rules for column, rules in EXEMPT.items() if column in types},
            )
        )
        found.files.append(known.found("ndjson", "landed", source_file=name, table_name=f"flat_{kind}", rows=rows))
    return sum(file.rows.values())


def _persons(parts: Sequence[Part]) -> int:
    """How many people there are about: those of the person files, else those of all files, exactly while they are few."""
    persons = sum(part.rows.count() for part in parts if part.table == "raw.flat_person")
    if persons:
        return persons
    seen = pl.Series(NATIVE_ID, [], dtype=pl.String)
    for part in parts:
        for frame in part.rows.batches([NATIVE_ID]):
            seen = pl.concat([seen, frame[NATIVE_ID].unique()]).unique()
            if len(seen) > _MANY_ROWS:
                return sum(part.rows.count() for part in parts)
    return len(seen)


def _format(known: _FileFacts, file: TableFile) -> str:
    return {"text": "csv", "parquet": "parquet", "excel": "xlsx"}[file.format]


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a path inside the drop meets a pattern, by all of it or by its last part; letter case aside."""
    whole, last = name.casefold(), name.rpartition("/")[2].casefold()
    return any(fnmatchcase(whole, p.casefold()) or fnmatchcase(last, p.casefold()) for p in patterns)
