-- grain: one row per person, site, side and series
-- unit: person
-- For description only: what a person's slope most likely is, given how slopes spread. Shrinking also shrinks contrasts, so
-- no model may take it as an outcome. Reliability is the share of a slope's spread that is not noise.
select
    slope.person_id,
    slope.site_code,
    slope.side_code,
    slope.series_id,
    norm.mean_pct_per_year + shrinkage.reliability * (slope.slope_pct_per_year - norm.mean_pct_per_year)
        as shrunken_pct_per_year,
    norm.between_sd * sqrt(1 - shrinkage.reliability) as shrunken_sd,
    shrinkage.reliability
from features.bmd_slope as slope
join features.bmd_slope_norm as norm
    on norm.sex_code = slope.sex_code
    and norm.site_code = slope.site_code
    and norm.use_code = case when slope.inhibitor_days > 0 then 'some' else 'none' end
cross join lateral (
    select norm.between_sd ** 2 / (norm.between_sd ** 2 + norm.residual_sd ** 2 / slope.time_ss) as reliability
) as shrinkage
where slope.slope_pct_per_year is not null and not slope.is_artefact_suspect
