-- grain: one row per study, person and time zero
-- unit: person
-- Eligible is who meets every rule. A survey has one time zero, the examination, and no follow-up of its own.
-- What comes after time zero stands in end, grace and strategy columns, and nowhere else. Follow-up ends with the first of:
-- the horizon, death, the end of observation, an event or the stop of a drug that the study stops for, a deviation from the
-- protocol of the strategy that was begun (the day after the grace period at the earliest). Which strategy of a cohort with a
-- grace period a person was seen to begin is for cloning and censoring; it is NULL where follow-up ended before that was decided.
with eligible as (
    select judged.study_id, judged.person_id, judged.trial_number
    from (
        select study_id, person_id, trial_number, any_value(cohort_code) as cohort_code
        from cohort.criterion
        group by study_id, person_id, trial_number
        having bool_and(is_met)
    ) as judged
    join ref.study_cohort as cohort on cohort.study_id = judged.study_id and cohort.cohort_code = judged.cohort_code
    qualify not cohort.is_first_eligible
        or row_number() over (
            partition by judged.study_id, judged.person_id, judged.cohort_code order by judged.trial_number
        ) = 1
),
followed as (
    select
        zero.study_id,
        zero.person_id,
        zero.trial_number,
        zero.cohort_code,
        zero.arm_code,
        zero.index_on,
        cohort.grace_before_days,
        zero.index_on + cast(cohort.grace_days as integer) as grace_ends_on,
        zero.index_on + cast(cohort.follow_up_days as integer) as horizon_on,
        death.died_on,
        max(period.ends_on) as observed_until_on
    from cohort.time_zero as zero
    join eligible using (study_id, person_id, trial_number)
    join ref.study_cohort as cohort on cohort.study_id = zero.study_id and cohort.cohort_code = zero.cohort_code
    join staging.observation_period as period
        on period.person_id = zero.person_id
        and period.starts_on <= zero.index_on
        and period.ends_on >= zero.index_on
    left join staging.death as death on death.person_id = zero.person_id
    group by all
),
asked as (
    -- What may end follow-up. A deviation counts from the day after the grace period, by what stands at the end of that.
    select
        followed.study_id, followed.person_id, followed.trial_number, followed.index_on,
        listed.reason_code, listed.rule_code, listed.set_code, listed.arm_code, listed.share,
        cast(listed.gap_days as integer) as gap_days,
        coalesce(listed.is_deviation, false) as is_deviation,
        case when listed.is_deviation then followed.grace_ends_on else followed.index_on end as stands_on,
        case when listed.is_deviation then followed.grace_ends_on + 1 else followed.index_on end as counts_from_on
    from followed
    join ref.study_censor as listed
        on listed.study_id = followed.study_id and listed.cohort_code = followed.cohort_code
),
supplied as (
    -- Drugs whose stop ends follow-up: the day on which each supply and all before it ran out, and the next supply.
    select
        censor.study_id, censor.person_id, censor.trial_number, censor.reason_code, censor.arm_code, censor.is_deviation,
        censor.stands_on, censor.counts_from_on,
        event.use_until_on + censor.gap_days as known_on,
        lead(event.event_on) over (
            partition by censor.study_id, censor.person_id, censor.trial_number, censor.reason_code
            order by event.event_on
        ) as next_on
    from asked as censor
    join cohort.event as event on event.person_id = censor.person_id and event.set_code = censor.set_code
    where censor.rule_code = 'stops'
),
told as (
    -- Doses that an instruction tells. Quantity over days of supply jumps where a vial is kept for 28 days or five months: no dose is
    -- told by it. A row for the drug and one for its class: joined by either at once, the engine (2.0) waits for ever under a limit.
    select person_id, supplied_on, dose_mg_per_week as dose, unnest([ingredient, drug_class]) as code
    from features.drug_supply
    where dose_source = 'sig' and dose_mg_per_week is not null
),
dosed as (
    -- Drugs whose change of dose ends follow-up: each dose told, the last one before time zero, and the next supply.
    select
        censor.study_id, censor.person_id, censor.trial_number, censor.reason_code, censor.arm_code, censor.is_deviation,
        censor.index_on, censor.stands_on, censor.counts_from_on, censor.share,
        told.supplied_on,
        told.dose,
        arg_max(told.dose, told.supplied_on) filter (where told.supplied_on < censor.index_on) over (
            partition by censor.study_id, censor.person_id, censor.trial_number, censor.reason_code
        ) as dose_before,
        lead(told.supplied_on) over (
            partition by censor.study_id, censor.person_id, censor.trial_number, censor.reason_code
            order by told.supplied_on
        ) as next_on
    from asked as censor
    join ref.study_set as study_set on study_set.set_code = censor.set_code
    join told on told.person_id = censor.person_id and told.code = study_set.code
    where censor.rule_code = 'dose_changes'
),
reason as (
    select
        censor.study_id, censor.person_id, censor.trial_number, censor.reason_code, censor.arm_code, censor.is_deviation,
        event.event_on as ends_on
    from asked as censor
    join cohort.event as event
        on event.person_id = censor.person_id
        and event.set_code = censor.set_code
        and event.event_on > censor.stands_on
    where censor.rule_code = 'event' or censor.rule_code = 'begins'
    union all
    -- A stop is known once the gap has passed: whether follow-up goes on hangs on no later supply.
    select
        study_id, person_id, trial_number, reason_code, arm_code, is_deviation,
        greatest(known_on, counts_from_on)
    from supplied
    where coalesce(next_on > known_on, true) and coalesce(next_on > stands_on, true)
    union all
    select
        study_id, person_id, trial_number, reason_code, arm_code, is_deviation,
        greatest(supplied_on, counts_from_on)
    from dosed
    -- What two divisions round differently is no change.
    where supplied_on >= index_on
        and abs(dose - dose_before) > share * dose_before * (1 + 1e-9)
        and coalesce(next_on > stands_on, true)
),
censored as (
    select
        study_id, person_id, trial_number,
        min(ends_on) as censored_on,
        arg_min(reason_code, (ends_on, reason_code)) as reason_code
    from reason
    where not is_deviation
    group by study_id, person_id, trial_number
),
ended as (
    select
        followed.*,
        least(followed.horizon_on, followed.died_on, followed.observed_until_on, censored.censored_on) as end_on,
        case
            when followed.died_on <= least(followed.horizon_on, followed.observed_until_on, censored.censored_on)
                then 'death'
            when censored.censored_on <= least(followed.horizon_on, followed.observed_until_on) then censored.reason_code
            when followed.horizon_on <= followed.observed_until_on then 'horizon'
            else 'observation_ended'
        end as end_reason
    from followed
    left join censored using (study_id, person_id, trial_number)
),
begun as (
    -- The first supply of each strategy's drugs around time zero; the earliest strategy is the one that was begun.
    select ended.study_id, ended.person_id, ended.trial_number, arm.arm_code, min(event.event_on) as begun_on
    from ended
    join ref.study_arm as arm
        on arm.study_id = ended.study_id and arm.cohort_code = ended.cohort_code and arm.rule_code = 'starts'
    join cohort.event as event
        on event.person_id = ended.person_id
        and event.set_code = arm.set_code
        and event.event_on >= ended.index_on - cast(ended.grace_before_days as integer)
        and event.event_on <= least(ended.grace_ends_on, ended.end_on)
    where ended.grace_ends_on is not null
    group by ended.study_id, ended.person_id, ended.trial_number, arm.arm_code
),
first_begun as (
    select
        study_id, person_id, trial_number,
        min(begun_on) as begun_on,
        case when count_if(begun_on = first_on) = 1 then min(case when begun_on = first_on then arm_code end) end
            as arm_code
    from (
        select *, min(begun_on) over (partition by study_id, person_id, trial_number) as first_on from begun
    )
    group by study_id, person_id, trial_number
),
shelf as (
    -- Use as it went on after time zero: the day on which each supply and all before it ran out, and the next supply.
    select
        ended.study_id, ended.person_id, ended.trial_number, ended.index_on, ended.grace_ends_on, ended.end_on,
        arm.arm_code, arm.gap_days,
        event.use_until_on,
        lead(event.event_on) over (
            partition by ended.study_id, ended.person_id, ended.trial_number, arm.arm_code order by event.event_on
        ) as next_on
    from ended
    join ref.study_arm as arm
        on arm.study_id = ended.study_id and arm.cohort_code = ended.cohort_code and arm.rule_code = 'stops'
    join cohort.event as event
        on event.person_id = ended.person_id
        and event.set_code = arm.set_code
        and event.event_on <= ended.end_on
),
stopped as (
    -- A stop is known once the gap has passed within follow-up.
    select study_id, person_id, trial_number, min(arm_code) as arm_code, min(use_until_on) as stopped_on
    from shelf
    where use_until_on <= grace_ends_on
        and use_until_on + cast(gap_days as integer) <= end_on
        and coalesce(next_on > use_until_on + cast(gap_days as integer), true)
        and coalesce(next_on > index_on, true)
    group by study_id, person_id, trial_number
),
otherwise as (
    select study_id, cohort_code, min(arm_code) as arm_code
    from ref.study_arm
    where rule_code in ('starts_none', 'continues')
    group by study_id, cohort_code
),
decided as (
    select
        ended.study_id,
        ended.person_id,
        ended.trial_number,
        ended.cohort_code,
        ended.arm_code,
        ended.index_on,
        ended.end_on,
        ended.end_reason,
        ended.grace_ends_on,
        case
            when ended.grace_ends_on is null then null
            when first_begun.begun_on is not null then first_begun.arm_code
            when stopped.stopped_on is not null then stopped.arm_code
            when ended.end_on >= ended.grace_ends_on then otherwise.arm_code
        end as strategy_code,
        coalesce(first_begun.begun_on, stopped.stopped_on) as strategy_on,
        cast(null as varchar) as cycle_label
    from ended
    left join first_begun using (study_id, person_id, trial_number)
    left join stopped using (study_id, person_id, trial_number)
    left join otherwise on otherwise.study_id = ended.study_id and otherwise.cohort_code = ended.cohort_code
),
deviated as (
    -- What each was seen to begin tells from which strategy it can be deviated.
    select
        decided.study_id, decided.person_id, decided.trial_number,
        min(reason.ends_on) as deviated_on,
        arg_min(reason.reason_code, (reason.ends_on, reason.reason_code)) as reason_code
    from decided
    join reason using (study_id, person_id, trial_number)
    where reason.is_deviation and coalesce(reason.arm_code = decided.strategy_code, reason.arm_code is null)
    group by decided.study_id, decided.person_id, decided.trial_number
),
of_cohort as (
    select
        decided.* replace (
            least(decided.end_on, deviated.deviated_on) as end_on,
            case
                when deviated.deviated_on < decided.end_on then deviated.reason_code
                when deviated.deviated_on = decided.end_on and decided.end_reason in ('horizon', 'observation_ended')
                    then deviated.reason_code
                else decided.end_reason
            end as end_reason
        )
    from decided
    left join deviated using (study_id, person_id, trial_number)
)
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
where criterion.cohort_code = 'survey'
group by criterion.study_id, criterion.person_id, criterion.trial_number
having bool_and(criterion.is_met)
union all by name
select * from of_cohort
