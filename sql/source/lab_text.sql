-- grain: one row per delivered laboratory row and record
-- unit: person
-- What the text of a result says: comparator, number, a unit written beside it, or a word of ref.result_word.
-- A plain number is read as one; only other texts meet the patterns. 1,234 with nothing else to tell is not read.
-- An ETL that put a limit, half of it, the limit over the square root of two or 0 in place of '<limit' is undone.
with plain as (
    select * exclude (finite_or_not), case when isfinite(finite_or_not) then finite_or_not end as written_number
    from (select *, try_cast(value_text as double) as finite_or_not from source.lab_delivered)
),
worded as (
    select
        *,
        case when written_number is null and value_text is not null
            then nullif(trim(translate(lower(value_text), '’' || chr(160) || chr(8239), ''' ' || ' ')), '') end as words
    from plain
),
parted as (
    select
        *,
        case when words is not null then regexp_extract(
            words,
            '^(<=|>=|=<|=>|<|>|≤|≥|=|less than|below|under|greater than|more than|above|over)?\s*'
            || '([-+]?[0-9.,][0-9., '']*)(.*)$',
            ['comparator', 'digits', 'beside']
        ) end as part
    from worded
),
spelled as (
    select
        * exclude (part),
        case
            when list_contains(['<', '<=', '=<', '≤', 'less than', 'below', 'under'], part.comparator) then '<'
            when list_contains(['>', '>=', '=>', '≥', 'greater than', 'more than', 'above', 'over'], part.comparator) then '>'
        end as comparator,
        case when part is not null then rtrim(part.digits, ' .,''') end as digits,
        case when part is not null then trim(part.beside, ' ()[]*') end as beside
    from parted
),
pointed as (
    select
        *,
        case
            when digits is null then null
            when regexp_matches(digits, '^[-+]?\d*\.?\d+$') then digits
            when regexp_matches(digits, '^[-+]?[1-9]\d?\d?,\d\d\d$') then null
            when regexp_matches(digits, '^[-+]?\d*,\d+$') then replace(digits, ',', '.')
            when regexp_matches(digits, '^[-+]?\d\d?\d?(,\d\d\d)+(\.\d+)?$') then replace(digits, ',', '')
            when regexp_matches(digits, '^[-+]?\d\d?\d?(\.\d\d\d)+(,\d+)?$')
                then replace(replace(digits, '.', ''), ',', '.')
            when regexp_matches(digits, '^[-+]?\d\d?\d?([ '']\d\d\d)+([.,]\d+)?$')
                then replace(translate(digits, ' ''', ''), ',', '.')
        end as decimal_text
    from spelled
),
numbered as (
    select
        * exclude (decimal_text),
        case when decimal_text is not null then cast(decimal_text as double) end as text_number
    from pointed
)
select
    numbered.* exclude (comparator, digits, beside, words, written_number, text_number, value_number),
    case
        when word.meaning is not null then null
        when numbered.words is null then coalesce(numbered.value_number, numbered.written_number)
        when numbered.value_number is null then numbered.text_number
        when numbered.comparator is not null
            and (
                numbered.value_number = 0
                or round(numbered.text_number / nullif(numbered.value_number, 0), 2) in (1, 1.41, 2)
            ) then numbered.text_number
        else numbered.value_number
    end as number,
    case
        when word.meaning = 'below_limit' then '<'
        when word.meaning = 'above_limit' then '>'
        else numbered.comparator
    end as text_operator,
    word.meaning as word_meaning,
    case when contains(numbered.beside, '/') or contains(numbered.beside, '%') then replace(replace(replace(
        numbered.beside, 'µ', 'u'), 'μ', 'u'), ' ', '') end as beside_unit,
    case
        when numbered.words is null or numbered.value_number is not null or word.meaning is not null then null
        when regexp_matches(numbered.digits, '^[-+]?[1-9]\d?\d?,\d\d\d$') then 'value_ambiguous'
        when numbered.text_number is null then 'value_unreadable'
        when not list_contains(['', 'h', 'l', 'hh', 'll', 'high', 'low', 'a', 'abnormal', 'n', 'normal'], numbered.beside)
            and not contains(numbered.beside, '/') and not contains(numbered.beside, '%') then 'value_unreadable'
    end as text_reason
from numbered
left join ref.result_word as word on word.word = numbered.words
