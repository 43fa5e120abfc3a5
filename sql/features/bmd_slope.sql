-- grain: one row per person, site, side and series
-- unit: person
-- Least squares through 100 ln(BMD) over years within one site, side and series; scans of one day are averaged. Effect models
-- use the scans themselves; a slope weighs people with three scans as much as those with ten.
with limits as (
    select max(value) as annualise_days from ref.clinical_limit where limit_code = 'annualise_minimum_days'
),
daily as (
    select
        person_id, site_code, side_code, series_id, scanned_on,
        max(device_id) as device_id,
        100 * ln(avg(bmd_g_cm2)) as log_pct,
        bool_or(is_artefact_suspect) as is_artefact_suspect
    from staging.dxa_scan
    where is_valid and imputation_number = 0 and scanned_on is not null and series_id is not null
    group by person_id, site_code, side_code, series_id, scanned_on
),
timed as (
    select
        *,
        date_diff('day', min(scanned_on) over series, scanned_on) / 365.25e0 as years,
        log_pct - first_value(log_pct) over (series order by scanned_on) as rise_pct
    from daily
    window series as (partition by person_id, site_code, side_code, series_id)
),
fitted as (
    select
        person_id, site_code, side_code, series_id,
        max(device_id) as device_id,
        count(*) as n_days,
        min(scanned_on) as first_scanned_on,
        max(scanned_on) as last_scanned_on,
        bool_or(is_artefact_suspect) as is_artefact_suspect,
        regr_sxx(rise_pct, years) as time_ss,
        regr_sxy(rise_pct, years) as sxy,
        greatest(regr_syy(rise_pct, years) - regr_sxy(rise_pct, years) ** 2 / regr_sxx(rise_pct, years), 0) as residual_ss
    from timed
    group by person_id, site_code, side_code, series_id
    having count(*) >= 3
),
treated as (
    select
        fitted.person_id, fitted.site_code, fitted.side_code, fitted.series_id,
        sum(
            date_diff(
                'day', greatest(regimen.starts_on, fitted.first_scanned_on),
                least(regimen.ends_on + 1, fitted.last_scanned_on)
            )
        ) as inhibitor_days
    from fitted
    join features.ai_regimen as regimen
        on regimen.person_id = fitted.person_id
        and regimen.starts_on < fitted.last_scanned_on
        and regimen.ends_on >= fitted.first_scanned_on
    group by fitted.person_id, fitted.site_code, fitted.side_code, fitted.series_id
)
select
    fitted.person_id,
    fitted.site_code,
    fitted.side_code,
    fitted.series_id,
    fitted.device_id,
    person.sex_code,
    fitted.n_days,
    fitted.first_scanned_on,
    fitted.last_scanned_on,
    case when date_diff('day', fitted.first_scanned_on, fitted.last_scanned_on) >= limits.annualise_days
        then fitted.sxy / fitted.time_ss
    end as slope_pct_per_year,
    case when date_diff('day', fitted.first_scanned_on, fitted.last_scanned_on) >= limits.annualise_days
        then sqrt(fitted.residual_ss / (fitted.n_days - 2) / fitted.time_ss)
    end as slope_se,
    fitted.residual_ss,
    fitted.time_ss,
    fitted.is_artefact_suspect,
    least(
        coalesce(treated.inhibitor_days, 0), date_diff('day', fitted.first_scanned_on, fitted.last_scanned_on)
    ) as inhibitor_days
from fitted
cross join limits
join staging.person as person on person.person_id = fitted.person_id
left join treated
    on treated.person_id = fitted.person_id
    and treated.site_code = fitted.site_code
    and treated.side_code = fitted.side_code
    and treated.series_id = fitted.series_id
