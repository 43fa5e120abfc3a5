"""Each check of bone density over time fails on a row that breaks it, and passes on courses that are whole."""

from collections.abc import Iterator

import duckdb
import pytest

from expectations import structure
from expectations.question import QueryQuestion, RowQuestion
from expectations.suite import load
from pipelines.tables import CONTRACTS

TABLES = ("features.bmd_by_year", "models.bmd_trajectory", "mart.bmd_trajectory")
KEY = "'s' as study_id, 'a vs b, {} months, cohort c' as contrast, 'spine' as outcome, 'women' as population"
#: 24 months with a first year, and 60 months whose gate is closed; of arm b at 24 months few were not scanned
WHOLE = f"""
create schema ref; create schema features; create schema models; create schema mart;
create table ref.run_setting as select 'min_cell' as setting_code, '11' as value_text;
create table ref.study_contrast as select 's' as study_id, 1 as contrast_number, 730 as horizon_days, 90 as window_days;
create table features.outcome_value as select 's' as study_id, 1 as contrast_number, unnest(range(40)) as person_id,
    1 as trial_number, date '2020-01-01' as index_on, 900 as followed_days;
create table features.bmd_by_year as select 's' as study_id, 1 as contrast_number, unnest(range(40)) as person_id,
    1 as trial_number, 1 as year_number, 365 as year_days, 400 as scan_days, date '2019-12-31' as baseline_on, -2e0 as change_pct;
create table models.effect_estimate as
select {KEY.format(24)}, 'aipw' as estimator, -3e0 as estimate, 'open' as gate_status
union all select {KEY.format(60)}, 'aipw', null, 'closed';
create table mart.effect_estimate as from models.effect_estimate;
create table models.bmd_trajectory as
with point as (
    select * from (values ('a', 365, -2e0, 500, 90, 80), ('b', 365, 0e0, 400, 80, 90), ('a', 730, -2.5e0, 500, 70, 395),
        ('b', 730, 0.5e0, 400, 395, 70)) as t (arm_code, follow_up_days, change_pct, n_arm, n_observed, n_observed_other)
)
select {KEY.format(24)}, point.*, 'simulated' as evidence_source, 0.2e0 as se_pct, change_pct - 0.4 as ci_low_pct,
    change_pct + 0.4 as ci_high_pct, 'open' as gate_status, cast(null as varchar) as gate_reason
from point;
create table mart.bmd_trajectory as
select * exclude (n_arm, n_observed_other) replace (if(n_observed = 395, null, n_observed) as n_observed),
    n_observed = 395 as is_suppressed
from models.bmd_trajectory;
"""
YEAR, COMPUTED, TOLD = (f"update {name} set" for name in TABLES)
BREAKS = {
    "features.bmd_by_year.in_its_window": f"{YEAR} scan_days = 456 where person_id = 3",
    "features.bmd_by_year.before_the_horizon": f"{YEAR} year_number = 2, year_days = 731, scan_days = 731",
    "features.bmd_by_year.of_a_trial": f"{YEAR} baseline_on = date '2020-01-02' where person_id = 3",
    "features.bmd_by_year.change_plausible": f"{YEAR} change_pct = -40 where person_id < 3",
    "models.bmd_trajectory.two_arms": f"{COMPUTED} n_observed_other = 81 where n_observed_other = 80",
    "models.bmd_trajectory.ends_at_the_estimate": f"{COMPUTED} change_pct = 0.4 where n_observed = 395",
    "models.bmd_trajectory.gate_is_open": f"{COMPUTED} contrast = replace(contrast, '24', '60')",
    "models.bmd_trajectory.closed_tells_nothing": (
        f"{COMPUTED} gate_status = 'closed', gate_reason = 'outcomes_smaller_arm fail' where n_observed = 90"
    ),
    "models.bmd_trajectory.waiver_told": f"{COMPUTED} gate_status = 'waived'",
    "mart.bmd_trajectory.hidden_is_told": f"{TOLD} change_pct = null where arm_code = 'a'",
    "mart.bmd_trajectory.few_are_hidden": f"{TOLD} n_observed = 395, is_suppressed = false where is_suppressed",
    "mart.bmd_trajectory.gate_is_open": f"{TOLD} contrast = replace(contrast, '24', '60')",
    "mart.bmd_trajectory.as_computed": "delete from mart.bmd_trajectory where is_suppressed",
    "mart.bmd_trajectory.waiver_told": f"{TOLD} gate_status = 'waived'",
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


@pytest.mark.parametrize("check", BREAKS)
def test_whole_courses_pass_and_the_violation_is_found(reader: duckdb.DuckDBPyConnection, check: str) -> None:
    violated, asked = counted(reader, check)
    assert violated == 0 and asked > 0
    reader.execute("begin")
    reader.execute(BREAKS[check])
    violated, _ = counted(reader, check)
    reader.execute("rollback")
    assert violated > 0
