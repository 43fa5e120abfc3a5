-- grain: one row per delivered laboratory row and record
-- unit: person
-- What becomes of every row: staged, duplicate, quarantined or out of scope, and why; staged rows have their final value.
-- Results of one specimen (its id, else its moment of draw) are replicates and averaged, within one class of assay. Of
-- results that share only a day nobody knows that: equal ones count once, others stay apart. Final replaces
-- preliminary, the latest correction what it corrects. Only keys that occur more than once meet the windows.
with judged as (
    select * from source.lab_judged
),
repeated as (
    select person_id, analyte_code, specimen_key
    from judged
    where reason is null
    group by person_id, analyte_code, specimen_key
    having count(*) > 1
),
ranked as (
    select
        judged.*,
        case when judged.has_specimen then '' else coalesce(judged.record_id, '') end as correction_key,
        bool_or(judged.status_code in ('final', 'corrected')) over same_key as has_final,
        row_number() over (
            partition by judged.person_id, judged.analyte_code, judged.specimen_key, judged.assay_class,
                judged.operator, judged.value,
                case when judged.status_code in ('preliminary', 'corrected') then judged.status_code else '' end,
                case when judged.has_specimen then coalesce(judged.record_id, '') else '' end
            order by judged.drop_sequence desc, judged.source_file, judged.source_row, judged.record_number
        ) as copy_number
    from judged
    semi join repeated using (person_id, analyte_code, specimen_key)
    where judged.reason is null
    window same_key as (partition by judged.person_id, judged.analyte_code, judged.specimen_key)
),
corrected as (
    select
        *,
        bool_or(status_code = 'corrected') over same_correction as has_correction,
        row_number() over (
            partition by person_id, analyte_code, specimen_key, correction_key
            order by status_code = 'corrected' desc, drop_sequence desc, resulted_at desc nulls last, copy_number,
                source_file desc, source_row desc, record_number desc
        ) as correction_number
    from ranked
    window same_correction as (partition by person_id, analyte_code, specimen_key, correction_key)
),
replaced as (
    select
        * exclude (reason, correction_key),
        case
            when copy_number > 1 then 'repeated_row'
            when has_final and status_code = 'preliminary' then 'superseded_by_final'
            when has_correction and correction_number > 1 then 'superseded_by_correction'
        end as reason,
        case when has_specimen then assay_class
            else lpad(cast(correction_number as varchar), 6, '0') || source_file || '.' || source_row || '.'
                || record_number end as result_key
    from corrected
),
grouped as (
    select
        *,
        dense_rank() over (partition by person_id, analyte_code, specimen_key order by result_key) as result_number,
        row_number() over (same_result order by source_file, source_row, record_number) as replicate_number,
        count(*) over same_result as n_same,
        avg(value) over same_result as mean_value,
        min(value) over same_result as lowest_value,
        max(value) over same_result as highest_value,
        bool_or(value is null) over same_result as has_unknown,
        bool_or(operator = '<') over same_result as has_below,
        bool_and(operator = '<') over same_result as is_all_below,
        bool_or(operator = '>') over same_result as has_above,
        bool_and(operator = '>') over same_result as is_all_above
    from replaced
    where reason is null
    window same_result as (partition by person_id, analyte_code, specimen_key, result_key)
),
resolved as (
    select *, 1 as result_number, 1 as n_replicates from judged where reason is not null
    union all by name
    select judged.*, 1 as result_number, 1 as n_replicates
    from judged
    anti join repeated using (person_id, analyte_code, specimen_key)
    where judged.reason is null
    union all by name
    select
        replaced.* exclude (has_final, copy_number, has_correction, correction_number, result_key),
        1 as result_number,
        1 as n_replicates
    from replaced
    where reason is not null
    union all by name
    select
        grouped.* exclude (has_final, copy_number, has_correction, correction_number, result_key, reason, value,
            operator, lloq, missing_reason, replicate_number, n_same, mean_value, lowest_value, highest_value,
            has_unknown, has_below, is_all_below, has_above, is_all_above),
        case
            when has_below and has_above then 'replicates_disagree'
            when replicate_number > 1 then 'averaged_replicate'
        end as reason,
        case
            when has_unknown then null
            when is_all_below then lowest_value
            when is_all_above then highest_value
            else mean_value
        end as value,
        case when has_below then '<' when has_above then '>' else '=' end as operator,
        case when has_below and has_unknown then null when is_all_below then lowest_value when has_below then mean_value
            else lloq end as lloq,
        case when has_unknown then 'limit_not_stated' end as missing_reason,
        n_same as n_replicates
    from grouped
)
select
    person_id,
    source_file,
    source_row,
    record_number,
    source_id,
    drop_id,
    'lab' as family,
    case
        when reason is null then 'staged'
        when reason in (
            'superseded', 'superseded_by_final', 'superseded_by_correction', 'repeated_row', 'averaged_replicate'
        ) then 'duplicate'
        when reason in ('code_not_listed', 'no_value', 'entered_in_error', 'retracted') then 'out_of_scope'
        else 'quarantined'
    end as disposition,
    reason,
    case when result_number = 1 then specimen_key else specimen_key || '/' || result_number end as specimen_id,
    analyte_code,
    value,
    canonical_unit as unit_code,
    operator,
    lloq,
    assay_class,
    assay_basis,
    is_interfered,
    lab_id,
    drawn_on,
    drawn_at,
    status_code,
    case when lower(trim(fasting_text)) in ('y', 'yes', 'true', '1', 'fasting', 'fasted', 'nüchtern', 'ayunas')
            then true
        when lower(trim(fasting_text)) in ('n', 'no', 'false', '0', 'non-fasting', 'nonfasting', 'not fasting', 'random')
            then false end as is_fasting,
    extract(hour from drawn_at) between 5 and 10 as is_morning,
    source_value,
    value_text as source_text,
    unit_text as source_unit,
    unit_basis,
    source_variable,
    n_replicates,
    missing_reason
from resolved
