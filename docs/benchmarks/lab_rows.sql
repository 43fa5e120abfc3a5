-- grain: one row per delivered laboratory row, before it is split into the shapes of OMOP and flat
-- Rows of one bucket for the benchmark: every number follows from the row number by hash, so that a run can be repeated.
-- Eight analytes a draw, six draws a person; units, comparators, words, copies and corrections as hospitals send them.
with analyte as (
    select
        row_number() over (order by analyte.analyte_code) - 1 as number,
        analyte.analyte_code,
        analyte.canonical_unit,
        least(exp((ln(greatest(analyte.plausible_minimum, 0.01)) + ln(analyte.plausible_maximum)) / 2), 1e4) as middle,
        code.code as loinc,
        name.code as name,
        concept.concept_id
    from ref.analyte as analyte
    join (select analyte_code, min(code) as code from ref.analyte_code where vocabulary_code = 'loinc' group by 1) as code
        using (analyte_code)
    join (select analyte_code, min(code) as code from ref.analyte_code where vocabulary_code = 'name' group by 1) as name
        using (analyte_code)
    left join (
        select analyte_code, min(cast(code as bigint)) as concept_id
        from ref.analyte_code where vocabulary_code = 'omop' group by 1
    ) as concept using (analyte_code)
),
spelling as (
    select
        factor.analyte_code,
        unit.spelling,
        factor.factor,
        factor.summand,
        row_number() over (partition by factor.analyte_code order by abs(ln(factor.factor)), unit.spelling) - 1 as number
    from ref.unit_factor as factor
    join ref.unit as unit on unit.ucum_code = factor.ucum_code and unit.vocabulary_code = 'text'
    where factor.factor between 0.01 and 1000
),
raw_row as (
    select
        person.person_id,
        person.number,
        row.n,
        row.n // 8 as draw,
        hash(person.person_id, row.n, 1) % 1000000 / 1e6 as u1,
        hash(person.person_id, row.n, 2) % 1000000 / 1e6 as u2,
        hash(person.person_id, row.n, 3) % 1000000 / 1e6 as u3,
        hash(person.person_id, row.n, 4) % 1000000 / 1e6 as u4,
        hash(person.person_id, row.n // 8, 5) % 1000000 / 1e6 as draw_u,
        (hash(person.person_id, row.n // 8, 6) + row.n % 8 * 7) % (select count(*) from analyte) as analyte_number,
        person.person_id % 25 as lab_number
    from bucket_person as person
    cross join range(48) as row (n)
),
repeated as (
    select raw_row.*, copy.number as copy_number
    from raw_row
    join (values (0), (1)) as copy (number) on copy.number = 0 or raw_row.u4 < 0.05
),
measured as (
    select
        repeated.*,
        analyte.* exclude (number),
        coalesce(spelling.spelling, lower(analyte.canonical_unit)) as unit_spelling,
        coalesce(spelling.factor, 1) as factor,
        coalesce(spelling.summand, 0) as summand,
        analyte.middle * exp(0.5 * (u1 + u2 + u3 - 1.5) * 2) as canonical
    from repeated
    join analyte on analyte.number = repeated.analyte_number
    left join spelling
        on spelling.analyte_code = analyte.analyte_code
        and spelling.number = case when repeated.u2 < 0.7 then 0 else cast(floor(repeated.u3 * 12) as bigint) end
)
select
    person_id,
    person_id * 64 + n as record_number,
    n,
    draw,
    copy_number,
    case when u4 < 0.01 and copy_number = 0 then 'P' when u4 between 0.02 and 0.025 and copy_number = 1 then 'C'
        when u1 < 0.3 then 'final' else 'F' end as status_text,
    u4 between 0.025 and 0.05 and copy_number = 1 as is_replicate,
    loinc,
    name,
    concept_id,
    canonical,
    (canonical - summand) / factor * case when u4 between 0.025 and 0.05 and copy_number = 1 then 1.03 else 1 end as number,
    unit_spelling,
    u1, u2, u3, u4, draw_u,
    lab_number,
    timestamp '2012-01-01 07:00:00' + to_days(cast(floor(draw_u * 3600) as integer))
        + to_minutes(cast(floor(draw_u * 7919 % 1 * 600) as integer)) as drawn_at
from measured
