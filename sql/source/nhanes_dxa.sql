-- grain: one row per person, scan, site, side and imputation
-- unit: person
-- Femur and spine: a completed or invalid scan is a row a site; a scan that was not made is no row.
-- Whole body: CDC gives five rows a person. Where a region was measured the five are one value (imputation 0);
-- where CDC imputed it they are five draws (imputation 1 to 5), to be analysed with Rubin's rules, never averaged.
-- Left hip is routine and right the exception, but which was scanned is not released.
with femur as (
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, cycle_code || '.femur' as scan_id,
        variable, bmd, 'not_released' as side_code, 0 as imputation_number,
        case when bmd is null then coalesce('cdc_invalidity_code_' || DXXFMBCC::integer, 'no_value_released') end
            as invalid_reason
    from raw.nhanes_dxxfem
    unpivot include nulls (bmd for variable in (DXXNKBMD, DXXOFBMD, DXXTRBMD, DXXINBMD, DXXWDBMD))
    where DXAFMRST in (1, 2)
),
spine as (
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, cycle_code || '.spine' as scan_id,
        variable, bmd, 'not_applicable' as side_code, 0 as imputation_number,
        case when bmd is null then coalesce('cdc_invalidity_code_' || code::integer, 'no_value_released') end
            as invalid_reason
    from raw.nhanes_dxxspn
    unpivot include nulls ((bmd, code) for variable in (
        (DXXOSBMD, DXXOSBCC) as 'DXXOSBMD', (DXXL1BMD, DXXL1BCC) as 'DXXL1BMD', (DXXL2BMD, DXXL2BCC) as 'DXXL2BMD',
        (DXXL3BMD, DXXL3BCC) as 'DXXL3BMD', (DXXL4BMD, DXXL4BCC) as 'DXXL4BMD'
    ))
    where DXASPNST in (1, 2)
),
whole_body as (
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, cycle_code || '.whole_body' as scan_id,
        variable, bmd, 'not_applicable' as side_code,
        case when imputed > 0 then _MULT_::bigint else 0 end as imputation_number,
        cast(null as varchar) as invalid_reason
    from (select *, coalesce(DXITOTBN, DXITOT) as total_imputed from raw.nhanes_dxx)
    unpivot ((bmd, imputed) for variable in (
        (DXDTOBMD, total_imputed) as 'DXDTOBMD', (DXXLSBMD, DXILS) as 'DXXLSBMD', (DXXPEBMD, DXIPE) as 'DXXPEBMD'
    ))
    where bmd is not null
        and (imputed > 0 or _MULT_ = 1)
),
repeat_scan as (
    select person_id, source_file, source_row, cycle_code, source_id, drop_id,
        cycle_code || '.whole_body_repeat' as scan_id,
        variable, bmd, 'not_applicable' as side_code, 0 as imputation_number, cast(null as varchar) as invalid_reason
    from raw.nhanes_dxx_repeat
    unpivot (bmd for variable in (DX2TOBMD, DX2LSBMD, DX2PEBMD))
),
scans as (
    select * from femur
    union all
    select * from spine
    union all
    select * from whole_body
    union all
    select * from repeat_scan
)
select
    scans.person_id,
    scans.scan_id,
    variable.code as site_code,
    scans.side_code,
    scans.imputation_number,
    scans.bmd * variable.factor as bmd_g_cm2,
    scans.invalid_reason is null as is_valid,
    scans.invalid_reason,
    scanner.manufacturer,
    scanner.model,
    scanner.software,
    cast(null as varchar) as device_id,
    cast(null as date) as scanned_on,
    'not_released' as date_reason,
    case when variable.code = 'lumbar_spine' and scans.invalid_reason is null then 4 end as n_vertebrae,
    case when variable.code = 'lumbar_spine' and scans.invalid_reason is null then 'L1-L4' end as vertebrae_code,
    1 as repeat_number,
    scans.source_file,
    scans.source_row,
    scans.source_id,
    scans.drop_id
from scans
join ref.nhanes_variable as variable on variable.variable = scans.variable and variable.domain = 'dxa'
join staging.person as person on person.person_id = scans.person_id
left join ref.nhanes_scanner as scanner on scanner.cycle_code = scans.cycle_code
