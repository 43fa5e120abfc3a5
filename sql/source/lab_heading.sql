-- grain: one row per heading: source, laboratory, code, unit and method as they are delivered
-- unit: person
-- What is written the same over many rows is looked up once, here. The analyte is found by code, else by the whole name in
-- lower case; parts of names are never compared. A method names its class only where it says so itself; a maker's name
-- alone says immunoassay, which is all they sell. Two headings with one key would double rows, which no table admits.
with omop as (
    select distinct
        heading_key, source_id, measurement_concept_id, measurement_source_concept_id, measurement_source_value,
        any_unit_concept_id, unit_source_value, lab_provider_id
    from source.omop_lab
),
flat as (
    select distinct heading_key, source_id, code_system, code, name_text, unit_text, method_text, lab_id
    from source.flat_lab
),
delivered as (
    select
        heading_key,
        source_id,
        case when lower(coalesce(code_system, 'loinc')) like '%loinc%' then 'loinc' end as vocabulary_code,
        trim(code) as code,
        lower(trim(code)) as code_as_name,
        lower(trim(name_text)) as name,
        coalesce(code, name_text) as source_variable,
        unit_text,
        null as unit_concept_id,
        method_text,
        lab_id,
        true as is_laboratory
    from flat
    union all
    select
        omop.heading_key,
        omop.source_id,
        route.vocabulary_code,
        route.code,
        null,
        null,
        coalesce(
            nullif(split_part(omop.measurement_source_value, '|', 1), ''), cast(omop.measurement_concept_id as varchar)
        ),
        omop.unit_source_value,
        omop.any_unit_concept_id,
        case when route.is_parted then nullif(split_part(omop.measurement_source_value, '|', 3), '') end,
        case when route.is_parted then 'provider-' || omop.lab_provider_id end,
        route.family in ('lab', 'none')
    from omop
    join source.omop_measurement_code as route
        on route.code_key = hash(
            omop.measurement_concept_id, omop.measurement_source_concept_id, omop.measurement_source_value
        )
),
spelled as (
    select
        *,
        replace(replace(replace(replace(replace(
            lower(unit_text), ' ', ''), 'µ', 'u'), 'μ', 'u'), chr(160), ''), chr(9), '') as unit_spelling
    from delivered
),
vocabulary_unit as (
    select vocabulary.concept_id, min(unit.ucum_code) as ucum_code
    from raw.omop_concept as vocabulary
    join ref.unit as unit on unit.vocabulary_code = 'text' and unit.spelling = lower(vocabulary.concept_code)
    where vocabulary.vocabulary_id = 'UCUM'
    group by vocabulary.concept_id
),
concept_unit as (
    select cast(spelling as bigint) as concept_id, ucum_code from ref.unit where vocabulary_code = 'omop'
    union all
    select concept_id, ucum_code
    from vocabulary_unit
    where concept_id not in (select cast(spelling as bigint) from ref.unit where vocabulary_code = 'omop')
)
select
    heading.heading_key,
    heading.source_id,
    heading.is_laboratory,
    heading.lab_id,
    coalesce(heading.lab_id, '') as lab_key,
    heading.source_variable,
    heading.unit_text,
    coalesce(listed.analyte_code, by_code.analyte_code, by_name.analyte_code) as analyte_code,
    coalesce(listed.implied_unit, by_code.implied_unit, by_name.implied_unit) as implied_unit,
    coalesce(listed.implied_assay_class, by_code.implied_assay_class, by_name.implied_assay_class)
        as implied_assay_class,
    written.ucum_code as written_unit,
    concept_unit.ucum_code as concept_unit,
    coalesce(heading.unit_spelling not in ('', '-', '.', 'n/a', 'na', 'none', 'null', 'unknown'), false)
        or concept_unit.ucum_code is not null
        or heading.unit_concept_id > 0 and coalesce(trim(heading.unit_text), '') = '' as is_unit_given,
    case
        when heading.method_text is null then null
        when regexp_matches(
            lower(heading.method_text),
            'ms/ms|lc[-/ ]?ms|tandem|mass[- ]?spec|massenspektro|espectrometr|spectrométrie'
        ) then 'lc_ms_ms'
        when regexp_matches(
            lower(heading.method_text),
            'immuno|eclia|clia|cmia|chemilum|elisa|\bria\b|\beia\b|\bia\b|\bmeia\b|'
            || 'elecsys|cobas|architect|alinity|centaur|immulite|atellica|liaison|vidas|access|dxi|advia|'
            || 'roche|abbott|siemens|beckman'
        ) then 'immunoassay'
    end as method_class
from spelled as heading
left join ref.analyte_code as listed
    on listed.vocabulary_code = heading.vocabulary_code and listed.code = heading.code
left join ref.analyte_code as by_code
    on by_code.vocabulary_code = 'name' and by_code.code = heading.code_as_name
left join ref.analyte_code as by_name
    on by_name.vocabulary_code = 'name' and by_name.code = heading.name
left join ref.unit as written on written.vocabulary_code = 'text' and written.spelling = heading.unit_spelling
left join concept_unit on concept_unit.concept_id = heading.unit_concept_id
