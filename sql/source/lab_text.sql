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
        pointed.* exclude (decimal_text),
        case when decimal_text is not null then cast(decimal_text as double) end as text_number,
        case when words is not null then known.meanings[words] end as word_meaning
    from pointed
    cross join (select map(list(word), list(meaning)) as meanings from ref.result_word) as known
)
select
    * exclude (comparator, digits, beside, words, written_number, text_number, value_number),
    case
        when word_meaning is not null then null
        when words is null then coalesce(value_number, written_number)
        when value_number is null then text_number
        when comparator is not null
            and (
                value_number = 0
                or round(text_number / nullif(value_number, 0), 2) in (1, 1.41, 2)
            ) then text_number
        else value_number
    end as number,
    case
        when word_meaning = 'below_limit' then '<'
        when word_meaning = 'above_limit' then '>'
        else comparator
    end as text_operator,
    case when contains(beside, '/') or contains(beside, '%')
        then replace(replace(replace(beside, 'µ', 'u'), 'μ', 'u'), ' ', '') end as beside_unit,
    case
        when words is null or value_number is not null or word_meaning is not null then null
        when regexp_matches(digits, '^[-+]?[1-9]\d?\d?,\d\d\d$') then 'value_ambiguous'
        when text_number is null then 'value_unreadable'
        when not list_contains(['', 'h', 'l', 'hh', 'll', 'high', 'low', 'a', 'abnormal', 'n', 'normal'], beside)
            and not contains(beside, '/') and not contains(beside, '%') then 'value_unreadable'
    end as text_reason
from numbered
