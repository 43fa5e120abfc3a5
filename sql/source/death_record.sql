-- grain: one row per delivered death row
-- unit: person
-- One row a person is staged: of the latest delivery. Two dates in one delivery say that neither is known. A death may
-- come up to a year after the last day under observation, where dates were shifted.
with given as (
    select
        person_id, source_id, drop_id, drop_sequence, source_file, source_row,
        coalesce(death_date, cast(death_datetime as date)) as died_on,
        cause_source_value as cause_text,
        cause_concept_id
    from raw.omop_death
    union all by name
    select
        person_id, source_id, drop_id, drop_sequence, source_file, source_row, died_on, cause_code as cause_text,
        cast(null as bigint) as cause_concept_id
    from raw.flat_death
),
placed as (
    select
        *,
        max(drop_sequence) over (partition by person_id) as latest,
        row_number() over (
            partition by person_id, drop_sequence order by died_on is null, cause_text is null, source_file, source_row
        ) as place,
        coalesce(min(died_on) over same <> max(died_on) over same, false) as is_conflicting
    from given
    window same as (partition by person_id, drop_sequence)
),
judged as (
    select
        placed.*,
        case
            when placed.drop_sequence < placed.latest then 'superseded'
            when placed.is_conflicting then 'conflicting_death_date'
            when placed.place > 1 then 'repeated_row'
            when placed.died_on is null then 'date_missing'
            when year(placed.died_on) < person.birth_year then 'before_birth'
            when placed.died_on > calendar.known_until + 366 then 'date_in_future'
        end as reason
    from placed
    left join staging.person as person on person.person_id = placed.person_id
    left join source.calendar_bound as calendar on calendar.person_id = placed.person_id
)
select
    judged.person_id,
    judged.source_id,
    judged.drop_id,
    judged.drop_sequence,
    judged.source_file,
    judged.source_row,
    'death' as family,
    judged.died_on,
    case
        when regexp_full_match(
            regexp_replace(upper(judged.cause_text), '[^A-Z0-9]', '', 'g'), '[A-Z][0-9][0-9A-Z][0-9A-Z]?[0-9A-Z]?[0-9A-Z]?[0-9A-Z]?'
        ) then rtrim(
            left(regexp_replace(upper(judged.cause_text), '[^A-Z0-9]', '', 'g'), 3) || '.'
            || substr(regexp_replace(upper(judged.cause_text), '[^A-Z0-9]', '', 'g'), 4),
            '.'
        )
        else concept.condition_code
    end as cause_code,
    case
        when judged.reason in ('superseded', 'repeated_row') then 'duplicate'
        when judged.reason is not null then 'quarantined'
        else 'staged'
    end as disposition,
    judged.reason
from judged
left join ref.condition_concept as concept on concept.concept_id = cast(judged.cause_concept_id as varchar)
