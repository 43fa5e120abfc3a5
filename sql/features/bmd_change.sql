-- grain: one row per person, site, side, device and scan, with the scan that follows it
-- unit: person
-- Change is computed within one site, side and series (device, software, vertebrae) only, between scans with a date:
-- without one, which came first is not known. Imputed values are no scans and take no part.
-- T-scores: one declared reference for both sexes (ref.run_setting), the own-sex reference beside it.
-- Rounding to nine decimals keeps a T-score of exactly -2.5 on the side where WHO puts it.
-- T for postmenopausal women and men of 50 and over, Z for everybody else (ISCD 2023).
with limits as (
    select
        max(value) filter (where limit_code = 't_score_osteoporosis') as osteoporosis,
        max(value) filter (where limit_code = 't_score_osteopenia') as osteopenia,
        max(value) filter (where limit_code = 'z_score_below_expected') as below_expected,
        max(value) filter (where limit_code = 't_score_age_men') as t_age_men,
        max(value) filter (where limit_code = 'annualise_minimum_days') as annualise_days
    from ref.clinical_limit
),
declared as (
    select value_text as reference_code from ref.run_setting where setting_code = 'bone_reference'
),
paired as (
    select
        scan.person_id,
        scan.site_code,
        scan.side_code,
        coalesce(scan.device_id, 'not_released') as device_id,
        scan.scan_id,
        scan.manufacturer,
        scan.scanned_on as first_scanned_on,
        scan.bmd_g_cm2 as first_bmd_g_cm2,
        case when scan.series_id is not null and scan.scanned_on is not null then lead(scan.scanned_on) over series end
            as second_scanned_on,
        case when scan.series_id is not null and scan.scanned_on is not null then lead(scan.bmd_g_cm2) over series end
            as second_bmd_g_cm2
    from staging.dxa_scan as scan
    where scan.is_valid and scan.imputation_number = 0
    window series as (
        partition by scan.person_id, scan.site_code, scan.side_code, scan.series_id, scan.scanned_on is null
        order by scan.scanned_on, scan.scan_id
    )
),
scored as (
    select
        paired.*,
        case
            when person.sex_code = 'male' and person.age_years >= limits.t_age_men then 'T'
            when menopausal_status.status_code = 'postmenopausal' then 'T'
            when norm.mean_g_cm2 is not null then 'Z'
            else 'none'
        end as first_score_kind,
        case when person.age_years >= 20
            then round((paired.first_bmd_g_cm2 - reference.mean_g_cm2) / reference.sd_g_cm2, 9) end as first_t_score,
        case when person.age_years >= 20
            then round((paired.first_bmd_g_cm2 - own_sex.mean_g_cm2) / own_sex.sd_g_cm2, 9)
        end as first_t_score_own_sex,
        (paired.first_bmd_g_cm2 - norm.mean_g_cm2) / norm.sd_g_cm2 as first_z_score,
        reference.reference_code,
        limits.*
    from paired
    cross join limits
    cross join declared
    join staging.person as person on person.person_id = paired.person_id
    left join features.menopausal_status as menopausal_status on menopausal_status.person_id = paired.person_id
    left join ref.bone_reference as reference
        on reference.site_code = paired.site_code
        and reference.reference_code = declared.reference_code
        and reference.manufacturer = paired.manufacturer
    left join ref.bone_reference as own_sex
        on own_sex.site_code = paired.site_code
        and own_sex.reference_code = 'white_' || person.sex_code
        and own_sex.manufacturer = paired.manufacturer
    left join features.bone_norm as norm
        on norm.sex_code = person.sex_code
        and norm.age_band = floor(person.age_years / 10e0) * 10
        and norm.site_code = paired.site_code
        and norm.manufacturer = paired.manufacturer
)
select
    person_id,
    site_code,
    side_code,
    device_id,
    scan_id,
    first_scanned_on,
    second_scanned_on,
    first_bmd_g_cm2,
    second_bmd_g_cm2,
    second_bmd_g_cm2 - first_bmd_g_cm2 as change_g_cm2,
    100 * ln(second_bmd_g_cm2 / first_bmd_g_cm2) as change_pct,
    case
        when date_diff('day', first_scanned_on, second_scanned_on) >= annualise_days
            then 100 * ln(second_bmd_g_cm2 / first_bmd_g_cm2)
                * 365.25e0 / date_diff('day', first_scanned_on, second_scanned_on)
    end as annualised_pct,
    first_score_kind,
    first_t_score,
    first_t_score_own_sex,
    first_z_score,
    reference_code,
    case
        when first_score_kind = 'T' and first_t_score <= osteoporosis then 'osteoporosis'
        when first_score_kind = 'T' and first_t_score < osteopenia then 'osteopenia'
        when first_score_kind = 'T' and first_t_score >= osteopenia then 'normal'
        when first_score_kind = 'Z' and first_z_score <= below_expected then 'below_expected_range'
        when first_score_kind = 'Z' then 'within_expected_range'
    end as first_band
from scored
