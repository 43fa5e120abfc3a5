-- grain: one row per person
-- unit: person
-- Between which days a record of a person can be: not before the year of birth, not more than a month after the death,
-- not later than the source was delivered.
select
    person.person_id,
    make_date(person.birth_year, 1, 1) as earliest_on,
    death.died_on + cast(limits.days as integer) as latest_on,
    calendar.known_until
from staging.person as person
left join staging.death as death on death.person_id = person.person_id
left join source.calendar_bound as calendar on calendar.person_id = person.person_id
cross join (select max(value) as days from ref.clinical_limit where limit_code = 'days_after_death') as limits
