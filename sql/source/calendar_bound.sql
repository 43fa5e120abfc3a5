-- grain: one row per person
-- unit: person
-- Last day a record of a person can be about: the month in which the source was delivered, or the end of the person's
-- observation where dates were shifted past it. An open end such as 9999-12-31 is no shift: only a span that starts
-- after the delivery, or ends within a year of it, is.
select
    person.person_id,
    max(greatest(
        latest.latest_on,
        case when span.starts_on > latest.latest_on or span.ends_on <= latest.latest_on + 366 then span.ends_on end
    )) as known_until
from staging.person as person
join staging.latest_day as latest on latest.source_id = person.source_id
left join staging.observation_period as span on span.person_id = person.person_id
group by person.person_id
