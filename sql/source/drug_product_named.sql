-- grain: one row per distinct product as sources name it
-- unit: population
-- A value without a word in it is a code; without a stated system only an ATC code is plain from its form.
with omop as (
    select
        product_id,
        any_value(nullif(drug_concept_id, 0)) as concept_id,
        any_value(nullif(drug_source_concept_id, 0)) as source_concept_id,
        any_value(nullif(trim(drug_source_value), '')) as source_value
    from source.omop_drug_keyed
    group by product_id
),
flat as (
    select
        product_id,
        any_value(lower(trim(code_system))) as code_system,
        any_value(nullif(lower(trim(code)), '')) as code,
        any_value(nullif(trim(drug_text), '')) as drug_text,
        any_value(nullif(trim(ingredient_text), '')) as ingredient_text,
        any_value(nullif(trim(strength_text), '')) as strength_text,
        any_value(nullif(trim(form_text), '')) as form_text
    from source.flat_drug_keyed
    group by product_id
)
select
    omop.product_id,
    omop.concept_id,
    omop.source_concept_id,
    case when regexp_full_match(lower(omop.source_value), '[a-z]\d\d[a-z][a-z]\d\d') then 'atc' end as code_system,
    case when not regexp_matches(lower(omop.source_value), '[a-z][a-z][a-z]') then lower(omop.source_value) end as code,
    case when regexp_matches(lower(omop.source_value), '[a-z][a-z][a-z]') then omop.source_value end as drug_text,
    cast(null as varchar) as ingredient_text,
    cast(null as varchar) as strength_text,
    cast(null as varchar) as form_text,
    standard.concept_name,
    source.concept_name as source_concept_name
from omop
left join raw.omop_concept as standard on standard.concept_id = omop.concept_id
left join raw.omop_concept as source on source.concept_id = omop.source_concept_id
union all by name
select
    product_id,
    cast(null as bigint) as concept_id,
    cast(null as bigint) as source_concept_id,
    case
        when regexp_matches(code_system, 'rxnorm') then 'rxnorm'
        when regexp_matches(code_system, 'atc') then 'atc'
        when regexp_matches(code_system, 'ndc') then 'ndc'
        when regexp_matches(code_system, 'omop') then 'omop'
        when code_system is null and regexp_full_match(code, '[a-z]\d\d[a-z][a-z]\d\d') then 'atc'
    end as code_system,
    code,
    drug_text,
    ingredient_text,
    strength_text,
    form_text,
    cast(null as varchar) as concept_name,
    cast(null as varchar) as source_concept_name
from flat
