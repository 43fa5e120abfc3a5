-- Questions analysts ask every day of what may leave, stored in both published files. Run once, when they are built.
-- They read `mart` alone; what reads codes or people stands in warehouse_macros.sql.
create macro effects(study) as table
    select
        population, outcome, contrast, estimator, estimate, ci_low, ci_high, p_value, n_target, gate_status, gate_reason,
        scale, horizon_months, n_comparator, evidence_source
    from mart.effect_estimate
    where study_id = study
    order by population, outcome, contrast, estimator;
comment on macro table effects is
    'Every estimate of a study with interval, people and gate. A closed gate has NULL in place of the answer; scale says what the estimate is.';

create macro risks(study) as table
    select
        population,
        outcome,
        contrast,
        max(horizon_months) as horizon_months,
        -- Shares and percents are both in use; here all is percent.
        max(estimate * percent) filter (where is_risk_difference) as risk_difference_pct,
        max(ci_low * percent) filter (where is_risk_difference) as risk_difference_ci_low_pct,
        max(ci_high * percent) filter (where is_risk_difference) as risk_difference_ci_high_pct,
        exp(max(estimate) filter (where estimator = 'log_risk_ratio')) as risk_ratio,
        exp(max(ci_low) filter (where estimator = 'log_risk_ratio')) as risk_ratio_ci_low,
        exp(max(ci_high) filter (where estimator = 'log_risk_ratio')) as risk_ratio_ci_high,
        exp(max(calibrated_estimate) filter (where estimator = 'log_risk_ratio')) as calibrated_risk_ratio,
        exp(max(calibrated_ci_low) filter (where estimator = 'log_risk_ratio')) as calibrated_ci_low,
        exp(max(calibrated_ci_high) filter (where estimator = 'log_risk_ratio')) as calibrated_ci_high,
        exp(max(estimate) filter (where is_hazard_ratio)) as hazard_ratio,
        exp(max(ci_low) filter (where is_hazard_ratio)) as hazard_ratio_ci_low,
        exp(max(ci_high) filter (where is_hazard_ratio)) as hazard_ratio_ci_high,
        max(e_value_limit) filter (where estimator = 'log_risk_ratio') as e_value_limit,
        max(events_target) as events_target,
        max(events_comparator) as events_comparator,
        max(n_target) as n_target,
        max(n_comparator) as n_comparator,
        min(gate_status) as gate_status,
        min(gate_reason) as gate_reason
    from (
        select
            *,
            estimator in ('risk_difference', 'survey_cox_standardised', 'parametric_g_formula') as is_risk_difference,
            estimator in ('log_hazard_ratio', 'survey_cox') as is_hazard_ratio,
            case scale when 'difference of risks' then 100 when 'risk difference in percent' then 1 end as percent
        from mart.effect_estimate
        where study_id = study
    )
    where (is_risk_difference and percent is not null) or is_hazard_ratio or estimator = 'log_risk_ratio'
    group by population, outcome, contrast
    order by population, outcome, max(horizon_months), contrast;
comment on macro table risks is
    'Risks of a study, one row a comparison: difference in percent, ratio, ratio calibrated by the negative controls, hazard ratio, each with 95 % limits.';

create macro attrition(study) as table
    select cohort_code, arm_code, step_number, label, n_before, n_after, is_suppressed
    from mart.attrition
    where study_id = study
    order by cohort_code, arm_code, step_number;
comment on macro table attrition is
    'People before and after each eligibility step of a study, by cohort and arm. NULL where a step lost few: it is folded into its neighbor.';

create macro gates(study) as table
    select population, outcome, contrast, diagnostic, value, threshold, status, waiver
    from mart.diagnostic
    where study_id = study
    order by population, outcome, contrast, diagnostic;
comment on macro table gates is
    'Diagnostics of a study with value found, value required and verdict: why its gates are open or closed.';

create macro balance(study) as table
    select population, outcome, contrast, covariate, smd_before, smd_after, variance_ratio, is_suppressed
    from mart.covariate_balance
    where study_id = study
    order by population, outcome, contrast, abs(smd_after) desc nulls last, covariate;
comment on macro table balance is
    'Standardised mean differences of the covariates of a study before and after weighting; the least alike first.';

