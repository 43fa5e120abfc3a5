-- grain: one row per source, laboratory and analyte
-- unit: population
-- What a laboratory does by habit: unit and class of assay. A habit counts from 30 rows and a share of 95 %; below that it
-- is NULL and nothing is inferred. How often it was seen stands in staging.lab_convention_count: here stands only what
-- is decided, so that another row of the same habit changes nothing for anybody.
select
    source_id,
    lab_key,
    analyte_code,
    case when n_with_unit >= 30 and unit_share >= 0.95e0 then unit_code end as unit_code,
    case when lab_key <> '' and n_with_method >= 30 and method_share >= 0.95e0 then assay_class end as assay_class
from staging.lab_convention_count
where n_with_unit >= 30 and unit_share >= 0.95e0
    or lab_key <> '' and n_with_method >= 30 and method_share >= 0.95e0
