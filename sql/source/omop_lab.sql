-- grain: one row per OMOP measurement row
-- unit: person
-- OMOP names no laboratory: the unit of a row without one is judged by the delivery as a whole. Where the source value has
-- the five parts 'code|name|method|status|fasting', the provider is the laboratory. A moment at midnight is a day
-- without a time.
-- heading_key stands for what is written the same over many rows; source.lab_heading has a row for each.
with parted as (
    select
        *,
        length(measurement_source_value) - length(replace(measurement_source_value, '|', '')) = 4
            and not starts_with(upper(measurement_source_value), 'DXA|') as is_parted,
        case when contains(measurement_source_value, '|') then provider_id end as lab_provider_id,
        coalesce(nullif(unit_concept_id, 0), unit_source_concept_id) as any_unit_concept_id
    from raw.omop_measurement
)
select
    person_id,
    source_id,
    drop_id,
    drop_sequence,
    source_file,
    source_row,
    1 as record_number,
    cast(measurement_id as varchar) as record_id,
    case when is_parted then split_part(measurement_source_value, '|', 4) end as status_text,
    hash(
        source_id, measurement_concept_id, measurement_source_concept_id, measurement_source_value, any_unit_concept_id,
        unit_source_value, lab_provider_id
    ) as heading_key,
    measurement_concept_id,
    measurement_source_concept_id,
    measurement_source_value,
    any_unit_concept_id,
    unit_source_value,
    lab_provider_id,
    value_as_number as value_number,
    value_source_value as value_text,
    case operator_concept_id
        when 4171756 then '<' when 4171754 then '<=' when 4172704 then '>' when 4171755 then '>=' when 4172703 then '='
    end as operator_text,
    cast(null as varchar) as lloq_text,
    cast(null as varchar) as specimen_id,
    case when measurement_datetime > date_trunc('day', measurement_datetime) then measurement_datetime end as drawn_at,
    coalesce(measurement_date, cast(measurement_datetime as date)) as drawn_on,
    cast(null as timestamp) as resulted_at,
    visit_occurrence_id,
    case when is_parted then split_part(measurement_source_value, '|', 5) end as fasting_text
from parted
