-- grain: one row per person and survey cycle
-- unit: person
-- Weights stay those of the cycle; cycles are put together where they are analysed, from cycle_years.
-- 2017 to March 2020 has weights of its own name and stands for 3.2 years.
with fasting as (
    select person_id, max(WTSAF2YR) as weight from (
        select person_id, WTSAF2YR from raw.nhanes_trigly
        union all
        select person_id, WTSAF2YR from raw.nhanes_lab13am
    )
    group by person_id
)
select
    demo.person_id,
    -- CDC's rule, not the landed files: their list is another after each landing, and would make everybody stale.
    case
        when demo.cycle_code = 'P' then '2017-2020'
        when demo.cycle_code = 'L' then '2021-2023'
        when regexp_full_match(demo.cycle_code, '[A-Z]')
            then (1997 + 2 * (ascii(demo.cycle_code) - 64)) || '-' || (1998 + 2 * (ascii(demo.cycle_code) - 64))
    end as cycle_label,
    demo.cycle_code,
    case demo.cycle_code when 'P' then 3.2e0 else 2e0 end as cycle_years,
    demo.RIDSTATR = 2 as is_examined,
    demo.SDMVSTRA::bigint as stratum_code,
    demo.SDMVPSU::bigint as psu_code,
    coalesce(demo.WTINT2YR, demo.WTINTPRP) as interview_weight,
    coalesce(demo.WTMEC2YR, demo.WTMECPRP, 0) as examination_weight,
    demo.WTMEC4YR as examination_weight_1999_2002,
    fasting.weight as fasting_weight,
    demo.source_id,
    demo.drop_id
from raw.nhanes_demo as demo
join staging.person as person on person.person_id = demo.person_id
left join fasting on fasting.person_id = demo.person_id
where demo.SDMVSTRA is not null
    and demo.SDMVPSU is not null
    and demo.RIDSTATR in (1, 2)
    and coalesce(demo.WTINT2YR, demo.WTINTPRP) is not null
