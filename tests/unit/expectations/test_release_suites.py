"""Each check of counts, results and what leaves fails on a row that breaks it, and passes on a warehouse that is whole."""

import runpy
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from expectations import structure
from expectations.question import QueryQuestion, RowQuestion
from expectations.suite import load
from pipelines.tables import CONTRACTS

violations = runpy.run_path(str(Path(__file__).with_name("release_violations.py")))
BREAKS: dict[str, str] = violations["BREAKS"]
TABLES = tuple(dict.fromkeys(check.rpartition(".")[0] for check in BREAKS))
#: what follows from names, broken in tables that have such names
NAMED = {
    "mart.attrition.no_small_cell": "update mart.attrition set n_after = 10 where step_number = 2",
    "mart.sig_coverage.no_small_cell": "update mart.sig_coverage set n_rows = 3 where is_suppressed",
    "mart.effect_estimate.no_small_cell": "update mart.effect_estimate set events_target = 4",
    "mart.effect_estimate.inside_interval": "update mart.effect_estimate set estimate = 2 where gate_status = 'open'",
    "mart.effect_estimate.evidence_of_run": "update mart.effect_estimate set evidence_source = 'real' where gate_status = 'open'",
    "mart.effect_estimate.study_id_listed": "update mart.effect_estimate set study_id = 'unheard_of'",
    "mart.effect_estimate.limits_ordered": "update mart.effect_estimate set ci_low = 3 where gate_status = 'open'",
    "models.bone_prevalence.inside_interval": "update models.bone_prevalence set prevalence_pct = 1 where band = 'normal' "
    "and prevalence_pct is not null",
    "models.bone_prevalence.shares": "update models.bone_prevalence set ci_high_pct = 101 where ci_high_pct is not null",
    "mart.e2_distribution.shares": "update mart.e2_distribution set weighted_share_pct = -1 where not is_suppressed",
    "mart.e2_distribution.limits_ordered": "update mart.e2_distribution set upper_pg_ml = lower_pg_ml",
    "features.dispensing_source.ingredient_listed": "update features.dispensing_source set ingredient = 'snake oil'",
}


@pytest.fixture(scope="module")
def reader() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(violations["WHOLE"])
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
    written = {check.id for table in TABLES for check in load(table).checks}
    generated = {draft["meta"]["id"] for table in TABLES for draft in structure.drafts(CONTRACTS[table], "judged")}
    assert written - generated == set(BREAKS)


@pytest.mark.parametrize(("check", "change"), (BREAKS | NAMED).items())
def test_a_whole_warehouse_passes_and_a_broken_row_is_found(
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


def test_few_wordings_of_many_people_are_no_small_cell(reader: duckdb.DuckDBPyConnection) -> None:
    reader.execute("begin")
    try:
        reader.execute("update mart.sig_coverage set n_sigs = 3 where not is_suppressed")
        violated, asked = _counted(reader, "mart.sig_coverage.no_small_cell")
        assert (violated, asked > 0) == (0, True)
    finally:
        reader.execute("rollback")
