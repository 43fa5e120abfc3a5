-- grain: one row per flat prescription record
-- unit: person
-- The same words and codes are one product, whoever takes it.
select
    *,
    md5(
        coalesce(lower(trim(code_system)), '') || '|' || coalesce(lower(trim(code)), '') || '|'
        || coalesce(trim(drug_text), '') || '|' || coalesce(trim(ingredient_text), '') || '|'
        || coalesce(trim(strength_text), '') || '|' || coalesce(trim(form_text), '')
    ) as product_id
from raw.flat_prescription
