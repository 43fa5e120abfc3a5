-- grain: one row per person
-- unit: person
select * from source.nhanes_person
union all by name
select
    person_id, sex_code, age_years, is_age_top_coded, race_ethnicity_code, birth_year, entered_on,
    source_file, source_row, source_id, drop_id
from source.person_record
where disposition = 'staged'
