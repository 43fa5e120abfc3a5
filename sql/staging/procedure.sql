-- grain: one row per person, source row and record
-- unit: person
-- Every coded procedure is kept; those of ref.procedure_code have a name here. An ICD code stands for itself and all
-- below.
with record as (
    select record.*
    from source.procedure_record as record
    join staging.person as person on person.person_id = record.person_id
    where record.disposition = 'staged'
),
code as (
    select distinct vocabulary_code, source_code, concept_id from record
),
named as (
    select
        code.vocabulary_code,
        code.source_code,
        code.concept_id,
        min(listed.procedure_code) as procedure_code
    from code
    join ref.procedure_code as listed
        on (listed.vocabulary_code = 'omop' and listed.code = code.concept_id)
        or (
            listed.vocabulary_code in ('cpt4', 'hcpcs', 'snomed')
            and listed.code = code.source_code
            and coalesce(code.vocabulary_code, listed.vocabulary_code) = listed.vocabulary_code
        )
        or (
            listed.vocabulary_code in ('icd10pcs', 'icd9proc')
            and listed.vocabulary_code = code.vocabulary_code
            and starts_with(replace(code.source_code, '.', ''), replace(listed.code, '.', ''))
        )
    group by code.vocabulary_code, code.source_code, code.concept_id
)
select
    record.person_id,
    record.source_file,
    record.source_row,
    record.record_number,
    record.source_code,
    record.vocabulary_code,
    named.procedure_code,
    record.performed_on,
    record.source_id,
    record.drop_id
from record
left join named
    on named.vocabulary_code is not distinct from record.vocabulary_code
    and named.source_code = record.source_code
    and named.concept_id is not distinct from record.concept_id
