-- grain: one row per source row of a table that staging reads, and record
-- unit: person
-- What must become of each row is decided by the row alone, without looking at the staging tables; is_found says
-- whether it is there. So staging.conservation can find a row that went missing on its way. A row that gives several
-- records counts once, by the record that got furthest.
with record as (
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.person_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.period_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.death_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.visit_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.condition_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.procedure_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.observation_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.drug_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.dxa_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.lab_record
    union all
    select person_id, source_id, drop_id, source_file, source_row, family, disposition, reason
    from source.aside_record
),
judged as (
    select
        record.* exclude (disposition, reason),
        case when person.person_id is null then 'quarantined' else record.disposition end as disposition,
        case
            when record.family = 'person' and record.reason in ('no_sex', 'conflicting_person') then record.reason
            when person.person_id is null then 'person_unknown'
            else record.reason
        end as reason
    from record
    left join staging.person as person on person.person_id = record.person_id
),
-- Only rows of flat files give several records: others need no window.
many as (
    select source_file, source_row
    from judged
    where source_id <> 'omop'
    group by source_file, source_row
    having count(*) > 1
),
numbered as (
    select judged.*, 1 as record_number
    from judged
    anti join many using (source_file, source_row)
    union all
    select
        judged.*,
        row_number() over (
            partition by source_file, source_row
            order by
                case disposition
                    when 'staged' then 1 when 'quarantined' then 2 when 'duplicate' then 3 else 4
                end,
                family, reason
        ) as record_number
    from judged
    semi join many using (source_file, source_row)
),
found as (
    select source_file, source_row from staging.person
    union all
    select source_file, source_row from staging.observation_period
    union all
    select source_file, source_row from staging.death
    union all
    select source_file, source_row from staging.visit
    union all
    select source_file, source_row from staging.lab_result
    union all
    select source_file, source_row from staging.dxa_scan
    union all
    select source_file, source_row from staging.drug_exposure
    union all
    select source_file, source_row from staging.condition
    union all
    select source_file, source_row from staging.procedure
    union all
    select source_file, source_row from staging.observation
),
accounted as (
    select
        person_id, source_file, source_row, cast(record_number as bigint) as record_number, family,
        disposition, reason, source_id, drop_id
    from numbered
    union all
    select
        person_id, source_file, source_row, 1 as record_number, family, disposition, reason, source_id, drop_id
    from source.nhanes_row
)
select
    accounted.*,
    -- A pair in a list of pairs would take twice the memory.
    exists (
        select 1 from found
        where found.source_file = accounted.source_file and found.source_row = accounted.source_row
    ) as is_found
from accounted
