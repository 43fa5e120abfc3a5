-- grain: one row per person, phenotype and day with a record
-- unit: person
-- Every record that a phenotype of ref.phenotype knows, study-independent, with how far it meets the rules:
-- definite (all met), possible (met if setting, position or encounter, which are not told, were right), elsewhere (the
-- right code, not the right setting or position), history (past, aftercare). Where codes overlap the longest decides,
-- so that I21.A1 is taken out of I21. Records of another phenotype near by may exclude a record (transport accidents).
-- Records closer than episode_days are one episode. A new event is the first definite record of an episode, unless the
-- episode opens with a record of the past: then the event came earlier. A composed phenotype has the events of its parts.
with code as (
    select distinct vocabulary_code, condition_code
    from staging.condition
    where record_type = 'coded_diagnosis' and recorded_on is not null
),
matched as (
    select
        code.vocabulary_code,
        code.condition_code,
        listed.phenotype_code,
        arg_max(listed.role_code, length(listed.code)) as role_code
    from code
    join ref.phenotype_code as listed
        on listed.record_code = 'diagnosis'
        and listed.vocabulary_code = code.vocabulary_code
        and left(listed.code, 2) = left(code.condition_code, 2)
        and case
            when listed.vocabulary_code = 'snomed' then listed.code = code.condition_code
            else starts_with(code.condition_code, listed.code)
        end
    group by code.vocabulary_code, code.condition_code, listed.phenotype_code
),
diagnosis as (
    select
        condition.person_id,
        matched.phenotype_code,
        condition.recorded_on as event_on,
        condition.is_history or matched.role_code = 'history' as is_past,
        case phenotype.setting_rule
            when 'any' then true
            when 'inpatient' then case when condition.setting_code <> 'unknown' then condition.setting_code = 'inpatient' end
            else case when condition.setting_code <> 'unknown' then condition.setting_code in ('inpatient', 'emergency') end
        end as is_setting,
        case phenotype.position_rule when 'any' then true else condition.is_primary end as is_position,
        case
            when phenotype.encounter_rule = 'any' or condition.vocabulary_code <> 'icd10cm' then true
            when length(replace(condition.condition_code, '.', '')) = 7
                then right(condition.condition_code, 1) in ('A', 'B', 'C')
        end as is_encounter
    from staging.condition as condition
    join matched
        on matched.vocabulary_code = condition.vocabulary_code
        and matched.condition_code = condition.condition_code
        and matched.role_code <> 'excluded'
    join ref.phenotype as phenotype on phenotype.phenotype_code = matched.phenotype_code
    where condition.record_type = 'coded_diagnosis' and condition.is_present and condition.recorded_on is not null
),
certain as (
    select
        person_id,
        phenotype_code,
        event_on,
        case
            when is_past or not coalesce(is_encounter, true) then 4
            when not coalesce(is_setting, true) or not coalesce(is_position, true) then 3
            when is_setting and is_position and is_encounter then 1
            else 2
        end as certainty_rank
    from diagnosis
    union all
    -- A death whose cause is not told may be one of the causes asked for.
    select distinct
        death.person_id,
        listed.phenotype_code,
        death.died_on,
        case when listed.vocabulary_code = 'any' or death.cause_code is not null then 1 else 2 end
    from staging.death as death
    join ref.phenotype_code as listed
        on listed.record_code = 'cause_of_death'
        and (listed.vocabulary_code = 'any' or death.cause_code is null or starts_with(death.cause_code, listed.code))
    where death.died_on is not null
    union all
    select procedure.person_id, listed.phenotype_code, procedure.performed_on, 1
    from staging.procedure as procedure
    join ref.phenotype_code as listed
        on listed.record_code = 'procedure' and listed.code = procedure.procedure_code
    union all
    select drug.person_id, listed.phenotype_code, drug.started_on, 1
    from staging.drug_exposure as drug
    join ref.phenotype_code as listed on listed.record_code = 'drug' and listed.code = drug.ingredient
    where drug.started_on is not null
        and coalesce(drug.status_code, 'unknown') not in ('cancelled', 'not_filled', 'returned')
),
found as (
    select person_id, phenotype_code, event_on, min(certainty_rank) as certainty_rank, count(*) as n_records
    from certain
    group by person_id, phenotype_code, event_on
),
excluded as (
    select distinct found.person_id, found.phenotype_code, found.event_on
    from found
    join ref.phenotype_exclusion as rule on rule.phenotype_code = found.phenotype_code
    join found as other
        on other.person_id = found.person_id
        and other.phenotype_code = rule.excluded_code
        and other.event_on between found.event_on - cast(rule.days_before as integer)
            and found.event_on + cast(rule.days_after as integer)
),
kept as (
    select * from found anti join excluded using (person_id, phenotype_code, event_on)
),
spaced as (
    select
        kept.*,
        phenotype.episode_days,
        date_diff('day', lag(kept.event_on) over of_person, kept.event_on) as gap_days
    from kept
    join ref.phenotype as phenotype on phenotype.phenotype_code = kept.phenotype_code
    window of_person as (partition by kept.person_id, kept.phenotype_code order by kept.event_on)
),
numbered as (
    select
        *,
        count_if(gap_days is null or coalesce(gap_days >= episode_days, false)) over (
            partition by person_id, phenotype_code order by event_on rows unbounded preceding
        ) as episode_number
    from spaced
),
judged as (
    select
        person_id,
        phenotype_code,
        event_on,
        certainty_rank,
        n_records,
        first_value(certainty_rank) over of_episode < 4 and certainty_rank = 1
            and count_if(certainty_rank = 1) over (of_episode rows unbounded preceding) = 1 as is_new_event,
        first_value(certainty_rank) over of_episode < 4 and certainty_rank <= 2
            and count_if(certainty_rank <= 2) over (of_episode rows unbounded preceding) = 1 as is_possible_event
    from numbered
    window of_episode as (partition by person_id, phenotype_code, episode_number order by event_on)
),
composed as (
    select * from judged
    union all by name
    select
        judged.person_id,
        part.phenotype_code,
        judged.event_on,
        min(judged.certainty_rank) as certainty_rank,
        cast(sum(judged.n_records) as bigint) as n_records,
        bool_or(judged.is_new_event) as is_new_event,
        bool_or(judged.is_possible_event) as is_possible_event
    from judged
    join ref.phenotype_part as part on part.part_code = judged.phenotype_code
    group by judged.person_id, part.phenotype_code, judged.event_on
)
select
    person_id,
    phenotype_code,
    event_on,
    case certainty_rank when 1 then 'definite' when 2 then 'possible' when 3 then 'elsewhere' else 'history' end
        as certainty_code,
    is_new_event,
    is_possible_event,
    date_diff(
        'day', lag(event_on) over (partition by person_id, phenotype_code order by event_on), event_on
    ) as days_since_previous,
    n_records
from composed
