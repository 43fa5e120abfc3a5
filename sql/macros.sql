-- Questions analysts ask every day, stored in the published file. Run once, when it is built.
create macro effects(study) as table
    select population, outcome, contrast, estimator, estimate, ci_low, ci_high, p_value, n_target, gate_status, gate_reason
    from mart.effect_estimate
    where study_id = study
    order by population, outcome, estimator;

create macro attrition(study) as table
    select cohort_code, arm_code, step_number, label, n_before, n_after, is_suppressed
    from mart.attrition
    where study_id = study
    order by cohort_code, arm_code, step_number;

create macro gates(study) as table
    select population, outcome, contrast, diagnostic, value, threshold, status, waiver
    from mart.diagnostic
    where study_id = study
    order by population, outcome, contrast, diagnostic;
