-- grain: one row per person, specimen and analyte
-- unit: person
-- Surveys and clinical sources in one shape. Below the limit the limit is the value and operator is '<'.
-- Exemestane and fulvestrant are read as estradiol by immunoassays: such values are missing, with the reason. Exemestane
-- counts from its first to its last day (without an end, for the days of ref.clinical_limit), fulvestrant for the days
-- given there after the dose. Spans of a person that touch are joined, so that no result meets two of them.
with lasting as (
    select
        max(value) filter (where limit_code = 'exemestane_open_end_days') as exemestane_days,
        max(value) filter (where limit_code = 'fulvestrant_interference_days') as fulvestrant_days
    from ref.clinical_limit
),
dose as (
    select
        drug.person_id,
        drug.started_on,
        drug.started_on + cast(floor(case drug.ingredient
            when 'exemestane' then coalesce(drug.days_on, lasting.exemestane_days)
            else coalesce(drug.days_on, 0) + lasting.fulvestrant_days
        end) as integer) as ended_on
    from staging.drug_exposure as drug
    cross join lasting
    where drug.ingredient in ('exemestane', 'fulvestrant') and drug.started_on is not null
),
opened as (
    select
        *,
        started_on > max(ended_on) over (
            partition by person_id order by started_on, ended_on rows between unbounded preceding and 1 preceding
        ) as is_apart
    from dose
),
numbered as (
    select *, count_if(coalesce(is_apart, true)) over (partition by person_id order by started_on, ended_on
        rows unbounded preceding) as span_number
    from opened
),
span as (
    select person_id, min(started_on) as starts_on, max(ended_on) as ends_on
    from numbered
    group by person_id, span_number
),
clinical as (
    select lab.* exclude (disposition, reason, family, record_number, is_interfered), span.person_id is not null as is_hidden
    from source.lab_record as lab
    left join span
        on span.person_id = lab.person_id
        and lab.is_interfered and lab.assay_class = 'immunoassay'
        and lab.drawn_on between span.starts_on and span.ends_on
    where lab.disposition = 'staged'
)
select
    * exclude (is_hidden, value, operator, missing_reason),
    case when not is_hidden then value end as value,
    case when is_hidden then '=' else operator end as operator,
    not is_hidden and operator <> '=' as is_censored,
    'recorded' as date_reason,
    case when is_hidden then 'steroidal_drug_interference' else missing_reason end as missing_reason
from clinical
union all by name
select * from source.nhanes_lab_result
