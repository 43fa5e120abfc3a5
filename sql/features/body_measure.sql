-- grain: one row per person and day
-- unit: person
-- Means of a day's readings. Change is against the last value of the year before the first supply of an inhibitor, its day
-- included. Weight above the lowest of the 90 days before is the mark of water taken on. Blood pressure by ACC and AHA 2017.
with limits as (
    select
        cast(max(value) filter (where limit_code = 'weight_gain_days') as integer) as gain_days
    from ref.clinical_limit
),
daily as (
    select
        person_id,
        observed_on as measured_on,
        avg(value) filter (where observation_code = 'weight') as weight,
        avg(value) filter (where observation_code = 'height') as height,
        avg(value) filter (where observation_code = 'body_mass_index') as body_mass_index,
        avg(value) filter (where observation_code = 'waist') as waist,
        avg(value) filter (where observation_code = 'fat_percent') as fat,
        avg(value) filter (where observation_code = 'lean_mass') as lean,
        avg(value) filter (where observation_code = 'visceral_fat_area') as visceral_fat,
        avg(value) filter (where observation_code = 'systolic_bp') as systolic,
        avg(value) filter (where observation_code = 'diastolic_bp') as diastolic,
        count(*) filter (where observation_code = 'systolic_bp') as n_systolic
    from staging.observation
    where observed_on is not null
        and observation_code in (
            'weight', 'height', 'body_mass_index', 'waist', 'fat_percent', 'lean_mass', 'visceral_fat_area', 'systolic_bp',
            'diastolic_bp'
        )
    group by person_id, observed_on
),
baseline as (
    select
        daily.person_id,
        arg_max(daily.weight, daily.measured_on) filter (where daily.weight is not null) as weight,
        arg_max(daily.fat, daily.measured_on) filter (where daily.fat is not null) as fat,
        arg_max(daily.lean, daily.measured_on) filter (where daily.lean is not null) as lean,
        arg_max(daily.visceral_fat, daily.measured_on) filter (where daily.visceral_fat is not null) as visceral_fat,
        arg_max(daily.systolic, daily.measured_on) filter (where daily.systolic is not null) as systolic
    from daily
    join features.first_inhibitor as started on started.person_id = daily.person_id
    where daily.measured_on between started.baseline_from_on and started.inhibitor_from_on
    group by daily.person_id
),
weighed as (
    select
        later.person_id,
        later.measured_on,
        later.weight - min(earlier.weight) as weight_gain
    from daily as later
    cross join limits
    join daily as earlier
        on earlier.person_id = later.person_id
        and earlier.weight is not null
        and earlier.measured_on between later.measured_on - limits.gain_days and later.measured_on - 1
    where later.weight is not null
    group by later.person_id, later.measured_on, later.weight
),
treated as (
    select distinct daily.person_id, daily.measured_on
    from daily
    join features.dosing_episode as episode
        on episode.person_id = daily.person_id
        and episode.is_primary
        and daily.measured_on between episode.starts_on and episode.supply_ends_on
    where episode.drug_class in (
        'ace_inhibitor', 'angiotensin_receptor_blocker', 'beta_blocker', 'calcium_channel_blocker', 'thiazide',
        'loop_diuretic', 'potassium_sparing_diuretic', 'other_antihypertensive'
    )
),
tall as (
    select
        *,
        last_value(height ignore nulls) over (
            partition by person_id order by measured_on rows between unbounded preceding and current row
        ) as known_height
    from daily
)
select
    tall.person_id,
    tall.measured_on,
    tall.weight as weight_kg,
    tall.known_height as height_cm,
    coalesce(tall.body_mass_index, tall.weight / (tall.known_height / 100) ** 2) as body_mass_index,
    tall.waist as waist_cm,
    tall.fat as fat_pct,
    tall.lean as lean_kg,
    tall.visceral_fat as visceral_fat_cm2,
    tall.systolic as systolic_mm_hg,
    tall.diastolic as diastolic_mm_hg,
    tall.n_systolic,
    case
        when tall.systolic is null or tall.diastolic is null then null
        when tall.systolic >= 140 or tall.diastolic >= 90 then 'stage_2'
        when tall.systolic >= 130 or tall.diastolic >= 80 then 'stage_1'
        when tall.systolic >= 120 then 'elevated'
        else 'normal'
    end as pressure_code,
    treated.person_id is not null as is_on_antihypertensive,
    date_diff('day', started.inhibitor_from_on, tall.measured_on) as days_since_inhibitor_start,
    case when tall.measured_on > started.inhibitor_from_on then 100 * (tall.weight / baseline.weight - 1) end
        as weight_change_pct,
    case when tall.measured_on > started.inhibitor_from_on then tall.fat - baseline.fat end as fat_change,
    case when tall.measured_on > started.inhibitor_from_on then tall.lean - baseline.lean end as lean_change_kg,
    case when tall.measured_on > started.inhibitor_from_on then tall.visceral_fat - baseline.visceral_fat end
        as visceral_fat_change_cm2,
    case when tall.measured_on > started.inhibitor_from_on then tall.systolic - baseline.systolic end
        as systolic_change_mm_hg,
    weighed.weight_gain as weight_gain_kg
from tall
left join features.first_inhibitor as started on started.person_id = tall.person_id
left join baseline on baseline.person_id = tall.person_id
left join weighed on weighed.person_id = tall.person_id and weighed.measured_on = tall.measured_on
left join treated on treated.person_id = tall.person_id and treated.measured_on = tall.measured_on
