-- grain: one row per flat observation record
-- unit: person
with written as (
    select code, min(observation_code) as observation_code
    from ref.observation_code
    where vocabulary_code <> 'omop'
    group by code
)
select
    observation.person_id,
    observation.source_id,
    observation.drop_id,
    observation.drop_sequence,
    observation.source_file,
    observation.source_row,
    observation.record_number,
    'observation' as family,
    observation.record_id,
    status.code as status_code,
    coalesce(by_code.observation_code, by_name.observation_code) as observation_code,
    coalesce(nullif(trim(observation.code), ''), nullif(trim(observation.name_text), '')) as source_code,
    lower(trim(observation.code)) as code_word,
    cast(null as double) as value_number,
    nullif(trim(observation.value_text), '') as value_text,
    cast(null as varchar) as answer_concept,
    observation.unit_text,
    cast(null as varchar) as unit_concept,
    observation.observed_on,
    cast(null as timestamp) as observed_at
from raw.flat_observation as observation
left join written as by_code on by_code.code = lower(trim(observation.code))
left join written as by_name on by_name.code = lower(trim(observation.name_text))
left join ref.source_word as status
    on status.list_code = 'result_status' and status.vocabulary_code = 'word'
    and status.word = lower(trim(observation.status_text))
