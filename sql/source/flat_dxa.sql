-- grain: one row per flat densitometry record
-- unit: person
select
    dxa.person_id,
    dxa.source_id,
    dxa.drop_id,
    dxa.drop_sequence,
    dxa.source_file,
    dxa.source_row,
    dxa.record_number,
    dxa.record_id,
    dxa.scan_id,
    cast(null as varchar) as scan_link,
    status.code as status_code,
    'bmd' as quantity_code,
    cast(null as varchar) as code_site,
    cast(null as varchar) as wide_site,
    cast(null as varchar) as code_side,
    dxa.site_text,
    dxa.side_text,
    dxa.vertebrae_text,
    try_cast(replace(dxa.bmd_text, ',', '.') as double) as value,
    nullif(trim(dxa.bmd_text), '') is not null as has_value_text,
    coalesce(nullif(trim(dxa.t_score_text), ''), nullif(trim(dxa.z_score_text), '')) is not null as has_score,
    nullif(replace(lower(dxa.unit_text), ' ', ''), '') as unit_word,
    cast(null as varchar) as unit_concept,
    try_cast(replace(dxa.area_text, ',', '.') as double) as area_cm2,
    dxa.manufacturer_text,
    dxa.model_text,
    dxa.software_text,
    nullif(trim(dxa.device_id), '') as device_id,
    dxa.scanned_on,
    cast(null as timestamp) as scanned_at,
    validity.code as validity_code
from raw.flat_dxa as dxa
left join ref.source_word as status
    on status.list_code = 'result_status' and status.vocabulary_code = 'word'
    and status.word = lower(trim(dxa.status_text))
left join ref.source_word as validity
    on validity.list_code = 'validity' and validity.vocabulary_code = 'word'
    and validity.word = lower(trim(dxa.valid_text))
