-- grain: one row per delivered procedure row and record
-- unit: person
-- Procedures keep their code; those of ref.procedure_code get the name they have here.
with given as (
    select * from source.omop_procedure
    union all by name
    select * from source.flat_procedure
),
hashed as (
    select *, hash(vocabulary_code, source_code, performed_on) as content
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
                when keyed.source_code is null then 'no_code'
                when keyed.performed_on is null then 'date_missing'
                when keyed.performed_on > bound.known_until then 'date_in_future'
                when keyed.performed_on < date '1900-01-01' then 'date_impossible'
                when keyed.performed_on < bound.earliest_on then 'before_birth'
                when keyed.performed_on > bound.latest_on then 'after_death'
            end
        ) as reason
    from keyed
    left join placed using (source_file, source_row, record_number)
    left join source.flat_withdrawn as withdrawn
        on withdrawn.person_id = keyed.person_id and withdrawn.source_id = keyed.source_id
        and withdrawn.record_id = keyed.record_id and withdrawn.kind = 'procedure'
    left join source.date_bound as bound on bound.person_id = keyed.person_id
)
select
    *,
    'procedure' as family,
    case
        when reason in ('superseded', 'repeated_row') then 'duplicate'
        when reason in ('retracted', 'entered_in_error') then 'out_of_scope'
        when reason is not null then 'quarantined'
        else 'staged'
    end as disposition
from judged
