-- grain: one row per OMOP measurement row that is a laboratory result or whose code no list knows
-- unit: person
-- OMOP names no laboratory: the unit of a row without one is judged by the delivery as a whole.
-- A moment at midnight is a day without a time.
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
    cast(null as varchar) as status_text,
    listed.analyte_code,
    coalesce(route.measurement_source_value, cast(route.measurement_concept_id as varchar)) as source_variable,
    listed.implied_unit,
    listed.implied_assay_class,
    route.value_as_number as value_number,
    route.value_source_value as value_text,
    case route.operator_concept_id
        when 4171756 then '<' when 4171754 then '<=' when 4172704 then '>' when 4171755 then '>=' when 4172703 then '='
    end as operator_text,
    route.unit_source_value as unit_text,
    concept_unit.ucum_code as concept_unit,
    route.unit_concept_id > 0 and concept_unit.ucum_code is null and coalesce(trim(route.unit_source_value), '') = ''
        as is_unit_unread,
    cast(null as varchar) as lloq_text,
    cast(null as varchar) as method_text,
    cast(null as varchar) as lab_id,
    cast(null as varchar) as specimen_id,
    case when route.measurement_datetime > date_trunc('day', route.measurement_datetime)
        then route.measurement_datetime end as drawn_at,
    coalesce(route.measurement_date, cast(route.measurement_datetime as date)) as drawn_on,
    cast(null as timestamp) as resulted_at,
    cast(null as varchar) as fasting_text
from source.omop_measurement_route as route
left join ref.analyte_code as listed on listed.vocabulary_code = route.vocabulary_code and listed.code = route.code
left join concept_unit on concept_unit.concept_id = route.unit_concept_id
where route.family in ('lab', 'none')
