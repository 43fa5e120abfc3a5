-- grain: one row per delivered laboratory row and record
-- unit: person
-- Laboratory rows of every clinical source in one shape, before the text of a result is read.
-- What a list of words decides is decided here, where equal texts still stand together; list_contains, because DuckDB turns
-- a long `in` into a join of every row.
with delivered as (
    select * exclude (
        measurement_concept_id, measurement_source_concept_id, measurement_source_value, any_unit_concept_id,
        unit_source_value, lab_provider_id, source_id
    )
    from source.omop_lab
    union all by name
    select * exclude (source_id, code_system, code, name_text, unit_text, method_text, lab_id) from source.flat_lab
)
select
    * exclude (status_text, fasting_text),
    case
        when list_contains(['final', 'f', 'complete', 'completed', 'verified', 'released', 'validated'],
            lower(trim(status_text))) then 'final'
        when list_contains(['corrected', 'c', 'amended', 'a', 'revised', 'appended', 'modified'],
            lower(trim(status_text))) then 'corrected'
        when list_contains(['preliminary', 'p', 'prelim', 'partial', 'interim', 'registered'],
            lower(trim(status_text))) then 'preliminary'
        when list_contains(['cancelled', 'canceled', 'x', 'entered-in-error', 'entered in error', 'deleted', 'd', 'w',
            'wrong', 'void', 'voided', 'rejected'], lower(trim(status_text))) then 'withdrawn'
        else 'unknown'
    end as status_code,
    case
        when list_contains(['y', 'yes', 'true', '1', 'fasting', 'fasted', 'nüchtern', 'ayunas'], lower(trim(fasting_text)))
            then true
        when list_contains(['n', 'no', 'false', '0', 'non-fasting', 'nonfasting', 'not fasting', 'random'],
            lower(trim(fasting_text))) then false
    end as is_fasting
from delivered
