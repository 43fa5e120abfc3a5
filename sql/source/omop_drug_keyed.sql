-- grain: one row per OMOP drug row
-- unit: person
-- The same words and concepts are one product, whoever takes it.
select
    *,
    md5(
        coalesce(cast(drug_concept_id as varchar), '') || '|' || coalesce(cast(drug_source_concept_id as varchar), '')
        || '|' || coalesce(trim(drug_source_value), '')
    ) as product_id
from raw.omop_drug_exposure
