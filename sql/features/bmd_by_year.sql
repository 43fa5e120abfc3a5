-- grain: one row per study, contrast, person, time zero and year
-- unit: person
-- Bone density at whole years before the horizon of a contrast of two arms: of each year the scan nearest to its end, within the
-- window of the contrast, against the last one up to time zero of the same series. Series and baseline are chosen as in
-- features.outcome_value, which has the horizon itself. A window of more than half a year would count a scan twice.
with trial as (
    select
        value.study_id, value.contrast_number, value.person_id, value.trial_number, value.index_on, value.followed_days,
        outcome.subject_code, outcome.baseline_days, contrast.horizon_days,
        least(contrast.window_days, 182) as window_days
    from features.outcome_value as value
    join ref.study_contrast as contrast
        on contrast.study_id = value.study_id and contrast.contrast_number = value.contrast_number
    join ref.continuous_outcome as outcome on outcome.outcome_code = contrast.outcome_code
    where outcome.kind_code = 'dxa'
        -- Doses and policies have no arms at time zero.
        and exists (
            from ref.study_arm as arm
            where arm.study_id = contrast.study_id
                and arm.cohort_code = contrast.cohort_code
                and arm.arm_code = contrast.target_code
        )
),
scan as (
    select
        person_id, site_code, series_id || ' ' || side_code as series_code, scanned_on, avg(bmd_g_cm2) as bmd_g_cm2
    from staging.dxa_scan
    where is_valid and imputation_number = 0 and scanned_on is not null and series_id is not null and bmd_g_cm2 > 0
    group by person_id, site_code, series_id, side_code, scanned_on
),
dated as (
    select
        trial.study_id, trial.contrast_number, trial.person_id, trial.trial_number, trial.followed_days, trial.horizon_days,
        trial.window_days, scan.series_code, scan.scanned_on, scan.bmd_g_cm2,
        date_diff('day', trial.index_on, scan.scanned_on) as scan_days,
        scan.scanned_on <= trial.index_on as is_before
    from trial
    join scan
        on scan.person_id = trial.person_id
        and scan.site_code = trial.subject_code
        and scan.scanned_on >= trial.index_on - cast(trial.baseline_days as integer)
),
baseline as (
    select
        study_id, contrast_number, person_id, trial_number, series_code,
        max(scanned_on) as baseline_on,
        arg_max(bmd_g_cm2, scanned_on) as baseline_g_cm2
    from dated
    where is_before
    group by study_id, contrast_number, person_id, trial_number, series_code
),
later as (
    select
        *,
        cast(round(scan_days / 365.25e0) as bigint) as year_number,
        cast(round(365.25e0 * round(scan_days / 365.25e0)) as bigint) as year_days
    from dated
    where not is_before and scan_days <= followed_days
)
select
    later.study_id,
    later.contrast_number,
    later.person_id,
    later.trial_number,
    later.year_number,
    later.year_days,
    later.scan_days,
    baseline.baseline_on,
    100 * ln(later.bmd_g_cm2 / baseline.baseline_g_cm2) as change_pct
from later
join baseline
    on baseline.study_id = later.study_id
    and baseline.contrast_number = later.contrast_number
    and baseline.person_id = later.person_id
    and baseline.trial_number = later.trial_number
    and baseline.series_code = later.series_code
-- What is so near to the horizon is the horizon.
where later.year_number >= 1
    and later.year_days < later.horizon_days - 15
    and abs(later.scan_days - later.year_days) <= later.window_days
qualify row_number() over (
    partition by later.study_id, later.contrast_number, later.person_id, later.trial_number, later.year_number
    order by
        abs(later.scan_days - later.year_days), later.scanned_on, baseline.baseline_on desc, baseline.series_code
) = 1
