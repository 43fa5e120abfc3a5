-- grain: one row per source row and record
-- unit: person
-- heading_key stands for what is written the same over many rows; source.lab_heading has a row for each.
select
    person_id,
    source_id,
    drop_id,
    drop_sequence,
    source_file,
    source_row,
    record_number,
    record_id,
    status_text,
    hash(source_id, code_system, code, name_text, unit_text, method_text, lab_id) as heading_key,
    code_system,
    code,
    name_text,
    unit_text,
    method_text,
    lab_id,
    cast(null as double) as value_number,
    value_text,
    operator_text,
    lloq_text,
    specimen_id,
    case when drawn_at > date_trunc('day', drawn_at) then drawn_at end as drawn_at,
    coalesce(cast(drawn_at as date), drawn_on) as drawn_on,
    resulted_at,
    cast(null as bigint) as visit_occurrence_id,
    fasting_text
from raw.flat_lab
