-- grain: one row per person with an aromatase inhibitor
-- unit: person
-- The 180 days up to the first supply of any inhibitor, its day included: what was looked at, and which reason was on record by
-- then. A person who came under observation later may have been examined elsewhere.
with limits as (
    select cast(value as integer) as workup_days from ref.clinical_limit where limit_code = 'workup_days'
),
started as (
    select person_id, inhibitor_from_on as started_on from features.first_inhibitor
),
entered as (
    select person_id, min(starts_on) as from_on from staging.observation_period group by person_id
),
drawn as (
    select
        started.person_id,
        bool_or(lab.analyte_code = 'testosterone') as has_testosterone,
        bool_or(lab.analyte_code = 'estradiol') as has_estradiol,
        bool_or(lab.analyte_code = 'vitamin_d_25oh') as has_vitamin_d,
        bool_or(
            lab.analyte_code in (
                'total_cholesterol', 'hdl_cholesterol', 'triglycerides', 'ldl_cholesterol_direct', 'ldl_cholesterol_reported'
            )
        ) as has_lipids
    from started
    cross join limits
    join staging.lab_result as lab
        on lab.person_id = started.person_id
        and lab.drawn_on between started.started_on - limits.workup_days and started.started_on
    group by started.person_id
),
scanned as (
    select distinct started.person_id
    from started
    cross join limits
    join staging.dxa_scan as scan
        on scan.person_id = started.person_id
        and scan.is_valid
        and scan.imputation_number = 0
        and scan.scanned_on between started.started_on - limits.workup_days and started.started_on
),
reason as (
    select
        started.person_id,
        bool_or(regexp_matches(condition.condition_code, '^(C50|D05|Z85[.]3)')) as is_cancer,
        bool_or(starts_with(condition.condition_code, 'N62')) as is_gynecomastia,
        bool_or(regexp_matches(condition.condition_code, '^(N46|N97)')) as is_infertility,
        bool_or(regexp_matches(condition.condition_code, '^(E29[.]1|E23[.]0)')) as is_hypogonadism
    from started
    join staging.condition as condition
        on condition.person_id = started.person_id
        and condition.recorded_on <= started.started_on
    where condition.is_present and condition.vocabulary_code = 'icd10cm'
    group by started.person_id
),
on_testosterone as (
    select distinct started.person_id
    from started
    join features.dosing_episode as episode
        on episode.person_id = started.person_id
        and episode.ingredient = 'testosterone'
        and episode.is_primary
        and started.started_on between episode.starts_on and episode.supply_ends_on
),
looked as (
    select
        started.person_id,
        started.started_on,
        entered.from_on <= started.started_on - limits.workup_days as is_observed,
        coalesce(drawn.has_testosterone, false) as has_testosterone,
        coalesce(drawn.has_estradiol, false) as has_estradiol,
        scanned.person_id is not null as has_bone_scan,
        coalesce(drawn.has_vitamin_d, false) as has_vitamin_d,
        coalesce(drawn.has_lipids, false) as has_lipids,
        case
            when reason.is_cancer then 'breast_cancer'
            when reason.is_gynecomastia then 'gynecomastia'
            when reason.is_infertility then 'infertility'
            when on_testosterone.person_id is not null then 'testosterone_therapy'
            when reason.is_hypogonadism then 'hypogonadism'
            else 'none_recorded'
        end as indication_code
    from started
    cross join limits
    left join entered on entered.person_id = started.person_id
    left join drawn on drawn.person_id = started.person_id
    left join scanned on scanned.person_id = started.person_id
    left join reason on reason.person_id = started.person_id
    left join on_testosterone on on_testosterone.person_id = started.person_id
)
select
    *,
    100 * (cast(has_testosterone as bigint) + cast(has_estradiol as bigint) + cast(has_bone_scan as bigint)) / 3e0
        as completeness_pct
from looked
