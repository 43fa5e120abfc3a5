-- grain: one row per OMOP observation row, or measurement row that is no laboratory result and no scan
-- unit: person
-- A row is known by its standard concept, else by its source concept, else by what the source wrote.
with listed as (
    select vocabulary_code, code, observation_code from ref.observation_code
),
concept as (
    select concept_id, min(observation_code) as observation_code
    from (
        select cast(code as bigint) as concept_id, observation_code from listed where vocabulary_code = 'omop'
        union all
        select vocabulary.concept_id, listed.observation_code
        from raw.omop_concept as vocabulary
        join listed
            on listed.vocabulary_code = lower(vocabulary.vocabulary_id)
            and listed.code = lower(vocabulary.concept_code)
    )
    group by concept_id
),
written as (
    select code, min(observation_code) as observation_code from listed where vocabulary_code <> 'omop' group by code
),
asked as (
    select
        person_id, source_id, drop_id, drop_sequence, source_file, source_row,
        'observation' as family,
        cast(observation_id as varchar) as record_id,
        observation_concept_id as concept_id,
        observation_source_concept_id as source_concept_id,
        nullif(trim(observation_source_value), '') as source_value,
        value_as_number as value_number,
        coalesce(value_as_string, value_source_value) as value_text,
        nullif(value_as_concept_id, 0) as value_concept_id,
        unit_source_value as unit_text,
        nullif(unit_concept_id, 0) as unit_concept_id,
        coalesce(observation_date, cast(observation_datetime as date)) as observed_on,
        observation_datetime as observed_at
    from raw.omop_observation
    union all
    select
        person_id, source_id, drop_id, drop_sequence, source_file, source_row,
        'measurement' as family,
        cast(measurement_id as varchar) as record_id,
        measurement_concept_id as concept_id,
        measurement_source_concept_id as source_concept_id,
        nullif(trim(measurement_source_value), '') as source_value,
        value_as_number as value_number,
        value_source_value as value_text,
        nullif(value_as_concept_id, 0) as value_concept_id,
        unit_source_value as unit_text,
        nullif(unit_concept_id, 0) as unit_concept_id,
        coalesce(measurement_date, cast(measurement_datetime as date)) as observed_on,
        measurement_datetime as observed_at
    from source.omop_measurement_route
    where family = 'observation'
)
select
    asked.person_id,
    asked.source_id,
    asked.drop_id,
    asked.drop_sequence,
    asked.source_file,
    asked.source_row,
    1 as record_number,
    asked.family,
    asked.family || ' ' || asked.record_id as record_id,
    cast(null as varchar) as status_code,
    coalesce(standard.observation_code, source_concept.observation_code, written.observation_code) as observation_code,
    coalesce(asked.source_value, cast(nullif(asked.concept_id, 0) as varchar)) as source_code,
    lower(coalesce(asked.source_value, cast(nullif(asked.concept_id, 0) as varchar))) as code_word,
    asked.value_number,
    asked.value_text,
    cast(asked.value_concept_id as varchar) as answer_concept,
    asked.unit_text,
    cast(asked.unit_concept_id as varchar) as unit_concept,
    asked.observed_on,
    asked.observed_at
from asked
left join concept as standard on standard.concept_id = asked.concept_id
left join concept as source_concept on source_concept.concept_id = asked.source_concept_id
left join written on written.code = lower(split_part(asked.source_value, '|', 1))
