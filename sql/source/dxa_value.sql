-- grain: one row per delivered densitometry row and record
-- unit: person
-- Density in g/cm2, where it was measured, and with what. Several scans of a day at one place are numbered in the order
-- of their record ids; a bone area in a row of its own belongs to the density of the same number.
with given as (
    select * from source.omop_dxa
    union all by name
    select * from source.flat_dxa
),
placed as (
    select
        given.*,
        coalesce(given.code_site, place.site_code, given.wide_site) as site_code,
        case
            when coalesce(given.code_site, place.site_code, given.wide_site)
                in ('lumbar_spine', 'l1', 'l2', 'l3', 'l4', 'whole_body') then 'not_applicable'
            else coalesce(given.code_side, place.side_code, 'not_released')
        end as side_code,
        case when coalesce(given.code_site, place.site_code) = 'lumbar_spine' then place.n_vertebrae end as n_vertebrae,
        case when coalesce(given.code_site, place.site_code) = 'lumbar_spine' then place.vertebrae_code end
            as vertebrae_code,
        coalesce(by_maker.value_code, by_model.value_code) as manufacturer,
        nullif(trim(given.model_text), '') as model,
        nullif(trim(given.software_text), '') as software,
        case
            when given.unit_word is null and given.unit_concept is null then 1
            else coalesce(cast(unit.value_code as double), cast(unit_concept.value_code as double))
        end as unit_factor,
        coalesce(
            given.scan_id, given.scan_link,
            strftime(given.scanned_on, '%Y-%m-%d') || '.' || coalesce(given.device_id, 'device-unknown')
        ) as scan_key
    from given
    left join source.dxa_place as place
        on place.site_text is not distinct from given.site_text
        and place.side_text is not distinct from given.side_text
        and place.vertebrae_text is not distinct from given.vertebrae_text
    left join ref.dxa_code as by_maker
        on by_maker.list_code = 'manufacturer' and by_maker.code = lower(trim(given.manufacturer_text))
    left join ref.dxa_code as by_model
        on by_model.list_code = 'model' and by_model.code = lower(trim(given.model_text))
    left join ref.dxa_code as unit
        on unit.list_code = 'unit' and unit.vocabulary_code = 'word' and unit.code = given.unit_word
    left join ref.dxa_code as unit_concept
        on unit_concept.list_code = 'unit' and unit_concept.vocabulary_code = 'omop'
        and unit_concept.code = given.unit_concept
),
numbered as (
    select
        *,
        row_number() over (
            partition by person_id, source_id, drop_sequence, scan_key, site_code, side_code, vertebrae_code,
                quantity_code
            order by scanned_at, try_cast(record_id as bigint), record_id, source_file, source_row, record_number
        ) as repeat_number
    from placed
),
area as (
    select
        person_id, source_id, drop_sequence, scan_key, site_text, side_text, vertebrae_text, repeat_number,
        any_value(value) as area_cm2
    from (
        select
            * replace (
                row_number() over (
                    partition by person_id, source_id, drop_sequence, scan_key, site_text, side_text, vertebrae_text
                    order by scanned_at, try_cast(record_id as bigint), record_id, source_file, source_row
                ) as repeat_number
            )
        from numbered
        where quantity_code = 'area' and value > 0
    )
    group by all
),
limits as (
    select
        max(value) filter (where limit_code = 'bmd_minimum') as minimum,
        max(value) filter (where limit_code = 'bmd_maximum') as maximum
    from ref.clinical_limit
)
select
    numbered.* exclude (
        code_site, wide_site, code_side, site_text, side_text, vertebrae_text, manufacturer_text, model_text,
        software_text, area_cm2, scan_link
    ),
    numbered.value * numbered.unit_factor as bmd_g_cm2,
    coalesce(numbered.area_cm2, area.area_cm2) as area_cm2,
    limits.minimum,
    limits.maximum
from numbered
cross join limits
left join area
    on area.person_id = numbered.person_id and area.source_id = numbered.source_id
    and area.drop_sequence = numbered.drop_sequence and area.scan_key = numbered.scan_key
    and area.site_text is not distinct from numbered.site_text
    and area.side_text is not distinct from numbered.side_text
    and area.vertebrae_text is not distinct from numbered.vertebrae_text
    and area.repeat_number = numbered.repeat_number
    and numbered.quantity_code = 'bmd'
