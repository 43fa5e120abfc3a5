-- grain: one row per person, symptom, source row and record
-- unit: person
-- A symptom is a coded diagnosis that ref.symptom_code lists; a listed code stands for itself and all below it.
select
    condition.person_id,
    symptom.symptom_code,
    condition.source_file,
    condition.source_row,
    condition.record_number,
    condition.recorded_on,
    condition.vocabulary_code,
    condition.condition_code,
    condition.setting_code,
    condition.source_id,
    condition.drop_id
from staging.condition as condition
join ref.symptom_code as symptom
    on symptom.vocabulary_code = condition.vocabulary_code
    and left(symptom.code, 2) = left(condition.condition_code, 2)
    and case
        when symptom.vocabulary_code = 'snomed' then symptom.code = condition.condition_code
        else starts_with(condition.condition_code, symptom.code)
    end
where condition.record_type = 'coded_diagnosis' and not condition.is_history
qualify row_number() over (
    partition by condition.person_id, symptom.symptom_code, condition.source_file, condition.source_row,
        condition.record_number
    order by symptom.code
) = 1
