-- grain: one row per code of OMOP measurements: concept, source concept and source value as delivered
-- unit: person
-- Which record view reads the rows of a code, and by which code of ours: the standard concept, else the source concept,
-- else the source's own code or name. Vocabulary tables, where delivered, tell further concept ids of the codes listed
-- in ref. family 'none': no list knows the code. lab_record counts such rows as out of scope.
-- A source value of five parts is 'code|name|method|status|fasting': its code, else its name, is looked up. One that
-- begins with 'DXA|' is a scan, whatever its codes. Two codes with one key would double rows, which no table admits.
with listed as (
    select 'lab' as family, vocabulary_code, code from ref.analyte_code
    union all
    select 'dxa', vocabulary_code, code from ref.dxa_code where list_code = 'quantity'
    union all
    select 'observation', vocabulary_code, code from ref.observation_code
),
known as (
    select vocabulary_code, code, min(family) as family from listed group by vocabulary_code, code
),
listed_concept as (
    select cast(code as bigint) as concept_id, family, vocabulary_code, code from known where vocabulary_code = 'omop'
),
concept as (
    select concept_id, family, vocabulary_code, code from listed_concept
    union all
    select delivered.concept_id, min(known.family), min(known.vocabulary_code), min(known.code)
    from raw.omop_concept as delivered
    join known on known.vocabulary_code = lower(delivered.vocabulary_id) and known.code = lower(delivered.concept_code)
    where delivered.concept_id not in (select concept_id from listed_concept)
    group by delivered.concept_id
),
written as (
    select code, min_by(family, vocabulary_code) as family, min(vocabulary_code) as vocabulary_code
    from known
    where vocabulary_code <> 'omop'
    group by code
),
delivered as (
    select distinct
        hash(measurement_concept_id, measurement_source_concept_id, measurement_source_value) as code_key,
        measurement_concept_id,
        measurement_source_concept_id,
        measurement_source_value
    from raw.omop_measurement
)
select
    delivered.*,
    length(delivered.measurement_source_value) - length(replace(delivered.measurement_source_value, '|', '')) = 4
        and not starts_with(upper(delivered.measurement_source_value), 'DXA|') as is_parted,
    coalesce(
        standard.family, source.family, written.family, named.family,
        case when starts_with(upper(delivered.measurement_source_value), 'DXA|') then 'dxa' end, 'none'
    ) as family,
    coalesce(standard.vocabulary_code, source.vocabulary_code, written.vocabulary_code, named.vocabulary_code)
        as vocabulary_code,
    coalesce(standard.code, source.code, written.code, named.code) as code
from delivered
left join concept as standard on standard.concept_id = delivered.measurement_concept_id
left join concept as source on source.concept_id = delivered.measurement_source_concept_id
-- A text is looked up only where no concept told.
left join written
    on written.code = case when standard.family is null and source.family is null
        then lower(trim(split_part(delivered.measurement_source_value, '|', 1))) end
left join written as named
    on named.code = case when standard.family is null and source.family is null and written.family is null
        then lower(trim(nullif(split_part(delivered.measurement_source_value, '|', 2), ''))) end
