-- grain: one row per person, ingredient and event
-- unit: person
-- Start, restart, switch, change of dose and stop, of the drug's own permissible gap. An event within 30 days after an
-- estradiol draw counts as triggered by it: a proxy, since no source records why. A draw of the same day counts. A stop comes
-- before a start of its day, unless it ends what began that day.
with episode as (
    select * from features.dosing_episode where is_primary
),
lost_at as (
    select person_id, ingredient, drug_class, discontinued_on, starts_on
    from episode
    where end_reason = 'switch'
),
changed as (
    select
        person_id, ingredient, drug_class, supplied_on,
        dose_mg_per_week,
        lag(dose_number) over series as previous_dose_number,
        lag(dose_mg_per_week) over series as previous_mg_per_week,
        dose_number
    from features.drug_supply
    window series as (partition by person_id, ingredient order by supplied_on)
),
event as (
    select
        episode.person_id, episode.ingredient, episode.drug_class,
        episode.starts_on as event_on,
        case
            when max(lost_at.ingredient) is not null then 'switch'
            when episode.episode_number > 1 then 'restart'
            else 'start'
        end as event_code,
        max(lost_at.ingredient) as from_ingredient,
        cast(null as double) as dose_before_mg_per_week,
        episode.first_dose_mg_per_week as dose_after_mg_per_week,
        1 as order_in_day
    from episode
    left join lost_at
        on lost_at.person_id = episode.person_id
        and lost_at.drug_class = episode.drug_class
        and lost_at.ingredient <> episode.ingredient
        and lost_at.discontinued_on = episode.starts_on
    group by episode.person_id, episode.ingredient, episode.drug_class, episode.starts_on, episode.episode_number,
        episode.first_dose_mg_per_week
    union all
    select
        changed.person_id, changed.ingredient, changed.drug_class,
        changed.supplied_on,
        case
            when changed.dose_mg_per_week > changed.previous_mg_per_week then 'dose_up'
            when changed.dose_mg_per_week < changed.previous_mg_per_week then 'dose_down'
            else 'dose_unknown'
        end,
        null,
        changed.previous_mg_per_week,
        changed.dose_mg_per_week,
        1
    from changed
    anti join episode
        on episode.person_id = changed.person_id
        and episode.ingredient = changed.ingredient
        and episode.starts_on = changed.supplied_on
    where changed.dose_number > changed.previous_dose_number
    union all
    select
        person_id, ingredient, drug_class, discontinued_on, 'stop',
        null, last_dose_mg_per_week, null,
        case when discontinued_on > starts_on then 0 else 2 end
    from episode
    where discontinued_on is not null
),
draw as (
    select distinct person_id, drawn_on
    from staging.lab_result
    where analyte_code = 'estradiol' and drawn_on is not null
),
drawn as (
    select event.person_id, event.ingredient, event.event_on, max(draw.drawn_on) as drawn_on
    from (select distinct person_id, ingredient, event_on from event) as event
    join draw on draw.person_id = event.person_id and draw.drawn_on <= event.event_on
    group by event.person_id, event.ingredient, event.event_on
)
select
    event.person_id,
    event.ingredient,
    row_number() over (
        partition by event.person_id, event.ingredient
        order by event.event_on, event.order_in_day, event.event_code
    ) as event_number,
    event.event_on,
    event.event_code,
    event.drug_class,
    event.from_ingredient,
    event.dose_before_mg_per_week,
    event.dose_after_mg_per_week,
    100 * (event.dose_after_mg_per_week / event.dose_before_mg_per_week - 1) as dose_change_pct,
    date_diff('day', drawn.drawn_on, event.event_on) as days_since_e2_draw,
    coalesce(date_diff('day', drawn.drawn_on, event.event_on) <= lag_limit.value, false) as is_lab_triggered
from event
cross join (select value from ref.clinical_limit where limit_code = 'lab_trigger_days') as lag_limit
left join drawn
    on drawn.person_id = event.person_id
    and drawn.ingredient = event.ingredient
    and drawn.event_on = event.event_on
