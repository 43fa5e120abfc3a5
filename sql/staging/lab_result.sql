-- grain: one row per person, specimen and analyte
-- unit: person
-- Surveys and clinical sources in one shape. Below the limit the limit is the value and operator is '<'.
-- Exemestane and fulvestrant are read as estradiol by immunoassays: such values are missing, with the reason. Exemestane
-- counts from its first to its last day or the end of its supply (without either, for the days of ref.clinical_limit),
-- fulvestrant for the days given there after the dose. Spans of a person that touch are joined, so that no result meets
-- two of them. Where the class of assay is not known, the value stays and is flagged. Inflammation and biotin mislead
-- immunoassays too: such values stay, and are flagged.
with lasting as (
    select
        max(value) filter (where limit_code = 'exemestane_open_end_days') as exemestane_days,
        max(value) filter (where limit_code = 'fulvestrant_interference_days') as fulvestrant_days,
        max(value) filter (where limit_code = 'biotin_open_end_days') as biotin_days
    from ref.clinical_limit
),
dose as (
    select
        drug.person_id,
        drug.ingredient = 'biotin' as is_biotin,
        drug.started_on,
        coalesce(
            greatest(drug.ended_on, drug.started_on + cast(floor(coalesce(drug.days_on, drug.days_supply)) as integer)),
            drug.started_on + cast(
                case drug.ingredient when 'exemestane' then lasting.exemestane_days when 'biotin' then lasting.biotin_days
                    else 0 end
            as integer)
        ) + cast(case when drug.ingredient = 'fulvestrant' then lasting.fulvestrant_days else 0 end as integer) as ended_on
    from staging.drug_exposure as drug
    cross join lasting
    where drug.ingredient in ('exemestane', 'fulvestrant', 'biotin') and drug.started_on is not null
),
opened as (
    select
        *,
        started_on > max(ended_on) over (
            partition by person_id, is_biotin order by started_on, ended_on
            rows between unbounded preceding and 1 preceding
        ) as is_apart
    from dose
),
numbered as (
    select *, count_if(coalesce(is_apart, true)) over (partition by person_id, is_biotin order by started_on, ended_on
        rows unbounded preceding) as span_number
    from opened
),
span as (
    select person_id, is_biotin, min(started_on) as starts_on, max(ended_on) as ends_on
    from numbered
    group by person_id, is_biotin, span_number
),
clinical as (
    select
        lab.* exclude (disposition, reason, family, record_number, is_interfered, value_flag, is_inflamed),
        span.person_id is not null and lab.assay_class = 'immunoassay' as is_hidden,
        case when lab.is_inflamed or lab.value_flag is not null or span.person_id is not null
            or biotin.person_id is not null
            then nullif(concat_ws(',',
                lab.value_flag,
                case when span.person_id is not null and lab.assay_class = 'unknown' then 'steroidal_drug' end,
                case when biotin.person_id is not null then 'biotin' end,
                case when lab.is_inflamed then 'crp_high' end
            ), '') end as result_flags
    from source.lab_record as lab
    left join span
        on span.person_id = lab.person_id
        and not span.is_biotin
        and lab.is_interfered and lab.assay_class in ('immunoassay', 'unknown')
        and lab.drawn_on between span.starts_on and span.ends_on
    left join span as biotin
        on biotin.person_id = lab.person_id
        and biotin.is_biotin
        and (lab.assay_class = 'immunoassay' or lab.is_interfered and lab.assay_class = 'unknown')
        and lab.drawn_on between biotin.starts_on and biotin.ends_on
    where lab.reason is null
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
select *, cast(null as varchar) as result_flags from source.nhanes_lab_result
