-- grain: one row per person, marker and day of the draw
-- unit: person
-- Markers of bone turnover with what makes them comparable, and their change since before the first aromatase inhibitor.
-- CTx falls after food and over the day, so its change counts fasting morning draws only; a real change is beyond the least
-- significant change of the marker. For a year after a fracture a marker tells of its healing.
with limits as (
    select
        cast(max(value) filter (where limit_code = 'fracture_healing_days') as integer) as healing_days
    from ref.clinical_limit
),
marker as (
    select
        lab.person_id,
        lab.analyte_code,
        lab.drawn_on,
        avg(lab.value) as value,
        bool_or(lab.is_censored) as is_censored,
        max(lab.unit_code) as unit_code,
        case when count(lab.is_fasting) = count(*) then bool_and(lab.is_fasting) end as is_fasting,
        case when count(lab.is_morning) = count(*) then bool_and(lab.is_morning) end as is_morning,
        max(rule.least_significant_pct) as least_significant_pct,
        max(rule.fasting_morning) as fasting_morning,
        max(rule.process_code) as process_code
    from staging.lab_result as lab
    join ref.turnover_marker as rule on rule.analyte_code = lab.analyte_code
    where lab.drawn_on is not null and lab.value > 0
    group by lab.person_id, lab.analyte_code, lab.drawn_on
),
fracture as (
    select person_id, recorded_on
    from staging.condition
    where is_present
        and not is_history
        and vocabulary_code = 'icd10cm'
        and regexp_matches(condition_code, '^(S[1-9]2|M80|M84[.]4)')
),
healing as (
    select distinct marker.person_id, marker.drawn_on
    from marker
    cross join limits
    join fracture
        on fracture.person_id = marker.person_id
        and marker.drawn_on between fracture.recorded_on and fracture.recorded_on + limits.healing_days
),
usable as (
    select
        marker.*,
        healing.person_id is not null as is_after_fracture,
        not marker.is_censored
        and healing.person_id is null
        and (marker.fasting_morning = 'no' or (coalesce(marker.is_fasting, false) and coalesce(marker.is_morning, false)))
            as is_comparable
    from marker
    left join healing on healing.person_id = marker.person_id and healing.drawn_on = marker.drawn_on
),
baseline as (
    select usable.person_id, usable.analyte_code, arg_max(usable.value, usable.drawn_on) as value_before
    from usable
    join features.first_inhibitor as started on started.person_id = usable.person_id
    where usable.is_comparable
        and usable.drawn_on between started.baseline_from_on and started.inhibitor_from_on
    group by usable.person_id, usable.analyte_code
)
select
    usable.person_id,
    usable.analyte_code,
    usable.drawn_on,
    usable.process_code,
    usable.value,
    usable.unit_code,
    usable.is_censored,
    usable.is_fasting,
    usable.is_morning,
    usable.is_after_fracture,
    usable.is_comparable,
    date_diff('day', started.inhibitor_from_on, usable.drawn_on) as days_since_inhibitor_start,
    case when usable.is_comparable and usable.drawn_on > started.inhibitor_from_on
        then 100 * (usable.value / baseline.value_before - 1)
    end as change_pct,
    case when usable.is_comparable and usable.drawn_on > started.inhibitor_from_on
        then abs(round(100 * (usable.value / baseline.value_before - 1), 9)) >= usable.least_significant_pct
    end as is_real_change
from usable
left join features.first_inhibitor as started on started.person_id = usable.person_id
left join baseline on baseline.person_id = usable.person_id and baseline.analyte_code = usable.analyte_code
