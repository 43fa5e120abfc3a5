-- grain: one row per OMOP measurement row
-- unit: person
-- Which record view reads a row, and by which code.
select measurement.*, code.is_parted, code.family, code.vocabulary_code, code.code
from raw.omop_measurement as measurement
join source.omop_measurement_code as code
    on code.code_key = hash(
        measurement.measurement_concept_id, measurement.measurement_source_concept_id,
        measurement.measurement_source_value
    )
