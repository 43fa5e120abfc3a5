-- grain: one row per study, cohort, step and arm
-- unit: population
-- Step 0 is everybody in the cycles of a survey, or everybody with a time zero of a cohort; a person leaves at the first rule
-- that does not hold. A person with several time zeros stays as long as one of them does. Arms nobody is in are counted, too.
with first_failure as (
    select
        study_id, cohort_code, person_id, trial_number,
        any_value(group_code) as group_code,
        coalesce(min(step_number) filter (where not is_met), 1000) as failed_at
    from cohort.criterion
    group by study_id, cohort_code, person_id, trial_number
),
last_failure as (
    select
        study_id, cohort_code, person_id,
        case group_code when 'male' then 'men' when 'female' then 'women' else group_code end as arm_code,
        max(failed_at) as failed_at
    from first_failure
    group by study_id, cohort_code, person_id, arm_code
),
failed as (
    select study_id, cohort_code, arm_code, failed_at, count(*) as n
    from last_failure
    group by study_id, cohort_code, arm_code, failed_at
),
arms as (
    select study_id, cohort_code, arm_code from failed
    union
    select arm.study_id, arm.cohort_code, case when cohort.grace_days is null then arm.arm_code else 'open' end
    from ref.study_arm as arm
    join ref.study_cohort as cohort on cohort.study_id = arm.study_id and cohort.cohort_code = arm.cohort_code
),
steps as (
    select study_id, cohort_code, step_number, criterion_code, label from ref.study_criterion
    union all
    select study_id, 'survey', 0, 'everybody', 'Everybody in the survey cycles of the study'
    from ref.study
    where arm_rule in ('sex', 'sex_and_menopause')
    union all
    select study_id, cohort_code, 0, 'time_zero', title from ref.study_cohort
),
family as (
    -- Cohorts that one kind of event opens count the same people: their counts are to be hidden together.
    select study_id, cohort_code, concat_ws('/', time_zero_code, set_code, minimum, maximum) as family_code
    from ref.study_cohort
)
select
    arms.study_id,
    arms.cohort_code,
    arms.arm_code,
    coalesce(any_value(family.family_code), arms.study_id) as family_code,
    steps.step_number,
    steps.criterion_code,
    steps.label,
    cast(coalesce(sum(failed.n) filter (where failed.failed_at > steps.step_number - 1), 0) as bigint) as n_before,
    cast(coalesce(sum(failed.n) filter (where failed.failed_at > steps.step_number), 0) as bigint) as n_after,
    coalesce(sum(failed.n) filter (where failed.failed_at > steps.step_number), 0) / sum(failed.n)::double as share_left
from arms
join steps on steps.study_id = arms.study_id and steps.cohort_code = arms.cohort_code
left join family on family.study_id = arms.study_id and family.cohort_code = arms.cohort_code
left join failed
    on failed.study_id = arms.study_id
    and failed.cohort_code = arms.cohort_code
    and failed.arm_code = arms.arm_code
group by arms.study_id, arms.cohort_code, arms.arm_code, steps.step_number, steps.criterion_code, steps.label
