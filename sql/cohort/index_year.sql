-- grain: one row per study, cohort and year of time zero
-- unit: population
-- In which years every arm was in use: the share of the rarest arm among the candidate time zeros of the year.
with counted as (
    select study_id, cohort_code, year(index_on) as index_year, arm_code, count(*) as n
    from cohort.time_zero
    group by study_id, cohort_code, index_year, arm_code
),
yearly as (
    select study_id, cohort_code, index_year, sum(n) as n from counted group by study_id, cohort_code, index_year
)
select
    yearly.study_id,
    yearly.cohort_code,
    yearly.index_year,
    cast(yearly.n as bigint) as n,
    min(coalesce(counted.n, 0)) / yearly.n::double as smallest_share
from yearly
join ref.study_arm as arm on arm.study_id = yearly.study_id and arm.cohort_code = yearly.cohort_code
left join counted
    on counted.study_id = yearly.study_id
    and counted.cohort_code = yearly.cohort_code
    and counted.index_year = yearly.index_year
    and counted.arm_code = arm.arm_code
group by yearly.study_id, yearly.cohort_code, yearly.index_year, yearly.n
