-- grain: one row per quantity, item, place and bin
-- unit: population
-- How often which value occurs, on a grid that never changes, so that places and nights can be compared bin by bin:
-- results and doses in fiftieths of a decade, bone density in steps of 0.02 g/cm2. Results known only to lie beyond a
-- limit are bins of their own, below or above all others: another limit is another distribution.
with lab as (
    select 'lab' as quantity, analyte_code as item_code, coalesce(lab_id, 'not_recorded') as place_code,
        case operator when '<' then -1000 when '>' then 1000 else cast(floor(50 * log10(value)) as bigint) end as bin_number
    from staging.lab_result
    where value > 0 or operator <> '='
),
bone as (
    select 'bmd' as quantity, site_code as item_code, coalesce(device_id, 'not_recorded') as place_code,
        cast(floor(bmd_g_cm2 / 0.02e0) as bigint) as bin_number
    from staging.dxa_scan
    where is_valid and imputation_number = 0 and bmd_g_cm2 is not null
),
dose as (
    select 'dose' as quantity, ingredient as item_code, 'everywhere' as place_code,
        cast(floor(50 * log10(dose_mg_per_week)) as bigint) as bin_number
    from staging.drug_exposure
    where dose_mg_per_week > 0
),
value_bin as (
    select * from lab
    union all
    select * from bone
    union all
    select * from dose
)
select quantity, item_code, place_code, bin_number, count(*) as n
from value_bin
group by quantity, item_code, place_code, bin_number
