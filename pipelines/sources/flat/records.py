"""From rows of a file to canonical records: conditions, columns, faults, and the columns that no mapping names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.delivery import Kind
from pipelines.sources.flat.cells import DTYPES, Cells, native_id, plain_text, read_cells
from pipelines.sources.flat.mapping import PERSON, ColumnRule, Condition, Table
from pipelines.sources.flat.mapping_check import is_dropped
from pipelines.sources.text_table.batch import ROW, Batch
from pipelines.tables import CONTRACTS
from pipelines.tables.raw_flat import FLAT_COLUMNS

NATIVE_ID = "native_id"


@dataclass(frozen=True, slots=True)
class RecordReader:
    """A table of the mapping fitted to one file: its rules with the columns as the file spells them.

    `kept` maps columns that the mapping neither names nor drops to their names in the raw table.
    """

    table: Table
    record_number: int
    kept: dict[str, str]

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns of the file that must be read, each once."""
        rules = [rule.column for rule in self.table.columns.values() if rule.column is not None]
        return tuple(dict.fromkeys((*rules, *self.table.where, *self.kept)))

    def only(self, wanted: Sequence[str]) -> "RecordReader":
        """The same records with some columns: what others hold is not read, nor whether it reads."""
        rules = {name: rule for name, rule in self.table.columns.items() if name == PERSON or name in wanted}
        kept = {column: name for column, name in self.kept.items() if name in wanted}
        return RecordReader(self.table.model_copy(update={"columns": rules}), self.record_number, kept)

    def passing(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows that meet all conditions."""
        if not self.table.where:
            return frame
        passes = [_passes(frame[name], condition) for name, condition in self.table.where.items()]
        return frame.filter(*passes)

    @property
    def types(self) -> dict[str, Kind]:
        """Columns of the records besides `source_row` and `native_id`, as landing is told to read them."""
        canonical = cast("dict[str, Kind]", FLAT_COLUMNS[self.table.kind])
        kept: dict[str, Kind] = dict.fromkeys(self.kept.values(), "text")
        return {"record_number": "whole"} | canonical | kept

    def records(self, batch: Batch) -> Batch:
        """The batch as records: `source_row`, `native_id`, `record_number`, every canonical column of the kind, others.

        A record with a cell that does not read is set aside under the first such column. Malformed rows stay set aside.
        """
        frame = self.passing(batch.rows)
        table = self.table
        cells = [read_cells(name, rule, table, frame) for name, rule in table.columns.items() if name != PERSON]
        person = native_id(frame[table.columns[PERSON].column or ""]).alias(NATIVE_ID)
        present = {each.name: each.values for each in cells}
        declared = [
            present[name] if name in present else pl.lit(None, dtype=DTYPES[kind]).alias(name)
            for name, kind in FLAT_COLUMNS[table.kind].items()
        ]
        record = pl.lit(self.record_number, dtype=pl.Int64).alias("record_number")
        kept = [frame[column].alias(name) for column, name in self.kept.items()]
        found = frame.select(ROW, person, record, *declared, *kept)
        return split(found, cells, batch.rejects)


def split(found: pl.DataFrame, cells: Sequence[Cells], rejects: pl.DataFrame) -> Batch:
    """Records apart from those with a cell that does not read, which join the rejects under the first such column."""
    position = pl.Series("position", [None], dtype=pl.Int64).new_from_index(0, found.height)
    for place, each in enumerate(cells):
        if each.is_fault.any():
            position = position.set(position.is_null() & each.is_fault, place)
    if position.null_count() == found.height:
        return Batch(found, rejects)
    faulty = pl.DataFrame({ROW: found[ROW], "position": position}).drop_nulls()
    places = list(range(len(cells)))
    set_aside = faulty.select(
        ROW,
        pl.col("position").replace_strict(places, [c.rule for c in cells], return_dtype=pl.String).alias("rule_code"),
        pl.col("position").replace_strict(places, [c.reason for c in cells], return_dtype=pl.String).alias("reason"),
    )
    return Batch(found.filter(position.is_null()), pl.concat([rejects, set_aside]).sort(ROW))


def fit(table: Table, columns: Sequence[str], record_number: int, keeps_others: bool, where: str) -> RecordReader:
    """Fit a table to the columns of a file.

    Args:
        keeps_others: whether columns that the mapping does not name are kept; one record of a wide row does.
        where: file and table, for messages.

    Raises:
        BadInput: with every column that the mapping names and the file has not.
    """
    spelled = _Spelling(columns)
    rules: dict[str, ColumnRule] = {}
    problems = []
    for name, rule in table.columns.items():
        column = spelled.find(rule.column) if rule.column is not None else None
        if rule.column is not None and column is None:
            problems.append(f"columns.{name}: no column {rule.column}")
        rules[name] = rule.model_copy(update={"column": column})
    conditions = {}
    for name, condition in table.where.items():
        column = spelled.find(name)
        if column is None:
            problems.append(f"where.{name}: no column {name}")
        else:
            conditions[column] = condition
    if problems:
        listed = ", ".join(columns[:30]) + (", …" if len(columns) > 30 else "")
        raise BadInput(
            [f"{where}: {problem} in the file; it has {listed}: correct the mapping" for problem in problems]
        )
    fitted = table.model_copy(update={"columns": rules, "where": conditions})
    mapped = {rule.column for rule in rules.values()}
    others = [name for name in columns if name not in mapped and not is_dropped(name, table)] if keeps_others else []
    return RecordReader(fitted, record_number, _kept_names(others, table.kind))


def _kept_names(columns: Sequence[str], kind: str) -> dict[str, str]:
    """Names under which other columns are kept: `source_` before one that is canonical, a number after a repeated one."""
    taken = {column.name for column in CONTRACTS[f"raw.flat_{kind}"].columns} | {NATIVE_ID}
    names = {}
    for column in columns:
        name = f"source_{column}" if column.casefold() in taken else column
        number = 2
        while name.casefold() in taken:
            name, number = f"{column}_{number}", number + 1
        taken.add(name.casefold())
        names[column] = name
    return names


class _Spelling:
    """Columns of a file by name: as written, else the only one that differs by letter case alone."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._exact = set(columns)
        self._folded: dict[str, list[str]] = {}
        for column in columns:
            self._folded.setdefault(column.strip().casefold(), []).append(column)

    def find(self, name: str) -> str | None:
        if name in self._exact:
            return name
        alike = self._folded.get(name.strip().casefold(), [])
        return alike[0] if len(alike) == 1 else None


def _passes(column: pl.Series, condition: Condition) -> pl.Series:
    text = plain_text(column).str.strip_chars().fill_null("")
    number = text.cast(pl.Float64, strict=False)
    passes = pl.Series([True]).new_from_index(0, len(text))
    if condition.equal:
        passes &= _among(text, number, condition.equal)
    if condition.unequal:
        passes &= ~_among(text, number, condition.unequal)
    if condition.filled is not None:
        passes &= (text != "") if condition.filled else (text == "")
    return passes


def _among(text: pl.Series, number: pl.Series, values: tuple[str | float, ...]) -> pl.Series:
    texts = [value for value in values if isinstance(value, str)]
    numbers = [float(value) for value in values if not isinstance(value, str)]
    return text.is_in(texts) | number.is_in(numbers).fill_null(False)
