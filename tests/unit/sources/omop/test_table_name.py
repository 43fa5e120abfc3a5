"""Which table a file holds, by its name or its folder."""

from pathlib import PurePath

import pytest

from pipelines.sources.omop.table_name import OUT_OF_SCOPE, TABLES, table_of


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("person.csv", "person"),
        ("PERSON.CSV", "person"),
        ("Person.parquet", "person"),
        ("person.csv.gz", "person"),
        ("drug_exposure.snappy.parquet", "drug_exposure"),
        ("2b_concept.csv.gz", "concept"),
        ("2b_concept_relationship.csv.gz", "concept_relationship"),
        ("cdm_person.csv", "person"),
        ("omop.measurement.csv", "measurement"),
        ("measurement_1.csv", "measurement"),
        ("measurement-part-0003.parquet", "measurement"),
        ("measurement.part.2.csv.gz", "measurement"),
        ("measurement_00000001_00000500.parquet", "measurement"),
        ("measurement/part-0001.parquet", "measurement"),
        ("MEASUREMENT/0.parquet", "measurement"),
        ("measurement/year=2020/part-0.parquet", "measurement"),
        ("export/condition_occurrence.csv", "condition_occurrence"),
        ("condition_era.csv", "condition_era"),
        ("death.txt", "death"),
    ],
)
def test_a_file_is_told_by_its_name_or_its_folder(path, table):
    assert table_of(PurePath(path)) == table


@pytest.mark.parametrize("path", ["patients.csv", "persons_old.csv", "readme.md", "my_measurements.csv", "x/y.parquet"])
def test_other_names_are_of_no_table(path):
    assert table_of(PurePath(path)) is None


def test_the_nearer_name_wins():
    assert table_of(PurePath("person/death.csv")) == "death"


def test_every_table_is_told_by_its_own_name_and_what_is_left_out_says_why():
    assert [table_of(PurePath(f"{table}.csv")) for table in TABLES] == list(TABLES)
    assert all(OUT_OF_SCOPE.values())
