-- grain: one row per valid, measured scan
-- unit: person
-- T-scores: one declared reference for both sexes (ref.run_setting), the own-sex reference beside it, at the age of the scan.
-- Rounding to nine decimals keeps a T-score of exactly -2.5 on the side where WHO puts it.
-- Nothing here is learnt from other people: what eligibility and covariates read stays while a person's own rows stay.
with declared as (
    select value_text as reference_code from ref.run_setting where setting_code = 'bone_reference'
),
scan as (
    select
        scan.*,
        person.sex_code,
        person.age_years + coalesce(date_diff('day', person.entered_on, scan.scanned_on) / 365.25e0, 0) as age_years
    from staging.dxa_scan as scan
    join staging.person as person on person.person_id = scan.person_id
    where scan.is_valid and scan.imputation_number = 0
)
select
    scan.person_id,
    scan.site_code,
    scan.side_code,
    scan.device_id,
    scan.scan_id,
    scan.series_id,
    scan.manufacturer,
    scan.scanned_on,
    scan.bmd_g_cm2,
    scan.source_id,
    scan.is_artefact_suspect,
    scan.sex_code,
    scan.age_years,
    reference.reference_code,
    case when scan.age_years >= 20
        then round((scan.bmd_g_cm2 - reference.mean_g_cm2) / reference.sd_g_cm2, 9)
    end as t_score,
    case when scan.age_years >= 20
        then round((scan.bmd_g_cm2 - own_sex.mean_g_cm2) / own_sex.sd_g_cm2, 9)
    end as t_score_own_sex
from scan
cross join declared
left join ref.bone_reference as reference
    on reference.site_code = scan.site_code
    and reference.reference_code = declared.reference_code
    and reference.manufacturer = scan.manufacturer
left join ref.bone_reference as own_sex
    on own_sex.site_code = scan.site_code
    and own_sex.reference_code = 'white_' || scan.sex_code
    and own_sex.manufacturer = scan.manufacturer
