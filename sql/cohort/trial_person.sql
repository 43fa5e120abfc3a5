-- grain: one row per study, person and time zero
-- unit: person
-- Eligible is who meets every rule. A survey has one time zero, the examination, and no follow-up of its own.
select
    criterion.study_id,
    criterion.person_id,
    criterion.trial_number,
    any_value(criterion.cohort_code) as cohort_code,
    case
        when any_value(person.sex_code) = 'male' then 'men'
        when any_value(study.arm_rule) = 'sex' then 'women'
        when any_value(menopausal_status.status_code) = 'postmenopausal' then 'postmenopausal_women'
        when any_value(menopausal_status.status_code) = 'premenopausal' then 'premenopausal_women'
        else 'women_of_unknown_status'
    end as arm_code,
    cast(null as date) as index_on,
    cast(null as date) as end_on,
    'cross_sectional' as end_reason,
    cast(null as date) as grace_ends_on,
    cast(null as varchar) as strategy_code,
    cast(null as date) as strategy_on,
    any_value(design.cycle_label) as cycle_label
from cohort.criterion as criterion
join ref.study as study on study.study_id = criterion.study_id
join staging.person as person on person.person_id = criterion.person_id
join staging.survey_design as design on design.person_id = criterion.person_id
-- A survey asks once, without a day.
left join features.menopausal_status as menopausal_status
    on menopausal_status.person_id = criterion.person_id and menopausal_status.known_on is null
group by criterion.study_id, criterion.person_id, criterion.trial_number
having bool_and(criterion.is_met)
