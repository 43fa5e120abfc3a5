-- grain: one row per person and span
-- unit: person
-- NHANES mortality linkage gives months of follow-up, not dates. A month is 365.25/12 days.
-- People examined are followed from the examination, people only interviewed from the interview.
select
    mortality.person_id,
    1 as span_number,
    case when mortality.PERMTH_EXM is not null then 'examination' else 'interview' end as basis_code,
    cast(null as date) as starts_on,
    cast(null as date) as ends_on,
    coalesce(mortality.PERMTH_EXM, mortality.PERMTH_INT) * 30.4375e0 as length_days,
    'not_released' as date_reason,
    mortality.source_file,
    mortality.source_row,
    mortality.source_id,
    mortality.drop_id
from raw.nhanes_mortality as mortality
join staging.person as person on person.person_id = mortality.person_id
where mortality.ELIGSTAT = 1
    and coalesce(mortality.PERMTH_EXM, mortality.PERMTH_INT) is not null
