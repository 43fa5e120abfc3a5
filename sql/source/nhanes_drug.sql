-- grain: one row per person, source row and ingredient
-- unit: person
-- NHANES asks which prescriptions were taken in the past 30 days and for how long: no dose, no date.
-- 77777 and 99999 days are 'refused' and 'do not know'. Combination products become one row an ingredient.
-- Names CDC could not code (55555, 77777, 99999) go to quarantine; a reason it could not code is NULL.
with prescriptions as (
    select
        person_id, source_file, source_row, source_id, drop_id,
        coalesce(nullif(trim(RXDDRUG), ''), nullif(trim(RXD240B), '')) as drug_name,
        coalesce(RXDDAYS, RXD260) as days_taken,
        case when trim(RXDRSC1) not in ('', '55555', '77777', '99999') then trim(RXDRSC1) end as indication_code
    from raw.nhanes_rxq_rx
),
ingredients as (
    select prescriptions.*, lower(trim(unnest(string_split(drug_name, ';')))) as name
    from prescriptions
    where drug_name is not null and drug_name not in ('55555', '77777', '99999')
)
select
    ingredients.person_id,
    ingredients.source_file,
    ingredients.source_row,
    coalesce(drug.ingredient, ingredients.name) as ingredient,
    any_value(ingredients.drug_name) as drug_name,
    any_value(drug.drug_class) as drug_class,
    any_value(ingredients.indication_code) as indication_code,
    cast(null as date) as started_on,
    any_value(case when ingredients.days_taken < 77777 then ingredients.days_taken end) as days_on,
    cast(null as double) as strength_mg,
    cast(null as double) as dose_mg_per_day,
    'not_recorded' as dose_source,
    cast(null as double) as dose_confidence,
    'not_released' as date_reason,
    any_value(ingredients.source_id) as source_id,
    any_value(ingredients.drop_id) as drop_id
from ingredients
join staging.person as person on person.person_id = ingredients.person_id
left join ref.drug as drug on drug.drug_name = ingredients.name
where ingredients.name <> ''
group by ingredients.person_id, ingredients.source_file, ingredients.source_row, coalesce(drug.ingredient, ingredients.name)
