-- grain: one row per person with a care site
-- unit: person
-- The care site that looks after a person, as the latest delivery names it. Only OMOP names one.
select person_id, 'care-site-' || max_by(care_site_id, (drop_sequence, care_site_id)) as care_site_code
from raw.omop_person
where care_site_id is not null
group by person_id
