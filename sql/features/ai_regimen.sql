-- grain: one row per person, ingredient and regimen
-- unit: person
-- Stretches of one dose in one rhythm. A shortage of stock within the drug's grace is a late refill and does not interrupt;
-- the days without stock are no covered days. Supplies of unknown length cover nothing here; they are marked where they fell.
with grace as (
    select ingredient, max(grace_days) as grace_days from ref.episode_rule group by ingredient
),
taken as (
    select
        supply.person_id,
        supply.ingredient,
        supply.dose_number,
        supply.dose_mg_per_week,
        supply.times_per_week,
        supply.dose_source,
        supply.cover_days,
        supply.cover_from_on as from_on,
        supply.cover_from_on + cast(supply.cover_days as integer) as until_on,
        coalesce(own_grace.grace_days, any_grace.grace_days) as grace_days
    from features.drug_supply as supply
    left join grace as own_grace on own_grace.ingredient = supply.ingredient
    left join grace as any_grace on any_grace.ingredient = '*'
    where supply.drug_class = 'aromatase_inhibitor' and supply.cover_days > 0
),
compared as (
    select
        *,
        coalesce(
            dose_number <> lag(dose_number) over series
            or date_diff('day', lag(until_on) over series, from_on) > grace_days,
            true
        ) as is_new_dose,
        coalesce(times_per_week, 0) <> coalesce(lag(times_per_week) over series, 0) as is_new_rhythm
    from taken
    window series as (partition by person_id, ingredient order by from_on)
),
numbered as (
    select
        *,
        sum(cast(is_new_dose or is_new_rhythm as integer)) over series as regimen_number,
        max(case when is_new_dose then from_on end) over series as dose_changed_on
    from compared
    window series as (partition by person_id, ingredient order by from_on rows unbounded preceding)
)
select
    person_id,
    ingredient,
    cast(regimen_number as bigint) as regimen_number,
    min(from_on) as starts_on,
    max(until_on) - 1 as ends_on,
    cast(sum(cover_days) as bigint) as covered_days,
    max(dose_changed_on) as dose_changed_on,
    max(dose_mg_per_week) as dose_mg_per_week,
    max(times_per_week) as times_per_week,
    max(dose_source) filter (where is_new_dose or is_new_rhythm) as dose_source
from numbered
group by person_id, ingredient, regimen_number
