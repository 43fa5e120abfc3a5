-- grain: one row per person, observation, source row, record and reading
-- unit: person
select *, 1 as record_number from source.nhanes_observation
union all by name
select
    record.person_id,
    record.observation_code,
    record.source_file,
    record.source_row,
    record.record_number,
    1 as reading_number,
    record.value,
    record.unit_code,
    record.observed_on,
    'recorded' as date_reason,
    record.source_code as source_variable,
    record.source_id,
    record.drop_id
from source.observation_record as record
join staging.person as person on person.person_id = record.person_id
where record.disposition = 'staged'
