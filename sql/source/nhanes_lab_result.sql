-- grain: one row per survey participant, specimen and analyte
-- unit: person
-- Each CDC table is turned from wide to long; what a variable is and its factor stand in ref.nhanes_variable.
-- Below the limit: the limit is the value and operator is '<'; the fill CDC put there stays in source_value only.
-- The survey releases no dates: drawn_on is NULL and says so.
with published as (
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'tst' as family, variable, value, comment
    from raw.nhanes_tst
    unpivot include nulls ((value, comment) for variable in (
        (LBXEST, LBDESTLC) as 'LBXEST', (LBXTST, LBDTSTLC) as 'LBXTST', (LBXSHBG, LBDSHGLC) as 'LBXSHBG'
    ))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'vid', variable, value, comment
    from (select *, cast(null as double) as no_comment from raw.nhanes_vid)
    unpivot include nulls ((value, comment) for variable in (
        (LBXVIDMS, LBDVIDLC) as 'LBXVIDMS', (LBDVIDMS, no_comment) as 'LBDVIDMS'
    ))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'sschl', variable, value,
        case when value < 0 then 1 end
    from raw.nhanes_sschl
    unpivot (value for variable in (SSSE2, SSTESTO, SSSHBG))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'tchol', variable, value, null
    from raw.nhanes_tchol
    unpivot (value for variable in (LBXTC))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'hdl', variable, value, null
    from raw.nhanes_hdl
    unpivot (value for variable in (LBDHDD))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'trigly', variable, value, null
    from raw.nhanes_trigly
    unpivot (value for variable in (LBXTR, LBDLDL))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'lab13', variable, value, null
    from raw.nhanes_lab13
    unpivot (value for variable in (LBXTC, LBDHDL, LBXHDD))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'lab13am', variable, value, null
    from raw.nhanes_lab13am
    unpivot (value for variable in (LBXTR, LBDLDL))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'ghb', variable, value, null
    from raw.nhanes_ghb
    unpivot (value for variable in (LBXGH))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'lab10', variable, value, null
    from raw.nhanes_lab10
    unpivot (value for variable in (LBXGH))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'lab11', variable, value, null
    from raw.nhanes_lab11
    unpivot (value for variable in (LBXBAP, LBDBAP, URXNT, URDNT, LBXCRP, LBXPT21))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'crp', variable, value, null
    from raw.nhanes_crp
    unpivot (value for variable in (LBXCRP))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'biopro', variable, value, null
    from raw.nhanes_biopro
    unpivot (value for variable in (LBXSCR, LBXSCA, LBXSAL))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'lab18', variable, value, null
    from raw.nhanes_lab18
    unpivot (value for variable in (LBXSCR, LBDSCR, LBXSCA, LBXSAL, LBXFSH, LBXLH))
    union all
    select person_id, source_file, source_row, cycle_code, source_id, drop_id, 'pth', variable, value, null
    from raw.nhanes_pth
    unpivot (value for variable in (LBXPT21))
),
harmonised as (
    select
        published.* exclude (comment),
        variable.code as analyte_code,
        variable.canonical_unit,
        variable.unit as source_unit,
        variable.factor,
        coalesce(variable.assay_class, 'unknown') as assay_class,
        coalesce(published.comment, 0) = 1 as is_censored
    from published
    join ref.nhanes_variable as variable using (family, variable)
    join staging.person as person using (person_id)
    where published.value is not null
)
select
    harmonised.person_id,
    harmonised.cycle_code || '.' || harmonised.family as specimen_id,
    harmonised.analyte_code,
    case when harmonised.is_censored then assay_limit.lloq else harmonised.value * harmonised.factor end as value,
    harmonised.canonical_unit as unit_code,
    case when harmonised.is_censored then '<' else '=' end as operator,
    harmonised.is_censored,
    assay_limit.lloq,
    harmonised.assay_class,
    'survey_documentation' as assay_basis,
    cast(null as varchar) as lab_id,
    cast(null as date) as drawn_on,
    cast(null as timestamp) as drawn_at,
    cast(null as bigint) as visit_occurrence_id,
    'not_released' as date_reason,
    'final' as status_code,
    cast(null as boolean) as is_fasting,
    cast(null as boolean) as is_morning,
    harmonised.value as source_value,
    cast(null as varchar) as source_text,
    harmonised.source_unit,
    'survey_documentation' as unit_basis,
    harmonised.variable as source_variable,
    1 as n_replicates,
    case when harmonised.is_censored and assay_limit.lloq is null then 'limit_not_stated' end as missing_reason,
    harmonised.source_file,
    harmonised.source_row,
    harmonised.source_id,
    harmonised.drop_id
from harmonised
left join staging.assay_limit as assay_limit
    on assay_limit.cycle_code = harmonised.cycle_code
    and assay_limit.family = harmonised.family
    and assay_limit.analyte_code = harmonised.analyte_code
