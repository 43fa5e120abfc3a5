-- grain: one row per cycle, source table and analyte
-- unit: population
-- LC-MS/MS files fill results below the limit with limit/sqrt(2) and say so in a comment code.
-- The surplus-serum immunoassay files write minus the limit instead.
with commented as (
    select cycle_code, 'tst' as family, variable, value
    from raw.nhanes_tst
    unpivot ((value, comment) for variable in (
        (LBXEST, LBDESTLC) as 'LBXEST', (LBXTST, LBDTSTLC) as 'LBXTST', (LBXSHBG, LBDSHGLC) as 'LBXSHBG'
    ))
    where comment = 1
    union all
    select cycle_code, 'vid', 'LBXVIDMS', LBXVIDMS
    from raw.nhanes_vid
    where LBDVIDLC = 1 and LBXVIDMS is not null
),
negative as (
    select cycle_code, 'sschl' as family, variable, value
    from raw.nhanes_sschl
    unpivot (value for variable in (SSSE2, SSTESTO, SSSHBG))
    where value < 0
),
limits as (
    select cycle_code, family, variable, value * sqrt(2e0) as limit_value, value from commented
    union all
    select cycle_code, family, variable, -value as limit_value, value from negative
)
select
    limits.cycle_code,
    limits.family,
    variable.code as analyte_code,
    round(max(limits.limit_value * variable.factor), 3) as lloq,
    count(distinct limits.value) as fill_values,
    count(*) as n_censored
from limits
join ref.nhanes_variable as variable using (family, variable)
group by limits.cycle_code, limits.family, variable.code
