-- grain: one row per source, laboratory, analyte and class of assay
-- unit: population
-- The lower limit of a laboratory's assay, where it states one by habit: 30 statements, 95 % alike. From 5 statements on,
-- all alike, it serves to recognise what stands in place of the limit, and nothing else: a laboratory that writes '<5'
-- below 5 measures no 2.5. How often it was stated stands in staging.lab_limit_count.
select
    source_id, lab_key, analyte_code, assay_class, lloq,
    case when n_stated >= 30 and limit_share >= 0.95e0 then 'habit' else 'unanimous' end as basis_code
from staging.lab_limit_count
where n_stated >= 30 and limit_share >= 0.95e0 or n_stated >= 5 and limit_share >= 1
