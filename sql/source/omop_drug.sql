-- grain: one row per OMOP drug row
-- unit: person
-- A quantity or days' supply of zero says nothing. dose_unit_source_value counts as the unit of the quantity only where
-- it is one that is counted or poured: 'mg' is the unit of the strength.
select
    drug.person_id,
    drug.source_id,
    drug.drop_id,
    drug.drop_sequence,
    drug.source_file,
    drug.source_row,
    1 as record_number,
    cast(drug.drug_exposure_id as varchar) as record_id,
    drug.product_id,
    coalesce(kind.code, 'unknown') as record_type,
    coalesce(status.code, 'unknown') as status_code,
    nullif(trim(drug.sig), '') as sig_text,
    case when drug.quantity > 0 then drug.quantity end as quantity,
    case when unit.code <> 'milligram' then unit.code end as quantity_unit,
    case when drug.days_supply > 0 then drug.days_supply end as days_supply,
    case when drug.refills >= 0 then drug.refills end as refills,
    coalesce(route.code, route_word.code) as route_code,
    cast(null as varchar) as indication_code,
    coalesce(drug.drug_exposure_start_date, cast(drug.drug_exposure_start_datetime as date)) as started_on,
    coalesce(drug.verbatim_end_date, drug.drug_exposure_end_date, cast(drug.drug_exposure_end_datetime as date))
        as ended_on
from source.omop_drug_keyed as drug
left join ref.source_word as kind
    on kind.list_code = 'record_type' and kind.vocabulary_code = 'omop'
    and kind.word = cast(drug.drug_type_concept_id as varchar)
left join ref.source_word as status
    on status.list_code = 'drug_status' and status.vocabulary_code = 'word'
    and status.word = lower(trim(drug.stop_reason))
left join ref.source_word as unit
    on unit.list_code = 'quantity_unit' and unit.vocabulary_code = 'word'
    and unit.word = lower(trim(drug.dose_unit_source_value))
left join ref.source_word as route
    on route.list_code = 'route' and route.vocabulary_code = 'omop'
    and route.word = cast(drug.route_concept_id as varchar)
left join ref.source_word as route_word
    on route_word.list_code = 'route' and route_word.vocabulary_code = 'word'
    and route_word.word = lower(trim(drug.route_source_value))
