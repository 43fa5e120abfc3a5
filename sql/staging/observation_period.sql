-- grain: one row per person and span
-- unit: person
-- Spans of clinical sources have dates; those of surveys have lengths only.
select * from source.nhanes_period
union all by name
select
    record.person_id,
    cast(record.span_number as bigint) as span_number,
    'enrolment' as basis_code,
    record.starts_on,
    record.ends_on,
    cast(date_diff('day', record.starts_on, record.ends_on) as double) as length_days,
    'recorded' as date_reason,
    record.source_file,
    record.source_row,
    record.source_id,
    record.drop_id
from source.period_record as record
join staging.person as person on person.person_id = record.person_id
where record.disposition = 'staged'
