-- grain: one row per source, densitometer and site
-- unit: population
-- Precision error of each densitometer from scans of one person repeated on one day: RMS-SD, coefficient of variation,
-- least significant change at 95 % (2.77 times). From fewer pairs than ISCD asks for, the limit ISCD accepts at worst
-- stands instead, and says so. Surveys name no day: the repeat examination says in its scan_id what it repeats.
with scan as (
    select
        source_id,
        coalesce(device_id, 'not_released') as device_key,
        manufacturer,
        person_id, site_code, side_code,
        coalesce(vertebrae_code, '') as vertebrae_code,
        coalesce(software, '') as software,
        coalesce(cast(scanned_on as varchar), replace(scan_id, '_repeat', '')) as occasion,
        scan_id,
        bmd_g_cm2
    from staging.dxa_scan
    where is_valid and imputation_number = 0
        and (device_id is not null or scanned_on is null)
),
occasion as (
    select
        source_id, device_key, site_code,
        any_value(manufacturer) as manufacturer,
        count(*) as n_scans,
        avg(bmd_g_cm2) as mean_g_cm2,
        var_samp(bmd_g_cm2) as variance
    from scan
    group by source_id, device_key, site_code, person_id, side_code, vertebrae_code, software, occasion
),
device as (
    select
        source_id, device_key, site_code,
        any_value(manufacturer) as manufacturer,
        count(*) filter (where n_scans > 1) as n_pairs,
        sqrt(sum(variance * (n_scans - 1)) filter (where n_scans > 1) / sum(n_scans - 1)) as rms_sd,
        100 * sqrt(
            sum(variance / mean_g_cm2 ** 2 * (n_scans - 1)) filter (where n_scans > 1) / sum(n_scans - 1)
        ) as cv_pct
    from occasion
    group by source_id, device_key, site_code
),
limits as (
    select
        max(value) filter (where limit_code = 'precision_minimum_pairs') as minimum_pairs,
        max(value) filter (where limit_code = 'lsc_lumbar_spine_pct') as lumbar_spine,
        max(value) filter (where limit_code = 'lsc_total_hip_pct') as total_hip,
        max(value) filter (where limit_code = 'lsc_femoral_neck_pct') as femoral_neck
    from ref.clinical_limit
),
judged as (
    select
        device.*,
        device.n_pairs >= limits.minimum_pairs as is_own,
        case device.site_code
            when 'lumbar_spine' then limits.lumbar_spine
            when 'total_hip' then limits.total_hip
            when 'femoral_neck' then limits.femoral_neck
        end as iscd_lsc_pct
    from device
    cross join limits
)
select
    source_id,
    device_key as device_id,
    site_code,
    manufacturer,
    n_pairs,
    case when n_pairs > 0 then rms_sd end as rms_sd,
    case when n_pairs > 0 then cv_pct end as cv_pct,
    case when is_own then 2.77e0 * rms_sd end as lsc_g_cm2,
    case when is_own then 2.77e0 * cv_pct else iscd_lsc_pct end as lsc_pct,
    case when is_own then 'device' else 'iscd' end as basis_code
from judged
where is_own or iscd_lsc_pct is not null
