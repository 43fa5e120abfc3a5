"""FHIR R4 bulk export, one JSON resource a line, as batches of canonical records of the same kinds as flat files.

Of what is not listed in `fhir_schema` nothing is read. A line that is no such resource is set aside by its number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.delivery import Kind
from pipelines.sources.flat import date_format
from pipelines.sources.flat.cells import DTYPES, RULES, Cells
from pipelines.sources.flat.fhir_records import KINDS_OF_TYPE, belongs, columns, component, native_id
from pipelines.sources.flat.fhir_schema import SCHEMAS
from pipelines.sources.flat.mapping import FhirFiles
from pipelines.sources.flat.records import NATIVE_ID, split
from pipelines.sources.text_table import Batch
from pipelines.sources.text_table.batch import ROW
from pipelines.sources.text_table.batch import rejects as set_aside
from pipelines.sources.text_table.chunk import Chunk, chunks
from pipelines.sources.text_table.dialect import Dialect
from pipelines.sources.text_table.limits import DEFAULT, MIB, Limits
from pipelines.sources.text_table.signature import identify
from pipelines.tables.raw_flat import FLAT_COLUMNS

# Raise when reading a file gives other rows than before.
READER_VERSION = "2"
KINDS = tuple(dict.fromkeys(kind for kinds in KINDS_OF_TYPE.values() for kind in kinds))
_DIALECT = Dialect("utf-8", ",", False, False, 0)
# A resource may be far longer than a row of a table.
_LIMITS = replace(DEFAULT, row_bytes=16 * MIB, endless_row_bytes=64 * MIB)
_TYPE = "resourceType"
_PANEL, _COMPONENT = "Observation", ".component"
# No panel has more; a line with more is set aside.
_MOST_COMPONENTS = 64


@dataclass(frozen=True, slots=True)
class ResourceFile:
    """An examined file. `rows`: lines by kind of record; a type that is not read stands under its own name.

    Lines that are no resources count with the first kind that is read. Components of observations stand as
    `<kind>.component<place>`: each is a record of its own, so that a line gives one record of each kind at most.
    """

    path: Path
    is_gzip: bool
    options: FhirFiles
    rows: dict[str, int]
    limits: Limits

    def batches(self, kind: str, wanted: Sequence[str]) -> Iterator[Batch]:
        """The records of one kind in the order of lines, some columns; broken lines with the first kind."""
        keeps_broken = kind == next(each for each in self.rows if each in KINDS)
        kind, _, place = kind.partition(_COMPONENT)
        for block in _blocks(self.path, self.is_gzip, self.limits):
            broken = block.broken if keeps_broken else block.broken.clear()
            found = [
                _records(frame.filter(belongs(resource_type, kind)), resource_type, kind, self.options)
                for resource_type, frame in block.placed(int(place or 0)).items()
                if kind in KINDS_OF_TYPE[resource_type]
            ]
            rows = pl.concat([_empty(kind), *(batch.rows for batch in found)]).sort(ROW)
            yield Batch(rows.select(ROW, *wanted), pl.concat([broken, *(b.rejects for b in found)]).sort(ROW))


def open_resources(path: Path, options: FhirFiles, limits: Limits = _LIMITS) -> ResourceFile:
    """Examine a file: which kinds of record its lines give.

    Raises:
        BadInput: it is empty, cut, not UTF-8, or no line of it is a resource.
    """
    file_format, is_gzip = identify(path)
    if file_format != "text":
        raise BadInput(f"{path}: not NDJSON but {file_format}: take it out of [fhir] files")
    rows: dict[str, int] = {}
    broken = 0
    for block in _blocks(path, is_gzip, limits):
        broken += block.broken.height
        for resource_type, count in block.unread.items():
            rows[resource_type] = rows.get(resource_type, 0) + count
        for place in range(block.most_components + 1):
            for resource_type, frame in block.placed(place).items():
                for kind in KINDS_OF_TYPE[resource_type]:
                    name = f"{kind}{_COMPONENT}{place}" if place else kind
                    rows[name] = rows.get(name, 0) + frame.filter(belongs(resource_type, kind)).height
    rows = {kind: count for kind, count in rows.items() if count}
    if not rows:
        raise BadInput(f"{path}: none of its lines is a FHIR resource: one JSON object with resourceType a line")
    first = next((kind for kind in rows if kind in KINDS), None)
    if first is not None:
        rows[first] += broken
    return ResourceFile(path, is_gzip, options, rows, limits)


def kind_of(name: str) -> str | None:
    """The kind of record behind a name of `ResourceFile.rows`; None for a type that is not read."""
    kind = name.partition(_COMPONENT)[0]
    return kind if kind in KINDS else None


def types(kind: str) -> dict[str, Kind]:
    """Canonical columns of a kind and how each is read."""
    return cast("dict[str, Kind]", FLAT_COLUMNS[kind])


@dataclass(frozen=True, slots=True)
class _Block:
    """Some lines: resources by type, each frame with `source_row`; how many of other types; broken lines as rejects."""

    resources: dict[str, pl.DataFrame]
    unread: dict[str, int]
    broken: pl.DataFrame

    @property
    def most_components(self) -> int:
        """The most components that an observation has."""
        if _PANEL not in self.resources:
            return 0
        most = self.resources[_PANEL].select(pl.col("component").list.len().max()).item()
        return int(most or 0)

    def placed(self, place: int) -> dict[str, pl.DataFrame]:
        """The resources themselves (0), or the components of that place as observations of their own."""
        if not place:
            return self.resources
        return {_PANEL: component(self.resources[_PANEL], place)} if _PANEL in self.resources else {}


def _blocks(path: Path, is_gzip: bool, limits: Limits) -> Iterator[_Block]:
    for chunk in chunks(path, is_gzip, _DIALECT, limits):
        yield _block(path, chunk, limits)


def _block(path: Path, chunk: Chunk, limits: Limits) -> _Block:
    good, faults = chunk.examined(limits.row_bytes)
    try:
        chunk.block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path}, line {chunk.row_at(error.start) + 1}: not UTF-8, as JSON must be: export it again"
        ) from error
    # Chunks count from 0, because a table has a header; here line 1 is the first record.
    broken = {rule: numbers + 1 for rule, numbers in faults.items()}
    numbers = chunk.numbers[good] + 1
    lines = np.flatnonzero(good)
    kinds, misfits = _parsed(chunk, lines, {_TYPE: pl.String()})
    broken["not_json"] = numbers[misfits]
    keep = np.setdiff1d(np.arange(len(lines)), misfits)
    lines, numbers, names = lines[keep], numbers[keep], kinds[_TYPE]
    broken["not_a_resource"] = numbers[names.is_null().to_numpy()]
    resources, unread = {}, {}
    for name in names.drop_nulls().unique(maintain_order=True):
        places = np.flatnonzero((names == name).fill_null(False).to_numpy())
        if name not in KINDS_OF_TYPE:
            unread[name] = len(places)
            continue
        frame, misfits = _parsed(chunk, lines[places], SCHEMAS[name])
        broken["not_a_resource"] = np.union1d(broken["not_a_resource"], numbers[places][misfits])
        fits = np.setdiff1d(np.arange(len(places)), misfits)
        row = pl.Series(ROW, numbers[places][fits], dtype=pl.Int64)
        frame = frame.insert_column(0, row)
        if name == _PANEL:
            is_endless = (frame["component"].list.len() > _MOST_COMPONENTS).fill_null(False)
            broken["not_a_resource"] = np.union1d(broken["not_a_resource"], frame.filter(is_endless)[ROW].to_numpy())
            frame = frame.filter(~is_endless)
        resources[name] = frame
    return _Block(resources, unread, set_aside(broken))


def _parsed(chunk: Chunk, lines: np.ndarray, schema: dict[str, pl.DataType]) -> tuple[pl.DataFrame, np.ndarray]:
    """The lines that parse, and the positions among `lines` of those that do not, found by halving."""
    frames: list[pl.DataFrame] = [pl.DataFrame(schema=schema)]
    misfits: list[int] = []
    pending = [(0, len(lines))]
    while pending:
        begin, end = pending.pop()
        if begin == end:
            continue
        flags = np.zeros(len(chunk.places), dtype=bool)
        flags[lines[begin:end]] = True
        try:
            frame = pl.read_ndjson(chunk.content(flags), schema=schema)
            if frame.height != end - begin:
                raise pl.exceptions.ComputeError("lines and objects are not one to one")
            frames.append(frame)
        except pl.exceptions.PolarsError:
            if end - begin == 1:
                misfits.append(begin)
            else:
                middle = (begin + end) // 2
                pending += [(middle, end), (begin, middle)]
    return pl.concat(frames), np.array(misfits, dtype=np.int64)


def _records(frame: pl.DataFrame, resource_type: str, kind: str, options: FhirFiles) -> Batch:
    texts = columns(resource_type, kind, options.birth_year)
    written = frame.select(
        ROW,
        native_id(resource_type).alias(NATIVE_ID),
        pl.lit(1, dtype=pl.Int64).alias("record_number"),
        *(text.cast(pl.String).alias(name) for name, text in texts.items()),
    )
    cells = [_cells(written[name], FLAT_COLUMNS[kind][name], options.time_zone) for name in texts]
    found = written.with_columns(cell.values for cell in cells)
    return split(pl.concat([_empty(kind), found], how="diagonal"), cells, set_aside({}))


def _cells(text: pl.Series, kind: str, time_zone: str | None) -> Cells:
    rule, says = RULES[kind]
    if kind == "text":
        values = text
    elif kind in ("day", "instant"):
        moments = date_format.instants(text, (date_format.ISO,), time_zone, None)
        values = moments.dt.date() if kind == "day" else moments
    else:
        values = text.cast(DTYPES[kind], strict=False)
    return Cells(
        text.name, values.rename(text.name), text.is_not_null() & values.is_null(), rule, f"{text.name} {says}"
    )


def _empty(kind: str) -> pl.DataFrame:
    declared = {name: DTYPES[each] for name, each in FLAT_COLUMNS[kind].items()}
    return pl.DataFrame(schema={ROW: pl.Int64(), NATIVE_ID: pl.String(), "record_number": pl.Int64()} | declared)
