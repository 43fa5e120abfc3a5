"""Contracts of `raw.flat_*`: records of flat and FHIR drops under canonical names, as a mapping or a reader gave them.

Columns are declared once, in `sql/ref/flat_column.csv`. Columns of a file that the mapping neither names nor drops are
kept beside these under their own names. Which file column is what belongs into a mapping, not here.
"""

import csv

import dataframely as dy

from pipelines.settings import sql_root
from pipelines.tables.columns import day, instant, number, raw_provenance, text, whole
from pipelines.tables.contract import table

_KINDS = {"number": number, "whole": whole, "text": text, "day": day, "instant": instant}
FLAT_COLUMNS: dict[str, dict[str, str]] = {}
"""For each kind of record, the type of each canonical column (number, whole, text, day, instant)."""
DECIMAL_COLUMNS: dict[str, frozenset[str]] = {}
"""For each kind, the text columns that hold a number as reported: a decimal comma in them becomes a point."""
_meanings: dict[str, dict[str, str]] = {}
with (sql_root() / "ref" / "flat_column.csv").open(newline="") as lines:
    for declared in csv.DictReader(lines):
        kind, column = declared["kind"], declared["column_name"]
        FLAT_COLUMNS.setdefault(kind, {})[column] = declared["type"]
        _meanings.setdefault(kind, {})[column] = declared["meaning"]
        decimal = DECIMAL_COLUMNS.get(kind, frozenset())
        DECIMAL_COLUMNS[kind] = decimal | {column} if declared["is_decimal"] == "yes" else decimal

for kind, columns in FLAT_COLUMNS.items():
    fields = {column: _KINDS[name](_meanings[kind][column], optional=True) for column, name in columns.items()}
    record = whole("Which of the records that one row of the file gives, from 1", key=True, minimum=1)
    schema = type(
        f"Flat{kind.title()}",
        (dy.Schema,),
        {
            "__doc__": f"Records of the kind {kind} as the mapping gave them.",
            **raw_provenance(is_person=True),
            "record_number": record,
            **fields,
        },
    )
    table(f"raw.flat_{kind}", grain="one row per source row and record")(schema)

del lines, declared, kind, column, columns, decimal, fields, record, schema
__all__ = ["DECIMAL_COLUMNS", "FLAT_COLUMNS"]
