"""Each check of the tables of results fails on a row that breaks it, and passes on a study that is whole."""

from pathlib import Path

import duckdb
import pytest

from expectations import structure
from expectations.question import QueryQuestion, RowQuestion
from expectations.suite import load
from pipelines.tables import CONTRACTS

TABLES = (
    "features.outcome_value",
    *(
        f"models.{name}"
        for name in ("covariate_balance", "diagnostic", "effect_estimate", "propensity_model", "propensity_score")
    ),
    *("models.threshold", "mart.threshold", "models.negative_control", "mart.negative_control"),
)
CONTROLS = Path(__file__).parents[3] / "sql" / "ref" / "negative_control.csv"
KEY = "'s' as study_id, 'a vs b' as contrast, 'bone' as outcome, 'women' as population"
WAIVER = "outcomes_smaller_arm fail, waived 2025-01-02: a pilot"
WHOLE = f"""
create schema ref; create schema features; create schema models; create schema mart;
create table ref.study_contrast as select 's' as study_id, 1 as contrast_number, 'c' as cohort_code, 'a' as target_code,
    'b' as comparator_code, 'bone' as outcome_code, 365 as horizon_days, 90 as window_days;
create table ref.continuous_outcome as select 'bone' as outcome_code, 'change_pct' as scale_code, 'dxa' as kind_code,
    'total_hip' as subject_code, 1.0e0 as detectable_difference;
create table features.outcome_value as
select 's' as study_id, 1 as contrast_number, 1 as person_id, unnest([1, 2, 3]) as trial_number, true as is_target,
    date '2018-03-01' as index_on, date '2018-02-20' as baseline_on, 1.0e0 as baseline_value,
    unnest([true, true, false]) as is_followed, unnest([false, false, true]) as is_dead, false as is_deviated,
    unnest([date '2019-03-01', date '2019-03-01', null]) as outcome_on, unnest([365, 365, null]) as outcome_days,
    unnest([false, true, false]) as is_censored, unnest([0.98e0, null, null]) as outcome_value,
    unnest([-2.0e0, null, null]) as change;
create table models.propensity_model as
select {KEY}, unnest([0, 1]) as term_number, unnest(['intercept', 'age']) as term, unnest([0.1e0, -0.4e0]) as coefficient,
    10.0e0 as penalty, 5 as n_steps, 195 as n_people, cast(null as varchar) as problem
union all
select * replace ('c vs d' as contrast), 0, 'none', null, null, null, 0, 'an arm is empty' from (select {KEY});
create table models.propensity_score as
select {KEY}, arm_code, number as bin_number, (number - 1) / 20 as lower, number / 20 as upper, number as n
from range(1, 21) as bin (number) cross join (values ('a'), ('b')) as arm (arm_code);
create table models.covariate_balance as
select {KEY}, unnest(['age', 'statin']) as covariate, unnest([60.0e0, 0.4e0]) as mean_target,
    unnest([58.0e0, 0.5e0]) as mean_comparator, unnest([0.2e0, -0.2e0]) as smd_before, unnest([0.01e0, -0.02e0]) as smd_after,
    unnest([1.1e0, null]) as variance_ratio, unnest([90, 100]) as n_known_target, unnest([80, 95]) as n_known_comparator,
    100 as n_target, 95 as n_comparator, unnest([false, true]) as is_presence, 'simulated' as evidence_source;
create table models.diagnostic as
select {KEY}, unnest(['outcomes_smaller_arm', 'censored_share', 'propensity_auc']) as diagnostic,
    unnest([60.0e0, 0.01e0, 0.7e0]) as value, unnest([50.0e0, 0.05e0, null]) as threshold,
    unnest(['at least', 'at most', 'reported']) as rule, unnest(['pass', 'pass', 'not_applicable']) as status
union all
select * replace (unnest(['c vs d', 'e vs f']) as contrast), 'outcomes_smaller_arm', 7.0e0, 50.0e0, 'at least', 'fail'
from (select {KEY});
create table models.effect_estimate as
select {KEY}, 'aipw' as estimator, 'simulated' as evidence_source, -1.0e0 as estimate, -1.9e0 as ci_low, -0.1e0 as ci_high,
    0.46e0 as se, 0.03e0 as p_value, 'open' as gate_status, null as gate_reason, -0.9e0 as calibrated_estimate,
    -2.1e0 as calibrated_ci_low, 0.3e0 as calibrated_ci_high, 100 as n_target, 90 as n_comparator, 20 as events_target,
    30 as events_comparator
union all
select * replace ('c vs d' as contrast), 'aipw', 'simulated', null, null, null, null, null, 'closed', 'too few', null, null,
    null, null, null, null, null
from (select {KEY})
union all
select * replace ('e vs f' as contrast), 'aipw', 'simulated', -1.0e0, -1.9e0, -0.1e0, 0.46e0, 0.03e0, 'waived', '{WAIVER}',
    null, null, null, null, null, null, null
from (select {KEY});
create table ref.negative_control as from read_csv('{CONTROLS}');
create table ref.study_outcome as select 's' as study_id, 'bone' as outcome_code;
create table ref.run_setting as select 'min_cell' as setting_code, '11' as value_text;
create table models.negative_control as
with listed as (
    select subject_code, row_number() over (order by subject_code) - 1 as number
    from ref.negative_control where kind_code = 'event' and verdict_code = 'accepted'
)
select 's' as study_id, 'a vs b' as contrast, 'women' as population, subject_code as control_code,
    'simulated' as evidence_source, if(number = 0, 7, 20) as events_target, 25 as events_comparator, 0.1e0 as estimate,
    0.2e0 as se, -0.29e0 as ci_low, 0.49e0 as ci_high, 0.0e0 as calibrated_estimate, -0.5e0 as calibrated_ci_low,
    0.5e0 as calibrated_ci_high, cast(null as varchar) as why, 'log ratio of risks' as scale, cast(null as integer) as n_target,
    cast(null as integer) as n_comparator
from listed where number < 30
union all
select 's', 'a vs b', 'women', subject_code, 'simulated', 3, 9, null, null, null, null, null, null, null, 'few',
    'log ratio of risks', null, null
from listed where number = 31
union all
select 's', 'a vs b', 'women', control_code, 'simulated', null, null, 0.1, 0.2, -0.29, 0.49, null, null, null, null,
    'SD of the change within an arm', 80, 60
from (from ref.negative_control where kind_code = 'lab' and verdict_code = 'accepted' order by control_code limit 10);
create table mart.negative_control as
select * exclude (events_target, events_comparator, n_target, n_comparator, se, why)
    replace (if(control_code = 'nc_actinic_keratosis', null, estimate) as estimate,
        if(control_code = 'nc_actinic_keratosis', null, ci_low) as ci_low,
        if(control_code = 'nc_actinic_keratosis', null, ci_high) as ci_high,
        if(control_code = 'nc_actinic_keratosis', null, calibrated_estimate) as calibrated_estimate,
        if(control_code = 'nc_actinic_keratosis', null, calibrated_ci_low) as calibrated_ci_low,
        if(control_code = 'nc_actinic_keratosis', null, calibrated_ci_high) as calibrated_ci_high),
    control_code = 'nc_actinic_keratosis' as is_suppressed
from models.negative_control;
create table models.threshold as
select {KEY}, unnest(['primary', 'lc_ms_ms_only']) as analysis, 'simulated' as evidence_source,
    unnest(['kink', 'no_kink']) as answer, cast(null as varchar) as why, unnest([0.01e0, 0.3e0]) as p_value,
    unnest([14.0e0, null]) as place_pg_ml, unnest([11.0e0, null]) as ci_low_pg_ml, cast(null as double) as ci_high_pg_ml,
    unnest([false, null]) as is_open_low, unnest([true, null]) as is_open_high, unnest([false, null]) as is_empty,
    unnest([15.0e0, null]) as place_uncorrected_pg_ml, 8.0e0 as searched_low_pg_ml, 40.0e0 as searched_high_pg_ml,
    unnest([1.2e0, 0.4e0]) as slope_below, unnest([0.1e0, 0.4e0]) as slope_above, 120 as n_people, 150 as n_pairs,
    'open' as gate_status, cast(null as varchar) as gate_reason
union all
select * replace ('c vs d' as contrast), 'primary', 'simulated', 'not_answerable', 'gate closed', null, null, null, null, null,
    null, null, null, null, null, null, null, null, null, 'closed', 'too few'
from (select {KEY})
union all
select * replace ('e vs f' as contrast), 'primary', 'simulated', 'no_kink', null, 0.3e0, null, null, null, null, null, null,
    null, 8.0e0, 40.0e0, 0.4e0, 0.4e0, 120, 150, 'waived', '{WAIVER}'
from (select {KEY});
create table mart.threshold as
select * exclude (n_people, n_pairs), false as is_suppressed from models.threshold;
"""
VALUE, SCORE = "update features.outcome_value set", "update models.propensity_score set"
MODEL = "update models.propensity_model set"
PLACE, SHOWN = "update models.threshold set", "update mart.threshold set"
CONTROL, TOLD = "update models.negative_control set", "update mart.negative_control set"
BALANCE, ESTIMATE = "update models.covariate_balance set", "update models.effect_estimate set"
BREAKS = {
    "features.outcome_value.baseline_by_time_zero": f"{VALUE} baseline_on = date '2018-03-02'",
    "features.outcome_value.outcome_after_time_zero": f"{VALUE} outcome_days = 364 where trial_number = 1",
    "features.outcome_value.censored_has_no_value": f"{VALUE} outcome_value = 0.9, change = -10 where is_censored",
    "features.outcome_value.read_has_change": f"{VALUE} change = null where trial_number = 1",
    "features.outcome_value.read_while_followed": f"{VALUE} is_followed = false",
    "features.outcome_value.dead_not_followed": f"{VALUE} is_dead = true",
    "features.outcome_value.deviated_not_followed": f"{VALUE} is_deviated = true",
    "features.outcome_value.change_plausible": f"{VALUE} change = -40 where trial_number = 1",
    "models.propensity_model.model_or_problem": f"{MODEL} coefficient = null where term = 'age'",
    "models.propensity_model.terms_numbered": f"{MODEL} term_number = 2 where term = 'age'",
    "models.propensity_model.one_fit": f"{MODEL} penalty = 100 where term = 'age'",
    "models.propensity_score.bins_tile": "delete from models.propensity_score where bin_number = 3",
    "models.propensity_score.two_arms": "delete from models.propensity_score where arm_code = 'b'",
    "models.propensity_score.arm_has_people": f"{SCORE} n = 0 where arm_code = 'b'",
    "models.covariate_balance.known_are_people": f"{BALANCE} n_known_target = 101",
    "models.covariate_balance.presence_is_share": f"{BALANCE} mean_target = 1.2 where is_presence",
    "models.covariate_balance.difference_has_sign": f"{BALANCE} smd_before = -0.2 where covariate = 'age'",
    "models.covariate_balance.variance_ratio_positive": f"{BALANCE} variance_ratio = -1 where covariate = 'age'",
    "models.covariate_balance.arms_of_one_size": f"{BALANCE} n_target = 102 where covariate = 'age'",
    "models.covariate_balance.weights_make_alike": f"{BALANCE} smd_after = 0.5",
    "models.diagnostic.at_least_is_kept": "update models.diagnostic set value = 40 where value = 60",
    "models.diagnostic.at_most_is_kept": "update models.diagnostic set value = 0.2 where rule = 'at most'",
    "models.diagnostic.judged_on_something": "update models.diagnostic set value = null",
    "models.effect_estimate.closed_tells_nothing": f"{ESTIMATE} estimate = -1 where gate_status = 'closed'",
    "models.effect_estimate.open_tells": f"{ESTIMATE} ci_low = null where gate_status = 'open'",
    "models.effect_estimate.error_positive": f"{ESTIMATE} se = 0 where gate_status = 'open'",
    "models.effect_estimate.p_agrees_with_interval": f"{ESTIMATE} p_value = 0.5 where gate_status = 'open'",
    "models.effect_estimate.gate_follows_diagnostics": f"{ESTIMATE} gate_status = 'open'",
    "models.effect_estimate.waiver_told": f"{ESTIMATE} gate_reason = 'a pilot' where gate_status = 'waived'",
    "models.effect_estimate.one_kind_of_evidence": f"{ESTIMATE} evidence_source = 'real' where gate_status = 'open'",
    "models.effect_estimate.calibrated_needs_controls": (
        "delete from models.negative_control where control_code = 'nc_mcv'"
    ),
    "models.effect_estimate.calibrated_wider": f"{ESTIMATE} calibrated_ci_high = -1 where gate_status = 'open'",
    "models.effect_estimate.events_within_people": f"{ESTIMATE} events_target = 101 where gate_status = 'open'",
    "models.negative_control.told_or_why": f"{CONTROL} why = null where estimate is null",
    "models.negative_control.enough_events": f"{CONTROL} events_target = 4 where control_code = 'nc_appendicitis'",
    "models.negative_control.enough_people": f"{CONTROL} n_target = 49 where control_code = 'nc_mcv'",
    "models.negative_control.error_positive": f"{CONTROL} se = 0 where control_code = 'nc_appendicitis'",
    "models.negative_control.calibrated_wider": f"{CONTROL} calibrated_ci_high = -0.4 where control_code = 'nc_appendicitis'",
    "models.negative_control.accepted": f"{CONTROL} control_code = 'nc_cataract' where control_code = 'nc_appendicitis'",
    "models.negative_control.is_no_outcome": f"{CONTROL} control_code = 'bone' where control_code = 'nc_appendicitis'",
    "mart.negative_control.hidden_tells_nothing": f"{TOLD} ci_low = -1 where is_suppressed",
    "mart.negative_control.as_computed": f"{TOLD} estimate = 0.3 where control_code = 'nc_appendicitis'",
    "mart.negative_control.few_are_hidden": f"{TOLD} is_suppressed = false where control_code = 'nc_actinic_keratosis'",
    "models.threshold.closed_tells_nothing": f"{PLACE} slope_below = 1 where gate_status = 'closed'",
    "models.threshold.place_only_of_a_kink": f"{PLACE} place_pg_ml = 20 where answer = 'no_kink'",
    "models.threshold.ends_are_told_once": f"{PLACE} ci_high_pg_ml = 20 where answer = 'kink'",
    "models.threshold.inside_its_interval": f"{PLACE} place_uncorrected_pg_ml = 50 where answer = 'kink'",
    "models.threshold.straight_is_one_slope": f"{PLACE} slope_above = 1 where answer = 'no_kink'",
    "models.threshold.no_answer_says_why": f"{PLACE} why = null",
    "models.threshold.people_behind_an_answer": f"{PLACE} n_people = 49 where answer = 'kink'",
    "models.threshold.gate_follows_diagnostics": f"{PLACE} gate_status = 'open'",
    "models.threshold.waiver_told": f"{PLACE} gate_reason = null where gate_status = 'waived'",
    "mart.threshold.closed_tells_nothing": f"{SHOWN} is_open_low = true where gate_status = 'closed'",
    "mart.threshold.place_only_of_a_kink": f"{SHOWN} place_pg_ml = 20 where answer = 'no_kink'",
    "mart.threshold.as_computed": f"{SHOWN} place_pg_ml = 20 where answer = 'kink'",
    "mart.threshold.one_kind_of_evidence": f"{SHOWN} evidence_source = 'real' where answer = 'kink'",
}


