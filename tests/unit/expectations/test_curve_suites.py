"""Each check of courses over time fails on a row that breaks it, and passes on curves that are whole."""

from collections.abc import Iterator

import duckdb
import pytest

from expectations import structure
from expectations.question import QueryQuestion, RowQuestion
from expectations.suite import load
from pipelines.tables import CONTRACTS

TABLES = ("models.cumulative_incidence", "mart.cumulative_incidence")
KEY = "'s' as study_id, 'a vs b, {} months, cohort c' as contrast, 'stroke' as outcome, 'women' as population"
#: a year whose gate is open, and a second one, of which 5 people of arm b have the event
WHOLE = f"""
create schema ref; create schema models; create schema mart;
create table ref.run_setting as select 'min_cell' as setting_code, '11' as value_text;
create table models.effect_estimate as
select {KEY.format(12)}, 'risk_difference' as estimator, 0.01e0 as estimate, 'open' as gate_status
union all select {KEY.format(24)}, 'risk_difference', 0.025e0, 'open'
union all select {KEY.format(60)}, 'risk_difference', null, 'closed';
create table mart.effect_estimate as from models.effect_estimate;
create table models.cumulative_incidence as
with point as (
    select * from (values ('a', 0, 0.0e0, 1000, 0), ('a', 182, 1.5e0, 900, 15), ('a', 365, 3.0e0, 800, 30),
        ('a', 730, 5.0e0, 600, 45), ('b', 0, 0.0e0, 1000, 0), ('b', 182, 1.0e0, 905, 10), ('b', 365, 2.0e0, 805, 20),
        ('b', 730, 2.5e0, 605, 31)) as t (arm_code, follow_up_days, risk_pct, n_at_risk, n_events)
)
select 's' as study_id, 'a vs b, ' || if(follow_up_days <= 365, 12, 24) || ' months, cohort c' as contrast,
    'stroke' as outcome, 'women' as population, point.*, 'simulated' as evidence_source,
    if(n_events = 0, null, 0.3e0) as se_pct, if(n_events = 0, null, risk_pct - 0.5) as ci_low_pct,
    if(n_events = 0, null, risk_pct + 0.6) as ci_high_pct, 'open' as gate_status, cast(null as varchar) as gate_reason
from point;
create table mart.cumulative_incidence as
select * exclude (n_events) replace (if(n_events = 10, null, risk_pct) as risk_pct, if(n_events = 10, null, se_pct) as se_pct,
    if(n_events = 10, null, ci_low_pct) as ci_low_pct, if(n_events = 10, null, ci_high_pct) as ci_high_pct),
    n_events = 10 as is_suppressed
from models.cumulative_incidence;
"""
COMPUTED, TOLD = "update models.cumulative_incidence set", "update mart.cumulative_incidence set"
SHOWN = "is_suppressed = false, risk_pct = 1"
BREAKS = {
    "models.cumulative_incidence.risk_rises": f"{COMPUTED} n_at_risk = 950 where arm_code = 'a' and follow_up_days = 730",
    "models.cumulative_incidence.starts_at_zero": "delete from models.cumulative_incidence where follow_up_days = 0",
    "models.cumulative_incidence.two_arms": "delete from models.cumulative_incidence where arm_code = 'b' and n_events = 10",
    "models.cumulative_incidence.ends_at_the_estimate": (
        f"{COMPUTED} arm_code = if(arm_code = 'a', 'b', 'a') where follow_up_days = 730"
    ),
    "models.cumulative_incidence.gate_is_open": f"{COMPUTED} contrast = replace(contrast, '24', '60')",
    "models.cumulative_incidence.inside_limits": f"{COMPUTED} ci_low_pct = null where n_events = 15",
    "models.cumulative_incidence.waiver_told": f"{COMPUTED} gate_reason = 'a pilot'",
    "mart.cumulative_incidence.hidden_is_told": f"{TOLD} se_pct = 0.3 where is_suppressed",
    "mart.cumulative_incidence.few_are_hidden": f"{TOLD} {SHOWN} where is_suppressed",
    "mart.cumulative_incidence.no_small_step": f"{COMPUTED} n_events = 22 where arm_code = 'b' and follow_up_days = 730",
    "mart.cumulative_incidence.gate_is_open": f"{TOLD} contrast = replace(contrast, '24', '60')",
    "mart.cumulative_incidence.as_computed": "delete from mart.cumulative_incidence where is_suppressed",
    "mart.cumulative_incidence.waiver_told": f"{TOLD} gate_status = 'waived'",
}


@pytest.fixture(scope="module")
def reader() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(WHOLE)
        yield connection


def counted(reader: duckdb.DuckDBPyConnection, check: str) -> tuple[int, int]:
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


def test_a_small_number_of_those_who_left_is_a_small_step_too(reader: duckdb.DuckDBPyConnection) -> None:
    reader.execute("begin")
    reader.execute(f"{COMPUTED} n_at_risk = 803 where arm_code = 'b' and follow_up_days = 730")
    violated, _ = counted(reader, "mart.cumulative_incidence.no_small_step")
    reader.execute("rollback")
    assert violated == 1


@pytest.mark.parametrize("check", BREAKS)
def test_whole_curves_pass_and_the_violation_is_found(reader: duckdb.DuckDBPyConnection, check: str) -> None:
    violated, asked = counted(reader, check)
    assert violated == 0 and asked > 0
    reader.execute("begin")
    reader.execute(BREAKS[check])
    violated, _ = counted(reader, check)
    reader.execute("rollback")
    assert violated > 0
