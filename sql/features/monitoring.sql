-- grain: one row per person, ingredient, episode and month
-- unit: person
-- Months of treatment with an aromatase inhibitor, and how long ago estradiol was drawn and bone scanned on their first day.
-- Also how often somebody is looked at: a covariate where detection may be biased. Only the past of the day counts.
with limits as (
    select
        max(value) filter (where limit_code = 'e2_schedule_days') as e2_schedule_days,
        max(value) filter (where limit_code = 'dxa_schedule_days') as dxa_schedule_days
    from ref.clinical_limit
),
month as (
    select
        person_id,
        ingredient,
        episode_number,
        starts_on,
        unnest(generate_series(0, date_diff('day', starts_on, supply_ends_on) // 30)) as month_number
    from features.dosing_episode
    where is_primary and drug_class = 'aromatase_inhibitor'
),
dated as (
    select *, starts_on + cast(month_number * 30 as integer) as month_on from month
),
draw as (
    select distinct person_id, drawn_on
    from staging.lab_result
    where analyte_code = 'estradiol' and drawn_on is not null
),
scan as (
    select distinct person_id, scanned_on
    from staging.dxa_scan
    where is_valid and imputation_number = 0 and scanned_on is not null
),
change as (
    select person_id, ingredient, event_on
    from features.dose_event
    where event_code in ('start', 'restart', 'switch', 'dose_up', 'dose_down')
),
drawn as (
    select dated.person_id, dated.ingredient, dated.episode_number, dated.month_number, draw.drawn_on
    from dated
    asof join draw on draw.person_id = dated.person_id and draw.drawn_on <= dated.month_on
),
scanned as (
    select dated.person_id, dated.ingredient, dated.episode_number, dated.month_number, scan.scanned_on
    from dated
    asof join scan on scan.person_id = dated.person_id and scan.scanned_on <= dated.month_on
),
changed as (
    select dated.person_id, dated.ingredient, dated.episode_number, dated.month_number, change.event_on
    from dated
    asof join change
        on change.person_id = dated.person_id
        and change.ingredient = dated.ingredient
        and change.event_on <= dated.month_on
)
select
    dated.person_id,
    dated.ingredient,
    dated.episode_number,
    dated.month_number + 1 as month_number,
    dated.month_on,
    date_diff('day', drawn.drawn_on, dated.month_on) as days_since_e2,
    date_diff('day', scanned.scanned_on, dated.month_on) as days_since_dxa,
    date_diff('day', changed.event_on, dated.month_on) as days_since_dose_change,
    -- On schedule: estradiol was drawn since the last change of dose, or the time for it is not yet over.
    coalesce(drawn.drawn_on > changed.event_on, false)
    or coalesce(date_diff('day', changed.event_on, dated.month_on) <= limits.e2_schedule_days, false)
        as is_e2_on_schedule,
    coalesce(date_diff('day', scanned.scanned_on, dated.month_on) <= limits.dxa_schedule_days, false) as is_dxa_on_schedule
from dated
cross join limits
left join drawn using (person_id, ingredient, episode_number, month_number)
left join scanned using (person_id, ingredient, episode_number, month_number)
left join changed using (person_id, ingredient, episode_number, month_number)
