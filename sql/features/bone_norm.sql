-- grain: one row per sex, age band, site and manufacturer
-- unit: population
-- Z-scores compare with people of the same sex and ten-year age band in the surveys at hand, weighted to their population.
-- Measured valid scans only; no norm from fewer people than ref.clinical_limit says.
with measured as (
    select
        person.sex_code,
        (floor(person.age_years / 10e0) * 10)::bigint as age_band,
        scan.site_code,
        scan.manufacturer,
        scan.bmd_g_cm2,
        design.examination_weight as weight
    from staging.dxa_scan as scan
    join staging.person as person on person.person_id = scan.person_id
    join staging.survey_design as design on design.person_id = scan.person_id
    where scan.is_valid
        and scan.imputation_number = 0
        and scan.manufacturer is not null
        and person.age_years is not null
        and design.examination_weight > 0
    -- A repeat scan for precision is no second person.
    qualify row_number() over (partition by scan.person_id, scan.site_code order by scan.scan_id) = 1
),
means as (
    select
        sex_code, age_band, site_code, manufacturer,
        count(*) as n,
        sum(weight * bmd_g_cm2) / sum(weight) as mean_g_cm2
    from measured
    group by sex_code, age_band, site_code, manufacturer
)
select
    means.sex_code,
    means.age_band,
    means.site_code,
    means.manufacturer,
    means.n,
    means.mean_g_cm2,
    sqrt(
        sum(measured.weight * (measured.bmd_g_cm2 - means.mean_g_cm2) ** 2) / sum(measured.weight)
        * means.n / (means.n - 1)
    ) as sd_g_cm2
from means
join measured using (sex_code, age_band, site_code, manufacturer)
cross join (select value from ref.clinical_limit where limit_code = 'bone_norm_minimum_people') as minimum
where means.n >= minimum.value
group by means.sex_code, means.age_band, means.site_code, means.manufacturer, means.n, means.mean_g_cm2
