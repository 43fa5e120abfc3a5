-- grain: one row per person
-- unit: person
-- NHANES: a respondent is one row of DEMO. Rows without a sex go to quarantine, not here.
-- Ages are released with a ceiling: 85 up to 2005-2006, 80 since.
select
    demo.person_id,
    case demo.RIAGENDR when 1 then 'male' when 2 then 'female' end as sex_code,
    floor(demo.RIDAGEYR) as age_years,
    coalesce(demo.RIDAGEYR >= case when demo.cycle_code in ('A', 'B', 'C', 'D') then 85 else 80 end, false)
        as is_age_top_coded,
    case demo.RIDRETH1
        when 1 then 'mexican_american'
        when 2 then 'other_hispanic'
        when 3 then 'non_hispanic_white'
        when 4 then 'non_hispanic_black'
        when 5 then 'other_or_multiracial'
    end as race_ethnicity_code,
    cast(null as bigint) as birth_year,
    cast(null as date) as entered_on,
    demo.source_file,
    demo.source_row,
    demo.source_id,
    demo.drop_id
from raw.nhanes_demo as demo
where demo.RIAGENDR in (1, 2)
