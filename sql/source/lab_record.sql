-- grain: one row per delivered laboratory row and record
-- unit: person
-- What becomes of every row: staged, duplicate, quarantined or out of scope, and why; staged rows have their final value.
-- Results of one specimen (its id, else its moment of draw) are replicates and averaged, within one class of assay; equal
-- ones are one result sent twice. Of results that share only a day nobody knows that: equal ones count once, others stay
-- apart. Final replaces preliminary, the latest correction what it corrects. Only keys that occur more than once meet the
-- windows, and only with the columns that decide; row_id brings the decision back. Hashes stand for texts within a
-- person, where no two of them meet.
with judged as (
    select
        *,
        hash(source_file, source_row, record_number) as row_id,
        hash(
            person_id, analyte_code, specimen_id, case when specimen_id is null then drawn_at end,
            case when not has_specimen then drawn_on end
        ) as result_hash
    from source.lab_judged
),
repeated as (
    select result_hash from judged where reason is null group by result_hash having count(*) > 1
),
candidate as (
    select
        row_id, person_id, result_hash, assay_class, operator, value, lloq, status_code,
        status_code = 'preliminary' as is_preliminary, status_code = 'corrected' as is_corrected,
        drop_sequence, resulted_at, source_row, record_number, has_specimen,
        hash(result_hash, assay_class, operator, value, is_preliminary, is_corrected) as copy_hash,
        case when has_specimen then result_hash else hash(result_hash, coalesce(record_id, '')) end as correction_hash
    from judged
    semi join repeated on repeated.result_hash = judged.result_hash
    where reason is null
),
ended as (
    select person_id, result_hash, bool_or(status_code in ('final', 'corrected')) as has_final
    from candidate
    group by person_id, result_hash
),
ranked as (
    select
        *,
        row_number() over (
            partition by person_id, copy_hash
            order by drop_sequence desc, source_row, record_number, row_id
        ) as copy_number
    from candidate
    join ended using (person_id, result_hash)
),
replaced as (
    select
        *,
        bool_or(is_corrected) over (
            latest_first rows between unbounded preceding and unbounded following
        ) as has_correction,
        row_number() over latest_first as correction_number
    from ranked
    window latest_first as (
        partition by person_id, correction_hash
        order by is_corrected desc, drop_sequence desc, resulted_at desc nulls last, copy_number, source_row desc,
            record_number desc, row_id
    )
),
kept as (
    select
        *,
        case
            when copy_number > 1 then 'repeated_row'
            when has_final and is_preliminary then 'superseded_by_final'
            when has_correction and correction_number > 1 then 'superseded_by_correction'
        end as replaced_by,
        case when has_specimen then assay_class
            else lpad(cast(correction_number as varchar), 6, '0') || lpad(cast(source_row as varchar), 12, '0') || '.'
                || record_number || '.' || row_id end as result_key
    from replaced
),
result as (
    select
        person_id,
        result_hash,
        result_key,
        row_number() over (partition by person_id, result_hash order by result_key) as result_number,
        min(struct_pack(source_row := source_row, record_number := record_number, row_id := row_id)) as first_row,
        count(*) as n_same,
        avg(value) as mean_value,
        min(value) as lowest_value,
        max(value) as highest_value,
        bool_or(value is null) as has_unknown,
        bool_or(operator = '<') as has_below,
        bool_and(operator = '<') as is_all_below,
        bool_or(operator = '>') as has_above,
        bool_and(operator = '>') as is_all_above
    from kept
    where replaced_by is null
    group by person_id, result_hash, result_key
),
grouped as (
    select
        kept.row_id,
        kept.lloq,
        kept.row_id <> result.first_row.row_id as is_replicate,
        result.* exclude (result_hash, result_key)
    from kept
    join result
        on result.person_id = kept.person_id and result.result_hash = kept.result_hash
        and result.result_key = kept.result_key
    where kept.replaced_by is null
),
outcome as (
    select person_id, row_id, replaced_by, 1 as result_number, 1 as n_replicates, cast(null as double) as joint_value,
        cast(null as varchar) as joint_operator, cast(null as double) as joint_lloq
    from kept
    where replaced_by is not null
    union all
    select
        person_id,
        row_id,
        case
            when has_below and has_above then 'replicates_disagree'
            when is_replicate then 'averaged_replicate'
        end,
        result_number,
        n_same,
        case
            when has_unknown then null
            when is_all_below then lowest_value
            when is_all_above then highest_value
            else mean_value
        end,
        case when has_below then '<' when has_above then '>' else '=' end,
        case when has_below and has_unknown then null when is_all_below then lowest_value when has_below then mean_value
            else lloq end
    from grouped
),
inflamed as (
    select distinct judged.person_id, judged.drawn_on
    from judged
    cross join (
        select max(value) as mg_per_l from ref.clinical_limit where limit_code = 'crp_interference_mg_per_l'
    ) as high
    where judged.analyte_code = 'crp' and judged.reason is null and judged.value > high.mg_per_l
),
resolved as (
    select
        judged.* exclude (reason, value, operator, lloq),
        inflamed.person_id is not null as is_inflamed,
        coalesce(judged.reason, outcome.replaced_by) as reason,
        outcome.replaced_by <> 'replicates_disagree' as is_replaced,
        coalesce(outcome.result_number, 1) as result_number,
        coalesce(outcome.n_replicates, 1) as n_replicates,
        case when outcome.joint_operator is null then judged.value else outcome.joint_value end as value,
        coalesce(outcome.joint_operator, judged.operator) as operator,
        case when outcome.joint_operator is null then judged.lloq else outcome.joint_lloq end as lloq
    from judged
    -- The limit is never reached: it tells the planner that the outcomes are the small side.
    left join (select * from outcome limit 1000000000) as outcome
        on outcome.person_id = judged.person_id and outcome.row_id = judged.row_id
    left join inflamed
        on inflamed.person_id = case when judged.is_interfered and judged.assay_class in ('immunoassay', 'unknown')
            then judged.person_id end
        and inflamed.drawn_on = judged.drawn_on
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
        when is_replaced or reason = 'superseded' then 'duplicate'
        when reason in ('code_not_listed', 'no_value', 'entered_in_error', 'retracted') then 'out_of_scope'
        else 'quarantined'
    end as disposition,
    reason,
    coalesce(specimen_id, cast(drawn_at as varchar), cast(drawn_on as varchar))
        || case when result_number = 1 then '' else '/' || result_number end as specimen_id,
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
    visit_occurrence_id,
    status_code,
    is_fasting,
    extract(hour from drawn_at) between 5 and 10 as is_morning,
    source_value,
    value_text as source_text,
    unit_text as source_unit,
    unit_basis,
    source_variable,
    n_replicates,
    case when value is null then 'limit_not_stated' end as missing_reason,
    value_flag,
    is_inflamed
from resolved
