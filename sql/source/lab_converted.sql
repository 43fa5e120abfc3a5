-- grain: one row per delivered laboratory row and record
-- unit: person
-- Numbers in the canonical unit of the analyte. A unit is the one given, else the one the code fixes, else what the
-- laboratory itself uses (staging.lab_convention). unit_reason says why a number could not be converted.
-- A unit given twice, in words and as a concept or beside the number, must be one and the same measure.
-- is_off_habit: the unit given is another measure than the one the laboratory uses for this analyte.
with unit_found as (
    select
        delivered.*,
        beside.ucum_code as value_unit,
        coalesce(delivered.written_unit, delivered.concept_unit, beside.ucum_code) as given_unit,
        coalesce(delivered.has_unit_text, false) or delivered.is_unit_unread or delivered.beside_unit is not null
            or delivered.concept_unit is not null as is_unit_given,
        analyte.canonical_unit,
        analyte.minimum,
        analyte.maximum,
        analyte.plausible_minimum,
        analyte.plausible_maximum,
        analyte.usual_minimum_men,
        analyte.usual_maximum_men,
        analyte.usual_minimum_women,
        analyte.usual_maximum_women,
        analyte.steroidal_drug_interferes = 'yes' as is_interfered,
        habit.unit_code as habit_unit,
        habit.assay_class as habit_class
    from source.lab_text as delivered
    left join ref.unit as beside
        on beside.vocabulary_code = 'text' and beside.spelling = delivered.beside_unit
    left join ref.analyte as analyte on analyte.analyte_code = delivered.analyte_code
    left join staging.lab_convention as habit
        on habit.source_id = delivered.source_id
        and habit.lab_key = delivered.lab_key
        and habit.analyte_code = delivered.analyte_code
),
unit_chosen as (
    select
        *,
        case when is_unit_given then given_unit else coalesce(implied_unit, habit_unit) end as ucum_code,
        case
            when is_unit_given then 'given'
            when implied_unit is not null then 'implied_by_code'
            when habit_unit is not null then 'inferred_from_lab'
        end as unit_basis,
        case when coalesce(concept_unit, value_unit) <> written_unit then coalesce(concept_unit, value_unit) end
            as second_unit,
        case when value_unit <> concept_unit and written_unit is null then true end as is_beside_other
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
        chosen.second_unit is not null and other.factor is distinct from factor.factor as is_conflict,
        coalesce(usual.factor <> factor.factor, false) as is_off_habit
    from unit_chosen as chosen
    left join ref.unit_factor as factor
        on factor.analyte_code = chosen.analyte_code and factor.ucum_code = chosen.ucum_code
    left join ref.unit_factor as other
        on other.analyte_code = chosen.analyte_code and other.ucum_code = chosen.second_unit
    -- Only a unit that is not the usual one is compared: nearly no row.
    left join ref.unit_factor as usual
        on usual.analyte_code = chosen.analyte_code
        and usual.ucum_code = case when chosen.habit_unit <> chosen.ucum_code then chosen.habit_unit end
)
select
    person_id, source_id, drop_id, drop_sequence, source_file, source_row, record_number, record_id, status_code,
    analyte_code, source_variable, number, value_text, operator_text, text_operator, word_meaning, text_reason,
    unit_text, lloq_text, canonical_unit, unit_basis, canonical_number, stated_limit,
    minimum, maximum, plausible_minimum, plausible_maximum, usual_minimum_men, usual_maximum_men, usual_minimum_women,
    usual_maximum_women, is_interfered, lab_key, lab_id, specimen_id, drawn_at,
    drawn_on, resulted_at, visit_occurrence_id, is_fasting, is_off_habit,
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
        when is_conflict or is_beside_other then 'unit_conflict'
        when unit_basis = 'inferred_from_lab'
            and canonical_number not between plausible_minimum and plausible_maximum then 'unit_missing'
    end as unit_reason
from converted
