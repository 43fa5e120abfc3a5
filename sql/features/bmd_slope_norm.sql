-- grain: one row per sex, site and use of an inhibitor
-- unit: population
-- Mean and spread of true slopes by the method of moments (DerSimonian and Laird 1986, Control Clin Trials 7:177). The
-- variance of a single slope comes from the scatter of all, for three scans tell nothing about their own.
with slope as (
    select
        sex_code,
        site_code,
        case when inhibitor_days > 0 then 'some' else 'none' end as use_code,
        slope_pct_per_year as slope,
        time_ss,
        residual_ss,
        n_days
    from features.bmd_slope
    where slope_pct_per_year is not null and not is_artefact_suspect
),
scattered as (
    select
        *,
        sum(residual_ss) over kind / sum(n_days - 2) over kind as residual_variance
    from slope
    window kind as (partition by sex_code, site_code, use_code)
),
weighed as (
    select *, time_ss / nullif(residual_variance, 0) as weight from scattered
),
centred as (
    select *, sum(weight * slope) over kind / sum(weight) over kind as fixed_mean
    from weighed
    window kind as (partition by sex_code, site_code, use_code)
),
moments as (
    select
        sex_code, site_code, use_code,
        count(*) as n,
        greatest(
            (sum(weight * (slope - fixed_mean) ** 2) - (count(*) - 1))
            / (sum(weight) - sum(weight ** 2) / sum(weight)),
            0
        ) as between_variance
    from centred
    cross join (select value from ref.clinical_limit where limit_code = 'bone_norm_minimum_people') as minimum
    group by sex_code, site_code, use_code
    having count(*) >= max(minimum.value)
)
select
    moments.sex_code,
    moments.site_code,
    moments.use_code,
    moments.n,
    sum(weighed.slope / (1 / weighed.weight + moments.between_variance))
        / sum(1 / (1 / weighed.weight + moments.between_variance)) as mean_pct_per_year,
    sqrt(moments.between_variance) as between_sd,
    sqrt(max(weighed.residual_variance)) as residual_sd
from moments
join weighed using (sex_code, site_code, use_code)
where moments.between_variance is not null
group by moments.sex_code, moments.site_code, moments.use_code, moments.n, moments.between_variance
