"""One file of a drop: which family and cycle it is, and whether its content agrees with its name and its folder.

What several files mean together (twins, releases, overlapping cycles, manifests) is decided in `drop`.
"""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.nhanes import manifest, mortality, table_file
from pipelines.sources.nhanes.cycle import Cycle, TableName, cycle_of_text, parse_table_name
from pipelines.sources.nhanes.family import MORTALITY, Family, family_of, own_family
from pipelines.sources.nhanes.table_file import FORMATS, KeyRange

Status = Literal["recognized", "duplicate", "superseded", "out_of_scope", "rejected"]
_SURVEY_CODE = "SDDSRVYR"


@dataclass(frozen=True, slots=True)
class DropFile:
    """One file of a drop. Only a `recognized` file lands; `reason` says why any other does not.

    `table` is CDC's name without the cycle (RXQ_RX; MORT_2019 for a linked mortality release). `columns` are
    upper-case, in file order. `sha256`, `rows` and the rest are None or empty where the file was not read.
    `rows_without_key` counts rows without a usable key: they land and are quarantined later.
    """

    path: Path
    relative_path: str
    family: str | None
    table: str | None
    cycle: Cycle | None
    format: Literal["parquet", "xpt", "mortality"] | None
    bytes: int
    sha256: str | None
    rows: int | None
    columns: tuple[str, ...]
    rows_without_key: int
    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class Described:
    """A drop file, its SEQN range (which never leaves the examination), and what was found wrong or worth saying."""

    file: DropFile
    keys: KeyRange = field(default_factory=lambda: KeyRange(0, None))
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def rejected(self, problem: str) -> "Described":
        """The same file, refused for this problem."""
        file = replace(self.file, status="rejected", reason=problem)
        return replace(self, file=file, problems=(*self.problems, problem))

    def set_aside(self, status: Status, reason: str) -> "Described":
        """The same file, not to be landed and no problem either."""
        return replace(self, file=replace(self.file, status=status, reason=reason))

    def noted(self, note: str) -> "Described":
        """The same file with one more remark."""
        return replace(self, notes=(*self.notes, note))


def describe(path: Path, folder: Path, year: int) -> Described:
    """Reads one file of the drop at `folder` as far as needed to say what it is; never raises for what it holds.

    `year` is the current calendar year: a cycle that begins after it is a misnamed file.
    """
    relative = path.relative_to(folder).as_posix()
    start = Described(DropFile(path, relative, None, None, None, None, 0, None, None, (), 0, "out_of_scope", ""))
    try:
        start = replace(start, file=replace(start.file, bytes=path.stat().st_size))
        kind = path.suffix.lower()
        if path.name.startswith("."):
            return start.set_aside("out_of_scope", "hidden file")
        if path.name in manifest.NAMES:
            return start.set_aside("out_of_scope", "manifest of this folder")
        if ".part" in path.suffixes:
            return start.set_aside("out_of_scope", "unfinished download: run fetch again")
        if kind == ".dat":
            return _describe_mortality(start, folder, year)
        if kind in FORMATS:
            return _describe_table(start, folder, year)
    except BadInput as error:
        return start.rejected(str(error))
    except OSError as error:
        return start.rejected(f"{path}: cannot be read ({error.strerror}): check the file and its permissions")
    except pl.exceptions.PolarsError:
        return start.rejected(f"{path}: its key or survey code is no plain number: take it from the source again")
    return start.set_aside("out_of_scope", "not .XPT, .parquet or a linked mortality .dat file")


def load(file: DropFile) -> pl.DataFrame:
    """The file's verbatim rows, as `table_file.read` or `mortality.read` gives them; BadInput where it has none."""
    if file.format is None:
        raise BadInput(f"{file.path}: {file.reason or 'not a table'}: it has no rows to read")
    if file.format == "mortality":
        return mortality.read(file.path)
    return table_file.read(file.path, file.format)


