"""From rows of a file to canonical records: conditions, columns, faults, and the columns that no mapping names."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.flat.cells import DTYPES, Cell, cell, native_id, plain_text
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

    def passing(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows that meet all conditions."""
        if not self.table.where:
            return frame
        schema = frame.schema
        return frame.filter(*(_passes(name, schema[name], c) for name, c in self.table.where.items()))

    @property
    def types(self) -> dict[str, str]:
        """Columns of the records besides `source_row` and `native_id`, as landing is told to read them."""
        return {"record_number": "whole"} | FLAT_COLUMNS[self.table.kind] | dict.fromkeys(self.kept.values(), "text")

    def records(self, batch: Batch) -> Batch:
        """The batch as records: `source_row`, `native_id`, `record_number`, every canonical column of the kind, others.

        A record with a cell that does not read is set aside under the first such column. Malformed rows stay set aside.
        """
        frame = self.passing(batch.rows)
        schema = frame.schema
        cells = [cell(name, rule, self.table, schema) for name, rule in self.table.columns.items() if name != PERSON]
        person = self.table.columns[PERSON].column or ""
        found = frame.select(
            ROW,
            native_id(pl.col(person), schema[person]).alias(NATIVE_ID),
            pl.lit(self.record_number, dtype=pl.Int64).alias("record_number"),
            *(each.value for each in cells),
            *(pl.col(column).alias(name) for column, name in self.kept.items()),
            first_fault(cells).alias(FAULT),
        )
        present = {each.name for each in cells}
        absent = [
            pl.lit(None, dtype=DTYPES[kind]).alias(name)
            for name, kind in FLAT_COLUMNS[self.table.kind].items()
            if name not in present
        ]
        order = (ROW, NATIVE_ID, "record_number", *FLAT_COLUMNS[self.table.kind], *self.kept.values())
        good = found.filter(pl.col(FAULT).is_null()).with_columns(absent).select(order)
        return Batch(good, pl.concat([batch.rejects, rejected(found, cells)]).sort(ROW))


FAULT = "fault_position"


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
    taken = {column.name for column in CONTRACTS[f"raw.flat_{kind}"].columns} | {NATIVE_ID, FAULT}
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


def _passes(name: str, dtype: pl.DataType, condition: Condition) -> pl.Expr:
    text = plain_text(pl.col(name), dtype).str.strip_chars().fill_null("")
    number = text.cast(pl.Float64, strict=False)
    passes = pl.lit(True)
    if condition.equal:
        passes &= _among(text, number, condition.equal)
    if condition.unequal:
        passes &= ~_among(text, number, condition.unequal)
    if condition.filled is not None:
        passes &= (text != "") if condition.filled else (text == "")
    return passes


def _among(text: pl.Expr, number: pl.Expr, values: tuple[str | float, ...]) -> pl.Expr:
    texts = [value for value in values if isinstance(value, str)]
    numbers = [float(value) for value in values if not isinstance(value, str)]
    found = text.is_in(texts) if texts else pl.lit(False)
    return found | number.is_in(numbers).fill_null(False) if numbers else found


def first_fault(cells: list[Cell]) -> pl.Expr:
    """Position of the first cell that does not read; NULL where all do."""
    places = [pl.when(each.is_fault).then(pl.lit(place, pl.Int32)) for place, each in enumerate(cells)]
    return pl.coalesce(places) if places else pl.lit(None, pl.Int32)


def rejected(found: pl.DataFrame, cells: list[Cell]) -> pl.DataFrame:
    """The rejects of records of which `fault_position` is known."""
    places = list(range(len(cells)))
    faulty = found.filter(pl.col(FAULT).is_not_null())
    return faulty.select(
        ROW,
        pl.col(FAULT).replace_strict(places, [c.rule for c in cells], return_dtype=pl.String).alias("rule_code"),
        pl.col(FAULT).replace_strict(places, [c.reason for c in cells], return_dtype=pl.String).alias("reason"),
    )
