"""Each check of the code lists and of the studies fails on a row that breaks it, and passes on the lists as they are shipped."""

import runpy
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from expectations import structure
from expectations.question import QueryQuestion, RowQuestion
from expectations.suite import load
from pipelines.run_facts import RunFacts
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.trials import claim_rows, study_tables
from pipelines.trials.study import catalogue
from pipelines.warehouse.step import read_csv

BREAKS: dict[str, str] = runpy.run_path(str(Path(__file__).with_name("list_violations.py")))["BREAKS"]
LISTS = tuple(dict.fromkeys(check.rpartition(".")[0] for check in BREAKS))
CSV = tuple(f"ref.{path.stem}" for path in sorted((sql_root() / "ref").glob("*.csv")))
#: made of the study files, of the rules of claims, or of the settings
MADE = tuple(name for name in CONTRACTS if name.startswith("ref.") and name not in CSV)


def lists() -> dict[str, pl.DataFrame]:
    """Every list as shipped, and all studies of the catalogue as rows."""
    facts = RunFacts("run", "omop", tuple(catalogue()), "white_female", 11, "simulated")
    of_studies = [name for name in MADE if name != "ref.claim"]
    made = {name: getattr(study_tables, name.split(".")[1])({}, facts).collect() for name in of_studies}
    made["ref.claim"] = claim_rows.claim({}, facts).collect()
    csv = {name: read_csv(sql_root() / f"{name.replace('.', '/')}.csv", CONTRACTS[name]).collect() for name in CSV}
    return csv | made


@pytest.fixture(scope="module")
def reader() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema ref")
        for name, rows in lists().items():
            connection.register("listing", rows.to_arrow())
            connection.execute(f"create table {name} as select * from listing")
            connection.unregister("listing")
        yield connection


def _counted(reader: duckdb.DuckDBPyConnection, check: str) -> tuple[int, int]:
    """How many rows or groups the check objects to, and how many it asks."""
    suite = load(check.rpartition(".")[0])
    (question,) = (each.question for each in suite.checks if each.id == check)
    match question:
        case RowQuestion(holds, where):
            query = f"select ({holds}) as holds from {suite.rows} where ({where})"
        case QueryQuestion(query):
            pass
    query = query.replace("{batch}", suite.table)
    return reader.sql(f"select count(*) filter (where holds is not true), count(*) from ({query})").fetchall()[0]


def test_every_check_written_by_hand_has_its_violation() -> None:
    written = {check.id for table in LISTS for check in load(table).checks}
    generated = {draft["meta"]["id"] for table in LISTS for draft in structure.drafts(CONTRACTS[table], "judged")}
    assert written - generated == set(BREAKS)


@pytest.mark.parametrize(("check", "change"), BREAKS.items())
def test_lists_pass_as_shipped_and_a_broken_row_is_found(
    reader: duckdb.DuckDBPyConnection, check: str, change: str
) -> None:
    violated, asked = _counted(reader, check)
    assert violated == 0
    assert asked > 0
    reader.execute("begin")
    try:
        reader.execute(change)
        assert _counted(reader, check)[0] > 0
    finally:
        reader.execute("rollback")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        # One digit of a code mistyped, two neighbours swapped, a check digit left out.
        ("ref.analyte_code", "update ref.analyte_code set code = '2243-5' where code = '2243-4'"),
        ("ref.analyte_code", "update ref.analyte_code set code = '2423-4' where code = '2243-4'"),
        ("ref.condition_set", "update ref.condition_set set code = '22298005' where code = '22298006'"),
        ("ref.condition_set", "update ref.condition_set set code = '22928006' where code = '22298006'"),
        ("ref.condition_set", "update ref.condition_set set code = '5407' where code = '57054005'"),
        ("ref.condition_set", "update ref.condition_set set code = 'CC50' where code = 'C50'"),
        ("ref.drug_code", "update ref.drug_code set code = 'l02b' where code = 'l02bg03'"),
        ("ref.procedure_code", "update ref.procedure_code set code = '7708' where code = '77080'"),
    ],
)
def test_a_mistyped_code_is_found(reader: duckdb.DuckDBPyConnection, table: str, change: str) -> None:
    before, asked = _counted(reader, f"{table}.code_of_vocabulary")
    assert before == 0
    assert asked > 50
    reader.execute("begin")
    try:
        reader.execute(change)
        assert _counted(reader, f"{table}.code_of_vocabulary")[0] == 1
    finally:
        reader.execute("rollback")
