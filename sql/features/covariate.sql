-- grain: one row per study, person and covariate
-- unit: person
-- As known at time zero: for surveys everything was asked or drawn at the one examination. NULL is missing.
with smoking as (
    select
        person_id,
        max(value) filter (where observation_code = 'smoked_100_cigarettes') as smoked_100,
        max(value) filter (where observation_code = 'smokes_now') as smokes_now
    from staging.observation
    group by person_id
),
measured as (
    select person_id, 'age_years' as covariate_code, age_years as value from staging.person
    union all
    select
        person_id, 'race_ethnicity',
        case race_ethnicity_code
            when 'mexican_american' then 1 when 'other_hispanic' then 2 when 'non_hispanic_white' then 3
            when 'non_hispanic_black' then 4 when 'other_or_multiracial' then 5
            when 'hispanic' then 2 when 'white' then 3 when 'black' then 4
            when 'asian' then 5 when 'native_american' then 5 when 'pacific_islander' then 5 when 'other' then 5
        end
    from staging.person
    union all
    select person_id, 'body_mass_index', max(value)
    from staging.observation
    where observation_code = 'body_mass_index'
    group by person_id
    union all
    select person_id, 'current_smoker', case when smoked_100 = 2 then 0 when smokes_now in (1, 2) then 1 when smokes_now = 3 then 0 end
    from smoking
    union all
    select person_id, 'testosterone_ng_dl', max(value)
    from staging.lab_result
    where analyte_code = 'testosterone' and not is_censored
    group by person_id
)
select
    trial_person.study_id,
    trial_person.person_id,
    study_covariate.covariate_code,
    measured.value
from cohort.trial_person as trial_person
join ref.study_covariate as study_covariate on study_covariate.study_id = trial_person.study_id
left join measured
    on measured.person_id = trial_person.person_id
    and measured.covariate_code = study_covariate.covariate_code
