-- grain: one row per study, contrast, person and time zero
-- unit: person
-- A measured outcome at the horizon of a contrast: the reading nearest to it within the window, against the last one up to
-- time zero of the same series (one device, software, side; one class of assay). Only who has that baseline is in.
-- A marker of bone turnover that food and hour move counts fasting in the morning only (ref.turnover_marker).
-- Where a grace period leaves the arm open, the arm is the strategy seen to be begun in it; a contrast by clones keeps
-- everybody, with what was begun when (strategy columns, which look after time zero) for the cloning. A dose that is kept
-- up keeps everybody, too: what was taken stands in features.drug_supply. A negative control is read as an outcome is.
with trial as (
    select
        contrast.study_id, contrast.contrast_number, contrast.outcome_code, contrast.window_days,
        contrast.target_code, contrast.comparator_code, coalesce(contrast.is_cloned, false) as is_cloned,
        outcome.kind_code, outcome.subject_code, outcome.scale_code, outcome.baseline_days,
        person.person_id, person.trial_number, person.index_on, person.end_on, person.end_reason,
        person.strategy_code, person.strategy_on, coalesce(censor.is_deviation, false) as is_deviation,
        case when person.arm_code = 'open' then person.strategy_code else person.arm_code end as arm_code,
        person.index_on + cast(contrast.horizon_days as integer) as horizon_on
    from cohort.trial_person as person
    join ref.study_contrast as contrast
        on contrast.study_id = person.study_id and contrast.cohort_code = person.cohort_code
    join ref.continuous_outcome as outcome on outcome.outcome_code = contrast.outcome_code
    left join ref.study_censor as censor
        on censor.study_id = person.study_id
        and censor.cohort_code = person.cohort_code
        and censor.reason_code = person.end_reason
),
armed as (
    select *, coalesce(arm_code = target_code, false) as is_target
    from trial
    where is_cloned or arm_code = target_code or arm_code = comparator_code
),
reading as (
    select
        person_id, 'dxa' as kind_code, site_code as subject_code, series_id || ' ' || side_code as series_code,
        scanned_on as read_on, avg(bmd_g_cm2) as value, false as is_censored
    from staging.dxa_scan
    where is_valid and imputation_number = 0 and scanned_on is not null and series_id is not null and bmd_g_cm2 > 0
    group by person_id, site_code, series_id, side_code, scanned_on
    union all
    select
        lab.person_id, 'lab', lab.analyte_code, coalesce(lab.assay_class, 'unknown'), lab.drawn_on, avg(lab.value),
        bool_or(lab.is_censored)
    from staging.lab_result as lab
    left join ref.turnover_marker as marker on marker.analyte_code = lab.analyte_code
    where lab.value > 0 and lab.drawn_on is not null
        and (coalesce(marker.fasting_morning, 'no') = 'no' or coalesce(lab.is_fasting and lab.is_morning, false))
    group by lab.person_id, lab.analyte_code, coalesce(lab.assay_class, 'unknown'), lab.drawn_on
    union all
    select person_id, 'body', 'systolic_mm_hg', 'any', measured_on, systolic_mm_hg, false
    from features.body_measure
    where systolic_mm_hg > 0
    union all
    select person_id, 'body', 'fat_pct', 'any', measured_on, fat_pct, false
    from features.body_measure
    where fat_pct > 0
    union all
    select person_id, 'body', 'lean_kg', 'any', measured_on, lean_kg, false
    from features.body_measure
    where lean_kg > 0
    union all
    select person_id, 'body', 'height_cm', 'any', measured_on, height_cm, false
    from features.body_measure
    where height_cm > 0
    union all
    select person_id, 'metabolic', 'homa_ir', 'any', drawn_on, homa_ir, false
    from features.lipid_metabolic
    where homa_ir > 0
),
baseline as (
    select
        armed.study_id, armed.contrast_number, armed.person_id, armed.trial_number, reading.series_code,
        max(reading.read_on) as baseline_on,
        arg_max(reading.value, reading.read_on) as baseline_value,
        arg_max(reading.is_censored, reading.read_on) as is_baseline_censored
    from armed
    join reading
        on reading.person_id = armed.person_id
        and reading.kind_code = armed.kind_code
        and reading.subject_code = armed.subject_code
        and reading.read_on <= armed.index_on
        and reading.read_on >= armed.index_on - cast(armed.baseline_days as integer)
    group by armed.study_id, armed.contrast_number, armed.person_id, armed.trial_number, reading.series_code
),
later as (
    select
        armed.study_id, armed.contrast_number, armed.person_id, armed.trial_number, reading.series_code,
        reading.read_on, reading.value, reading.is_censored,
        abs(date_diff('day', armed.horizon_on, reading.read_on)) as days_off
    from armed
    join reading
        on reading.person_id = armed.person_id
        and reading.kind_code = armed.kind_code
        and reading.subject_code = armed.subject_code
        and reading.read_on > armed.index_on
        and reading.read_on >= armed.horizon_on - cast(armed.window_days as integer)
        and reading.read_on <= armed.horizon_on + cast(armed.window_days as integer)
        and reading.read_on <= armed.end_on
),
pair as (
    select
        baseline.*, later.read_on as outcome_on, later.value as outcome_value,
        coalesce(later.is_censored or baseline.is_baseline_censored, false) as is_censored
    from baseline
    left join later
        on later.study_id = baseline.study_id
        and later.contrast_number = baseline.contrast_number
        and later.person_id = baseline.person_id
        and later.trial_number = baseline.trial_number
        and later.series_code = baseline.series_code
    qualify row_number() over (
        partition by baseline.study_id, baseline.contrast_number, baseline.person_id, baseline.trial_number
        order by later.days_off nulls last, later.read_on, baseline.baseline_on desc, baseline.series_code
    ) = 1
)
select
    armed.study_id,
    armed.contrast_number,
    armed.person_id,
    armed.trial_number,
    armed.is_target,
    case when armed.is_cloned then armed.strategy_code end as strategy_code,
    case when armed.is_cloned then date_diff('day', armed.index_on, armed.strategy_on) end as strategy_days,
    date_diff('day', armed.index_on, armed.end_on) as followed_days,
    armed.index_on,
    pair.baseline_on,
    pair.baseline_value,
    coalesce(armed.end_on >= armed.horizon_on - cast(armed.window_days as integer), false) as is_followed,
    armed.end_reason = 'death' and armed.end_on < armed.horizon_on - cast(armed.window_days as integer) as is_dead,
    armed.is_deviation and armed.end_on < armed.horizon_on - cast(armed.window_days as integer) as is_deviated,
    pair.outcome_on,
    date_diff('day', armed.index_on, pair.outcome_on) as outcome_days,
    pair.is_censored,
    case when not pair.is_censored then pair.outcome_value end as outcome_value,
    case
        when pair.is_censored then null
        when armed.scale_code = 'difference' then pair.outcome_value - pair.baseline_value
        when armed.scale_code = 'change_pct' then 100 * ln(pair.outcome_value / pair.baseline_value)
        else ln(pair.outcome_value / pair.baseline_value)
    end as change
from armed
join pair
    on pair.study_id = armed.study_id
    and pair.contrast_number = armed.contrast_number
    and pair.person_id = armed.person_id
    and pair.trial_number = armed.trial_number
