"""A folder of CDC files, in any order and depth: what is in it, what lands, what is wrong, and what it cannot answer.

`examine` reads metadata, keys and twins only and reports every problem at once; landing rows is the warehouse's work.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.errors import BadInput
from pipelines.sources.nhanes import manifest, table_file
from pipelines.sources.nhanes.cycle import PRE_PANDEMIC_TAG, Cycle, parse_table_name
from pipelines.sources.nhanes.drop_file import Described, DropFile, describe, load
from pipelines.sources.nhanes.family import MORTALITY, family_of
from pipelines.sources.nhanes.manifest import Manifest
from pipelines.sources.nhanes.missing import MissingPiece, missing_pieces

__all__ = ["Drop", "DropFile", "examine", "load", "missing"]

_TWO_YEAR_TAG = "J"  # 2017-2018, whose people are in the pre-pandemic files too


@dataclass(frozen=True, slots=True)
class Drop:
    """An examined folder: every file in it, in order of path, each problem that forbids landing, and mere remarks."""

    folder: Path
    files: tuple[DropFile, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing forbids landing it."""
        return not self.problems

    @property
    def tables(self) -> tuple[DropFile, ...]:
        """The files to land: one for each family and cycle."""
        return tuple(file for file in self.files if file.status == "recognized")

    @property
    def cycles(self) -> tuple[Cycle, ...]:
        """The cycles that its tables belong to, oldest first."""
        cycles = {file.cycle for file in self.tables if file.cycle}
        return tuple(sorted(cycles, key=lambda cycle: (cycle.first_year, cycle.last_year)))

    def require_usable(self) -> None:
        """Raises BadInput with every problem of the drop, if it has any."""
        if self.problems:
            raise BadInput(self.problems)


def examine(folder: Path) -> Drop:
    """Finds, names and checks every file below a folder. Raises BadInput only where there is no folder or no file.

    What it finds wrong is in `Drop.problems`, each with its file and remedy. Of two files of one table and cycle that
    agree cell by cell one is kept: the Parquet file before the SAS file (it reads faster and is typed), then the one
    that has CDC's name, then the one nearer to the top, then the first by path.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder: name the folder that holds CDC's files, or run fetch first")
    paths, problems = _walk(folder)
    if not paths and not problems:
        raise BadInput(f"{folder}: the folder is empty: copy CDC's files there, or run fetch first")
    manifests = []
    for path in paths:
        if path.name in manifest.NAMES:
            try:
                manifests.append(manifest.read(path))
            except BadInput as error:
                problems += error.problems
    year = date.today().year
    described = [_against_manifests(describe(path, folder, year), manifests) for path in paths]
    for step in (
        _other_cycles_people,
        _one_content_two_names,
        _one_file_each,
        _one_release,
        _overlapping_cycles,
        _short_mortality,
    ):
        described = step(described)
    files = tuple(entry.file for entry in described)
    problems += [problem for entry in described for problem in entry.problems]
    if not problems and not any(file.status == "recognized" for file in files):
        problems.append(f"{folder}: none of its {len(files)} files is an NHANES table: name the folder that holds them")
    notes = [note for entry in described for note in entry.notes]
    notes += [f"{m.path}: lists {name}, which is not there" for m in manifests for name in m.absent()]
    return Drop(folder, files, tuple(problems), tuple(notes))


def missing(drop: Drop) -> tuple[MissingPiece, ...]:
    """What cannot be computed because a file, or a column in it, is absent for a cycle of this drop."""
    return missing_pieces((file.family or "", file.cycle, file.columns) for file in drop.tables)


def _walk(folder: Path) -> tuple[list[Path], list[str]]:
    problems: list[str] = []

    def unreadable(error: OSError) -> None:
        problems.append(f"{error.filename}: cannot be opened ({error.strerror}): check its permissions")

    paths = []
    seen = set()
    for parent, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        if (real := Path(parent).resolve()) in seen:  # a link back up would never end
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(parent, name) for name in names]
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix()), problems


def _against_manifests(entry: Described, manifests: Sequence[Manifest]) -> Described:
    file = entry.file
    if file.format is None or file.status == "rejected":
        return entry
    for each in manifests:
        expected = each.expected(file.path) if file.path.is_relative_to(each.path.parent) else None
        if expected is not None:
            problem = manifest.disagreement(file.path, file.bytes, file.sha256, file.rows, len(file.columns), expected)
            if problem:
                return entry.rejected(problem)
    return entry


def _grouped(entries: Iterable[Described], key: Callable[[DropFile], object]) -> list[list[int]]:
    groups: dict[object, list[int]] = defaultdict(list)
    for position, entry in enumerate(entries):
        if entry.file.status == "recognized":
            groups[key(entry.file)].append(position)
    return [group for group in groups.values() if len(group) > 1]


def _other_cycles_people(entries: list[Described]) -> list[Described]:
    """Refuses a table whose SEQN are all outside its cycle's DEMO, or inside another's: CDC's ranges are disjoint."""
    people = {
        entry.file.cycle: entry.keys.span
        for entry in entries
        if entry.file.family == "demo" and entry.file.status == "recognized" and entry.file.cycle and entry.keys.span
    }

    def checked(entry: Described) -> Described:
        file, keys = entry.file, entry.keys
        if file.status != "recognized" or file.cycle is None or keys.span is None:
            return entry
        if family_of(file.table or "") is None and file.family != MORTALITY.name:
            return entry  # some of CDC's other tables hold several cycles
        found = {cycle for cycle, (first, last) in people.items() if keys.span[0] <= last and keys.span[1] >= first}
        if any(_shares_people(cycle, file.cycle) for cycle in found) or not (found or file.cycle in people):
            return entry
        whose = " but of " + ", ".join(sorted(cycle.label for cycle in found)) if found else ""
        return entry.rejected(
            f"{file.path}: its SEQN are not those of {file.cycle.label}{whose}, by DEMO: give it its right name"
        )

    return [checked(entry) for entry in entries]


