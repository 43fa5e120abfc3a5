-- grain: one row per flat prescription record
-- unit: person
select
    drug.person_id,
    drug.source_id,
    drug.drop_id,
    drug.drop_sequence,
    drug.source_file,
    drug.source_row,
    drug.record_number,
    drug.record_id,
    drug.product_id,
    coalesce(kind.code, 'unknown') as record_type,
    coalesce(status.code, 'unknown') as status_code,
    nullif(trim(drug.sig_text), '') as sig_text,
    case when drug.quantity > 0 then drug.quantity end as quantity,
    unit.code as quantity_unit,
    case when drug.days_supply > 0 then drug.days_supply end as days_supply,
    case when drug.refills >= 0 then drug.refills end as refills,
    route.code as route_code,
    upper(nullif(trim(drug.indication_code), '')) as indication_code,
    drug.started_on,
    drug.ended_on
from source.flat_drug_keyed as drug
left join ref.source_word as kind
    on kind.list_code = 'record_type' and kind.vocabulary_code = 'word'
    and kind.word = lower(trim(drug.record_type_text))
left join ref.source_word as status
    on status.list_code = 'drug_status' and status.vocabulary_code = 'word'
    and status.word = lower(trim(drug.status_text))
left join ref.source_word as unit
    on unit.list_code = 'quantity_unit' and unit.vocabulary_code = 'word'
    and unit.word = lower(trim(drug.quantity_unit_text))
left join ref.source_word as route
    on route.list_code = 'route' and route.vocabulary_code = 'word'
    and route.word = lower(trim(drug.route_text))
