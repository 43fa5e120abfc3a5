-- grain: one row per study, person and candidate time zero
-- unit: person
-- Days on which a cohort of a study could begin, whether or not the person is eligible, numbered in their order; and the arm
-- as the day itself tells it. Nothing later is looked at: with a grace period the arm is open.
with opened as (
    select
        cohort.study_id,
        cohort.cohort_code,
        cohort.is_first,
        cohort.grace_days,
        event.person_id,
        event.event_on as index_on
    from ref.study_cohort as cohort
    join (
        select
            *, lag(event_on) over (partition by person_id, set_code order by event_on) as previous_on
        from cohort.event
    ) as event
        on event.set_code = cohort.set_code
    where cohort.time_zero_code <> 'use_reached'
        and (cohort.minimum is null or event.value_lo >= cohort.minimum)
        and (cohort.maximum is null or event.value_hi <= cohort.maximum)
        and (
            cohort.free_days is null
            or event.previous_on is null
            or date_diff('day', event.previous_on, event.event_on) > cohort.free_days
        )
    union all
    select
        cohort.study_id,
        cohort.cohort_code,
        cohort.is_first,
        cohort.grace_days,
        event.person_id,
        event.event_on + cast(cohort.after_days as integer)
    from ref.study_cohort as cohort
    join cohort.event as event on event.set_code = cohort.set_code and event.use_from_on = event.event_on
    where cohort.time_zero_code = 'use_reached'
),
candidate as (
    select * exclude (is_first)
    from opened
    qualify not is_first or row_number() over (partition by study_id, cohort_code, person_id order by index_on) = 1
),
seen as (
    -- Arms that the supplies of the day tell; `starts_none` fits where none of the others does.
    select
        candidate.study_id, candidate.cohort_code, candidate.person_id, candidate.index_on,
        count(*) as n_arms,
        min(arm.arm_code) as arm_code
    from candidate
    join ref.study_arm as arm on arm.study_id = candidate.study_id and arm.cohort_code = candidate.cohort_code
    left join cohort.event as event
        on event.person_id = candidate.person_id
        and event.set_code = arm.set_code
        and event.event_on = candidate.index_on
    where candidate.grace_days is null
        and case arm.rule_code
            when 'starts' then event.event_on is not null
            when 'dose' then event.value_lo > arm.above and event.value_lo <= coalesce(arm.up_to, event.value_lo)
            when 'everybody' then true
            else false
        end
    group by candidate.study_id, candidate.cohort_code, candidate.person_id, candidate.index_on
),
none as (
    select study_id, cohort_code, min(arm_code) as arm_code
    from ref.study_arm
    where rule_code = 'starts_none'
    group by study_id, cohort_code
)
select
    candidate.study_id,
    candidate.person_id,
    row_number() over (
        partition by candidate.study_id, candidate.person_id order by candidate.index_on, candidate.cohort_code
    ) as trial_number,
    candidate.cohort_code,
    candidate.index_on,
    case
        when candidate.grace_days is not null then 'open'
        when seen.n_arms > 1 then 'more_than_one_arm'
        else coalesce(seen.arm_code, none.arm_code, 'no_arm')
    end as arm_code
from candidate
left join seen
    on seen.study_id = candidate.study_id
    and seen.cohort_code = candidate.cohort_code
    and seen.person_id = candidate.person_id
    and seen.index_on = candidate.index_on
left join none on none.study_id = candidate.study_id and none.cohort_code = candidate.cohort_code
