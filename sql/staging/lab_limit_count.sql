-- grain: one row per source, laboratory, analyte and class of assay
-- unit: population
-- The lower limit a laboratory states most often, as '<5' or in a column of its own, and how often.
with stated as (
    select source_id, lab_key, analyte_code, assay_class, coalesce(stated_limit, canonical_number) as limit_value,
        count(*) as n
    from source.lab_converted
    left join ref.analyte using (analyte_code)
    where analyte_code is not null and unit_reason is null and text_reason is null
        -- Said twice, so that rows that state no limit are left out before they are converted.
        and (lloq_text is not null or text_operator = '<' or operator_text in ('<', '<='))
        -- A unit inferred from the laboratory must give a plausible number.
        and (unit_basis <> 'inferred_from_lab' or canonical_number is null
            or canonical_number between plausible_minimum and plausible_maximum)
        and (stated_limit > 0 or (coalesce(text_operator, operator_text) in ('<', '<=') and canonical_number > 0))
    group by all
),
habit as (
    select source_id, lab_key, analyte_code, assay_class, max_by(limit_value, (n, limit_value)) as lloq, sum(n) as total
    from stated
    where limit_value > 0
    group by source_id, lab_key, analyte_code, assay_class
)
select
    habit.source_id,
    habit.lab_key,
    habit.analyte_code,
    habit.assay_class,
    habit.lloq,
    cast(habit.total as bigint) as n_stated,
    sum(stated.n) filter (where stated.limit_value between habit.lloq * 0.99e0 and habit.lloq * 1.01e0) / habit.total
        as limit_share
from habit
join stated using (source_id, lab_key, analyte_code, assay_class)
group by habit.source_id, habit.lab_key, habit.analyte_code, habit.assay_class, habit.lloq, habit.total