def _shares_people(left: Cycle, right: Cycle) -> bool:
    return left == right or {left.tag, right.tag} == {_TWO_YEAR_TAG, PRE_PANDEMIC_TAG}


def _one_content_two_names(entries: list[Described]) -> list[Described]:
    """Refuses one content under two CDC names, as one must be wrong; under any other name it is a duplicate."""
    landing: dict[str | None, DropFile] = {}
    for entry in entries:
        if entry.file.status == "recognized":
            landing.setdefault(entry.file.sha256, entry.file)

    def checked(entry: Described) -> Described:
        file, first = entry.file, landing.get(entry.file.sha256)
        if first is None or (file.family, file.cycle) == (first.family, first.cycle):
            return entry
        if file.status == "out_of_scope":
            return entry.set_aside("duplicate", f"same bytes as {first.relative_path}")
        if file.status != "recognized":
            return entry
        return entry.rejected(
            f"{file.path}: the same content as {first.path} under another name: keep the one that is right"
        )

    return [checked(entry) for entry in entries]


def _one_file_each(entries: list[Described]) -> list[Described]:
    entries = list(entries)
    for group in _grouped(entries, _table_and_release):
        kept, *others = sorted(group, key=lambda position: _preference(entries[position].file))
        keeper = entries[kept].file
        values = None
        for position in others:
            file = entries[position].file
            if file.sha256 == keeper.sha256:
                entries[position] = entries[position].set_aside("duplicate", f"same bytes as {keeper.relative_path}")
                continue
            values = load(keeper) if values is None else values
            difference = table_file.difference(values, load(file))
            if difference is None:
                reason = f"same cells as {keeper.relative_path}, which is kept"
                entries[position] = entries[position].set_aside("duplicate", reason)
            else:
                entries[position] = entries[position].rejected(
                    f"{file.path}: not the same as {keeper.path}, which is the same table and cycle ({difference}): "
                    "keep one of them"
                )
    return entries


def _table_and_release(file: DropFile) -> tuple[object, ...]:
    return file.family, file.cycle, file.table if file.family == MORTALITY.name else None


def _preference(file: DropFile) -> tuple[bool, bool, int, str]:
    is_renamed = file.format != MORTALITY.name and parse_table_name(file.path.stem) is None
    return file.format != "parquet", is_renamed, file.relative_path.count("/"), file.relative_path


def _one_release(entries: list[Described]) -> list[Described]:
    """Of several linked mortality releases of a cycle the latest lands; every other table is the only one by now."""
    entries = list(entries)
    for group in _grouped(entries, lambda file: (file.family, file.cycle)):
        latest = max(group, key=lambda position: entries[position].file.table or "")
        kept = entries[latest].file
        for position in group:
            if position != latest:
                reason = f"an earlier release than {kept.relative_path}, which is taken"
                entry = entries[position].set_aside("superseded", reason)
                entries[position] = entry.noted(f"{entry.file.path}: {reason}")
    return entries


def _overlapping_cycles(entries: list[Described]) -> list[Described]:
    """2017-2018 and 2017-2020 share people, so that only one of them lands: the one that has DEMO, the longer first."""
    held = defaultdict(set)
    for entry in entries:
        if entry.file.status == "recognized" and entry.file.cycle and entry.file.family != MORTALITY.name:
            held[entry.file.cycle.tag].add(entry.file.family)
    short, long = held[_TWO_YEAR_TAG], held[PRE_PANDEMIC_TAG]
    if not short or not long:
        return entries
    tag, families = (_TWO_YEAR_TAG, short) if "demo" in long else (PRE_PANDEMIC_TAG, short & long)
    reason = "2017-2018 and 2017-2020 share people; take one of the two sets away to study the other"

    def kept(entry: Described) -> Described:
        file = entry.file
        if file.status != "recognized" or file.cycle is None or file.cycle.tag != tag or file.family not in families:
            return entry
        return entry.set_aside("superseded", reason).noted(f"{file.path}: not landed: {reason}")

    return [kept(entry) for entry in entries]


def _short_mortality(entries: list[Described]) -> list[Described]:
    """Says where a linked mortality file has fewer lines than DEMO has people: NCHS lists everybody."""
    people = {
        entry.file.cycle: entry.file.rows or 0
        for entry in entries
        if entry.file.family == "demo" and entry.file.status == "recognized"
    }

    def checked(entry: Described) -> Described:
        file, expected = entry.file, people.get(entry.file.cycle, 0)
        if file.family != MORTALITY.name or file.status != "recognized" or (file.rows or 0) >= expected:
            return entry
        return entry.noted(f"{file.path}: {file.rows} lines for {expected} people in DEMO: truncated, or a part of it")

    return [checked(entry) for entry in entries]
