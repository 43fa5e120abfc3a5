-- grain: one row per delivered diagnosis row and record
-- unit: person
-- One code a row, in one way of writing: upper case, the dot where the vocabulary has it, no stray '.0' of a
-- spreadsheet behind a SNOMED code, ICD-9 categories with their leading zeros. A code whose vocabulary is neither
-- stated nor plain from its form (V58.69 is in both ICD-9 and ICD-10, E8889 too) is 'ambiguous'; its letters and
-- digits stay.
with given as (
    select * from source.omop_condition
    union all by name
    select * from source.flat_condition
),
spelled as (
    select
        *,
        upper(coalesce(concept_code, source_code)) as written,
        regexp_replace(upper(coalesce(concept_code, source_code)), '[^A-Z0-9]', '', 'g') as plain,
        case
            when concept_code is not null then concept_vocabulary
            when code_system is null then null
            when regexp_matches(lower(code_system), 'icd.?10') then 'icd10cm'
            when regexp_matches(lower(code_system), 'icd.?9') then 'icd9cm'
            when regexp_matches(lower(code_system), 'snomed|^sct$|/sct$') then 'snomed'
            when lower(trim(code_system)) not in ('', 'icd', 'unknown', 'local') then 'other'
        end as stated
    from given
),
told as (
    select
        *,
        case
            when plain is null or plain = '' then null
            when stated is not null then case when stated = 'icd10' then 'icd10cm' else stated end
            when regexp_full_match(written, '\d\d\d\d\d\d+(\.0+)?') then 'snomed'
            when regexp_full_match(written, '\d\d\d?(\.\d\d?)?') or regexp_full_match(written, '\d\d\d\d\d?')
                then 'icd9cm'
            when regexp_full_match(written, 'E\d\d\d\.\d') then 'icd9cm'
            when not regexp_full_match(plain, '[A-Z]\d[0-9A-Z][0-9A-Z]?[0-9A-Z]?[0-9A-Z]?[0-9A-Z]?') then 'other'
            when left(plain, 1) not in ('E', 'V') or length(plain) > 5 then 'icd10cm'
            when left(plain, 1) = 'V' then 'ambiguous'
            when substr(written, 4, 1) = '.' or length(plain) = 3 then 'icd10cm'
            when regexp_full_match(plain, 'E([89]\d\d\d?|0[0-2]\d|030)') then 'ambiguous'
            else 'icd10cm'
        end as vocabulary_found
    from spelled
)
select
    person_id,
    source_id,
    drop_id,
    drop_sequence,
    source_file,
    source_row,
    record_number,
    record_id,
    status_code,
    coalesce(source_code, cast(concept_id as varchar)) as source_code,
    coalesce(vocabulary_found, standard_vocabulary, case when concept_id is not null then 'omop' end)
        as vocabulary_code,
    case
        when vocabulary_found = 'snomed' then regexp_replace(written, '\.0+$', '')
        when vocabulary_found = 'icd10cm' and length(plain) > 3 then left(plain, 3) || '.' || substr(plain, 4)
        when vocabulary_found = 'icd9cm' and left(plain, 1) = 'E' and length(plain) > 4
            then left(plain, 4) || '.' || substr(plain, 5)
        when vocabulary_found = 'icd9cm' and left(plain, 1) in ('E', 'V') then
            rtrim(left(plain, case left(plain, 1) when 'E' then 4 else 3 end) || '.'
                || substr(plain, case left(plain, 1) when 'E' then 5 else 4 end), '.')
        when vocabulary_found = 'icd9cm' and contains(written, '.')
            then lpad(split_part(written, '.', 1), 3, '0') || '.' || split_part(written, '.', 2)
        when vocabulary_found = 'icd9cm' and length(plain) > 3 then left(plain, 3) || '.' || substr(plain, 4)
        when vocabulary_found = 'icd9cm' then lpad(plain, 3, '0')
        when vocabulary_found is not null then plain
        when standard_code is not null then standard_code
        else cast(concept_id as varchar)
    end as condition_code,
    recorded_on,
    setting_code,
    case position_code when 'primary' then true when 'secondary' then false end as is_primary,
    coalesce(position_code = 'history', false) as is_history
from told
