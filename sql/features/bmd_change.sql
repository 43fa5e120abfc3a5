-- grain: one row per person, site, side, device and scan, with the scan that follows it
-- unit: person
-- Change is computed within one site, side and series (device, software, vertebrae) only, between scans with a date:
-- without one, which came first is not known. Imputed values are no scans and take no part.
-- Where either spine rose while the hip fell (staging.dxa_scan), the change is kept and flagged, and is neither called a
-- gain nor a loss.
-- T-scores are those of source.scored_scan.
-- T for postmenopausal women and men of 50 and over, Z for everybody else (ISCD 2023).
with limits as (
    select
        max(value) filter (where limit_code = 't_score_osteoporosis') as osteoporosis,
        max(value) filter (where limit_code = 't_score_osteopenia') as osteopenia,
        max(value) filter (where limit_code = 'z_score_below_expected') as below_expected,
        max(value) filter (where limit_code = 't_score_age_men') as t_age_men,
        max(value) filter (where limit_code = 'annualise_minimum_days') as annualise_days,
        max(value) filter (where limit_code = 'on_treatment_pct') as on_treatment_pct
    from ref.clinical_limit
),
scan as (
    select
        person_id, site_code, side_code, scan_id, manufacturer, scanned_on, bmd_g_cm2, source_id, sex_code, age_years,
        reference_code, t_score, t_score_own_sex,
        coalesce(device_id, 'not_released') as device_id,
        coalesce(is_artefact_suspect, false) as is_artefact_suspect,
        -- What has no series or no day is followed by nothing.
        case when scanned_on is not null then series_id end as series_id
    from source.scored_scan
),
scored as (
    select
        scan.*,
        case
            when scan.sex_code = 'male' and scan.age_years >= limits.t_age_men then 'T'
            when menopausal_status.status_code = 'postmenopausal' then 'T'
            when norm.mean_g_cm2 is not null then 'Z'
            else 'none'
        end as score_kind,
        (scan.bmd_g_cm2 - norm.mean_g_cm2) / norm.sd_g_cm2 as z_score,
        limits.*
    from scan
    cross join limits
    -- As known on the day of the scan.
    left join features.menopausal_status as menopausal_status
        on menopausal_status.person_id = scan.person_id
        and coalesce(menopausal_status.known_on <= scan.scanned_on, menopausal_status.known_on is null)
        and coalesce(menopausal_status.known_until_on >= scan.scanned_on, true)
    left join features.bone_norm as norm
        on norm.sex_code = scan.sex_code
        and norm.age_band = floor(scan.age_years / 10e0) * 10
        and norm.site_code = scan.site_code
        and norm.manufacturer = scan.manufacturer
),
banded as (
    select
        *,
        case
            when score_kind = 'T' and t_score <= osteoporosis then 'osteoporosis'
            when score_kind = 'T' and t_score < osteopenia then 'osteopenia'
            when score_kind = 'T' and t_score >= osteopenia then 'normal'
            when score_kind = 'Z' and z_score <= below_expected then 'below_expected_range'
            when score_kind = 'Z' then 'within_expected_range'
        end as band
    from scored
),
paired as (
    select
        *,
        case when series_id is not null then lead(scanned_on) over series end as next_on,
        case when series_id is not null then lead(bmd_g_cm2) over series end as next_bmd_g_cm2,
        case when series_id is not null then lead(t_score) over series end as next_t_score,
        case when series_id is not null then lead(band) over series end as next_band,
        is_artefact_suspect
            or coalesce(case when series_id is not null then lead(is_artefact_suspect) over series end, false)
            as is_suspect_pair
    from banded
    window series as (
        partition by person_id, site_code, side_code, series_id, scanned_on is null order by scanned_on, scan_id
    )
),
treated as (
    -- Days on any aromatase inhibitor between the two scans, and since the last one before the first scan.
    select
        pair.person_id, pair.scanned_on, pair.next_on,
        sum(
            greatest(
                date_diff('day', greatest(regimen.starts_on, pair.scanned_on), least(regimen.ends_on + 1, pair.next_on)), 0
            )
        ) as inhibitor_days,
        min(date_diff('day', regimen.ends_on, pair.scanned_on)) filter (where regimen.starts_on <= pair.scanned_on)
            as days_since_inhibitor
    from (select distinct person_id, scanned_on, next_on from paired where next_on is not null) as pair
    join features.ai_regimen as regimen
        on regimen.person_id = pair.person_id and regimen.starts_on < pair.next_on
    group by pair.person_id, pair.scanned_on, pair.next_on
),
changed as (
    select
        paired.*,
        date_diff('day', paired.scanned_on, paired.next_on) as interval_days,
        paired.next_bmd_g_cm2 - paired.bmd_g_cm2 as change_g_cm2,
        100 * ln(paired.next_bmd_g_cm2 / paired.bmd_g_cm2) as change_pct,
        coalesce(precision_own.lsc_g_cm2, precision_own.lsc_pct / 100 * paired.bmd_g_cm2) as lsc_g_cm2,
        precision_own.basis_code as lsc_basis_code,
        least(coalesce(treated.inhibitor_days, 0), date_diff('day', paired.scanned_on, paired.next_on)) as inhibitor_days,
        case when treated.days_since_inhibitor is not null then greatest(treated.days_since_inhibitor, 0) end
            as days_since_inhibitor,
        treated.person_id is not null as is_ever_treated
    from paired
    left join treated
        on treated.person_id = paired.person_id
        and treated.scanned_on = paired.scanned_on
        and treated.next_on = paired.next_on
    left join staging.dxa_precision as precision_own
        on precision_own.source_id = paired.source_id
        and precision_own.device_id = paired.device_id
        and precision_own.site_code = paired.site_code
)
select
    person_id,
    site_code,
    side_code,
    device_id,
    scan_id,
    scanned_on as first_scanned_on,
    next_on as second_scanned_on,
    interval_days,
    bmd_g_cm2 as first_bmd_g_cm2,
    next_bmd_g_cm2 as second_bmd_g_cm2,
    change_g_cm2,
    change_pct,
    case when interval_days >= annualise_days then change_pct * 365.25e0 / interval_days end as annualised_pct,
    lsc_g_cm2,
    lsc_basis_code,
    case when not is_suspect_pair then round(change_g_cm2, 9) <= -round(lsc_g_cm2, 9) end as is_loss_beyond_lsc,
    case when not is_suspect_pair then round(change_g_cm2, 9) >= round(lsc_g_cm2, 9) end as is_gain_beyond_lsc,
    case when next_on is not null then is_suspect_pair end as is_artefact_suspect,
    score_kind as first_score_kind,
    t_score as first_t_score,
    t_score_own_sex as first_t_score_own_sex,
    z_score as first_z_score,
    reference_code,
    band as first_band,
    next_t_score as second_t_score,
    next_band as second_band,
    case
        when next_band = band then 'same'
        when band in ('normal', 'osteopenia', 'osteoporosis') and next_band in ('normal', 'osteopenia', 'osteoporosis')
            then case when next_t_score < t_score then 'worse' else 'better' end
    end as band_shift,
    case when next_on is not null then inhibitor_days end as inhibitor_days,
    case when next_on is not null then days_since_inhibitor end as days_since_inhibitor,
    case
        when next_on is null then null
        when not is_ever_treated then 'never'
        when inhibitor_days >= on_treatment_pct / 100 * greatest(interval_days, 1) then 'on'
        when inhibitor_days = 0 then 'after'
        else 'partly'
    end as inhibitor_code
from changed
