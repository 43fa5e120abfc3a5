-- grain: one row per person, kind of record and record id
-- unit: person
-- Records that a later delivery withdraws; only those of earlier deliveries are.
select person_id, source_id, lower(trim(kind)) as kind, record_id, max(drop_sequence) as drop_sequence
from raw.flat_retraction
where record_id is not null
group by person_id, source_id, lower(trim(kind)), record_id
