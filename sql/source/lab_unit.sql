-- grain: one row per heading: source, laboratory, code, unit and method as they are delivered
-- unit: person
-- made once: the planner then knows how few headings there are, and builds the join of all rows on them
-- What a heading says of its rows: analyte, unit and factor, class of assay, the latest day of its source. A unit is the
-- one given, else the one the code fixes, else what the laboratory itself uses (staging.lab_convention). unit_reason says why no number
-- under this heading can be converted.
-- A unit given twice, in words and as a concept, must be one and the same measure.
with unit_found as (
    select
        heading.*,
        coalesce(heading.written_unit, heading.concept_unit) as given_unit,
        habit.unit_code as habit_unit,
        habit.assay_class as habit_class
    from source.lab_heading as heading
    left join staging.lab_convention as habit
        on habit.source_id = heading.source_id
        and habit.lab_key = heading.lab_key
        and habit.analyte_code = heading.analyte_code
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
        case when concept_unit <> written_unit then concept_unit end as second_unit
    from unit_found
)
select
    chosen.heading_key,
    chosen.source_id,
    chosen.is_laboratory,
    chosen.lab_key,
    chosen.lab_id,
    chosen.source_variable,
    chosen.unit_text,
    chosen.analyte_code,
    chosen.given_unit,
    chosen.unit_basis,
    factor.factor,
    factor.summand,
    usual.factor as habit_factor,
    latest.latest_on,
    coalesce(chosen.method_class, chosen.implied_assay_class, chosen.habit_class, 'unknown') as assay_class,
    case
        when chosen.method_class is not null then 'method_text'
        when chosen.implied_assay_class is not null then 'loinc'
        when chosen.habit_class is not null then 'lab'
        else 'none'
    end as assay_basis,
    case
        when chosen.ucum_code is null and chosen.is_unit_given then 'unit_unknown'
        when chosen.ucum_code is null then 'unit_missing'
        when factor.factor is null then 'unit_not_of_analyte'
        when chosen.second_unit is not null and other.factor is distinct from factor.factor then 'unit_conflict'
    end as unit_reason
from unit_chosen as chosen
left join ref.unit_factor as factor
    on factor.analyte_code = chosen.analyte_code and factor.ucum_code = chosen.ucum_code
left join ref.unit_factor as other
    on other.analyte_code = chosen.analyte_code and other.ucum_code = chosen.second_unit
left join ref.unit_factor as usual on usual.analyte_code = chosen.analyte_code and usual.ucum_code = chosen.habit_unit
left join staging.latest_day as latest on latest.source_id = chosen.source_id
