-- grain: one row per source, laboratory and analyte
-- unit: population
-- The commonest unit and class of assay of each laboratory, counted over its rows that say so. The empty laboratory is the
-- source as a whole.
with counted as (
    select heading_key, count(*) as n from source.lab_delivered group by heading_key
),
said as (
    select source_id, lab_key, analyte_code, coalesce(written_unit, concept_unit) as ucum_code, method_class,
        sum(counted.n) as n
    from counted
    join source.lab_heading as heading on heading.heading_key = counted.heading_key
    where heading.is_laboratory and analyte_code is not null
    group by all
),
unit_count as (
    select said.source_id, said.lab_key, said.analyte_code, said.ucum_code, sum(said.n) as n
    from said
    semi join ref.unit_factor as known
        on known.analyte_code = said.analyte_code and known.ucum_code = said.ucum_code
    group by all
),
unit_habit as (
    select source_id, lab_key, analyte_code, max_by(ucum_code, (n, ucum_code)) as ucum_code, max(n) as n, sum(n) as total
    from unit_count
    group by source_id, lab_key, analyte_code
),
class_count as (
    select source_id, lab_key, analyte_code, method_class, sum(n) as n
    from said
    where method_class is not null
    group by all
),
class_habit as (
    select source_id, lab_key, analyte_code, max_by(method_class, (n, method_class)) as method_class, max(n) as n,
        sum(n) as total
    from class_count
    group by source_id, lab_key, analyte_code
)
select
    source_id,
    lab_key,
    analyte_code,
    unit_habit.ucum_code as unit_code,
    cast(coalesce(unit_habit.total, 0) as bigint) as n_with_unit,
    unit_habit.n / unit_habit.total as unit_share,
    class_habit.method_class as assay_class,
    cast(coalesce(class_habit.total, 0) as bigint) as n_with_method,
    class_habit.n / class_habit.total as method_share
from unit_habit
full join class_habit using (source_id, lab_key, analyte_code)
