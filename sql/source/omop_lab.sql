-- grain: one row per OMOP measurement row that is a laboratory result or whose code no list knows
-- unit: person
-- OMOP names no laboratory: the unit of a row without one is judged by the delivery as a whole. Where the source value has
-- the five parts 'code|name|method|status|fasting', the provider is the laboratory. A moment at midnight is a day
-- without a time. What is looked up by a text is looked up here, where equal texts still stand together.
with vocabulary_unit as (
    select vocabulary.concept_id, min(unit.ucum_code) as ucum_code
    from raw.omop_concept as vocabulary
    join ref.unit as unit on unit.vocabulary_code = 'text' and unit.spelling = lower(vocabulary.concept_code)
    where vocabulary.vocabulary_id = 'UCUM'
    group by vocabulary.concept_id
),
concept_unit as (
    select cast(spelling as bigint) as concept_id, ucum_code from ref.unit where vocabulary_code = 'omop'
    union all
    select concept_id, ucum_code
    from vocabulary_unit
    where concept_id not in (select cast(spelling as bigint) from ref.unit where vocabulary_code = 'omop')
),
spelled as (
    select
        *,
        replace(replace(replace(replace(replace(
            lower(unit_source_value), ' ', ''), 'µ', 'u'), 'μ', 'u'), chr(160), ''), chr(9), '') as unit_spelling,
        coalesce(nullif(unit_concept_id, 0), unit_source_concept_id) as any_unit_concept_id
    from source.omop_measurement_route
    where family in ('lab', 'none')
)
select
    route.person_id,
    route.source_id,
    route.drop_id,
    route.drop_sequence,
    route.source_file,
    route.source_row,
    1 as record_number,
    cast(route.measurement_id as varchar) as record_id,
    case when route.is_parted then split_part(route.measurement_source_value, '|', 4) end as status_text,
    listed.analyte_code,
    coalesce(
        nullif(split_part(route.measurement_source_value, '|', 1), ''), cast(route.measurement_concept_id as varchar)
    ) as source_variable,
    listed.implied_unit,
    listed.implied_assay_class,
    route.value_as_number as value_number,
    route.value_source_value as value_text,
    case route.operator_concept_id
        when 4171756 then '<' when 4171754 then '<=' when 4172704 then '>' when 4171755 then '>=' when 4172703 then '='
    end as operator_text,
    route.unit_source_value as unit_text,
    written.ucum_code as written_unit,
    route.unit_spelling not in ('', '-', '.', 'n/a', 'na', 'none', 'null', 'unknown') as has_unit_text,
    concept_unit.ucum_code as concept_unit,
    route.any_unit_concept_id > 0 and concept_unit.ucum_code is null
        and coalesce(trim(route.unit_source_value), '') = '' as is_unit_unread,
    cast(null as varchar) as lloq_text,
    case when route.is_parted then nullif(split_part(route.measurement_source_value, '|', 3), '') end as method_text,
    case when route.is_parted then 'provider-' || route.provider_id end as lab_id,
    cast(null as varchar) as specimen_id,
    case when route.measurement_datetime > date_trunc('day', route.measurement_datetime)
        then route.measurement_datetime end as drawn_at,
    coalesce(route.measurement_date, cast(route.measurement_datetime as date)) as drawn_on,
    cast(null as timestamp) as resulted_at,
    route.visit_occurrence_id,
    case when route.is_parted then split_part(route.measurement_source_value, '|', 5) end as fasting_text
from spelled as route
left join ref.analyte_code as listed on listed.vocabulary_code = route.vocabulary_code and listed.code = route.code
left join concept_unit on concept_unit.concept_id = route.any_unit_concept_id
left join ref.unit as written on written.vocabulary_code = 'text' and written.spelling = route.unit_spelling
