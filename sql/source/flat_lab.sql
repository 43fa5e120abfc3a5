-- grain: one row per source row and record
-- unit: person
-- The analyte is found by LOINC code, else by the whole name in lower case; parts of names are never compared.
with loinc as (
    select code, analyte_code, implied_unit, implied_assay_class from ref.analyte_code where vocabulary_code = 'loinc'
),
named as (
    select code, analyte_code, implied_unit, implied_assay_class from ref.analyte_code where vocabulary_code = 'name'
),
spelled as (
    select
        *,
        case when lower(coalesce(code_system, 'loinc')) like '%loinc%' then trim(code) end as loinc_code,
        replace(replace(replace(replace(replace(
            lower(unit_text), ' ', ''), 'µ', 'u'), 'μ', 'u'), chr(160), ''), chr(9), '') as unit_spelling
    from raw.flat_lab
)
select
    lab.person_id,
    lab.source_id,
    lab.drop_id,
    lab.drop_sequence,
    lab.source_file,
    lab.source_row,
    lab.record_number,
    lab.record_id,
    lab.status_text,
    coalesce(loinc.analyte_code, by_code.analyte_code, by_name.analyte_code) as analyte_code,
    coalesce(lab.code, lab.name_text) as source_variable,
    coalesce(loinc.implied_unit, by_code.implied_unit, by_name.implied_unit) as implied_unit,
    coalesce(loinc.implied_assay_class, by_code.implied_assay_class, by_name.implied_assay_class)
        as implied_assay_class,
    cast(null as double) as value_number,
    lab.value_text,
    lab.operator_text,
    lab.unit_text,
    written.ucum_code as written_unit,
    lab.unit_spelling not in ('', '-', '.', 'n/a', 'na', 'none', 'null', 'unknown') as has_unit_text,
    cast(null as varchar) as concept_unit,
    false as is_unit_unread,
    lab.lloq_text,
    lab.method_text,
    lab.lab_id,
    lab.specimen_id,
    case when lab.drawn_at > date_trunc('day', lab.drawn_at) then lab.drawn_at end as drawn_at,
    coalesce(cast(lab.drawn_at as date), lab.drawn_on) as drawn_on,
    lab.resulted_at,
    cast(null as bigint) as visit_occurrence_id,
    lab.fasting_text
from spelled as lab
left join loinc on loinc.code = lab.loinc_code
left join named as by_code on by_code.code = lower(trim(lab.code))
left join named as by_name on by_name.code = lower(trim(lab.name_text))
left join ref.unit as written on written.vocabulary_code = 'text' and written.spelling = lab.unit_spelling