def _violated(check: str, change: str | None) -> int:
    """How many rows or groups the check objects to."""
    suite = load(check.rpartition(".")[0])
    (question,) = (each.question for each in suite.checks if each.id == check)
    with duckdb.connect() as connection:
        connection.execute(WHOLE)
        if change:
            connection.execute(change)
        match question:
            case RowQuestion(holds, where):
                query = f"select ({holds}) as holds from {suite.rows} where ({where})"
            case QueryQuestion(query):
                pass
        query = query.replace("{batch}", suite.table)
        (found,) = connection.sql(f"select count(*) filter (where holds is not true) from ({query})").fetchall()
        return found[0]


def test_every_check_written_by_hand_has_its_violation() -> None:
    written = {
        check.id
        for table in TABLES
        for check in load(table).checks
        if isinstance(check.question, RowQuestion | QueryQuestion)
    }
    generated = {draft["meta"]["id"] for table in TABLES for draft in structure.drafts(CONTRACTS[table], "judged")}
    assert written - generated == set(BREAKS)


@pytest.mark.parametrize("check", BREAKS)
def test_a_whole_study_passes(check: str) -> None:
    assert _violated(check, None) == 0


@pytest.mark.parametrize(("check", "change"), BREAKS.items())
def test_a_broken_row_is_found(check: str, change: str) -> None:
    assert _violated(check, change) > 0
