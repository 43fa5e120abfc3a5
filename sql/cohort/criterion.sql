-- grain: one row per study, person, time zero and eligibility step
-- unit: person
-- Surveys: each rule is asked of everybody in the survey cycles of the study; unknown counts as not met, but for pregnancy,
-- which is not asked where it cannot be.
-- Cohorts: each rule is asked at each candidate time zero, up to the first that is not met. It looks at the last event of its
-- set by time zero: on the day itself results, scans and diagnoses count, supplies do not. Unknown counts as not met.
-- Which rules a study asks, in which order, stands in its TOML file (ref.study_criterion).
with facts as (
    select
        person.person_id,
        person.sex_code,
        person.age_years,
        menopausal_status.status_code as menopausal_status,
        hormone_use.is_current_sex_hormone,
        hormone_use.is_current_estrogen_axis_drug,
        hormone_use.is_pregnant,
        exists (
            select 1 from features.e2_exposure as e2
            where e2.person_id = person.person_id and e2.assay_class = 'lc_ms_ms'
        ) as has_e2_lc_ms_ms,
        exists (
            select 1 from staging.dxa_scan as scan
            where scan.person_id = person.person_id
                and scan.is_valid
                and scan.imputation_number = 0
                and scan.site_code in ('femoral_neck', 'total_hip', 'lumbar_spine')
        ) as has_hip_or_spine,
        exists (
            select 1 from staging.dxa_scan as scan
            where scan.person_id = person.person_id
                and scan.is_valid
                and scan.imputation_number = 0
                and scan.site_code = 'femoral_neck'
        ) as has_femoral_neck,
        exists (
            select 1 from staging.observation_period as period
            where period.person_id = person.person_id and period.basis_code = 'examination'
        ) as has_follow_up,
        person.race_ethnicity_code is not null
            and body.has_body_mass_index
            and body.has_smoking as has_covariates
    from staging.person as person
    -- A survey asks once, without a day.
    left join features.menopausal_status as menopausal_status
        on menopausal_status.person_id = person.person_id and menopausal_status.known_on is null
    left join features.hormone_use as hormone_use on hormone_use.person_id = person.person_id
    left join (
        select
            person_id,
            bool_or(observation_code = 'body_mass_index') as has_body_mass_index,
            bool_or(
                (observation_code = 'smoked_100_cigarettes' and value = 2)
                or (observation_code = 'smokes_now' and value in (1, 2, 3))
            ) as has_smoking
        from staging.observation
        group by person_id
    ) as body on body.person_id = person.person_id
),
asked_of_survey as (
    select
        study.study_id,
        study.minimum_age_years,
        criterion.step_number,
        criterion.criterion_code,
        design.person_id,
        design.is_examined and design.examination_weight > 0 as is_examined
    from ref.study as study
    join ref.study_criterion as criterion
        on criterion.study_id = study.study_id and criterion.cohort_code = 'survey'
    cross join staging.survey_design as design
    where exists (
            select 1 from ref.study_cycle as cycle
            where cycle.study_id = study.study_id and cycle.cycle_label = design.cycle_label
        )
        or not exists (select 1 from ref.study_cycle as cycle where cycle.study_id = study.study_id)
),
-- What is known of a person on a day, however many studies and trials ask on it.
moment as (
    select distinct person_id, index_on from cohort.time_zero
),
status as (
    select moment.person_id, moment.index_on, max(menopausal_status.status_code) as status_code
    from moment
    join features.menopausal_status as menopausal_status
        on menopausal_status.person_id = moment.person_id
        and coalesce(menopausal_status.known_on <= moment.index_on, true)
        and coalesce(menopausal_status.known_until_on >= moment.index_on, true)
    group by moment.person_id, moment.index_on
),
span as (
    select moment.person_id, moment.index_on, min(period.starts_on) as starts_on
    from moment
    join staging.observation_period as period
        on period.person_id = moment.person_id
        and period.starts_on <= moment.index_on
        and period.ends_on >= moment.index_on
    group by moment.person_id, moment.index_on
),
known as (
    select
        moment.person_id,
        moment.index_on,
        person.sex_code,
        person.age_years + date_diff('day', person.entered_on, moment.index_on) / 365.25e0 as age_years,
        status.status_code as menopausal_status,
        date_diff('day', span.starts_on, moment.index_on) as observed_days,
        coalesce(death.died_on >= moment.index_on, true) as is_alive
    from moment
    join staging.person as person on person.person_id = moment.person_id
    left join staging.death as death on death.person_id = moment.person_id
    left join status on status.person_id = moment.person_id and status.index_on = moment.index_on
    left join span on span.person_id = moment.person_id and span.index_on = moment.index_on
),
-- Materialised: read several times, rows must keep their numbers.
zero as materialized (
    select row_number() over () as zero_number, * from cohort.time_zero
),
-- Rules of the person, which name no set of events, are asked first: where one is not met, no event is looked up beyond it.
of_person as (
    select
        zero.zero_number,
        criterion.step_number,
        criterion.criterion_code,
        coalesce(
            case criterion.criterion_code
                when 'minimum_age' then known.age_years >= criterion.minimum
                when 'sex' then known.sex_code = criterion.word
                when 'menopause' then known.menopausal_status = criterion.word
                when 'observed_before' then known.observed_days >= criterion.look_back_days and known.is_alive
                when 'one_arm' then zero.arm_code not in ('no_arm', 'more_than_one_arm')
                when 'overlap_years' then overlap_year.index_year is not null
            end,
            false
        ) as is_met
    from zero
    join ref.study_criterion as criterion
        on criterion.study_id = zero.study_id and criterion.cohort_code = zero.cohort_code and criterion.set_code is null
    join known on known.person_id = zero.person_id and known.index_on = zero.index_on
    left join cohort.overlap_year as overlap_year
        on overlap_year.study_id = zero.study_id
        and overlap_year.cohort_code = zero.cohort_code
        and overlap_year.step_number = criterion.step_number
        and overlap_year.index_year = year(zero.index_on)
),
person_failed as (
    select zero_number, min(step_number) filter (where not is_met) as step_number from of_person group by zero_number
),
asked as (
    select
        zero.zero_number,
        zero.person_id,
        zero.index_on,
        criterion.step_number,
        criterion.criterion_code,
        criterion.set_code,
        criterion.look_back_days,
        criterion.minimum,
        criterion.maximum,
        criterion.gap_days,
        -- A supply of the day is what the study is about, not what was known.
        zero.index_on
            - cast(coalesce(criterion.except_last_days, 0) as integer)
            - case when starts_with(criterion.set_code, 'drug.') then 1 else 0 end as look_until_on
    from zero
    join ref.study_criterion as criterion
        on criterion.study_id = zero.study_id and criterion.cohort_code = zero.cohort_code and criterion.set_code is not null
    left join person_failed on person_failed.zero_number = zero.zero_number
    where coalesce(criterion.step_number < person_failed.step_number, true)
),
looked as (
    select
        asked.*,
        last_event.event_on,
        last_event.value_lo,
        last_event.value_hi,
        last_event.use_from_on,
        last_event.use_until_on,
        last_event.event_on is not null
            and (
                asked.look_back_days is null
                or date_diff('day', last_event.event_on, asked.index_on) <= asked.look_back_days
            ) as has_event
    from asked
    asof left join cohort.event as last_event
        on last_event.person_id = asked.person_id
        and last_event.set_code = asked.set_code
        and last_event.event_on <= asked.look_until_on
),
of_event as (
    select
        zero_number,
        step_number,
        criterion_code,
        coalesce(
            case criterion_code
                when 'no_use' then not has_event
                when 'prior_use' then has_event
                when 'in_use'
                    then date_diff('day', use_from_on, index_on) >= minimum
                        and date_diff('day', use_until_on, index_on) <= gap_days
                when 'use_ended' then date_diff('day', event_on, index_on) >= minimum
                when 'diagnosis' then has_event
                when 'no_diagnosis' then not has_event
                when 'procedure' then has_event
                when 'no_procedure' then not has_event
                when 'scan' then has_event
                when 'observation'
                    then has_event
                        and coalesce(value_lo >= minimum, minimum is null)
                        and coalesce(value_hi <= maximum, maximum is null)
                when 'no_observation'
                    then not (
                        has_event and coalesce(value_hi >= minimum, true) and coalesce(value_lo <= maximum, true)
                    )
                when 'result'
                    then has_event
                        and coalesce(value_lo >= minimum, minimum is null)
                        and coalesce(value_hi <= maximum, maximum is null)
            end,
            false
        ) as is_met
    from looked
),
answered as (
    select * from of_person
    union all
    select * from of_event
),
failed as (
    select zero_number, min(step_number) filter (where not is_met) as step_number from answered group by zero_number
),
of_cohort as (
    select
        zero.study_id,
        zero.person_id,
        zero.trial_number,
        answered.step_number,
        zero.cohort_code,
        answered.criterion_code,
        zero.arm_code as group_code,
        answered.is_met
    from answered
    join failed on failed.zero_number = answered.zero_number
    join zero on zero.zero_number = answered.zero_number
    where coalesce(answered.step_number <= failed.step_number, true)
)
select
    asked_of_survey.study_id,
    asked_of_survey.person_id,
    1 as trial_number,
    asked_of_survey.step_number,
    'survey' as cohort_code,
    asked_of_survey.criterion_code,
    facts.sex_code as group_code,
    coalesce(
        case asked_of_survey.criterion_code
            when 'examined' then asked_of_survey.is_examined
            when 'minimum_age' then facts.age_years >= asked_of_survey.minimum_age_years
            when 'man_or_postmenopausal_woman'
                then facts.sex_code = 'male' or facts.menopausal_status = 'postmenopausal'
            when 'not_pregnant' then facts.is_pregnant is distinct from true
            when 'no_current_sex_hormone' then not facts.is_current_sex_hormone
            when 'no_current_estrogen_axis_drug' then not facts.is_current_estrogen_axis_drug
            when 'no_drug_on_estrogen_axis'
                then not facts.is_current_sex_hormone and not facts.is_current_estrogen_axis_drug
            when 'e2_by_lc_ms_ms' then facts.has_e2_lc_ms_ms
            when 'valid_hip_or_spine_scan' then facts.has_hip_or_spine
            when 'valid_femoral_neck_scan' then facts.has_femoral_neck
            when 'linked_to_deaths' then facts.has_follow_up
            when 'e2_or_femoral_neck_scan' then facts.has_e2_lc_ms_ms or facts.has_femoral_neck
            when 'covariates_known' then facts.has_covariates
        end,
        false
    ) as is_met
from asked_of_survey
join facts on facts.person_id = asked_of_survey.person_id
union all by name
select * from of_cohort
