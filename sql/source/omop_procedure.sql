-- grain: one row per OMOP procedure row
-- unit: person
with vocabulary as (
    select concept_id, lower(vocabulary_id) as vocabulary_id, concept_code
    from raw.omop_concept
    where vocabulary_id in ('CPT4', 'HCPCS', 'ICD10PCS', 'ICD9Proc', 'SNOMED')
)
select
    procedure.person_id,
    procedure.source_id,
    procedure.drop_id,
    procedure.drop_sequence,
    procedure.source_file,
    procedure.source_row,
    1 as record_number,
    cast(procedure.procedure_occurrence_id as varchar) as record_id,
    cast(null as varchar) as status_code,
    coalesce(source_concept.vocabulary_id, standard.vocabulary_id) as vocabulary_code,
    upper(coalesce(
        source_concept.concept_code,
        nullif(trim(procedure.procedure_source_value), ''),
        standard.concept_code,
        cast(nullif(procedure.procedure_concept_id, 0) as varchar)
    )) as source_code,
    cast(procedure.procedure_concept_id as varchar) as concept_id,
    coalesce(procedure.procedure_date, cast(procedure.procedure_datetime as date)) as performed_on
from raw.omop_procedure_occurrence as procedure
left join vocabulary as source_concept on source_concept.concept_id = procedure.procedure_source_concept_id
left join vocabulary as standard on standard.concept_id = procedure.procedure_concept_id
