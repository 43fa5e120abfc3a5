-- grain: one row per delivered laboratory row and record
-- unit: person
-- Operator, value and limit. Below a limit the limit is the value and the operator '<'; so it is for a number under the
-- limit that was stated with it, and for 0, half the limit and the limit over the square root of two where the
-- laboratory's own limit is known (staging.lab_limit): what was written in its place. fill_flag says so. Words ('ND') take
-- a limit stated by habit alone.
-- A unit inferred from the laboratory must give a plausible number.
-- reason: why the row, looked at alone, is no result; NULL where it is one.
with bounded as (
    select
        converted.*,
        case when habit.basis_code = 'habit' then habit.lloq end as habit_limit,
        habit.lloq as fill_limit,
        case
            when converted.text_operator is not null then converted.text_operator
            when converted.operator_text is null then '='
            when trim(converted.operator_text) in ('<', '<=', '≤', '=<') then '<'
            when trim(converted.operator_text) in ('>', '>=', '≥', '=>') then '>'
            when trim(converted.operator_text) in ('=', '') then '='
        end as stated_operator,
        list_contains(fill.numbers, converted.number) as is_sentinel
    from source.lab_converted as converted
    cross join (select list(value) as numbers from ref.fill_value) as fill
    left join staging.lab_limit as habit
        on habit.source_id = converted.source_id
        and habit.lab_key = converted.lab_key
        and habit.analyte_code = converted.analyte_code
        and habit.assay_class = converted.assay_class
),
filled as (
    select
        *,
        case
            when stated_operator <> '=' or canonical_number is null then null
            when canonical_number >= stated_limit or canonical_number >= fill_limit and stated_limit is null then null
            when canonical_number < stated_limit and canonical_number >= 0 then 'below_stated_limit'
            when canonical_number = 0 and fill_limit is not null then 'limit_written_as_zero'
            when canonical_number between fill_limit / 2 * 0.995e0 and fill_limit / 2 * 1.005e0
                then 'limit_written_as_half'
            when canonical_number between fill_limit / sqrt(2e0) * 0.995e0 and fill_limit / sqrt(2e0) * 1.005e0
                then 'limit_written_over_root_two'
        end as fill_flag
    from bounded
),
decided as (
    select
        *,
        case when fill_flag is not null then '<' else stated_operator end as operator,
        case
            when word_meaning = 'below_limit' then coalesce(stated_limit, habit_limit)
            when word_meaning = 'above_limit' then null
            when fill_flag is not null then coalesce(stated_limit, fill_limit)
            else canonical_number
        end as value
    from filled
),
-- Ranges are looked up here, where they begin to be asked, so that no row carries them before.
ranged as (
    select
        decided.*,
        analyte.canonical_unit, analyte.minimum, analyte.maximum, analyte.plausible_minimum, analyte.plausible_maximum,
        analyte.usual_minimum_men, analyte.usual_maximum_men, analyte.usual_minimum_women, analyte.usual_maximum_women,
        analyte.steroidal_drug_interferes = 'yes' as is_interfered
    from decided
    left join ref.analyte as analyte on analyte.analyte_code = decided.analyte_code
)
select
    person_id, source_id, drop_id, drop_sequence, source_file, source_row, record_number, record_id, analyte_code,
    source_variable, value_text, unit_text, canonical_unit, unit_basis, plausible_minimum, plausible_maximum,
    usual_minimum_men, usual_maximum_men, usual_minimum_women, usual_maximum_women, is_interfered, lab_id, specimen_id,
    latest_on, drawn_at, drawn_on, resulted_at, visit_occurrence_id, is_fasting, assay_class, assay_basis,
    fill_flag, is_off_habit, operator, value, status_code,
    case
        when operator = '<' then value
        else coalesce(stated_limit, case when value >= habit_limit then habit_limit end)
    end as lloq,
    number as source_value,
    case
        when analyte_code is null then 'code_not_listed'
        when word_meaning = 'no_result' or number is null and coalesce(trim(value_text), '') = '' then 'no_value'
        when status_code = 'withdrawn' then 'entered_in_error'
        when text_reason is not null then text_reason
        when number is not null and not isfinite(number) then 'value_unreadable'
        when operator is null then 'operator_unreadable'
        when text_operator is not null and trim(operator_text) in ('<', '>', '<=', '>=')
            and left(trim(operator_text), 1) <> text_operator then 'operator_conflict'
        when is_sentinel then 'fill_value'
        when number is not null and unit_reason is not null then unit_reason
        when number is not null and unit_basis = 'inferred_from_lab'
            and canonical_number not between plausible_minimum and plausible_maximum then 'unit_missing'
        when number < 0 or value > maximum or value <= 0 and operator = '<' or value < minimum and operator <> '<'
            then 'value_impossible'
    end as reason
from ranged
