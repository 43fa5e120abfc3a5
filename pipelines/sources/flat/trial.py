"""What a mapping would do with a file: for each canonical column how many cells are filled and read, and what would land.

Only counts, names and formats come out of it, never a value, and nothing is landed.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from pipelines.sources.flat.cells import native_id, read_cells
from pipelines.sources.flat.mapping import PERSON, ColumnRule, Table
from pipelines.sources.flat.records import NATIVE_ID, fit
from pipelines.sources.text_table import Batch, TableFile
from pipelines.tables.raw_flat import FLAT_COLUMNS


@dataclass(frozen=True, slots=True)
class TriedColumn:
    """A canonical column, the file's column or the constant behind it, its type, and counts of cells."""

    meaning: str
    comes_from: str
    how: str
    rows: int
    filled: int
    reads: int

    @property
    def success_pct(self) -> float | None:
        """Share of the filled cells that read, in percent; None where none is filled."""
        return 100 * self.reads / self.filled if self.filled else None


def attempt(file: TableFile, table: Table) -> tuple[TriedColumn, ...]:
    """Read a whole file by a table of a mapping and count; several records of a wide row are counted one after another.

    Raises:
        BadInput: the mapping names a column that the file has not.
    """
    return tuple(tried for record in table.records() for tried in _attempt(file, record))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Records that would land, and those that landing would set aside, by rule."""

    landed: int
    set_aside: dict[str, int]


def outcome(file: TableFile, table: Table) -> Outcome:
    """What landing would do with the rows of a file; whether staging can use them is not asked.

    Raises:
        BadInput: the mapping names a column that the file has not.
    """
    landed = 0
    rules: Counter[str] = Counter()
    for place, record in enumerate(table.records()):
        reader = fit(record, file.columns, 1, False, str(file.path))
        for batch in file.batches(columns=reader.needed):
            # Malformed rows are rows of the file: they count once, whatever the number of records.
            found = reader.records(batch if place == 0 else Batch(batch.rows, batch.rejects.clear()))
            nobody = found.rows[NATIVE_ID].null_count()
            landed += found.rows.height - nobody
            rules.update({"no_person_key": nobody} if nobody else {})
            rules.update(found.rejects["rule_code"].to_list())
    return Outcome(landed, dict(sorted(rules.items())))


def _attempt(file: TableFile, table: Table) -> Iterator[TriedColumn]:
    reader = fit(table, file.columns, 1, False, str(file.path))
    fitted = reader.table
    rows = 0
    filled = dict.fromkeys(fitted.columns, 0)
    faults = dict.fromkeys(fitted.columns, 0)
    for batch in file.batches(columns=reader.needed):
        frame = reader.passing(batch.rows)
        rows += frame.height
        for name, rule in fitted.columns.items():
            read, fault = _counts(frame, name, rule, fitted)
            filled[name] += read + fault
            faults[name] += fault
    for name, rule in fitted.columns.items():
        comes_from = rule.column if rule.column is not None else "constant"
        yield TriedColumn(name, comes_from, _how(name, fitted), rows, filled[name], filled[name] - faults[name])


def _counts(frame: pl.DataFrame, name: str, rule: ColumnRule, table: Table) -> tuple[int, int]:
    """Cells that read, and cells that do not."""
    if name == PERSON and rule.column is not None:
        return native_id(frame[rule.column]).count(), 0
    found = read_cells(name, rule, table, frame)
    return found.values.filter(~found.is_fault).count(), int(found.is_fault.sum())


def _how(name: str, table: Table) -> str:
    if name == PERSON:
        return "id, keyed before it is written"
    kind = FLAT_COLUMNS[table.kind][name]
    if kind in ("day", "instant"):
        return f"{kind}, " + " or ".join(table.dates.get(name, ("iso",)))
    return kind
