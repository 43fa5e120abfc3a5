-- grain: one row per delivered laboratory row and record
-- unit: person
-- Rows looked at with what surrounds them: person, delivery, dates, corrections and retractions of later deliveries.
-- reason: why the row cannot be staged; NULL where only other rows of its specimen may still replace it.
-- specimen_key: id of the specimen, else the moment of the draw, else the day; has_specimen tells the day apart.
with later as (
    select source_id, cast(measurement_id as varchar) as record_id, max(drop_sequence) as drop_sequence
    from raw.omop_measurement
    where drop_sequence > 1 and measurement_id is not null
    group by source_id, measurement_id
    union all
    select source_id, record_id, max(drop_sequence)
    from raw.flat_lab
    where drop_sequence > 1 and record_id is not null
    group by source_id, record_id
),
retracted as (
    select source_id, record_id, max(drop_sequence) as drop_sequence
    from raw.flat_retraction
    where kind = 'lab'
    group by source_id, record_id
),
landed as (
    select drop_id, cast(max(landed_at) as date) as landed_on from raw.manifest group by drop_id
)
select
    lab.* exclude (reason, specimen_id),
    case
        when person.person_id is null then 'person_unknown'
        when lab.analyte_code is null then 'code_not_listed'
        when retracted.drop_sequence > lab.drop_sequence then 'retracted'
        when later.drop_sequence > lab.drop_sequence then 'superseded'
        when lab.reason is not null then lab.reason
        when lab.drawn_on is null then 'date_missing'
        when lab.drawn_on > landed.landed_on then 'date_in_future'
        when lab.drawn_on < date '1900-01-01' then 'date_impossible'
    end as reason,
    coalesce(lab.specimen_id, cast(lab.drawn_at as varchar), cast(lab.drawn_on as varchar)) as specimen_key,
    lab.specimen_id is not null or lab.drawn_at is not null as has_specimen
from source.lab_value as lab
left join staging.person as person on person.person_id = lab.person_id
left join landed on landed.drop_id = lab.drop_id
left join later on later.source_id = lab.source_id and later.record_id = lab.record_id
left join retracted on retracted.source_id = lab.source_id and retracted.record_id = lab.record_id
