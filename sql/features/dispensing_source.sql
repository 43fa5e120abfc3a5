-- grain: one row per source, ingredient and compounding
-- unit: population
-- An order is not a fill: orders count as supply only where the source holds no fill and no administration of the same kind.
select
    source_id,
    ingredient,
    coalesce(is_compounded, false) as is_compounded,
    case when bool_or(record_type in ('fill', 'administered')) then 'fill' else 'order' end as evidence_code
from staging.drug_exposure
where started_on is not null and drug_class is not null
group by source_id, ingredient, coalesce(is_compounded, false)
