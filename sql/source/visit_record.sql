-- grain: one row per delivered visit row and record
-- unit: person
-- An unknown kind of visit stays unknown. A visit that ends before it starts keeps its first day only.
with given as (
    select
        visit.person_id, visit.source_id, visit.drop_id, visit.drop_sequence, visit.source_file, visit.source_row,
        1 as record_number,
        cast(visit.visit_occurrence_id as varchar) as record_id,
        visit.visit_occurrence_id,
        coalesce(concept.code, word.code, 'unknown') as visit_code,
        coalesce(visit.visit_start_date, cast(visit.visit_start_datetime as date)) as starts_on,
        coalesce(visit.visit_end_date, cast(visit.visit_end_datetime as date)) as ends_on
    from raw.omop_visit_occurrence as visit
    left join ref.source_word as concept
        on concept.list_code = 'visit' and concept.vocabulary_code = 'omop'
        and concept.word = cast(visit.visit_concept_id as varchar)
    left join ref.source_word as word
        on word.list_code = 'visit' and word.vocabulary_code = 'word'
        and word.word = lower(trim(visit.visit_source_value))
    union all by name
    select
        visit.person_id, visit.source_id, visit.drop_id, visit.drop_sequence, visit.source_file, visit.source_row,
        visit.record_number,
        visit.record_id,
        cast(null as bigint) as visit_occurrence_id,
        coalesce(word.code, 'unknown') as visit_code,
        visit.starts_on,
        visit.ends_on
    from raw.flat_visit as visit
    left join ref.source_word as word
        on word.list_code = 'visit' and word.vocabulary_code = 'word'
        and word.word = lower(trim(visit.visit_type_text))
),
hashed as (
    select *, hash(visit_code, starts_on, ends_on) as content
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
                when keyed.starts_on is null then 'date_missing'
                when keyed.starts_on > bound.known_until then 'date_in_future'
                when keyed.starts_on < date '1900-01-01' then 'date_impossible'
                when keyed.starts_on < bound.earliest_on then 'before_birth'
                when keyed.starts_on > bound.latest_on then 'after_death'
            end
        ) as reason
    from keyed
    left join placed using (source_file, source_row, record_number)
    left join source.flat_withdrawn as withdrawn
        on withdrawn.person_id = keyed.person_id and withdrawn.source_id = keyed.source_id
        and withdrawn.record_id = keyed.record_id and withdrawn.kind = 'visit'
    left join source.date_bound as bound on bound.person_id = keyed.person_id
)
select
    * replace (case when ends_on >= starts_on then ends_on end as ends_on),
    'visit' as family,
    case
        when reason in ('superseded', 'repeated_row') then 'duplicate'
        when reason in ('retracted') then 'out_of_scope'
        when reason is not null then 'quarantined'
        else 'staged'
    end as disposition
from judged
