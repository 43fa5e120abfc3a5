-- grain: one row per OMOP person row
-- unit: person
-- The standard concept decides; the source's own word only where the concept says nothing.
select
    person.person_id,
    person.source_id,
    person.drop_id,
    person.drop_sequence,
    person.source_file,
    person.source_row,
    coalesce(sex.code, sex_word.code) as sex_code,
    person.year_of_birth as birth_year,
    cast(null as double) as stated_age_years,
    cast(null as date) as stated_age_on,
    case
        when 'hispanic' in (ethnicity.code, ethnicity_word.code) then 'hispanic'
        else coalesce(race.code, race_word.code)
    end as race_ethnicity_code
from raw.omop_person as person
left join ref.source_word as sex
    on sex.list_code = 'sex' and sex.vocabulary_code = 'omop'
    and sex.word = cast(person.gender_concept_id as varchar)
left join ref.source_word as sex_word
    on sex_word.list_code = 'sex' and sex_word.vocabulary_code = 'word'
    and sex_word.word = lower(trim(person.gender_source_value))
left join ref.source_word as race
    on race.list_code = 'race' and race.vocabulary_code = 'omop'
    and race.word = cast(person.race_concept_id as varchar)
left join ref.source_word as race_word
    on race_word.list_code = 'race' and race_word.vocabulary_code = 'word'
    and race_word.word = lower(trim(person.race_source_value))
left join ref.source_word as ethnicity
    on ethnicity.list_code = 'ethnicity' and ethnicity.vocabulary_code = 'omop'
    and ethnicity.word = cast(person.ethnicity_concept_id as varchar)
left join ref.source_word as ethnicity_word
    on ethnicity_word.list_code = 'ethnicity' and ethnicity_word.vocabulary_code = 'word'
    and ethnicity_word.word = lower(trim(person.ethnicity_source_value))
