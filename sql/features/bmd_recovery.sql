-- grain: one row per person, site, side, series and stop
-- unit: person
-- After a treatment of at least half a year with any aromatase inhibitor: two lines through 100 ln(BMD) that meet at the last
-- day with stock, where there are two days with scans on either side; and the last scan on treatment with the last one after.
-- A scan of the year before the treatment stands at its first day. Switching agents within the gap is no stop.
with limits as (
    select
        cast(max(value) filter (where limit_code = 'off_treatment_gap_days') as integer) as gap_days,
        max(value) filter (where limit_code = 'annualise_minimum_days') as annualise_days,
        cast(max(value) filter (where limit_code = 'bmd_baseline_days') as integer) as baseline_days
    from ref.clinical_limit
),
reached as (
    select
        person_id,
        starts_on,
        ends_on,
        max(ends_on) over (
            partition by person_id order by starts_on, ingredient rows between unbounded preceding and 1 preceding
        ) as reached_on,
        ingredient
    from features.ai_regimen
),
numbered as (
    select
        reached.*,
        sum(case when reached.starts_on <= reached.reached_on + limits.gap_days then 0 else 1 end) over (
            partition by reached.person_id order by reached.starts_on, reached.ingredient rows unbounded preceding
        ) as stop_number
    from reached
    cross join limits
),
treatment as (
    select
        person_id,
        stop_number,
        min(starts_on) as from_on,
        max(ends_on) as until_on,
        lead(min(starts_on)) over (partition by person_id order by stop_number) as next_from_on
    from numbered
    group by person_id, stop_number
),
daily as (
    select
        person_id, site_code, side_code, series_id, scanned_on,
        max(device_id) as device_id,
        100 * ln(avg(bmd_g_cm2)) as log_pct
    from staging.dxa_scan
    where is_valid and imputation_number = 0 and not is_artefact_suspect
        and scanned_on is not null and series_id is not null
    group by person_id, site_code, side_code, series_id, scanned_on
),
placed as (
    select
        daily.*,
        treatment.stop_number,
        treatment.from_on,
        treatment.until_on,
        daily.scanned_on <= treatment.until_on as is_on,
        least(date_diff('day', treatment.until_on, greatest(daily.scanned_on, treatment.from_on)), 0) / 365.25e0 as years_on,
        greatest(date_diff('day', treatment.until_on, daily.scanned_on), 0) / 365.25e0 as years_after
    from daily
    cross join limits
    join treatment
        on treatment.person_id = daily.person_id
        and date_diff('day', treatment.from_on, treatment.until_on) + 1 >= limits.annualise_days
        and daily.scanned_on >= treatment.from_on - limits.baseline_days
        and coalesce(daily.scanned_on < treatment.next_from_on, true)
    -- Before the first day nothing of it had happened: the last of the scans before stands for them.
    qualify daily.scanned_on >= treatment.from_on
        or daily.scanned_on = max(daily.scanned_on) filter (where daily.scanned_on < treatment.from_on) over (
            partition by daily.person_id, daily.site_code, daily.side_code, daily.series_id, treatment.stop_number
        )
),
summed as (
    select
        person_id, site_code, side_code, series_id, stop_number,
        max(device_id) as device_id,
        min(from_on) as treated_from_on,
        min(until_on) as stopped_on,
        count(*) as n,
        count(*) filter (where is_on) as n_days_on,
        count(*) filter (where not is_on) as n_days_after,
        regr_sxx(log_pct, years_on) as s11,
        regr_sxx(log_pct, years_after) as s22,
        regr_sxy(years_on, years_after) as s12,
        regr_sxy(log_pct, years_on) as s1y,
        regr_sxy(log_pct, years_after) as s2y,
        regr_syy(log_pct, years_on) as syy,
        max(scanned_on) filter (where is_on and scanned_on >= until_on - limits.baseline_days) as last_on_scanned_on,
        max(scanned_on) filter (where not is_on) as last_after_scanned_on,
        arg_max(log_pct, scanned_on) filter (where is_on and scanned_on >= until_on - limits.baseline_days) as last_on_pct,
        arg_max(log_pct, scanned_on) filter (where not is_on) as last_after_pct
    from placed
    cross join limits
    group by person_id, site_code, side_code, series_id, stop_number
    having count(*) filter (where is_on) > 0 and count(*) filter (where not is_on) > 0
),
solved as (
    select
        summed.*,
        case when n_days_on >= 2 and n_days_after >= 2 and s11 * s22 - s12 ** 2 > 1e-9 * s11 * s22
            then s11 * s22 - s12 ** 2
        end as determinant
    from summed
),
fitted as (
    select
        solved.*,
        (s22 * s1y - s12 * s2y) / determinant as on_slope,
        (s11 * s2y - s12 * s1y) / determinant as after_slope
    from solved
),
scattered as (
    select fitted.*, greatest(syy - on_slope * s1y - after_slope * s2y, 0) / (n - 3) as residual_variance
    from fitted
),
protected as (
    select distinct
        scattered.person_id, scattered.site_code, scattered.side_code, scattered.series_id, scattered.stop_number
    from scattered
    cross join limits
    join features.drug_supply as supply
        on supply.person_id = scattered.person_id
        and supply.drug_class in ('bisphosphonate', 'denosumab', 'anabolic_bone', 'antiresorptive')
        and supply.supplied_on between scattered.stopped_on - limits.baseline_days and scattered.last_after_scanned_on
)
select
    scattered.person_id,
    scattered.site_code,
    scattered.side_code,
    scattered.series_id,
    cast(scattered.stop_number as bigint) as stop_number,
    scattered.device_id,
    scattered.treated_from_on,
    scattered.stopped_on,
    scattered.n_days_on,
    scattered.n_days_after,
    scattered.on_slope as on_pct_per_year,
    case when scattered.determinant is not null then sqrt(scattered.residual_variance * scattered.s22 / scattered.determinant) end
        as on_se,
    scattered.after_slope as after_pct_per_year,
    case when scattered.determinant is not null then sqrt(scattered.residual_variance * scattered.s11 / scattered.determinant) end
        as after_se,
    scattered.last_on_scanned_on,
    scattered.last_after_scanned_on,
    scattered.last_after_pct - scattered.last_on_pct as pair_change_pct,
    case when date_diff('day', scattered.last_on_scanned_on, scattered.last_after_scanned_on) >= limits.annualise_days
        then (scattered.last_after_pct - scattered.last_on_pct) * 365.25e0
            / date_diff('day', scattered.last_on_scanned_on, scattered.last_after_scanned_on)
    end as pair_pct_per_year,
    protected.person_id is not null as has_antiresorptive
from scattered
cross join limits
left join protected using (person_id, site_code, side_code, series_id, stop_number)
