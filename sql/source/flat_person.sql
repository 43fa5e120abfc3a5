-- grain: one row per flat person record
-- unit: person
-- A stated age counts from the day it was stated; without that day it is the age at entry.
select
    person.person_id,
    person.source_id,
    person.drop_id,
    person.drop_sequence,
    person.source_file,
    person.source_row,
    sex.code as sex_code,
    coalesce(person.birth_year, year(person.age_on) - cast(floor(person.age_years) as bigint)) as birth_year,
    person.age_years as stated_age_years,
    person.age_on as stated_age_on,
    race.code as race_ethnicity_code
from raw.flat_person as person
left join ref.source_word as sex
    on sex.list_code = 'sex' and sex.vocabulary_code = 'word' and sex.word = lower(trim(person.sex_text))
left join ref.source_word as race
    on race.list_code = 'race' and race.vocabulary_code = 'word' and race.word = lower(trim(person.race_text))
