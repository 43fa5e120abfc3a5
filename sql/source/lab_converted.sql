-- grain: one row per delivered laboratory row and record
-- unit: person
-- Numbers in the canonical unit of the analyte. A unit is the one given, else the one the code fixes, else what the
-- laboratory itself uses (staging.lab_convention). unit_reason says why a number could not be converted.
with unit_read as (
    select
        delivered.*,
        written.ucum_code as written_unit,
        beside.ucum_code as value_unit,
        coalesce(lower(trim(delivered.unit_text)), '') not in ('', '-', '.', 'n/a', 'na', 'none', 'null', 'unknown')
            as has_unit_text
    from source.lab_text as delivered
    left join ref.unit as written
        on written.vocabulary_code = 'text'
        and written.spelling = translate(lower(delivered.unit_text), 'µμ ' || chr(160) || chr(9), 'uu')
    left join ref.unit as beside
        on beside.vocabulary_code = 'text' and beside.spelling = translate(delivered.beside_unit, 'µμ ', 'uu')
),
unit_found as (
    select
        unit_read.*,
        coalesce(unit_read.written_unit, unit_read.concept_unit, unit_read.value_unit) as given_unit,
        unit_read.has_unit_text or unit_read.is_unit_unread or unit_read.beside_unit is not null
            or unit_read.concept_unit is not null as is_unit_given,
        analyte.canonical_unit,
        analyte.minimum,
        analyte.maximum,
        analyte.plausible_minimum,
        analyte.plausible_maximum,
        analyte.steroidal_drug_interferes = 'yes' as is_interfered,
        habit.unit_code as habit_unit,
        habit.assay_class as habit_class
    from unit_read
    left join ref.analyte as analyte on analyte.analyte_code = unit_read.analyte_code
    left join staging.lab_convention as habit
        on habit.source_id = unit_read.source_id
        and habit.lab_key = unit_read.lab_key
        and habit.analyte_code = unit_read.analyte_code
),
unit_chosen as (
    select
        *,
        case when is_unit_given then given_unit else coalesce(implied_unit, habit_unit) end as ucum_code,
        case
            when is_unit_given then 'given'
            when implied_unit is not null then 'implied_by_code'
            when habit_unit is not null then 'inferred_from_lab'
        end as unit_basis
    from unit_found
),
converted as (
    select
        chosen.*,
        chosen.number * factor.factor + factor.summand as canonical_number,
        case when chosen.lloq_text is not null then coalesce(
            try_cast(chosen.lloq_text as double),
            try_cast(replace(regexp_extract(chosen.lloq_text, '\d*[.,]?\d+'), ',', '.') as double)
        ) end * factor.factor + factor.summand as stated_limit,
        factor.factor is null as is_unconverted,
        other.factor as other_factor,
        factor.factor
    from unit_chosen as chosen
    left join ref.unit_factor as factor
        on factor.analyte_code = chosen.analyte_code and factor.ucum_code = chosen.ucum_code
    left join ref.unit_factor as other
        on other.analyte_code = chosen.analyte_code
        and other.ucum_code = coalesce(chosen.concept_unit, chosen.value_unit)
)
select
    person_id, source_id, drop_id, drop_sequence, source_file, source_row, record_number, record_id, status_text,
    analyte_code, source_variable, number, value_text, operator_text, text_operator, word_meaning, text_reason,
    unit_text, canonical_unit, unit_basis, canonical_number, stated_limit,
    minimum, maximum, plausible_maximum, is_interfered, lab_key, lab_id, specimen_id, drawn_at, drawn_on, resulted_at, fasting_text,
    case
        when method_class is not null then method_class
        when implied_assay_class is not null then implied_assay_class
        when habit_class is not null then habit_class
        else 'unknown'
    end as assay_class,
    case
        when method_class is not null then 'method_text'
        when implied_assay_class is not null then 'loinc'
        when habit_class is not null then 'lab'
        else 'none'
    end as assay_basis,
    case
        when ucum_code is null and is_unit_given then 'unit_unknown'
        when ucum_code is null then 'unit_missing'
        when is_unconverted then 'unit_not_of_analyte'
        when other_factor <> factor and written_unit is not null then 'unit_conflict'
        when unit_basis = 'inferred_from_lab'
            and canonical_number not between plausible_minimum and plausible_maximum then 'unit_missing'
    end as unit_reason
from converted
