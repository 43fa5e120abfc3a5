-- grain: one row per person, scan, site, side and imputation
-- unit: person
-- A series is one densitometer with one software and, at the spine, the same vertebrae: change is computed within a
-- series only. Standardised density is for comparing people, never one person over time. Flags never change a value:
-- whoever reads decides. An area that changes puts both scans in doubt: nobody knows which was drawn wrongly. One vertebra alone is never a lumbar spine.
with measured as (
    select *, cast(null as double) as area_cm2, source_row as order_in_file from source.nhanes_dxa
    union all by name
    select
        record.person_id,
        record.scan_key || case when record.repeat_number > 1 then '#' || record.repeat_number else '' end as scan_id,
        record.site_code,
        record.side_code,
        0 as imputation_number,
        record.bmd_g_cm2,
        coalesce(record.validity_code, 'valid') <> 'invalid' and coalesce(record.n_vertebrae, 4) > 1 as is_valid,
        case
            when record.validity_code = 'invalid' then 'source_says_invalid'
            when record.n_vertebrae = 1 then 'one_vertebra'
        end as invalid_reason,
        record.manufacturer,
        record.model,
        record.software,
        record.device_id,
        record.scanned_on,
        'recorded' as date_reason,
        record.source_file,
        record.source_row,
        record.source_id,
        record.drop_id,
        record.area_cm2,
        record.n_vertebrae,
        record.vertebrae_code,
        record.repeat_number
    from source.dxa_record as record
    join staging.person as person on person.person_id = record.person_id
    where record.disposition = 'staged'
),
limits as (
    select
        max(value) filter (where limit_code = 'vertebra_t_difference') as t_difference,
        max(value) filter (where limit_code = 'area_change_pct') as area_change,
        max(value) filter (where limit_code = 'spine_artefact_rise_pct') as spine_rise,
        max(value) filter (where limit_code = 'hip_artefact_fall_pct') as hip_fall
    from ref.clinical_limit
),
level as (
    select
        measured.person_id, measured.scan_id, measured.imputation_number, measured.site_code,
        cast(right(measured.site_code, 1) as bigint) as level_number,
        (measured.bmd_g_cm2 - reference.mean_g_cm2) / reference.sd_g_cm2 as t_score
    from measured
    join ref.vertebra_reference as reference
        on reference.manufacturer = measured.manufacturer and reference.site_code = measured.site_code
    where measured.is_valid
),
compared as (
    select
        level.person_id, level.scan_id, level.imputation_number, level.site_code, level.level_number,
        count(*) as n_neighbours
    from level
    cross join limits
    join level as neighbour
        on neighbour.person_id = level.person_id and neighbour.scan_id = level.scan_id
        and neighbour.imputation_number = level.imputation_number
        and abs(neighbour.level_number - level.level_number) = 1
    group by level.person_id, level.scan_id, level.imputation_number, level.site_code, level.level_number
    having min(abs(level.t_score - neighbour.t_score) - limits.t_difference) > 0
),
-- A vertebra at the end has one neighbour: where that one stands out itself, nothing is said about the end.
outlying as (
    select person_id, scan_id, imputation_number, site_code
    from compared
    where n_neighbours = 2 or not exists (
        select 1 from compared as inner_level
        where inner_level.person_id = compared.person_id and inner_level.scan_id = compared.scan_id
            and inner_level.imputation_number = compared.imputation_number and inner_level.n_neighbours = 2
            and abs(inner_level.level_number - compared.level_number) = 1
    )
),
spine_outlier as (
    select person_id, scan_id, imputation_number, string_agg(site_code, '+' order by site_code) as levels
    from outlying
    group by person_id, scan_id, imputation_number
),
serial as (
    select
        measured.*,
        case when measured.device_id is not null and measured.side_code <> 'not_released' then
            measured.device_id || '/' || coalesce(measured.software, 'software-unknown')
            || case when measured.site_code = 'lumbar_spine'
                then '/' || coalesce(measured.vertebrae_code, 'vertebrae-unknown') else '' end
        end as series_id
    from measured
),
previous as (
    select
        person_id, scan_id, site_code, side_code, scanned_on,
        100 * (bmd_g_cm2 / lag(bmd_g_cm2) over series - 1) as change_pct,
        100 * (area_cm2 / lag(area_cm2) over series - 1) as area_change_pct,
        100 * (lead(area_cm2) over series / area_cm2 - 1) as next_area_change_pct,
        lag(scanned_on) over series as previous_on
    from serial
    where is_valid and imputation_number = 0 and scanned_on is not null and series_id is not null
    window series as (
        partition by person_id, site_code, side_code, series_id order by scanned_on, scan_id
    )
),
artefact as (
    select distinct spine.person_id, spine.scan_id
    from previous as spine
    cross join limits
    join previous as hip
        on hip.person_id = spine.person_id and hip.scanned_on = spine.scanned_on
        and hip.previous_on = spine.previous_on
    where spine.site_code = 'lumbar_spine' and hip.site_code = 'total_hip'
        and spine.scanned_on > spine.previous_on
        and spine.change_pct > limits.spine_rise and hip.change_pct < -limits.hip_fall
),
flagged as (
    select
        serial.*,
        artefact.scan_id is not null and serial.site_code = 'lumbar_spine' as is_artefact_suspect,
        [
            case when abs(previous.area_change_pct) > limits.area_change then 'area_change' end,
            case when abs(previous.next_area_change_pct) > limits.area_change then 'area_changes_after' end,
            case when artefact.scan_id is not null and serial.site_code = 'lumbar_spine'
                then 'spine_up_hip_down' end,
            case when outlying.scan_id is not null then 'differs_from_neighbours' end,
            case when serial.site_code = 'lumbar_spine' and spine_outlier.levels is not null
                then 'outlying_' || spine_outlier.levels end,
            case when serial.repeat_number > 1 then 'same_day_repeat' end,
            case when serial.scanned_on is not null and serial.device_id is null then 'device_unknown' end,
            case when serial.scanned_on is not null and serial.side_code = 'not_released' then 'side_unknown' end
        ] as flag
    from serial
    cross join limits
    left join previous
        on previous.person_id = serial.person_id and previous.scan_id = serial.scan_id
        and previous.site_code = serial.site_code and previous.side_code = serial.side_code
        and serial.imputation_number = 0
    left join artefact on artefact.person_id = serial.person_id and artefact.scan_id = serial.scan_id
    left join outlying
        on outlying.person_id = serial.person_id and outlying.scan_id = serial.scan_id
        and outlying.imputation_number = serial.imputation_number and outlying.site_code = serial.site_code
    left join spine_outlier
        on spine_outlier.person_id = serial.person_id and spine_outlier.scan_id = serial.scan_id
        and spine_outlier.imputation_number = serial.imputation_number
)
select
    flagged.person_id,
    flagged.scan_id,
    flagged.site_code,
    flagged.side_code,
    flagged.imputation_number,
    flagged.bmd_g_cm2,
    flagged.is_valid,
    flagged.invalid_reason,
    flagged.manufacturer,
    flagged.model,
    flagged.software,
    flagged.device_id,
    flagged.scanned_on,
    flagged.date_reason,
    flagged.area_cm2,
    flagged.n_vertebrae,
    flagged.vertebrae_code,
    case when flagged.is_valid then 1000 * (sbmd.intercept + sbmd.slope * flagged.bmd_g_cm2) end as sbmd_mg_cm2,
    flagged.series_id,
    flagged.is_artefact_suspect,
    nullif(array_to_string(list_filter(flagged.flag, lambda one: one is not null), ','), '') as flags,
    flagged.source_file,
    flagged.source_row,
    flagged.source_id,
    flagged.drop_id
from flagged
left join ref.sbmd as sbmd on sbmd.manufacturer = flagged.manufacturer and sbmd.site_code = flagged.site_code
