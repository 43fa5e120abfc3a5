-- grain: one row per delivered observation period
-- unit: person
-- Spans that overlap are joined: the first row of a chain stands for it, the others are duplicates. A span that begins
-- the day after another ends is a span of its own.
with given as (
    select
        person_id, source_id, drop_id, drop_sequence, source_file, source_row, 1 as record_number,
        cast(observation_period_id as varchar) as record_id,
        observation_period_start_date as starts_on, observation_period_end_date as ends_on
    from raw.omop_observation_period
    union all by name
    select
        person_id, source_id, drop_id, drop_sequence, source_file, source_row, record_number,
        cast(null as varchar) as record_id, starts_on, ends_on
    from raw.flat_period
),
numbered as (
    select
        *,
        coalesce(record_id, concat_ws('/', starts_on, ends_on)) as record_key,
        max(drop_sequence) over same as latest,
        row_number() over (same order by drop_sequence desc, source_file, source_row, record_number) as place
    from given
    window same as (partition by person_id, source_id, coalesce(record_id, concat_ws('/', starts_on, ends_on)))
),
judged as (
    select
        numbered.*,
        case
            when numbered.drop_sequence < numbered.latest then 'superseded'
            when numbered.place > 1 then 'repeated_row'
            when numbered.starts_on is null or numbered.ends_on is null then 'date_missing'
            when numbered.ends_on < numbered.starts_on then 'ends_before_start'
            when year(numbered.starts_on) < person.birth_year then 'before_birth'
        end as found
    from numbered
    left join staging.person as person on person.person_id = numbered.person_id
),
chained as (
    select
        *,
        case
            when found is null then coalesce(
                starts_on > max(ends_on) over (
                    partition by person_id, found order by starts_on, ends_on, source_file, source_row, record_number
                    rows between unbounded preceding and 1 preceding
                ), true
            )
        end as is_first
    from judged
),
spans as (
    select
        *,
        sum(cast(is_first as integer)) over (
            partition by person_id, found order by starts_on, ends_on, source_file, source_row, record_number
        ) as span_number
    from chained
)
select
    person_id,
    source_id,
    drop_id,
    drop_sequence,
    source_file,
    source_row,
    'observation_period' as family,
    case when found is null then span_number end as span_number,
    starts_on,
    case when found is null then max(ends_on) over (partition by person_id, found, span_number) end as ends_on,
    case
        when found in ('superseded', 'repeated_row') then 'duplicate'
        when found is not null then 'quarantined'
        when not is_first then 'duplicate'
        else 'staged'
    end as disposition,
    case when found is not null then found when not is_first then 'merged_period' end as reason
from spans
