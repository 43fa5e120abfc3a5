-- grain: one row per study, person, time zero and outcome
-- unit: person
-- Outcomes that are phenotypes, by study: the first new event after time zero and not after follow-up, whether the outcome was
-- known before (prevalent), and when and why follow-up ended. A record on the day of time zero counts as before.
-- Studies with such an outcome get every accepted negative control beside their own. Follow-up ends with the study's own end,
-- death, the end of observation, or the first record of what censors the outcome (ref.phenotype.censored_by).
-- Where a study counts outcomes from a later day on (ref.study_cohort.follow_up_from_days), the first event is the first from
-- that day, and what came between lies before it (is_early_event): who is at risk then had none.
with own as (
    select
        named.study_id, named.outcome_code,
        case when named.is_primary then 'primary' else 'secondary' end as role_code
    from ref.study_outcome as named
    semi join ref.phenotype as phenotype on phenotype.phenotype_code = named.outcome_code
),
asked as (
    select * from own
    union all
    select study.study_id, control.subject_code, 'negative_control'
    from (select distinct study_id from own) as study
    join ref.negative_control as control on control.kind_code = 'event' and control.verdict_code = 'accepted'
    where not exists (
        select 1 from own where own.study_id = study.study_id and own.outcome_code = control.subject_code
    )
),
trial as (
    select
        trial.study_id, trial.person_id, trial.trial_number, trial.index_on, trial.end_on, trial.end_reason,
        greatest(trial.index_on + 1, trial.index_on + cast(coalesce(any_value(cohort.follow_up_from_days), 0) as integer))
            as counts_from_on,
        max(period.ends_on) as observed_until_on,
        any_value(death.died_on) as died_on
    from cohort.trial_person as trial
    left join ref.study_cohort as cohort
        on cohort.study_id = trial.study_id and cohort.cohort_code = trial.cohort_code
    left join staging.observation_period as period
        on period.person_id = trial.person_id
        and period.starts_on <= trial.index_on
        and period.ends_on >= trial.index_on
    left join staging.death as death on death.person_id = trial.person_id and death.died_on >= trial.index_on
    where trial.index_on is not null
    group by
        trial.study_id, trial.person_id, trial.trial_number, trial.index_on, trial.end_on, trial.end_reason
),
-- One look at the records of each person: what lies before each time zero, and what comes first after it.
recorded as (
    select
        trial.study_id, trial.person_id, trial.trial_number, event.phenotype_code,
        max(event.event_on) filter (where event.event_on <= trial.index_on) as last_before_on,
        min(event.event_on) filter (where event.event_on > trial.index_on) as first_record_on,
        bool_or(event.event_on > trial.index_on and event.event_on < trial.counts_from_on and event.is_new_event)
            as is_early_event,
        min(event.event_on) filter (where event.event_on >= trial.counts_from_on and event.is_new_event) as event_on,
        min(event.event_on) filter (where event.event_on >= trial.counts_from_on and event.is_possible_event)
            as possible_event_on
    from trial
    join features.clinical_event as event on event.person_id = trial.person_id
    where event.phenotype_code in (select outcome_code from asked)
        or event.phenotype_code in (select censored_by from ref.phenotype where censored_by is not null)
    group by trial.study_id, trial.person_id, trial.trial_number, event.phenotype_code
),
placed as (
    select
        trial.*,
        asked.outcome_code,
        asked.role_code,
        phenotype.prevalent_days,
        phenotype.censored_by,
        recorded.last_before_on,
        coalesce(recorded.is_early_event, false) as is_early_event,
        recorded.event_on as first_event_on,
        recorded.possible_event_on as first_possible_on,
        censor.first_record_on as censored_on
    from trial
    join asked on asked.study_id = trial.study_id
    join ref.phenotype as phenotype on phenotype.phenotype_code = asked.outcome_code
    left join recorded
        on recorded.study_id = trial.study_id
        and recorded.person_id = trial.person_id
        and recorded.trial_number = trial.trial_number
        and recorded.phenotype_code = asked.outcome_code
    left join recorded as censor
        on censor.study_id = trial.study_id
        and censor.person_id = trial.person_id
        and censor.trial_number = trial.trial_number
        and censor.phenotype_code = phenotype.censored_by
),
followed as (
    select
        *,
        case when observed_until_on is not null then least(observed_until_on, end_on, died_on, censored_on) end
            as follow_up_ends_on
    from placed
)
select
    study_id,
    person_id,
    trial_number,
    outcome_code,
    role_code,
    index_on,
    last_before_on is not null
        and coalesce(date_diff('day', last_before_on, index_on) <= prevalent_days, true) as is_prevalent,
    date_diff('day', last_before_on, index_on) as days_since_last_before,
    counts_from_on,
    is_early_event,
    coalesce(first_event_on <= follow_up_ends_on, false) as is_event,
    case when first_event_on <= follow_up_ends_on then first_event_on end as event_on,
    case when first_event_on <= follow_up_ends_on then date_diff('day', index_on, first_event_on) end as event_days,
    coalesce(first_possible_on <= follow_up_ends_on, false) as is_possible_event,
    case when first_possible_on <= follow_up_ends_on then first_possible_on end as possible_event_on,
    follow_up_ends_on,
    date_diff('day', index_on, follow_up_ends_on) as follow_up_days,
    case
        when follow_up_ends_on is null then 'not_observed'
        when died_on = follow_up_ends_on then 'death'
        when censored_on = follow_up_ends_on then 'censored'
        when end_on = follow_up_ends_on and end_reason <> 'observation_ended' then 'study_end'
        else 'observation_ended'
    end as end_reason
from followed
