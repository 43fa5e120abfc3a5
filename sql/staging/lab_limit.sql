-- grain: one row per source, laboratory, analyte and class of assay
-- unit: population
-- The lower limit of a laboratory's assay, where it states one by habit: 30 statements, 95 % alike. How often it was
-- stated stands in staging.lab_limit_count.
select source_id, lab_key, analyte_code, assay_class, lloq
from staging.lab_limit_count
where n_stated >= 30 and limit_share >= 0.95e0
