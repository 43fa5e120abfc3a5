-- grain: one row per distinct instruction, drug and strength
-- unit: population
-- Instructions are read once each, beside the ingredient they are for; staging.sig holds what they say.
with written as (
    select distinct product_id, nullif(trim(sig), '') as sig_text from source.omop_drug_keyed
    union
    select distinct product_id, nullif(trim(sig_text), '') as sig_text from source.flat_drug_keyed
)
select
    md5(lower(written.sig_text) || '|' || product.ingredient || '|' || coalesce(product.strength_text, '')) as sig_id,
    min(written.sig_text) as sig_text,
    product.ingredient as drug_text,
    product.strength_text
from written
join staging.drug_product as product on product.product_id = written.product_id
where written.sig_text is not null and product.ingredient <> ''
group by lower(written.sig_text), product.ingredient, product.strength_text