create macro controls(study) as table
    select
        population, contrast, control_code,
        exp(estimate) as risk_ratio,
        exp(ci_low) as risk_ratio_ci_low,
        exp(ci_high) as risk_ratio_ci_high,
        exp(calibrated_estimate) as calibrated_risk_ratio,
        exp(calibrated_ci_low) as calibrated_ci_low,
        exp(calibrated_ci_high) as calibrated_ci_high,
        is_suppressed
    from mart.negative_control
    where study_id = study and scale = 'log ratio of risks'
    order by population, contrast, control_code;
comment on macro table controls is
    'Negative controls of a study, outcomes no arm changes, as ratios: the truth is 1. Calibrated: each by all the others.';

create macro risks_over_time(study) as table
    select
        population,
        outcome,
        regexp_replace(contrast, ', [0-9.]+ months', '') as arms,
        arm_code,
        follow_up_days,
        risk_pct,
        ci_low_pct,
        ci_high_pct,
        n_at_risk,
        gate_status,
        gate_reason
    from mart.cumulative_incidence
    where study_id = study
    order by population, outcome, arms, arm_code, follow_up_days;
comment on macro table risks_over_time is
    'Risks of a study by quarter after time zero, in percent, with people at risk. NULL where steps are too small to be told; a closed gate has no days.';

create macro bmd_trajectory(study) as table
    select
        population,
        outcome,
        regexp_replace(contrast, ', [0-9.]+ months', '') as arms,
        arm_code,
        follow_up_days,
        change_pct,
        ci_low_pct,
        ci_high_pct,
        n_observed,
        gate_status,
        gate_reason
    from mart.bmd_trajectory
    where study_id = study
    order by population, outcome, arms, arm_code, follow_up_days;
comment on macro table bmd_trajectory is
    'Mean change of bone density of a study by arm, in percent, at whole years and at each horizon, with people scanned. Every arm stands for everybody; a closed gate has no days, or a reason.';

create macro measured_controls(study) as table
    select
        population, contrast, control_code,
        estimate, ci_low, ci_high, calibrated_estimate, calibrated_ci_low, calibrated_ci_high, is_suppressed
    from mart.negative_control
    where study_id = study and scale = 'SD of the change within an arm'
    order by population, contrast, control_code;
comment on macro table measured_controls is
    'Measured negative controls of a study: difference of the arms in SDs of the change, the truth is 0. Calibrated: each by all the others.';

create macro dose_response(study) as table
    select
        population, outcome, exposure, exposure_value, reference_value, estimate, ci_low, ci_high, gate_status, gate_reason
    from mart.dose_response
    where study_id = study
    order by population, outcome, exposure, point_number;
comment on macro table dose_response is
    'Curves of a study: difference in the outcome against the reference value of the exposure. A closed gate has no curve.';

create macro thresholds(study) as table
    select
        population, outcome, contrast, analysis, answer, why, place_pg_ml, ci_low_pg_ml, ci_high_pg_ml, is_open_low,
        is_open_high, slope_below, slope_above, p_value, gate_status, gate_reason
    from mart.threshold
    where study_id = study
    order by population, outcome, contrast, analysis;
comment on macro table thresholds is
    'Whether the outcome of a study bends along estradiol, and where, with slopes on either side.';

create macro claims() as table
    select
        claim_id, part_code, claim, population, verdict, recovery, estimate, ci_low, ci_high, confidence_pct, scale, truth, why,
        study_id, published_answer
    from mart.claim
    order by cast(substr(claim_id, 2) as integer), part_code;
comment on macro table claims is
    'The claims put to the data, by number: verdict with its interval and why; on simulated people whether the planted truth was recovered.';

create macro quality_failures() as table
    select severity, check_id, table_name, stratum, status, n_violated, n_evaluated, note
    from mart.quality_result
    where status in ('fail', 'could_not_evaluate')
    order by
        case severity when 'critical' then 1 when 'warning' then 2 else 3 end, check_id, table_name, stratum;
comment on macro table quality_failures is
    'Data checks of this build that failed or could not be asked, the gravest first. A count of few rows is NULL.';

create macro drift() as table
    select
        study_id, population, outcome, contrast, estimator, cause, gate_status, previous_gate_status, n_change,
        estimate_change_se, largest_smd_change
    from mart.evidence_drift
    where cause not in ('none', 'first')
    order by abs(estimate_change_se) desc nulls last, study_id, population, outcome, contrast, estimator;
comment on macro table drift is
    'What became another since the publication before, with its cause; the largest moves first, in standard errors.';
