-- grain: one row per delivered observation row and record
-- unit: person
-- A number without a unit is read only where the observation has none (scores, alleles).
with given as (
    select * from source.omop_observation
    union all by name
    select * from source.flat_observation
),
kind as (
    select
        observation_code,
        any_value(unit_code) as unit_code,
        any_value(minimum) as minimum,
        any_value(maximum) as maximum,
        any_value(value_kind) filter (where value_kind <> 'presence') as value_kind,
        bool_and(value_kind = 'ignored') as is_ignored
    from ref.observation_code
    group by observation_code
),
read as (
    select
        given.* exclude (unit_text, unit_concept, value_number, value_text, answer_concept),
        kind.unit_code,
        kind.minimum,
        kind.maximum,
        coalesce(presence.value_kind, kind.value_kind, 'presence') as value_kind,
        coalesce(kind.is_ignored, false) as is_ignored,
        coalesce(given.value_number, try_cast(replace(given.value_text, ',', '.') as double)) as number,
        coalesce(given.value_text, cast(given.value_number as varchar), given.answer_concept) as value_text,
        given.answer_concept,
        nullif(replace(lower(given.unit_text), ' ', ''), '') as unit_word,
        given.unit_concept
    from given
    left join kind on kind.observation_code = given.observation_code
    left join ref.observation_code as presence
        on presence.vocabulary_code = 'snomed' and presence.code = given.code_word
        and presence.value_kind = 'presence'
),
valued as (
    select
        read.* exclude (value_text),
        case
            when read.value_kind = 'presence' then coalesce(read.value_text, 'present')
            else read.value_text
        end as value_text,
        case read.value_kind
            when 'number' then read.number * coalesce(
                written.factor, concept.factor,
                -- x7b is the brace that opens a UCUM annotation: a unit that is nothing else is the number one.
                case when read.unit_word is null and read.unit_concept is null
                    and regexp_matches(read.unit_code, '^(1|\x7b[^/]*)$') then 1 end
            )
            when 'answer' then coalesce(by_text.value, by_concept.value)
            when 'presence' then coalesce(by_code.value, 1)
            when 'date' then date_diff('day', date '1970-01-01', try_cast(read.value_text as date))
        end as value
    from read
    left join ref.observation_unit as written
        on written.observation_code = read.observation_code and written.unit_word = read.unit_word
    left join ref.observation_unit as concept
        on concept.observation_code = read.observation_code and concept.unit_word = read.unit_concept
    left join ref.observation_answer as by_text
        on by_text.observation_code = read.observation_code and by_text.answer = lower(trim(read.value_text))
    left join ref.observation_answer as by_concept
        on by_concept.observation_code = read.observation_code and by_concept.answer = read.answer_concept
    left join ref.observation_answer as by_code
        on by_code.observation_code = read.observation_code and by_code.answer = read.code_word
)
select * from valued
