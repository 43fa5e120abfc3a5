-- grain: one row per deceased person
-- unit: person
-- Cause is the NCHS recode of the underlying leading cause, released for the deceased only.
select
    mortality.person_id,
    cast(null as date) as died_on,
    mortality.PERMTH_EXM * 30.4375e0 as days_from_examination,
    mortality.PERMTH_INT * 30.4375e0 as days_from_interview,
    case mortality.UCOD_LEADING
        when 1 then 'heart_disease'
        when 2 then 'malignant_neoplasm'
        when 3 then 'chronic_lower_respiratory'
        when 4 then 'accident'
        when 5 then 'cerebrovascular'
        when 6 then 'alzheimer'
        when 7 then 'diabetes'
        when 8 then 'influenza_pneumonia'
        when 9 then 'kidney'
        when 10 then 'other'
    end as cause_code,
    'not_released' as date_reason,
    mortality.source_file,
    mortality.source_row,
    mortality.source_id,
    mortality.drop_id
from raw.nhanes_mortality as mortality
join staging.person as person on person.person_id = mortality.person_id
where mortality.ELIGSTAT = 1
    and mortality.MORTSTAT = 1
