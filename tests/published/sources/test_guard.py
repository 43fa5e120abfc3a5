"""The guard on public data as they are delivered: it passes what is coded, and stops what holds addresses and names."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines.run import _database_tables
from pipelines.settings import Settings
from pipelines.sources.delivery import Drop, Part, StreamedRows
from pipelines.sources.guard import require_deidentified, suspicions
from pipelines.sources.registry import SOURCES

CASES = [
    ("omop", "omop_gibleed", ""),
    ("omop", "omop_mimic4_demo", ""),
    ("flat", "synthea_csv_dbt", "synthea"),
    ("flat", "framingham", "framingham"),
    ("flat", "bmd_longitudinal", "lava_bmd"),
    ("flat", "bmd_longitudinal", "lava_calcium"),
    ("flat", "bmd_longitudinal", "loon_bone"),
]


@pytest.fixture
def folder(shared_data: Path):
    def named(name: str) -> Path:
        if not (shared_data / name).is_dir():
            pytest.skip(f"{name} not found at {shared_data}")
        return shared_data / name

    return named


@pytest.mark.parametrize(("source", "name", "mapping"), CASES, ids=[f"{c[1]}-{c[2]}" for c in CASES])
def test_public_data_pass_as_they_are_mapped(source, name, mapping, folder, tmp_path):
    settings = Settings(home=tmp_path, source=source, folder=str(folder(name)), mapping=mapping)
    parts = SOURCES[source].open(settings, _database_tables).parts
    assert sum(part.rows.count() for part in parts) > 0
    require_deidentified(parts)


def whole(path: Path, id_column: str, table: str) -> Part:
    """A file with all its columns, as a mapping that drops none would deliver it."""
    frame = pl.read_csv(path, infer_schema=False)

    class Once:
        rows = frame

    rows = StreamedRows(lambda columns: iter([Once]), frame.height)
    columns = {name: name.lower() for name in frame.columns if name != id_column}
    return Part(table, path.name, "0", rows, columns, {}, id_column, Drop("snapshot"))


def test_synthea_without_a_mapping_is_stopped_column_by_column(folder):
    patients = whole(folder("synthea_csv_dbt") / "patients.csv.gz", "Id", "raw.flat_person")
    found = {(one.column, one.rule) for one in suspicions(patients)}
    stopped = {
        ("BIRTHDATE", "birth"),
        ("SSN", "number"),
        ("SSN", "ssn"),
        ("DRIVERS", "number"),
        ("PASSPORT", "number"),
        ("FIRST", "name"),
        ("MAIDEN", "name"),
        ("LAST", "name"),
        ("BIRTHPLACE", "address"),
        ("ADDRESS", "address"),
        ("CITY", "address"),
        ("COUNTY", "address"),
        ("ZIP", "address"),
        ("LAT", "address"),
        ("LON", "address"),
    }
    assert stopped <= found, stopped - found
    assert not {column for column, _ in found} & {"MARITAL", "RACE", "ETHNICITY", "GENDER", "HEALTHCARE_EXPENSES"}


def test_answers_that_are_addresses_are_found_among_results(folder):
    observations = whole(folder("synthea_csv_dbt") / "observations.csv.gz", "PATIENT", "raw.flat_lab")
    assert ("VALUE", "address") in {(one.column, one.rule) for one in suspicions(observations)}
    coded = replace(observations, columns={"CODE": "code", "DESCRIPTION": "name_text", "UNITS": "unit_text"})
    assert suspicions(coded) == ()
