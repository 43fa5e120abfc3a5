-- grain: one row per concept in use, and ingredient
-- unit: population
-- What delivered vocabulary tables say a product holds: drug_strength first, else ancestors that are ingredients, else
-- the concept itself. Names fold into those of ref.drug; a name that is not there stays as the vocabulary has it.
with used as (
    select concept_id from source.drug_product_named where concept_id is not null
    union
    select source_concept_id from source.drug_product_named where source_concept_id is not null
),
mapped as (
    select used.concept_id, used.concept_id as holder_id from used
    union
    select used.concept_id, relationship.concept_id_2
    from used
    join raw.omop_concept_relationship as relationship
        on relationship.concept_id_1 = used.concept_id and relationship.relationship_id = 'Maps to'
),
ingredient as (
    select concept_id, concept_name
    from raw.omop_concept
    where lower(concept_class_id) like '%ingredient' and domain_id = 'Drug'
),
held as (
    select mapped.concept_id, strength.ingredient_concept_id, 1 as rank
    from mapped
    join raw.omop_drug_strength as strength on strength.drug_concept_id = mapped.holder_id
    union
    select mapped.concept_id, ancestor.ancestor_concept_id, 2
    from mapped
    join raw.omop_concept_ancestor as ancestor on ancestor.descendant_concept_id = mapped.holder_id
    union
    select concept_id, holder_id, 3 from mapped
),
named as (
    select
        held.concept_id,
        held.ingredient_concept_id,
        coalesce(drug.ingredient, lower(trim(ingredient.concept_name))) as ingredient
    from held
    join ingredient on ingredient.concept_id = held.ingredient_concept_id
    left join ref.drug as drug on drug.drug_name = lower(trim(ingredient.concept_name))
    where lower(ingredient.concept_name) not like 'inert%'
    qualify held.rank = min(held.rank) over (partition by held.concept_id)
),
unit as (
    select
        cast(word as bigint) as concept_id,
        case when code in ('mg', 'mcg', 'g') then 'mg' else code end as unit_code,
        case code when 'mcg' then 0.001e0 when 'g' then 1000e0 else 1e0 end as factor
    from ref.source_word
    where list_code = 'strength_unit' and vocabulary_code = 'omop'
)
select
    named.concept_id,
    named.ingredient,
    max(case when amount.unit_code = 'mg' then strength.amount_value * amount.factor end) as strength_mg,
    max(
        case when numerator.unit_code = 'mg' and denominator.unit_code = 'ml'
            then strength.numerator_value * numerator.factor / coalesce(strength.denominator_value, 1) end
    ) as concentration_mg_per_ml,
    max(case when denominator.unit_code = 'ml' and strength.denominator_value > 1 then strength.denominator_value end)
        as volume_ml
from named
left join raw.omop_drug_strength as strength
    on strength.drug_concept_id = named.concept_id and strength.ingredient_concept_id = named.ingredient_concept_id
left join unit as amount on amount.concept_id = strength.amount_unit_concept_id
left join unit as numerator on numerator.concept_id = strength.numerator_unit_concept_id
left join unit as denominator on denominator.concept_id = strength.denominator_unit_concept_id
group by named.concept_id, named.ingredient
