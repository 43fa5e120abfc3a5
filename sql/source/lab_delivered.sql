-- grain: one row per delivered laboratory row and record
-- unit: person
-- Laboratory rows of every clinical source in one shape, before the text of a result is read.
-- A method names its class only where it says so itself; a maker's name alone says immunoassay, which is all they sell.
with delivered as (
    select * from source.omop_lab
    union all by name
    select * from source.flat_lab
)
select
    *,
    coalesce(lab_id, '') as lab_key,
    case
        when method_text is null then null
        when regexp_matches(
            lower(method_text),
            'ms/ms|lc[-/ ]?ms|tandem|mass[- ]?spec|massenspektro|espectrometr|spectrométrie'
        ) then 'lc_ms_ms'
        when regexp_matches(
            lower(method_text),
            'immuno|eclia|clia|cmia|chemilum|elisa|\bria\b|\beia\b|\bia\b|\bmeia\b|'
            || 'elecsys|cobas|architect|alinity|centaur|immulite|atellica|liaison|vidas|access|dxi|advia|'
            || 'roche|abbott|siemens|beckman'
        ) then 'immunoassay'
    end as method_class
from delivered
