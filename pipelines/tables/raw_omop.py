"""Contracts of `raw.omop_*`: tables of the OMOP Common Data Model 5.3 and 5.4 as delivered, but for the person id.

Columns are declared once, in `sql/ref/omop_column.csv`. What identifies a person (names of birth, source ids, places) is
not among them and is never landed. Tables of other sources do not belong here.
"""

import csv

import dataframely as dy

from pipelines.settings import sql_root
from pipelines.tables.columns import day, instant, number, raw_provenance, text, whole
from pipelines.tables.contract import table

OMOP_POPULATION_TABLES = frozenset(
    ("concept", "concept_relationship", "concept_ancestor", "drug_strength", "care_site", "cdm_source")
)
"""Tables that are not about persons."""

KINDS = {"number": number, "whole": whole, "text": text, "day": day, "instant": instant}
OMOP_COLUMNS: dict[str, dict[str, str]] = {}
"""For each table, the kind of each declared column."""
_meanings: dict[str, dict[str, str]] = {}
with (sql_root() / "ref" / "omop_column.csv").open(newline="") as lines:
    for declared in csv.DictReader(lines):
        OMOP_COLUMNS.setdefault(declared["table_name"], {})[declared["column_name"]] = declared["kind"]
        _meanings.setdefault(declared["table_name"], {})[declared["column_name"]] = declared["meaning"]

for name, columns in OMOP_COLUMNS.items():
    is_person = name not in OMOP_POPULATION_TABLES
    fields = {column: KINDS[kind](_meanings[name][column], optional=True) for column, kind in columns.items()}
    schema = type(
        f"Omop{name.title().replace('_', '')}",
        (dy.Schema,),
        {"__doc__": f"OMOP {name} rows as the source delivered them.", **raw_provenance(is_person=is_person), **fields},
    )
    unit = "person" if is_person else "population"
    table(f"raw.omop_{name}", grain="one row per source row", unit=unit)(schema)

del lines, declared, name, columns, is_person, fields, schema, unit
__all__ = ["KINDS", "OMOP_COLUMNS", "OMOP_POPULATION_TABLES"]
