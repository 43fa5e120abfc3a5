-- grain: one row per delivered laboratory row and record
-- unit: person
-- Operator, value and limit. Below a limit the limit is the value and the operator '<'; so it is for a number under the
-- limit that was stated with it, and for what a laboratory writes in place of its limit (staging.lab_limit).
-- reason: why the row, looked at alone, is no result; NULL where it is one.
with bounded as (
    select
        converted.*,
        habit.lloq as habit_limit,
        case
            when converted.text_operator is not null then converted.text_operator
            when converted.operator_text is null then '='
            when trim(converted.operator_text) in ('<', '<=', '≤', '=<') then '<'
            when trim(converted.operator_text) in ('>', '>=', '≥', '=>') then '>'
            when trim(converted.operator_text) in ('=', '') then '='
        end as stated_operator,
        coalesce(
            habit.fill_value is not null
            and converted.canonical_number between habit.fill_value * 0.995e0 and habit.fill_value * 1.005e0, false
        ) as is_fill
    from source.lab_converted as converted
    left join staging.lab_limit as habit
        on habit.source_id = converted.source_id
        and habit.lab_key = converted.lab_key
        and habit.analyte_code = converted.analyte_code
),
decided as (
    select
        *,
        case
            when stated_operator = '=' and (is_fill or canonical_number < stated_limit) then '<'
            else stated_operator
        end as operator,
        case
            when word_meaning = 'below_limit' then coalesce(stated_limit, habit_limit)
            when word_meaning = 'above_limit' then null
            when stated_operator = '=' and is_fill then coalesce(stated_limit, habit_limit)
            when stated_operator = '=' and canonical_number < stated_limit then stated_limit
            else canonical_number
        end as value,
        case
            when status_text is null then 'unknown'
            when lower(trim(status_text)) in
                ('final', 'f', 'complete', 'completed', 'verified', 'released', 'validated') then 'final'
            when lower(trim(status_text)) in ('corrected', 'c', 'amended', 'a', 'revised', 'appended', 'modified')
                then 'corrected'
            when lower(trim(status_text)) in ('preliminary', 'p', 'prelim', 'partial', 'interim', 'registered')
                then 'preliminary'
            when lower(trim(status_text)) in ('cancelled', 'canceled', 'x', 'entered-in-error', 'entered in error',
                'deleted', 'd', 'w', 'wrong', 'void', 'voided', 'rejected') then 'withdrawn'
            else 'unknown'
        end as status_code
    from bounded
)
select
    decided.* exclude (stated_operator, is_fill, habit_limit, number, text_operator, operator_text, status_text,
        canonical_number, stated_limit, minimum, maximum, plausible_maximum, text_reason, unit_reason, word_meaning),
    case
        when operator = '<' then value
        else coalesce(stated_limit, case when value >= habit_limit then habit_limit end)
    end as lloq,
    case when value is null then 'limit_not_stated' end as missing_reason,
    decided.number as source_value,
    case
        when analyte_code is null then 'code_not_listed'
        when word_meaning = 'no_result' or number is null and coalesce(trim(value_text), '') = '' then 'no_value'
        when status_code = 'withdrawn' then 'entered_in_error'
        when text_reason is not null then text_reason
        when number is not null and not isfinite(number) then 'value_unreadable'
        when operator is null then 'operator_unreadable'
        when text_operator is not null and trim(operator_text) in ('<', '>', '<=', '>=')
            and left(trim(operator_text), 1) <> text_operator then 'operator_conflict'
        when number is not null and unit_reason is not null then unit_reason
        when number < 0 or value > maximum or value <= 0 and operator = '<' or value < minimum and operator <> '<'
            then 'value_impossible'
    end as reason
from decided
