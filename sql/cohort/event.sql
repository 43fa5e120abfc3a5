-- grain: one row per person, set of events and day
-- unit: person
-- The dated events that the studies asked for look at, once for all studies. A day with several results holds their range.
-- Use: supplies follow each other as long as the next comes within the usual permissible gap after the stock ran out. All
-- of it rests on earlier supplies only, so that what comes after a time zero changes nothing before it.
with gap as (
    select gap_days from ref.episode_rule where ingredient = '*' and is_primary = 'yes'
),
supply as (
    select
        supply.person_id,
        study_set.set_code,
        supply.supplied_on as event_on,
        max(supply.dose_mg_per_week) as value_lo,
        max(supply.dose_mg_per_week) as value_hi,
        max(supply.supplied_on + cast(supply.supply_days as integer)) as stock_until_on
    from features.drug_supply as supply
    join ref.study_set as study_set
        on study_set.kind_code = 'drug' and study_set.code in (supply.ingredient, supply.drug_class)
    group by supply.person_id, study_set.set_code, supply.supplied_on
),
stocked as (
    select
        *,
        max(stock_until_on) over (
            partition by person_id, set_code order by event_on rows unbounded preceding
        ) as use_until_on,
        max(stock_until_on) over (
            partition by person_id, set_code order by event_on rows between unbounded preceding and 1 preceding
        ) as use_was_until_on
    from supply
),
used as (
    select
        stocked.*,
        max(
            case
                when use_was_until_on is null or date_diff('day', use_was_until_on, event_on) > gap.gap_days then event_on
            end
        ) over (partition by person_id, set_code order by event_on rows unbounded preceding) as use_from_on
    from stocked
    cross join gap
),
diagnosis_code as (
    select distinct
        recorded.vocabulary_code,
        recorded.condition_code,
        listed.condition_set
    from (select distinct vocabulary_code, condition_code from staging.condition) as recorded
    join ref.condition_set as listed
        on listed.vocabulary_code = recorded.vocabulary_code
        and case
            when listed.vocabulary_code = 'snomed' then recorded.condition_code = listed.code
            else starts_with(recorded.condition_code, listed.code)
        end
),
diagnosis as (
    select recorded.person_id, listed.condition_set, recorded.recorded_on
    from staging.condition as recorded
    join diagnosis_code as listed
        on listed.vocabulary_code = recorded.vocabulary_code and listed.condition_code = recorded.condition_code
    where recorded.is_present and recorded.recorded_on is not null
),
other as (
    select person_id, 'condition' as kind_code, condition_set as code, recorded_on as event_on, null as lo, null as hi
    from diagnosis
    union all
    -- Receptor status may be told as a diagnosis code.
    select
        person_id, 'observation', 'er_status', recorded_on,
        case condition_set when 'er_positive' then 1 else 0 end,
        case condition_set when 'er_positive' then 1 else 0 end
    from diagnosis
    where condition_set in ('er_positive', 'er_negative')
    union all
    select person_id, 'procedure', procedure_code, performed_on, null, null
    from staging.procedure
    where procedure_code is not null
    union all
    select person_id, 'observation', observation_code, observed_on, value, value
    from staging.observation
    where observed_on is not null
    union all
    select
        person_id, 'analyte', analyte_code, drawn_on,
        case operator when '<' then 0 else value end,
        case operator when '>' then null else value end
    from staging.lab_result
    where drawn_on is not null and value is not null
    union all
    select person_id, 'site', site_code, scanned_on, bmd_g_cm2, bmd_g_cm2
    from staging.dxa_scan
    where is_valid and imputation_number = 0 and scanned_on is not null
)
select person_id, set_code, event_on, value_lo, value_hi, stock_until_on, use_from_on, use_until_on
from used
union all
select
    other.person_id,
    study_set.set_code,
    other.event_on,
    min(other.lo),
    case when count(other.hi) = count(*) then max(other.hi) end,
    null, null, null
from other
join ref.study_set as study_set on study_set.kind_code = other.kind_code and study_set.code = other.code
group by other.person_id, study_set.set_code, other.event_on
