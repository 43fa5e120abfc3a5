-- grain: one row per flat procedure record
-- unit: person
select
    procedure.person_id,
    procedure.source_id,
    procedure.drop_id,
    procedure.drop_sequence,
    procedure.source_file,
    procedure.source_row,
    procedure.record_number,
    procedure.record_id,
    status.code as status_code,
    case
        when regexp_matches(lower(procedure.code_system), 'cpt') then 'cpt4'
        when regexp_matches(lower(procedure.code_system), 'hcpcs') then 'hcpcs'
        when regexp_matches(lower(procedure.code_system), 'icd.?10') then 'icd10pcs'
        when regexp_matches(lower(procedure.code_system), 'icd.?9') then 'icd9proc'
        when regexp_matches(lower(procedure.code_system), 'snomed|^sct$|/sct$') then 'snomed'
    end as vocabulary_code,
    upper(nullif(trim(procedure.code), '')) as source_code,
    cast(null as varchar) as concept_id,
    procedure.performed_on
from raw.flat_procedure as procedure
left join ref.source_word as status
    on status.list_code = 'result_status' and status.vocabulary_code = 'word'
    and status.word = lower(trim(procedure.status_text))
