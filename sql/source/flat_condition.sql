-- grain: one row per flat diagnosis record
-- unit: person
select
    diagnosis.person_id,
    diagnosis.source_id,
    diagnosis.drop_id,
    diagnosis.drop_sequence,
    diagnosis.source_file,
    diagnosis.source_row,
    diagnosis.record_number,
    diagnosis.record_id,
    status.code as status_code,
    cast(null as varchar) as concept_vocabulary,
    cast(null as varchar) as concept_code,
    nullif(trim(diagnosis.code), '') as source_code,
    diagnosis.code_system,
    cast(null as varchar) as standard_vocabulary,
    cast(null as varchar) as standard_code,
    cast(null as bigint) as concept_id,
    diagnosis.recorded_on,
    case when setting.code in ('inpatient', 'emergency', 'outpatient') then setting.code else 'unknown' end
        as setting_code,
    position.code as position_code
from raw.flat_diagnosis as diagnosis
left join ref.source_word as status
    on status.list_code = 'result_status' and status.vocabulary_code = 'word'
    and status.word = lower(trim(diagnosis.status_text))
left join ref.source_word as setting
    on setting.list_code = 'visit' and setting.vocabulary_code = 'word'
    and setting.word = lower(trim(diagnosis.setting_text))
left join ref.source_word as position
    on position.list_code = 'position' and position.vocabulary_code = 'word'
    and position.word = lower(trim(diagnosis.position_text))
