-- grain: one row per source, laboratory and analyte
-- unit: population
-- What a laboratory does by habit, counted over its rows that say so: unit and class of assay. A habit counts from 30 rows
-- and a share of 95 %; below that it is NULL and nothing is inferred. The empty laboratory is the source as a whole.
with said as (
    select
        delivered.source_id,
        delivered.lab_key,
        delivered.analyte_code,
        delivered.unit_text,
        delivered.concept_unit,
        delivered.method_class,
        count(*) as n
    from source.lab_delivered as delivered
    where delivered.analyte_code is not null
    group by all
),
read as (
    select
        said.*,
        coalesce(written.ucum_code, said.concept_unit) as ucum_code
    from said
    left join ref.unit as written
        on written.vocabulary_code = 'text'
        and written.spelling = translate(lower(said.unit_text), 'µμ ' || chr(160) || chr(9), 'uu')
),
unit_count as (
    select read.source_id, read.lab_key, read.analyte_code, read.ucum_code, sum(read.n) as n
    from read
    semi join ref.unit_factor as factor
        on factor.analyte_code = read.analyte_code and factor.ucum_code = read.ucum_code
    group by all
),
unit_habit as (
    select source_id, lab_key, analyte_code, max_by(ucum_code, (n, ucum_code)) as ucum_code, max(n) as n, sum(n) as total
    from unit_count
    group by source_id, lab_key, analyte_code
),
class_count as (
    select source_id, lab_key, analyte_code, method_class, sum(n) as n
    from read
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
    case when unit_habit.total >= 30 and unit_habit.n >= 0.95e0 * unit_habit.total then unit_habit.ucum_code end
        as unit_code,
    cast(coalesce(unit_habit.total, 0) as bigint) as n_with_unit,
    unit_habit.n / unit_habit.total as unit_share,
    case
        when lab_key <> '' and class_habit.total >= 30 and class_habit.n >= 0.95e0 * class_habit.total
            then class_habit.method_class
    end as assay_class,
    cast(coalesce(class_habit.total, 0) as bigint) as n_with_method,
    class_habit.n / class_habit.total as method_share
from unit_habit
full join class_habit using (source_id, lab_key, analyte_code)
