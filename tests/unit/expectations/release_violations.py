"""A small warehouse that is whole, from cohorts to what leaves, and what breaks each rule of it, one statement a rule."""

DRIFT, MOVED = "update models.evidence_drift set", "update mart.evidence_drift set"
WHOLE = """
create schema ref; create schema raw; create schema staging; create schema cohort; create schema features;
create schema models; create schema mart;
create table ref.study as select 's' as study_id, 'cohort' as arm_rule, 'made for a test' as title,
    18.0e0 as minimum_age_years, 'abcdef0123456789' as protocol_hash;
create table ref.run_setting as select * from (values ('min_cell', '11'), ('evidence_source', 'simulated')) as t
    (setting_code, value_text);
create table ref.study_arm as select 's' as study_id, 'c' as cohort_code, unnest(['a', 'b']) as arm_code;
create table ref.study_contrast as select 's' as study_id, 1 as contrast_number, 'c' as cohort_code, 'a' as target_code,
    'b' as comparator_code, 'total_hip_bmd_change_pct' as outcome_code, 365 as horizon_days, 90 as window_days;
create table ref.drug as select 'anastrozole' as ingredient, 'aromatase_inhibitor' as drug_class;
create table staging.drug_exposure as select 'omop' as source_id, 'anastrozole' as ingredient, false as is_compounded,
    'aromatase_inhibitor' as drug_class, 'fill' as record_type, date '2018-01-01' as started_on, n as person_id
from range(1, 81) as rows (n);
create table features.drug_supply as select n as person_id, 'aromatase_inhibitor' as drug_class, date '2018-01-01' as
    supplied_on
from range(1, 81) as rows (n);
create table features.dispensing_source as select 'omop' as source_id, 'anastrozole' as ingredient, false as is_compounded,
    'fill' as evidence_code;
create table features.first_inhibitor as select 1 as person_id, date '2018-01-01' as inhibitor_from_on,
    date '2017-01-01' as baseline_from_on;
create table cohort.time_zero as select 's' as study_id, 'c' as cohort_code, n as person_id, date '2018-01-01' as index_on,
    1 as trial_number, if(n % 2 = 0, 'a', 'b') as arm_code
from range(1, 41) as rows (n);
create table cohort.index_year as select 's' as study_id, 'c' as cohort_code, 2018 as index_year, 40 as n, 0.5e0 as
    smallest_share;
create table cohort.measurement_count as
select '2013-2014' as cycle_label, measurement, sex_code, n * if(sex_code = 'all', 2, 1) as n
from (values ('respondents', 90), ('estradiol', 60), ('femur BMD', 50), ('estradiol and femur BMD', 30)) as m
    (measurement, n)
cross join (values ('all'), ('female'), ('male')) as s (sex_code);
create table cohort.sig_count as
select 'omop' as source_id, 'en' as language, unnest(['read', 'blank']) as outcome, 'none' as reason, unnest([20, 3]) as
    n_sigs,
    unnest([75, 5]) as n_rows, unnest([70, 5]) as n_people;
create table models.dose_response as
select 's' as study_id, 'bone' as outcome, 'women' as population, n as point_number, 'simulated' as evidence_source,
    'estradiol, pg/mL' as exposure, n * 1.0e0 as exposure_value, 1.0e0 as reference_value, (n - 1) * 0.1e0 as estimate,
    (n - 1) * 0.1e0 - 0.1e0 as ci_low, (n - 1) * 0.1e0 + 0.1e0 as ci_high, '1; 2' as knots,
    'open' as gate_status, null::varchar as gate_reason
from range(1, 4) as points (n);
create table mart.dose_response as from models.dose_response;
create table models.bone_prevalence as
select 's' as study_id, '2013-2014' as cycle_label, 'femoral_neck' as site_code, sex_code, 'white_female' as reference_code,
    band, 'simulated' as evidence_source, if(is_open, pct, null) as prevalence_pct, if(is_open, 1.0e0, null) as se_pct,
    if(is_open, pct - 2, null) as ci_low_pct, if(is_open, pct + 2, null) as ci_high_pct, n_band, 100 as n, 15 as df,
    if(is_open, 'open', 'closed') as gate_status, if(is_open, null, 'too few') as gate_reason
from (values ('normal', 60.0e0, 60), ('low', 30.0e0, 34), ('osteoporosis', 10.0e0, 6)) as b (band, pct, n_band)
cross join (values ('female', true), ('male', false)) as s (sex_code, is_open);
create table mart.bone_prevalence as
select * exclude (df) replace (if(n_band < 40, null, prevalence_pct) as prevalence_pct, if(n_band < 40, null, se_pct) as
    se_pct,
    if(n_band < 40, null, ci_low_pct) as ci_low_pct, if(n_band < 40, null, ci_high_pct) as ci_high_pct,
    if(n_band < 40, null, n_band) as n_band), n_band < 40 as is_suppressed
from models.bone_prevalence;
create table models.baseline as
select 's' as study_id, 'women' as arm_code, true as is_weighted, * from (values ('People', 'all', 100, null, null, null),
    ('Age', 'mean', 100, 60.0e0, 8.0e0, 'a'), ('Race', 'white', 80, 0.8e0, null, 'share'), ('Smoker', 'yes', 5, 0.05e0,
    null, 'share'),
    ('Smoker', 'no', 95, 0.95e0, null, 'share')) as t (characteristic, level, n, estimate, spread, unit);
create table mart.table_one as
select * exclude (is_weighted) replace (if(characteristic = 'Smoker', null, n) as n,
    if(characteristic = 'Smoker', null, estimate) as estimate), characteristic = 'Smoker' as is_suppressed
from models.baseline;
create table models.e2_distribution as
select '2013-2014' as cycle_label, 'lc_ms_ms' as assay_class, 'men' as population, * from (values
    (0, 0.0e0, null, 2.1e0, 20, 20.0e0), (1, 0.0e0, 4.0e0, 2.1e0, 30, 30.0e0), (2, 4.0e0, 8.0e0, 2.1e0, 45, 45.0e0),
    (3, 8.0e0, null, 2.1e0, 5, 5.0e0)) as t (bin_number, lower_pg_ml, upper_pg_ml, lloq_pg_ml, n, weighted_share_pct);
create table mart.e2_distribution as
select * replace (if(bin_number in (0, 3), null, n) as n, if(bin_number in (0, 3), null, weighted_share_pct) as
    weighted_share_pct),
    bin_number in (0, 3) as is_suppressed
from models.e2_distribution;
create table models.value_histogram as
select * from (values ('lab', 'estradiol', 'lab.a', -1000, 5), ('bmd', 'total_hip', 'dxa.a', 45, 30),
    ('dose', 'anastrozole', 'everywhere', 42, 80)) as t (quantity, item_code, place_code, bin_number, n);
create table raw.previous_histogram as from models.value_histogram;
create table models.effect_estimate as
select 's' as study_id, 'a vs b' as contrast, 'bone' as outcome, 'women' as population, 'aipw' as estimator, 'simulated'
    as evidence_source, -1.0e0 as estimate, 'open' as gate_status, null as gate_reason
union all
select * replace ('c vs d' as contrast), 'aipw', 'simulated', null, 'closed', 'too few' from (select 's' as study_id, 'a
    vs b' as contrast, 'bone' as outcome, 'women' as population);
create table mart.effect_estimate as
select 's' as study_id, 'a vs b' as contrast, 'bone' as outcome, 'women' as population, 'aipw' as estimator, 'simulated'
    as evidence_source, -1.0e0 as estimate, -1.9e0 as ci_low, -0.1e0 as ci_high,
    0.46e0 as se, 0.03e0 as p_value, null::double as calibrated_estimate, null::double as calibrated_ci_low,
    null::double as calibrated_ci_high, 100 as n_target, 90 as n_comparator, 150.0e0 as n_effective, null::bigint as
    events_target,
    null::bigint as events_comparator, 'open' as gate_status, null as gate_reason
union all
select * replace ('c vs d' as contrast), 'aipw', 'simulated', null, null, null, null, null, null, null, null, null,
    null, null,
    null, null, 'closed', 'too few'
from (select 's' as study_id, 'a vs b' as contrast, 'bone' as outcome, 'women' as population);
create table models.diagnostic as
select * replace (contrasted as contrast) from (select 's' as study_id, 'a vs b' as contrast, 'bone' as outcome, 'women'
    as population, unnest(['a vs b', 'c vs d']) as contrasted,
    unnest(['equipoise', 'outcomes_smaller_arm']) as diagnostic, unnest([0.7e0, 7.0e0]) as value,
    unnest([0.5e0, 50.0e0]) as threshold, 'at least' as rule, unnest(['pass', 'fail']) as status);
create table mart.diagnostic as
select * exclude (contrasted) replace (if(status = 'pass', value, null) as value), status = 'fail' as is_suppressed,
    if(status = 'fail', 'a pilot', null) as waiver
from models.diagnostic;
alter table models.diagnostic drop contrasted;
create table raw.previous_evidence as
select * exclude (evidence_source, gate_reason), if(gate_status = 'open', 0.46e0, null) as se,
    'abcdef0123456789' as protocol_hash, 100 as n, 0.04e0 as largest_smd,
    cast(null as double) as ease, true as is_input_changed, false as is_code_changed, false as is_setting_changed,
    false as is_any_protocol_changed, false as is_waiver_changed
from models.effect_estimate;
create table models.evidence_drift as
select study_id, contrast, outcome, population, estimator, evidence_source, gate_status, gate_status as previous_gate_status,
    120 as n, if(gate_status = 'open', 20, 5) as n_change, 0.05e0 as largest_smd, 0.01e0 as largest_smd_change,
    cast(null as double) as ease, cast(null as double) as ease_change,
    if(gate_status = 'open', 0.2e0, null) as estimate_change_se, 'input' as cause
from models.effect_estimate
union all by name
select study_id, contrast, outcome, population, unnest(['iptw', 'matching']) as estimator, evidence_source, gate_status,
    unnest([gate_status, null]) as previous_gate_status, 120 as n, unnest([0, null]) as n_change, 0.05e0 as largest_smd,
    unnest([0.0e0, null]) as largest_smd_change, unnest(['none', 'first']) as cause
from (select * exclude (estimator) from models.effect_estimate where gate_status = 'open');
create table mart.evidence_drift as
select * exclude (n, largest_smd, ease) replace (if(n_change = 5, null, n_change) as n_change,
    if(n_change = 5, null, largest_smd_change) as largest_smd_change), coalesce(n_change = 5, false) as is_suppressed
from models.evidence_drift;
create table mart.covariate_balance as
select 's' as study_id, 'a vs b' as contrast, 'bone' as outcome, 'women' as population, unnest(['age', 'rare']) as
    covariate, 'simulated' as evidence_source, unnest([0.12e0, null]) as smd_before,
    unnest([0.01e0, null]) as smd_after, unnest([1.05e0, null]) as variance_ratio, unnest([false, true]) as is_suppressed;
create table mart.study as
select 's' as study_id, 'abcdef0123456789' as protocol_hash, 'simulated' as evidence_source, 'Some title' as title,
    'What is asked?' as question, 'survey_association' as design, 'bone,hip' as primary_outcomes,
    'bone' as lead_outcome, 'a vs b' as lead_contrast, 'women' as lead_population;
create table models.propensity_score as
select 's' as study_id, 'a vs b' as contrast, 'bone' as outcome, 'women' as population, arm_code, bin_number,
    (bin_number - 1) / 20 as lower, bin_number / 20 as upper, if(bin_number <= 2, 2, 60) as n
from range(1, 21) as bins (bin_number), unnest(['a', 'b']) as arms (arm_code);
create table mart.propensity_score as
select * exclude (lower, upper, n), 'simulated' as evidence_source, (bin_number - 1) / 10 as lower, bin_number / 10
    as upper, if(bin_number <= 2, null, 11.0e0) as share_pct, bin_number <= 2 as is_suppressed
from models.propensity_score where bin_number <= 10;
create table mart.attrition as
select 's' as study_id, 'c' as cohort_code, 'a' as arm_code, unnest([0, 1, 2]) as step_number, 'step' as label,
    unnest([100, 100, 60]) as n_before, unnest([100, 60, 40]) as n_after, false as is_suppressed;
create table mart.measurement_count as
select * replace (if(measurement like '%and%' and sex_code <> 'all', null, n) as n), measurement like '%and%' and
    sex_code <> 'all' as is_suppressed
from cohort.measurement_count;
create table raw.manifest as
select 'omop' as source_id, * from (values ('person.csv', 'omop_person', '2013-2014', repeat('a', 64), 100, 0, 'landed',
    null),
    ('notes.txt', null, null, null, null, null, 'out_of_scope', 'no table'))
    as t (source_file, table_name, cycle_label, sha256, rows_in, rows_withdrawn, status_code, reason);
create table mart.source_file as
select source_file, cycle_label, table_name, status_code, rows_in, rows_in - 40 as rows_staged, rows_in - 100 as
    rows_duplicate,
    rows_in - 60 as rows_quarantined, rows_in - 100 as rows_out_of_scope, false as is_suppressed
from raw.manifest
union all
select 'drug.csv', null, 'omop_drug_exposure', 'landed', 50, null, 0, 0, null, true;
insert into raw.manifest values ('omop', 'drug.csv', 'omop_drug_exposure', null, repeat('b', 64), 50, 0, 'landed', null);
create table raw.missing_piece as
select 'nhanes' as source_id, '2011-2012' as cycle_label, 'DXXFEM' as file_group, 'Bone density of the hip cannot be
    read' as consequence;
create table mart.missing_piece as select * exclude (source_id) from raw.missing_piece;
create table raw.rejected_row as
select 'omop' as source_id, 'person.csv' as source_file, 7 as source_row, 'no_person_key' as rule_code, 'no person id'
    as reason;
create table mart.sig_coverage as
select * exclude (n_people) replace (if(outcome = 'blank', null, n_sigs) as n_sigs, if(outcome = 'blank', null, n_rows)
    as n_rows),
    outcome = 'blank' as is_suppressed
from cohort.sig_count;
"""
BREAKS = {
    "cohort.index_year.rarest_arm_is_no_majority": "update cohort.index_year set smallest_share = 0.6 where true",
    "cohort.index_year.counts_every_time_zero": "update cohort.index_year set n = n + 1 where true",
    "cohort.measurement_count.sexes_add_up": "update cohort.measurement_count set n = n + 1 where sex_code = 'male'",
    "cohort.measurement_count.pair_within_either": (
        "update cohort.measurement_count set n = n + 1000 where measurement = 'estradiol and femur BMD'"
    ),
    "cohort.sig_count.within_rows": "update cohort.sig_count set n_people = n_rows + 1 where true",
    "cohort.sig_count.instruction_where_read": "update cohort.sig_count set n_sigs = 0 where true",
    "cohort.sig_count.every_prescription_counted": "update cohort.sig_count set n_rows = n_rows + 1 where true",
    "features.dispensing_source.evidence_known": (
        "update features.dispensing_source set evidence_code = 'hearsay' where true"
    ),
    "features.dispensing_source.order_where_no_fill": (
        "update features.dispensing_source set evidence_code = 'order' where true"
    ),
    "features.first_inhibitor.baseline_before": (
        "update features.first_inhibitor set baseline_from_on = inhibitor_from_on where true"
    ),
    "features.first_inhibitor.is_the_first_supply": (
        "update features.first_inhibitor set inhibitor_from_on = inhibitor_from_on + 1 where true"
    ),
    "models.dose_response.exposure_rises": (
        "update models.dose_response set exposure_value = 0.5 where point_number = 2"
    ),
    "models.dose_response.waiver_told": "update models.dose_response set gate_status = 'waived'",
    "models.dose_response.one_reference": "update models.dose_response set reference_value = 99 where point_number = 2",
    "models.dose_response.level_at_reference": (
        "update models.dose_response set estimate = 0.1, ci_high = 0.2 where exposure_value = reference_value"
    ),
    "mart.dose_response.exposure_rises": "update mart.dose_response set exposure_value = 0.5 where point_number = 2",
    "mart.dose_response.waiver_told": "update mart.dose_response set gate_status = 'waived'",
    "mart.dose_response.one_reference": "update mart.dose_response set reference_value = 99 where point_number = 2",
    "mart.dose_response.level_at_reference": (
        "update mart.dose_response set estimate = 0.1, ci_high = 0.2 where exposure_value = reference_value"
    ),
    "models.bone_prevalence.bands_part_the_people": (
        "update models.bone_prevalence set n_band = n_band + 1 where band = 'normal'"
    ),
    "models.bone_prevalence.closed_tells_nothing": (
        "update models.bone_prevalence set gate_reason = null where gate_status = 'closed'"
    ),
    "models.baseline.level_is_a_share": "update models.baseline set estimate = 40 where unit = 'share'",
    "models.baseline.within_the_arm": "update models.baseline set n = n + 1000 where level = 'mean'",
    "models.baseline.spread_of_means": "update models.baseline set spread = -1 where level = 'mean'",
    "models.e2_distribution.shares_add_up": (
        "update models.e2_distribution set weighted_share_pct = weighted_share_pct / 2 where bin_number = 0"
    ),
    "models.e2_distribution.below_has_a_limit": (
        "update models.e2_distribution set lloq_pg_ml = null where bin_number = 0"
    ),
    "models.value_histogram.on_the_grid": "update models.value_histogram set bin_number = 900 where quantity = 'bmd'",
    "models.value_histogram.dose_has_no_place": (
        "update models.value_histogram set place_code = 'x' where quantity = 'dose'"
    ),
    "raw.previous_evidence.closed_tells_nothing": "update raw.previous_evidence set se = 1 where gate_status = 'closed'",
    "raw.previous_evidence.one_state": "update raw.previous_evidence set is_code_changed = gate_status = 'open'",
    "models.evidence_drift.closed_tells_nothing": f"{DRIFT} estimate_change_se = 1 where gate_status = 'closed'",
    "models.evidence_drift.none_is_identical": f"{DRIFT} n_change = 1 where cause = 'none'",
    "models.evidence_drift.first_has_no_change": f"{DRIFT} n_change = 0 where cause = 'first'",
    "models.evidence_drift.explained": f"{DRIFT} cause = 'unexplained' where cause = 'input'",
    "models.evidence_drift.gate_as_computed": f"{DRIFT} gate_status = 'waived' where gate_status = 'closed'",
    "mart.evidence_drift.suppressed_tells_nothing": f"{MOVED} n_change = 5 where is_suppressed",
    "mart.evidence_drift.closed_tells_nothing": f"{MOVED} estimate_change_se = 1 where gate_status = 'closed'",
    "mart.evidence_drift.few_are_hidden": f"{MOVED} is_suppressed = false where is_suppressed",
    "mart.evidence_drift.cause_as_computed": f"{MOVED} cause = 'code' where cause = 'input'",
    "raw.previous_histogram.on_the_grid": "update raw.previous_histogram set bin_number = 900 where quantity = 'bmd'",
    "raw.previous_histogram.dose_has_no_place": (
        "update raw.previous_histogram set place_code = 'x' where quantity = 'dose'"
    ),
    "mart.effect_estimate.closed_tells_nothing": "update mart.effect_estimate set se = 1 where gate_status = 'closed'",
    "mart.effect_estimate.open_tells": (
        "update mart.effect_estimate set estimate = null, p_value = null where gate_status = 'open'"
    ),
    "mart.effect_estimate.error_positive": "update mart.effect_estimate set se = 0 where gate_status = 'open'",
    "mart.effect_estimate.as_computed": "delete from mart.effect_estimate where gate_status = 'closed'",
    "mart.effect_estimate.every_contrast_told": "insert into ref.study_contrast (study_id) values ('s2')",
    "mart.diagnostic.suppressed_tells_nothing": (
        "update mart.diagnostic set is_suppressed = true where value is not null"
    ),
    "mart.diagnostic.verdict_as_computed": "update mart.diagnostic set status = 'pass' where status = 'fail'",
    "mart.diagnostic.only_failures_waived": "update mart.diagnostic set waiver = 'a pilot' where status <> 'fail'",
    "mart.diagnostic.arms_stay": "update mart.diagnostic set diagnostic = 'n_target' where status = 'fail'",
    "mart.covariate_balance.suppressed_tells_nothing": (
        "update mart.covariate_balance set smd_after = 0.01 where is_suppressed"
    ),
    "mart.covariate_balance.leaves_rounded": (
        "update mart.covariate_balance set smd_before = 0.12345 where not is_suppressed"
    ),
    "mart.study.is_the_one_run": "update mart.study set protocol_hash = 'another'",
    "mart.study.asks_something": "update mart.study set question = ' '",
    "mart.study.leading_question_is_primary": "update mart.study set lead_outcome = 'knee'",
    "mart.propensity_score.hidden_tells_nothing": "update mart.propensity_score set share_pct = 1 where is_suppressed",
    "mart.propensity_score.few_are_hidden": (
        "update mart.propensity_score set share_pct = 0, is_suppressed = false where bin_number = 1"
    ),
    "mart.propensity_score.leaves_rounded": (
        "update mart.propensity_score set share_pct = 11.5 where not is_suppressed"
    ),
    "mart.bone_prevalence.suppressed_tells_nothing": (
        "update mart.bone_prevalence set prevalence_pct = 20 where is_suppressed"
    ),
    "mart.bone_prevalence.closed_tells_nothing": (
        "update mart.bone_prevalence set gate_reason = null where gate_status = 'closed'"
    ),
    "mart.bone_prevalence.hidden_is_told": (
        "update mart.bone_prevalence set is_suppressed = not is_suppressed where band = 'normal'"
    ),
    "mart.bone_prevalence.bands_within_people": "update mart.bone_prevalence set n_band = n + 1 where band = 'normal'",
    "mart.bone_prevalence.not_one_hidden": (
        "update mart.bone_prevalence set is_suppressed = false, n_band = 40 where is_suppressed and band = 'low'"
    ),
    "mart.attrition.nobody_comes_back": "update mart.attrition set n_after = n_before + 20 where step_number = 2",
    "mart.attrition.no_small_loss": "update mart.attrition set n_after = n_before - 3 where step_number = 2",
    "mart.attrition.steps_follow": "update mart.attrition set n_before = n_before + 50 where step_number = 2",
    "mart.attrition.hidden_is_told": (
        "update mart.attrition set is_suppressed = not is_suppressed where step_number = 2"
    ),
    "mart.attrition.every_study_told": "insert into ref.study (study_id, arm_rule) values ('s2', 'sex')",
    "mart.table_one.hidden_is_told": "update mart.table_one set is_suppressed = not is_suppressed where level = 'yes'",
    "mart.table_one.hidden_level_tells_nothing": "update mart.table_one set estimate = 0.1 where is_suppressed",
    "mart.table_one.level_is_a_share": "update mart.table_one set estimate = 40 where level = 'white'",
    "mart.table_one.within_the_arm": "update mart.table_one set n = n + 1000 where level = 'mean'",
    "mart.e2_distribution.hidden_is_told": (
        "update mart.e2_distribution set is_suppressed = not is_suppressed where bin_number = 1"
    ),
    "mart.e2_distribution.suppressed_tells_nothing": (
        "update mart.e2_distribution set weighted_share_pct = 3 where is_suppressed"
    ),
    "mart.e2_distribution.shares_within_all": (
        "update mart.e2_distribution set weighted_share_pct = 99 where not is_suppressed"
    ),
    "mart.measurement_count.hidden_is_told": (
        "update mart.measurement_count set is_suppressed = not is_suppressed where sex_code = 'all'"
    ),
    "mart.measurement_count.sexes_add_up": "update mart.measurement_count set n = n + 20 where sex_code = 'male'",
    "mart.measurement_count.not_one_hidden": (
        "update mart.measurement_count set n = 50, is_suppressed = false where is_suppressed and sex_code = 'male'"
    ),
    "mart.source_file.adds_up": "update mart.source_file set rows_in = rows_in + 1 where not is_suppressed",
    "mart.source_file.hidden_is_told": "update mart.source_file set is_suppressed = true where not is_suppressed",
    "mart.source_file.not_one_hidden": "update mart.source_file set rows_out_of_scope = 0 where is_suppressed",
    "mart.source_file.every_file_told": "delete from mart.source_file where is_suppressed",
    "mart.missing_piece.says_what_follows": "update mart.missing_piece set consequence = 'bad' where true",
    "mart.missing_piece.every_piece_told": "update mart.missing_piece set file_group = 'x' where true",
    "mart.sig_coverage.hidden_is_told": "update mart.sig_coverage set is_suppressed = not is_suppressed where true",
    "mart.sig_coverage.within_rows": "update mart.sig_coverage set n_sigs = n_rows + 1 where not is_suppressed",
    "mart.sig_coverage.every_cell_told": "delete from mart.sig_coverage where is_suppressed",
    "raw.manifest.hash_is_one": "update raw.manifest set sha256 = 'x' where status_code = 'landed'",
    "raw.manifest.landed_has_rows": "update raw.manifest set rows_in = null where status_code = 'landed'",
    "raw.manifest.left_out_says_why": "update raw.manifest set reason = null where status_code <> 'landed'",
    "raw.manifest.inside_the_folder": "update raw.manifest set source_file = '/srv/x' where status_code = 'landed'",
    "raw.missing_piece.says_what_follows": "update raw.missing_piece set consequence = 'bad' where true",
    "raw.rejected_row.file_known": "update raw.rejected_row set source_file = 'x' where true",
    "raw.rejected_row.reason_is_general": (
        "insert into raw.rejected_row select source_id, source_file, 9 + n, rule_code, 'row ' || n from "
        "raw.rejected_row cross join (select unnest(range(25)) as n) as many"
    ),
    "raw.rejected_row.within_the_file": "update raw.rejected_row set source_row = 99999 where true",
}
