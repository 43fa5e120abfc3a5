-- grain: one row per woman
-- unit: person
-- Postmenopausal: 60 or over, both ovaries removed, or menopause given as the reason for no periods (RHD043 = 7).
-- A hysterectomy alone under 60 tells nothing about the ovaries and stays unknown. Rules are asked in this order.
with answers as (
    select
        person_id,
        max(value) filter (where observation_code = 'menses_past_year') as menses_past_year,
        max(value) filter (where observation_code = 'no_menses_reason') as no_menses_reason,
        max(value) filter (where observation_code = 'hysterectomy') as hysterectomy,
        max(value) filter (where observation_code = 'both_ovaries_removed') as both_ovaries_removed
    from staging.observation
    group by person_id
),
limits as (
    select max(value) filter (where limit_code = 'postmenopausal_age') as postmenopausal_age from ref.clinical_limit
),
ruled as (
    select
        person.person_id,
        case
            when person.age_years >= limits.postmenopausal_age then 'age_60'
            when answers.both_ovaries_removed = 1 then 'both_ovaries_removed'
            when answers.no_menses_reason = 7 then 'natural_menopause'
            when answers.menses_past_year = 1 then 'menses_past_year'
            when answers.no_menses_reason in (1, 2) then 'pregnant_or_breast_feeding'
            when answers.no_menses_reason = 3 or answers.hysterectomy = 1 then 'hysterectomy_alone'
            else 'no_answer'
        end as rule_code
    from staging.person as person
    cross join limits
    left join answers on answers.person_id = person.person_id
    where person.sex_code = 'female'
)
select
    person_id,
    case
        when rule_code in ('age_60', 'both_ovaries_removed', 'natural_menopause') then 'postmenopausal'
        when rule_code in ('menses_past_year', 'pregnant_or_breast_feeding') then 'premenopausal'
        else 'unknown'
    end as status_code,
    rule_code
from ruled
