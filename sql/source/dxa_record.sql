-- grain: one row per delivered densitometry row and record
-- unit: person
-- Density in g/cm2. Printed T- and Z-scores are never read: scores are computed from density and a declared reference.
-- A density without a unit is g/cm2 only where it can be nothing else; what cannot occur in a person is set aside.
with given as (
    select * from source.dxa_value
),
hashed as (
    select *, hash(scan_key, site_code, side_code, vertebrae_code, quantity_code, value, unit_word, scanned_on,
        scanned_at) as content
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
                when keyed.quantity_code = 'area' then 'scan_detail'
                when keyed.status_code = 'entered_in_error' then 'entered_in_error'
                when keyed.value is null and keyed.has_score then 'printed_score_only'
                when keyed.quantity_code <> 'bmd' and keyed.value is not null then 'printed_score_only'
                when keyed.value is null and keyed.has_value_text then 'value_unreadable'
                when keyed.value is null then 'no_value'
                when keyed.site_code is null then 'site_unknown'
                when keyed.unit_factor is null then 'unit_unknown'
                when keyed.bmd_g_cm2 not between keyed.minimum and keyed.maximum then 'bmd_impossible'
                when keyed.scanned_on is null then 'date_missing'
                when keyed.scanned_on > bound.known_until then 'date_in_future'
                when keyed.scanned_on < date '1900-01-01' then 'date_impossible'
                when keyed.scanned_on < bound.earliest_on then 'before_birth'
                when keyed.scanned_on > bound.latest_on then 'after_death'
            end
        ) as reason
    from keyed
    left join placed using (source_file, source_row, record_number)
    left join source.flat_withdrawn as withdrawn
        on withdrawn.person_id = keyed.person_id and withdrawn.source_id = keyed.source_id
        and withdrawn.record_id = keyed.record_id and withdrawn.kind = 'dxa'
    left join source.date_bound as bound on bound.person_id = keyed.person_id
)
select
    *,
    'dxa' as family,
    case
        when reason in ('superseded', 'repeated_row') then 'duplicate'
        when reason in ('retracted', 'entered_in_error', 'printed_score_only', 'scan_detail') then 'out_of_scope'
        when reason is not null then 'quarantined'
        else 'staged'
    end as disposition
from judged
