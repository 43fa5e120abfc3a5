-- grain: one row per deceased person
-- unit: person
select * from source.nhanes_death
union all by name
select
    record.person_id,
    record.died_on,
    cast(null as double) as days_from_examination,
    cast(null as double) as days_from_interview,
    record.cause_code,
    'recorded' as date_reason,
    record.source_file,
    record.source_row,
    record.source_id,
    record.drop_id
from source.death_record as record
join staging.person as person on person.person_id = record.person_id
where record.disposition = 'staged'
