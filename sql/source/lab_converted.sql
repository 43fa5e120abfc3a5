-- grain: one row per delivered laboratory row and record
-- unit: person
-- Numbers in the canonical unit of the analyte. unit_reason says why a number could not be converted. A unit written beside
-- the number is the unit of the row where its heading gives none; where it gives one, both must be the same measure.
-- is_off_habit: the unit given is another measure than the one the laboratory uses for this analyte.
with headed as (
    select
        delivered.*,
        unit.* exclude (heading_key, unit_basis, unit_reason, factor, summand, given_unit, is_laboratory),
        delivered.beside_unit is not null and unit.given_unit is null as is_unit_beside,
        case when is_unit_beside then 'given' else unit.unit_basis end as unit_basis,
        case when is_unit_beside then in_beside.factor else unit.factor end as factor,
        case when is_unit_beside then in_beside.summand else unit.summand end as summand,
        case
            when is_unit_beside and beside.ucum_code is null then 'unit_unknown'
            when is_unit_beside and in_beside.factor is null then 'unit_not_of_analyte'
            when is_unit_beside then null
            when unit.unit_reason is not null then unit.unit_reason
            when beside.ucum_code <> unit.given_unit and in_beside.factor is distinct from unit.factor
                then 'unit_conflict'
        end as unit_reason
    from source.lab_text as delivered
    left join source.lab_unit as unit on unit.heading_key = delivered.heading_key
    left join ref.unit as beside on beside.vocabulary_code = 'text' and beside.spelling = delivered.beside_unit
    left join ref.unit_factor as in_beside
        on in_beside.analyte_code = case when beside.ucum_code is not null then unit.analyte_code end
        and in_beside.ucum_code = beside.ucum_code
    -- Every row has a heading; one without would be lost in silence.
    where coalesce(unit.is_laboratory, error('a laboratory row has no heading'))
),
converted as (
    select
        *,
        number * factor + summand as canonical_number,
        case when lloq_text is not null then coalesce(
            try_cast(lloq_text as double),
            try_cast(replace(regexp_extract(lloq_text, '\d*[.,]?\d+'), ',', '.') as double)
        ) end * factor + summand as stated_limit,
        coalesce(habit_factor <> factor, false) as is_off_habit
    from headed
)
select
    person_id, source_id, drop_id, drop_sequence, source_file, source_row, record_number, record_id, status_code,
    analyte_code, source_variable, number, value_text, operator_text, text_operator, word_meaning, text_reason,
    unit_text, lloq_text, unit_basis, canonical_number, stated_limit, unit_reason, lab_key, lab_id,
    latest_on, specimen_id, drawn_at, drawn_on, resulted_at, visit_occurrence_id, is_fasting, is_off_habit, assay_class,
    assay_basis
from converted
