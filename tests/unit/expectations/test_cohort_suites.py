"""Each check of the cohort tables fails on a row that breaks it, and passes on a small cohort that is whole."""

import duckdb
import pytest

from expectations import structure
from expectations.question import QueryQuestion, RowQuestion
from expectations.suite import load
from pipelines.tables import CONTRACTS

TABLES = tuple(
    f"cohort.{name}" for name in ("event", "time_zero", "overlap_year", "criterion", "trial_person", "attrition")
)
WHOLE = """
create schema ref; create schema staging; create schema cohort;
create table ref.study_set as select 'drug.a' as set_code, 'drug' as kind_code, 'anastrozole' as code;
create table ref.study_cohort as select 's' as study_id, 'c' as cohort_code, 'drug.a' as set_code, 30 as grace_days,
    14 as grace_before_days, false as is_first_eligible, 365 as follow_up_days;
create table ref.study_arm as select 's' as study_id, 'c' as cohort_code, unnest(['a', 'none']) as arm_code,
    unnest([1, 2]) as arm_number, unnest(['starts', 'starts_none']) as rule_code;
create table ref.study_censor as select 's' as study_id, 'c' as cohort_code, 'metastasis' as reason_code,
    'drug.a' as set_code;
create table ref.study_criterion as select 's' as study_id, 'c' as cohort_code, unnest([1, 2]) as step_number,
    unnest(['overlap_years', 'no_use']) as criterion_code, unnest([0.05, null]) as minimum;
create table staging.observation_period as select 1 as person_id, date '2018-01-01' as starts_on, date '2022-01-01' as ends_on;
create table staging.death as select 1 as person_id, date '2021-06-01' as died_on;
create table cohort.event as select 1 as person_id, 'drug.a' as set_code, date '2020-03-05' as event_on, 1.0 as value_lo,
    2.0 as value_hi, date '2020-03-05' as use_from_on, date '2020-04-04' as use_until_on;
create table cohort.time_zero as select 's' as study_id, 1 as person_id, unnest([1, 2]) as trial_number, 'c' as cohort_code,
    unnest([date '2020-03-01', date '2021-03-01']) as index_on, 'open' as arm_code;
create table cohort.index_year as select 's' as study_id, 'c' as cohort_code, unnest([2020, 2021]) as index_year, 1 as n,
    0.5e0 as smallest_share;
create table cohort.overlap_year as select 's' as study_id, 'c' as cohort_code, 1 as step_number, unnest([2020, 2021]) as
    index_year;
create table cohort.criterion as select 's' as study_id, 1 as person_id, unnest([1, 1, 2]) as trial_number,
    'c' as cohort_code, unnest([1, 2, 1]) as step_number, unnest(['overlap_years', 'no_use', 'overlap_years']) as criterion_code,
    unnest([true, true, false]) as is_met;
create table cohort.trial_person as select 's' as study_id, 1 as person_id, 1 as trial_number, 'c' as cohort_code,
    'open' as arm_code, date '2020-03-01' as index_on, date '2021-06-01' as end_on, 'death' as end_reason,
    date '2020-03-31' as grace_ends_on, 'a' as strategy_code, date '2020-03-05' as strategy_on;
create table cohort.attrition as select 's' as study_id, 'c' as cohort_code, 'open' as arm_code,
    unnest([0, 1, 2]) as step_number, unnest([3, 3, 2]) as n_before, unnest([3, 2, 1]) as n_after;
"""
BREAKS = {
    "cohort.event.use_holds_the_day": "update cohort.event set use_until_on = date '2020-03-04'",
    "cohort.event.use_of_drugs_only": "update cohort.event set set_code = 'condition.x'",
    "cohort.event.range_ordered": "update cohort.event set value_lo = 3",
    "cohort.event.set_known": "update cohort.event set set_code = 'drug.b'",
    "cohort.time_zero.arm_of_cohort": "update cohort.time_zero set arm_code = 'a'",
    "cohort.time_zero.numbered_in_order": "update cohort.time_zero set index_on = date '2019-03-01' where trial_number = 2",
    "cohort.overlap_year.every_arm_is_in_use": "insert into cohort.overlap_year select * replace (2019 as index_year) "
    "from cohort.overlap_year limit 1",
    "cohort.overlap_year.no_year_is_left_out": "delete from cohort.overlap_year where index_year = 2021",
    "cohort.criterion.step_of_study": "update cohort.criterion set criterion_code = 'scan' where step_number = 2",
    "cohort.criterion.ends_at_first_not_met": "update cohort.criterion set is_met = false",
    "cohort.trial_person.follow_up_forward": "update cohort.trial_person set end_on = date '2020-02-29'",
    "cohort.trial_person.strategy_told_in_full": "update cohort.trial_person set arm_code = 'a'",
    "cohort.trial_person.strategy_within_grace": "update cohort.trial_person set strategy_on = date '2020-04-01'",
    "cohort.trial_person.strategy_not_before_grace": "update cohort.trial_person set strategy_on = date '2020-02-15'",
    "cohort.trial_person.observed_and_alive": "update staging.death set died_on = date '2020-02-29'",
    "cohort.trial_person.arm_of_cohort": "update cohort.trial_person set strategy_code = 'b'",
    "cohort.trial_person.end_known": "update cohort.trial_person set end_reason = 'bored'",
    "cohort.attrition.nobody_comes_back": "update cohort.attrition set n_after = 4 where step_number = 2",
    "cohort.attrition.steps_follow": "update cohort.attrition set n_before = 4 where step_number = 1",
    "cohort.attrition.ends_with_trial_people": "insert into cohort.trial_person select * replace (2 as person_id) "
    "from cohort.trial_person",
}


def _holds(check: str, change: str | None) -> bool:
    table = check.rpartition(".")[0]
    (found,) = (c for c in load(table).checks if c.id == check)
    match found.question:
        case RowQuestion(holds, where):
            query = f"select ({holds}) as holds from {table} where {where}"
        case QueryQuestion(query):
            query = query.replace("{batch}", table)
        case _:
            raise AssertionError(check)
    with duckdb.connect() as connection:
        for statement in (WHOLE, change or ""):
            if statement:
                connection.execute(statement)
        judged = connection.sql(f"select coalesce(holds, false) from ({query})").fetchall()
    assert judged, f"{check} asks nobody"
    return all(holds for (holds,) in judged)


@pytest.mark.parametrize("check", BREAKS)
def test_a_row_that_breaks_a_check_is_found(check):
    assert _holds(check, None)
    assert not _holds(check, BREAKS[check])


def test_outside_observation_is_found_as_well():
    change = "update staging.observation_period set starts_on = date '2020-03-02'"
    assert not _holds("cohort.trial_person.observed_and_alive", change)


def test_every_check_is_broken_here():
    generated = {draft["meta"]["id"] for table in TABLES for draft in structure.drafts(CONTRACTS[table], "judged")}
    assert {check.id for table in TABLES for check in load(table).checks} - generated == set(BREAKS)
