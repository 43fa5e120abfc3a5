-- grain: one row per person, source row, record and condition
-- unit: person
-- Coded diagnoses keep their code; what a respondent was told keeps its name. Which codes make an outcome is not
-- asked here.
select
    *,
    1 as record_number,
    cast(null as varchar) as vocabulary_code,
    'unknown' as setting_code,
    cast(null as boolean) as is_primary,
    true as is_history
from source.nhanes_condition
union all by name
select
    record.person_id,
    record.source_file,
    record.source_row,
    record.record_number,
    record.condition_code,
    record.vocabulary_code,
    true as is_present,
    record.recorded_on,
    'coded_diagnosis' as record_type,
    record.setting_code,
    record.is_primary,
    record.is_history,
    record.source_code as source_variable,
    record.source_id,
    record.drop_id
from source.condition_record as record
join staging.person as person on person.person_id = record.person_id
where record.disposition = 'staged'
