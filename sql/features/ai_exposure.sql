-- grain: one row per person, ingredient and interval
-- unit: person
-- Surveys tell that an inhibitor is in use and since how long, not its dose: dose stays NULL, dose_source says why.
select
    drug.person_id,
    drug.ingredient,
    row_number() over (
        partition by drug.person_id, drug.ingredient
        order by drug.started_on, drug.source_file, drug.source_row, drug.record_number
    ) as interval_number,
    drug.started_on as starts_on,
    drug.ended_on as ends_on,
    true as is_current_at_entry,
    drug.days_on,
    drug.dose_mg_per_day * 7 as dose_mg_per_week,
    100 * drug.dose_mg_per_day / label.label_dose_mg_per_day as label_dose_pct,
    drug.dose_source
from staging.drug_exposure as drug
join (
    select ingredient, max(label_dose_mg_per_day) as label_dose_mg_per_day
    from ref.drug
    where drug_class = 'aromatase_inhibitor'
    group by ingredient
) as label on label.ingredient = drug.ingredient
where not coalesce(drug.status_code in ('cancelled', 'returned', 'not_filled'), false)
