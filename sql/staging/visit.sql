-- grain: one row per person, source row and record
-- unit: person
select
    record.person_id,
    record.source_file,
    record.source_row,
    record.record_number,
    record.visit_occurrence_id,
    record.visit_code,
    record.starts_on,
    record.ends_on,
    record.source_id,
    record.drop_id
from source.visit_record as record
join staging.person as person on person.person_id = record.person_id
where record.disposition = 'staged'
