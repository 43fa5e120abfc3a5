-- grain: one row per person with an aromatase inhibitor
-- unit: person
-- The day from which changes are counted, and how far back a value before it may lie; its day belongs to before, for what is
-- supplied on a day is taken after what was measured on it.
select
    supply.person_id,
    min(supply.supplied_on) as inhibitor_from_on,
    min(supply.supplied_on) - cast(max(baseline.value) as integer) as baseline_from_on
from features.drug_supply as supply
cross join (select value from ref.clinical_limit where limit_code = 'e2_baseline_days') as baseline
where supply.drug_class = 'aromatase_inhibitor'
group by supply.person_id
