-- grain: one row per OMOP measurement row of densitometry
-- unit: person
-- The code says quantity, site and side; what the source wrote says the rest: 'DXA|site|side or
-- vertebrae|quantity|status', or free words. The densitometer is the device row that the measurement names; its
-- provider number is the machine.
with device as (
    select
        person_id,
        source_id,
        device_exposure_id,
        case when count(*) = 1 then any_value(device_source_value) end as device_source_value,
        case when count(*) = 1 then any_value(provider_id) end as provider_id
    from raw.omop_device_exposure
    where device_exposure_id is not null
    group by person_id, source_id, device_exposure_id
),
written as (
    select
        route.* exclude (is_parted),
        starts_with(upper(route.measurement_source_value), 'DXA|') as is_parted,
        string_split(route.measurement_source_value, '|') as part
    from source.omop_measurement_route as route
    where route.family = 'dxa'
)
select
    written.person_id,
    written.source_id,
    written.drop_id,
    written.drop_sequence,
    written.source_file,
    written.source_row,
    1 as record_number,
    cast(written.measurement_id as varchar) as record_id,
    cast(null as varchar) as scan_id,
    cast(written.measurement_event_id as varchar) as scan_link,
    case when written.is_parted then status.code end as status_code,
    coalesce(
        code.value_code,
        case lower(written.part[4]) when 'bmd' then 'bmd' when 'area' then 'area' when 't' then 't_score' end
    ) as quantity_code,
    nullif(code.site_code, 'femur') as code_site,
    code.site_code as wide_site,
    code.side_code as code_side,
    case when written.is_parted then written.part[2] else written.measurement_source_value end as site_text,
    case when written.is_parted then written.part[3] end as side_text,
    case when written.is_parted then written.part[3] end as vertebrae_text,
    coalesce(
        written.value_as_number, try_cast(replace(written.value_source_value, ',', '.') as double)
    ) as value,
    coalesce(written.value_as_number is not null, false) or nullif(trim(written.value_source_value), '') is not null
        as has_value_text,
    false as has_score,
    nullif(replace(lower(written.unit_source_value), ' ', ''), '') as unit_word,
    cast(nullif(written.unit_concept_id, 0) as varchar) as unit_concept,
    cast(null as double) as area_cm2,
    split_part(device.device_source_value, '|', 1) as manufacturer_text,
    split_part(device.device_source_value, '|', 2) as model_text,
    split_part(device.device_source_value, '|', 3) as software_text,
    case when device.provider_id is not null then 'provider-' || device.provider_id end as device_id,
    coalesce(written.measurement_date, cast(written.measurement_datetime as date)) as scanned_on,
    written.measurement_datetime as scanned_at,
    cast(null as varchar) as validity_code
from written
left join ref.dxa_code as code
    on code.list_code = 'quantity' and code.vocabulary_code = written.vocabulary_code and code.code = written.code
left join device
    on device.person_id = written.person_id and device.source_id = written.source_id
    and device.device_exposure_id = written.measurement_event_id
left join ref.source_word as status
    on status.list_code = 'result_status' and status.vocabulary_code = 'word'
    and status.word = lower(trim(written.part[5]))
