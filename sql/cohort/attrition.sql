-- grain: one row per study, step and arm
-- unit: population
-- Step 0 is everybody in the cycles of the study; a person leaves at the first rule that does not hold.
with first_failure as (
    select
        study_id, person_id, any_value(group_code) as group_code,
        min(step_number) filter (where not is_met) as failed_at
    from cohort.criterion
    group by study_id, person_id
),
steps as (
    select study_id, step_number, criterion_code, label from ref.study_criterion
    union all
    select study_id, 0, 'everybody', 'Everybody in the survey cycles of the study' from ref.study
)
select
    steps.study_id,
    case first_failure.group_code when 'male' then 'men' else 'women' end as arm_code,
    steps.step_number,
    steps.criterion_code,
    steps.label,
    count_if(coalesce(first_failure.failed_at, 1000) > steps.step_number - 1) as n_before,
    count_if(coalesce(first_failure.failed_at, 1000) > steps.step_number) as n_after,
    count_if(coalesce(first_failure.failed_at, 1000) > steps.step_number) / count(*)::double as share_left
from steps
join first_failure on first_failure.study_id = steps.study_id
group by steps.study_id, arm_code, steps.step_number, steps.criterion_code, steps.label
