-- grain: one row per OMOP condition row
-- unit: person
-- The code the source itself recorded says more than the standard concept it was mapped to; the concept is the fall-
-- back.
with vocabulary as (
    select concept_id, lower(vocabulary_id) as vocabulary_id, concept_code
    from raw.omop_concept
    where vocabulary_id in ('ICD10CM', 'ICD10', 'ICD9CM', 'SNOMED')
)
select
    condition.person_id,
    condition.source_id,
    condition.drop_id,
    condition.drop_sequence,
    condition.source_file,
    condition.source_row,
    1 as record_number,
    cast(condition.condition_occurrence_id as varchar) as record_id,
    cast(null as varchar) as status_code,
    source_concept.vocabulary_id as concept_vocabulary,
    source_concept.concept_code,
    nullif(trim(condition.condition_source_value), '') as source_code,
    cast(null as varchar) as code_system,
    coalesce(standard.vocabulary_id, listed.vocabulary_code) as standard_vocabulary,
    coalesce(standard.concept_code, listed.condition_code) as standard_code,
    nullif(condition.condition_concept_id, 0) as concept_id,
    coalesce(condition.condition_start_date, cast(condition.condition_start_datetime as date)) as recorded_on,
    coalesce(setting.setting_code, 'unknown') as setting_code,
    coalesce(position.code, position_word.code, kind.code) as position_code
from raw.omop_condition_occurrence as condition
left join vocabulary as source_concept on source_concept.concept_id = condition.condition_source_concept_id
left join vocabulary as standard on standard.concept_id = condition.condition_concept_id
left join ref.condition_concept as listed on listed.concept_id = cast(condition.condition_concept_id as varchar)
left join source.omop_visit_setting as setting
    on setting.person_id = condition.person_id and setting.source_id = condition.source_id
    and setting.visit_occurrence_id = condition.visit_occurrence_id
left join ref.source_word as position
    on position.list_code = 'position' and position.vocabulary_code = 'omop'
    and position.word = cast(condition.condition_status_concept_id as varchar)
left join ref.source_word as position_word
    on position_word.list_code = 'position' and position_word.vocabulary_code = 'word'
    and position_word.word = lower(trim(condition.condition_status_source_value))
left join ref.source_word as kind
    on kind.list_code = 'position' and kind.vocabulary_code = 'omop'
    and kind.word = cast(condition.condition_type_concept_id as varchar)
