-- grain: one row per person, day and assessment
-- unit: person
-- Questionnaires and functional tests beside the estradiol of the last draw of at most 90 days before, its day included. Change
-- is against the last value of the year before the first supply of an inhibitor. Symptoms with estradiol in the band `target`,
-- or none outside it, are the two ways in which laboratory and person disagree.
with limits as (
    select
        cast(max(value) filter (where limit_code = 'e2_carry_days') as integer) as carry_days
    from ref.clinical_limit
),
daily as (
    select
        told.person_id,
        told.observed_on,
        told.observation_code,
        avg(told.value) as value,
        max(told.unit_code) as unit_code,
        max(listed.system_code) as system_code,
        max(listed.worse_code) as worse_code,
        max(case person.sex_code when 'male' then listed.threshold_men else listed.threshold_women end) as threshold,
        max(listed.threshold_included) as threshold_included,
        max(listed.real_change) as real_change
    from staging.observation as told
    join ref.assessment as listed on listed.observation_code = told.observation_code
    join staging.person as person on person.person_id = told.person_id
    where told.observed_on is not null
    group by told.person_id, told.observed_on, told.observation_code
),
baseline as (
    select daily.person_id, daily.observation_code, arg_max(daily.value, daily.observed_on) as value_before
    from daily
    join features.first_inhibitor as started on started.person_id = daily.person_id
    where daily.observed_on between started.baseline_from_on and started.inhibitor_from_on
    group by daily.person_id, daily.observation_code
),
draw as (
    select
        person_id,
        drawn_on,
        case when min(e2_band_code) = max(e2_band_code) and count(e2_band_code) = count(*) then min(e2_band_code) end
            as e2_band_code
    from features.steroid_panel
    where e2_lo_pg_ml is not null and drawn_on is not null
    group by person_id, drawn_on
),
drawn as (
    select asked.person_id, asked.observed_on, draw.drawn_on, draw.e2_band_code
    from (select distinct person_id, observed_on from daily) as asked
    asof join draw on draw.person_id = asked.person_id and draw.drawn_on <= asked.observed_on
),
judged as (
    select
        daily.*,
        -- Away from the better side is worse.
        case daily.worse_code when 'higher' then 1 else -1 end as direction,
        case
            when daily.value = daily.threshold then daily.threshold_included = 'yes'
            when daily.worse_code = 'higher' then daily.value > daily.threshold
            else daily.value < daily.threshold
        end as is_beyond,
        date_diff('day', started.inhibitor_from_on, daily.observed_on) as days_since_inhibitor_start,
        case when daily.observed_on > started.inhibitor_from_on then daily.value - baseline.value_before end as change,
        case when drawn.drawn_on >= daily.observed_on - limits.carry_days
            then date_diff('day', drawn.drawn_on, daily.observed_on)
        end as days_since_e2,
        case when drawn.drawn_on >= daily.observed_on - limits.carry_days then drawn.e2_band_code end as e2_band_code
    from daily
    cross join limits
    left join features.first_inhibitor as started on started.person_id = daily.person_id
    left join baseline
        on baseline.person_id = daily.person_id and baseline.observation_code = daily.observation_code
    left join drawn on drawn.person_id = daily.person_id and drawn.observed_on = daily.observed_on
)
select
    person_id,
    observed_on,
    observation_code,
    system_code,
    value,
    unit_code,
    is_beyond,
    days_since_inhibitor_start,
    change,
    direction * change >= real_change as is_real_change,
    days_since_e2,
    e2_band_code,
    case
        when system_code not in ('mood', 'fatigue', 'joint', 'cognition', 'sleep') then null
        when is_beyond and e2_band_code = 'target' then 'symptoms_in_target'
        when is_beyond and e2_band_code <> 'target' then 'symptoms_outside_target'
        when not is_beyond and e2_band_code = 'target' then 'none_in_target'
        when not is_beyond and e2_band_code <> 'target' then 'none_outside_target'
    end as discordance_code
from judged
