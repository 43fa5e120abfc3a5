-- grain: one row per delivered diagnosis row and record
-- unit: person
-- Which code stands for a row, and in which vocabulary, is decided by source.condition_code.
with given as (
    select * from source.condition_code
),
hashed as (
    select *, hash(source_code, vocabulary_code, condition_code, recorded_on, setting_code, is_primary) as content
    from given
),
keyed as (
    select *, coalesce(record_id, 'row ' || content) as record_key from hashed
),
repeated as (
    select person_id, source_id, record_key from keyed group by all having count(*) > 1
),
placed as (
    select
        source_file, source_row, record_number,
        case
            when drop_sequence < max(drop_sequence) over (partition by person_id, source_id, record_key)
                then 'superseded'
            when min(content) over delivered <> max(content) over delivered then 'conflicting_id'
            when row_number() over (delivered order by source_file, source_row, record_number) > 1 then 'repeated_row'
        end as repetition
    from keyed
    semi join repeated using (person_id, source_id, record_key)
    window delivered as (partition by person_id, source_id, record_key, drop_sequence)
),
judged as (
    select
        keyed.* exclude (content, record_key),
        coalesce(
            placed.repetition,
            case
                when withdrawn.drop_sequence > keyed.drop_sequence then 'retracted'
                when keyed.status_code = 'entered_in_error' then 'entered_in_error'
                when keyed.condition_code is null then 'no_code'
                when keyed.recorded_on is null then 'date_missing'
                when keyed.recorded_on > bound.known_until then 'date_in_future'
                when keyed.recorded_on < date '1900-01-01' then 'date_impossible'
                when keyed.recorded_on < bound.earliest_on then 'before_birth'
                when keyed.recorded_on > bound.latest_on then 'after_death'
            end
        ) as reason
    from keyed
    left join placed using (source_file, source_row, record_number)
    left join source.flat_withdrawn as withdrawn
        on withdrawn.person_id = keyed.person_id and withdrawn.source_id = keyed.source_id
        and withdrawn.record_id = keyed.record_id and withdrawn.kind = 'diagnosis'
    left join source.date_bound as bound on bound.person_id = keyed.person_id
)
select
    *,
    'condition' as family,
    case
        when reason in ('superseded', 'repeated_row') then 'duplicate'
        when reason in ('retracted', 'entered_in_error') then 'out_of_scope'
        when reason is not null then 'quarantined'
        else 'staged'
    end as disposition
from judged
