-- grain: one row per delivered row that is read beside others
-- unit: person
-- Rows that say something about another row: what was withdrawn, and which machine was used.
select
    person_id, source_id, drop_id, source_file, source_row, 1 as record_number,
    'device' as family, 'out_of_scope' as disposition, 'describes_device' as reason
from raw.omop_device_exposure
union all
select
    person_id, source_id, drop_id, source_file, source_row, record_number,
    'retraction' as family, 'out_of_scope' as disposition, 'retraction' as reason
from raw.flat_retraction