def _describe_mortality(start: Described, folder: Path, year: int) -> Described:
    path = start.file.path
    named = mortality.parse_name(path.stem)
    if named is None:
        return start.set_aside("out_of_scope", "not the linked mortality file of an NHANES cycle since 1999")
    frame = mortality.read(path)
    file = replace(
        start.file,
        family=MORTALITY.name,
        table=f"MORT_{named.release}",
        cycle=named.cycle,
        format="mortality",
        sha256=_sha256(path),
        rows=frame.height,
        columns=mortality.COLUMNS,
        status="recognized",
    )
    described = replace(start, file=file, keys=table_file.keys_of(frame["SEQN"]))
    problem = _misplaced(file, folder, year)
    return described.rejected(problem) if problem else described


def _describe_table(start: Described, folder: Path, year: int) -> Described:
    path = start.file.path
    file_format = FORMATS[path.suffix.lower()]
    content = table_file.inspect(path, file_format)
    by_name = parse_table_name(path.stem)
    by_content = parse_table_name(content.table) if content.table else None
    named = by_name if _is_known(by_name) or not _is_known(by_content) else by_content
    if named is None:
        start = replace(start, file=replace(start.file, sha256=_sha256(path)))
        return start.set_aside("out_of_scope", "not a CDC table name")
    family = family_of(named.table) or own_family(named.table)
    file = replace(
        start.file,
        family=family.name,
        table=named.table,
        cycle=named.cycle if family.has_cycle else None,
        format=file_format,
        sha256=_sha256(path),
        rows=content.rows,
        columns=content.columns,
        status="recognized",
    )
    described = replace(start, file=file)
    if named is not by_name:
        described = described.noted(f"{path}: read as {content.table}, the table name inside the file")
    problem = _contradiction(file, named, family, by_content) or _misplaced(file, folder, year)
    if problem is None and family.key in content.columns:
        keys = table_file.key_range(path, file_format, family.key)
        described = replace(described, file=replace(file, rows_without_key=keys.rows_without_key), keys=keys)
        problem = _wrong_survey_code(file)
    if problem is None:
        return described
    if not _is_known(named):
        return described.set_aside("out_of_scope", problem.removeprefix(f"{path}: "))
    return described.rejected(problem)


def _is_known(named: TableName | None) -> bool:
    return named is not None and family_of(named.table) is not None


def _contradiction(file: DropFile, named: TableName, family: Family, by_content: TableName | None) -> str | None:
    if family.key not in file.columns:
        return f"{file.path}: no column {family.key}: not CDC's {file.table}; download it again"
    if file.rows == 0:
        return f"{file.path}: no rows: truncated; download it again"
    inner = family_of(by_content.table) if by_content else None
    if by_content is None or inner is None or not _is_known(named):
        return None
    if inner.name != family.name or (family.has_cycle and by_content.cycle != file.cycle):
        cycle = f" of {by_content.cycle.label}" if inner.has_cycle else ""
        return f"{file.path}: holds {by_content.table}{cycle} by the table name inside it: give it its right name"
    return None


def _misplaced(file: DropFile, folder: Path, year: int) -> str | None:
    if file.cycle is None:
        return None
    if file.cycle.first_year > year:
        return f"{file.path}: its name says {file.cycle.label}, which has not begun: give it its right name"
    for name in (*reversed(Path(file.relative_path).parts[:-1]), folder.resolve().name):
        stated = cycle_of_text(name) if len(name) > 1 else None
        if stated is not None:
            if stated == file.cycle:
                return None
            return (
                f"{file.path}: its name says {file.cycle.label} and its folder {stated.label}: "
                "move it or give it its right name"
            )
    return None


def _wrong_survey_code(file: DropFile) -> str | None:
    if file.family != "demo" or file.cycle is None or _SURVEY_CODE not in file.columns:
        return None
    codes = table_file.read_column(file.path, FORMATS[file.path.suffix.lower()], _SURVEY_CODE)
    found = set(codes.cast(pl.Float64, strict=False).drop_nulls().unique())
    if found and found != {float(file.cycle.survey_code)}:
        return f"{file.path}: its name says {file.cycle.label} but SDDSRVYR does not: give it its right name"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
