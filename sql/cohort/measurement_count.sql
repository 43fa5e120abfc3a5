-- grain: one row per cycle, measurement and sex
-- unit: population
-- Everybody examined, of any age, before any study asks anything: what the survey holds.
with people as (
    select
        design.cycle_label,
        person.sex_code,
        exists (select 1 from features.e2_exposure as e2 where e2.person_id = person.person_id) as has_e2,
        exists (
            select 1 from features.bmd_change as bmd
            where bmd.person_id = person.person_id and bmd.site_code = 'total_hip'
        ) as has_femur,
        exists (
            select 1 from features.bmd_change as bmd
            where bmd.person_id = person.person_id and bmd.site_code = 'lumbar_spine'
        ) as has_spine,
        exists (
            select 1 from staging.dxa_scan as scan
            where scan.person_id = person.person_id
                and scan.site_code = 'whole_body'
                and scan.is_valid
                and scan.scan_id not like '%.whole_body_repeat'
        ) as has_whole_body,
        exists (select 1 from staging.observation_period as span where span.person_id = person.person_id) as has_follow_up
    from staging.person as person
    join staging.survey_design as design on design.person_id = person.person_id
),
measured as (
    select cycle_label, sex_code, 'respondents' as measurement, true as has_it from people
    union all
    select cycle_label, sex_code, 'estradiol', has_e2 from people
    union all
    select cycle_label, sex_code, 'femur BMD', has_femur from people
    union all
    select cycle_label, sex_code, 'spine BMD', has_spine from people
    union all
    select cycle_label, sex_code, 'whole-body BMD', has_whole_body from people
    union all
    select cycle_label, sex_code, 'estradiol and femur BMD', has_e2 and has_femur from people
    union all
    select cycle_label, sex_code, 'mortality follow-up', has_follow_up from people
)
select
    cycle_label,
    measurement,
    coalesce(sex_code, 'all') as sex_code,
    count_if(has_it) as n
from measured
group by grouping sets ((cycle_label, measurement, sex_code), (cycle_label, measurement))
