"""The code maps: concepts by the names used in this room, and which concept an event, procedure or analyte is.

The lists are the CSV files beside this module. Concept ids seen in a public source are used as they are; a code whose
OMOP id was not seen gets a source concept above two billion, so no id is invented. Population tables made of them are in
`vocabulary`.
"""

import csv
from functools import cache
from pathlib import Path

import polars as pl

_HERE = Path(__file__).parent
OWN = 2_000_000_000
"""Ids above are source concepts of this simulator, as OMOP reserves them for local use."""


def _rows(name: str) -> list[dict[str, str]]:
    with (_HERE / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@cache
def concepts() -> dict[str, dict[str, str]]:
    """Every concept used, by its key such as `lab.e2_mass`."""
    return {row["key"]: row for row in _rows("concept.csv")}


def concept_id(key: str) -> int:
    """OMOP concept id of a key."""
    return int(concepts()[key]["concept_id"])


def standard_id(key: str) -> int:
    """The id where it is a standard concept, else 0, as OMOP wants a `*_concept_id`."""
    return concept_id(key) if concepts()[key]["standard_concept"] else 0


def code(key: str) -> str:
    """The code in its own vocabulary."""
    return concepts()[key]["concept_code"]


@cache
def conditions() -> pl.DataFrame:
    """One row per event, symptom or cause of death: event, source_value, source_concept_id, concept_id."""
    found = _rows("condition.csv")
    return pl.DataFrame(
        {
            "event": [row["event"] for row in found],
            "source_value": [code(row["source_key"]) for row in found],
            "source_concept_id": [concept_id(row["source_key"]) for row in found],
            "concept_id": [standard_id(row["standard_key"]) if row["standard_key"] else 0 for row in found],
        }
    )


@cache
def procedures() -> pl.DataFrame:
    """One row per procedure: procedure, source_value, source_concept_id, concept_id."""
    found = _rows("procedure.csv")
    keys = [row["source_key"] for row in found]
    return pl.DataFrame(
        {
            "procedure": [row["procedure"] for row in found],
            "source_value": [code(key) for key in keys],
            "source_concept_id": [concept_id(key) for key in keys],
            "concept_id": [standard_id(key) for key in keys],
        }
    )


@cache
def analytes() -> pl.DataFrame:
    """One row per analyte: what laboratories call it, reference range by sex in the canonical unit, upper limit."""
    return pl.read_csv(
        _HERE / "analyte.csv",
        schema_overrides=dict.fromkeys(("low_female", "high_female", "low_male", "high_male"), pl.Float64)
        | {"upper_limit": pl.Float64},
    ).with_columns(pl.col("is_fasting_test") == "yes")


@cache
def analyte_units() -> pl.DataFrame:
    """One row per analyte and unit it is printed in; option 0 is the canonical one.

    Columns: analyte, option, unit (UCUM), spellings, factor (canonical to this), decimals, share among the laboratories
    that print another unit, code (LOINC or own), concept_id, source_concept_id, unit_concept_id, unit_source_concept_id.
    """
    frame = pl.read_csv(_HERE / "analyte_unit.csv", schema_overrides={"factor": pl.Float64, "share": pl.Float64})
    labs = [f"lab.{name}" for name in frame["concept"]]
    units = [f"unit.{name}" for name in frame["unit"]]
    return frame.with_columns(
        pl.col("spellings").str.split("|"),
        code=pl.Series([code(key) for key in labs]),
        concept_id=pl.Series([standard_id(key) for key in labs]),
        source_concept_id=pl.Series([concept_id(key) for key in labs]),
        unit_concept_id=pl.Series([standard_id(key) for key in units]),
        unit_source_concept_id=pl.Series([concept_id(key) for key in units]),
    )
