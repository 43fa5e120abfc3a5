-- grain: one row per delivered laboratory row and record
-- unit: person
-- Rows looked at with what surrounds them: person, delivery, dates, corrections and retractions of later deliveries.
-- Only rows of the same person correct or retract: each person must come out the same whoever else is computed with them.
-- reason: why the row cannot be staged; NULL where only other rows of its specimen may still replace it.
-- has_specimen: the id of the specimen is known, or the moment of the draw; else results share a day only.
-- A number that is not plausible in its unit, but would be in another that laboratories use, may carry a wrong label: it
-- is set aside, never converted again. Outside the usual range of its sex only, it is staged and flagged; so it is in
-- another unit than its laboratory uses.
with later as (
    select person_id, source_id, cast(measurement_id as varchar) as record_id, max(drop_sequence) as drop_sequence
    from raw.omop_measurement
    where drop_sequence > 1 and measurement_id is not null
    group by person_id, source_id, measurement_id
    union all
    select person_id, source_id, record_id, max(drop_sequence)
    from raw.flat_lab
    where drop_sequence > 1 and record_id is not null
    group by person_id, source_id, record_id
),
retracted as (
    select person_id, source_id, record_id, max(drop_sequence) as drop_sequence
    from source.flat_withdrawn
    where kind = 'lab'
    group by person_id, source_id, record_id
),
used_unit as (
    select factor.analyte_code, list(distinct factor.factor) as factors
    from ref.unit_factor as factor
    semi join ref.unit as unit on unit.vocabulary_code = 'omop' and unit.ucum_code = factor.ucum_code
    where factor.summand = 0
    group by factor.analyte_code
),
known as (
    select
        person.person_id,
        person.sex_code,
        bound.earliest_on,
        bound.latest_on as lived_until,
        bound.known_until
    from staging.person as person
    left join source.date_bound as bound on bound.person_id = person.person_id
),
placed as (
    select
        lab.*,
        person.person_id is not null as has_person,
        person.earliest_on,
        person.lived_until,
        person.known_until,
        lab.operator = '=' and lab.value not between lab.plausible_minimum and lab.plausible_maximum as is_implausible,
        case when lab.operator = '=' then case person.sex_code
            when 'male' then lab.value not between lab.usual_minimum_men and lab.usual_maximum_men
            when 'female' then lab.value not between lab.usual_minimum_women and lab.usual_maximum_women
        end end as is_unusual,
        case person.sex_code when 'male' then lab.usual_minimum_men when 'female' then lab.usual_minimum_women
            end as usual_minimum,
        case person.sex_code when 'male' then lab.usual_maximum_men when 'female' then lab.usual_maximum_women
            end as usual_maximum
    from source.lab_value as lab
    left join known as person on person.person_id = lab.person_id
)
select
    lab.* exclude (reason, has_person, is_implausible, is_unusual, usual_minimum, usual_maximum,
        plausible_minimum, plausible_maximum, usual_minimum_men, usual_maximum_men, usual_minimum_women,
        usual_maximum_women, fill_flag, is_off_habit, earliest_on, lived_until, known_until, latest_on),
    case
        when not lab.has_person then 'person_unknown'
        when lab.analyte_code is null then 'code_not_listed'
        when retracted.drop_sequence > lab.drop_sequence then 'retracted'
        when later.drop_sequence > lab.drop_sequence then 'superseded'
        when lab.reason is not null then lab.reason
        when lab.drawn_on is null then 'date_missing'
        when lab.drawn_on > greatest(lab.latest_on, lab.known_until) then 'date_in_future'
        when lab.drawn_on < date '1900-01-01' then 'date_impossible'
        when lab.drawn_on < lab.earliest_on then 'before_birth'
        when lab.drawn_on > lab.lived_until then 'after_death'
        when lab.is_implausible and len(list_filter(used.factors, lambda factor:
            lab.source_value * factor between lab.plausible_minimum and lab.plausible_maximum)) > 0
            then 'unit_implausible'
    end as reason,
    case
        when lab.fill_flag is not null then lab.fill_flag
        when lab.is_implausible then 'implausible'
        when lab.is_unusual and len(list_filter(used.factors, lambda factor:
            lab.source_value * factor between lab.usual_minimum and lab.usual_maximum)) > 0 then 'unit_suspect'
        when lab.is_off_habit then 'unit_not_of_lab'
    end as value_flag,
    lab.specimen_id is not null or lab.drawn_at is not null as has_specimen
from placed as lab
-- Only a value out of its range meets the list of factors: a list costs more to carry than all else of a row.
left join used_unit as used
    on used.analyte_code = case when lab.is_implausible or lab.is_unusual then lab.analyte_code end
left join later
    on later.person_id = lab.person_id and later.source_id = lab.source_id and later.record_id = lab.record_id
left join retracted
    on retracted.person_id = lab.person_id and retracted.source_id = lab.source_id
    and retracted.record_id = lab.record_id
