-- grain: one row per person and interval
-- unit: person
-- What kind of treatment a person is on, from the episodes of the drugs that make it. An interval is a stretch in which the
-- set of these drugs does not change. A breast cancer coded shortly after the first fill is its reason; so this table
-- describes, and no study may take eligibility from it: at time zero those codes are not yet known.
with limits as (
    select
        cast(max(value) filter (where limit_code = 'breast_cancer_lag_days') as integer) as cancer_lag_days,
        cast(max(value) filter (where limit_code = 'restart_window_days') as integer) as restart_days
    from ref.clinical_limit
),
episode as (
    select
        person_id,
        starts_on,
        -- An end that was not seen lasts as long as the stock.
        coalesce(discontinued_on, supply_ends_on + 1) as until_on,
        ingredient,
        has_pellet,
        case
            when drug_class = 'aromatase_inhibitor' then 'inhibitor'
            when ingredient = 'testosterone' then 'testosterone'
            when ingredient = 'tamoxifen' then 'tamoxifen'
            when drug_class = 'ovulation_inducer' then 'ovulation_inducer'
            when drug_class in ('gonadorelin', 'gonadotropin') then 'gonadotropin'
        end as role_code
    from features.dosing_episode
    where is_primary
        and (
            drug_class in ('aromatase_inhibitor', 'ovulation_inducer', 'gonadorelin', 'gonadotropin')
            or ingredient in ('testosterone', 'tamoxifen')
        )
),
edge as (
    select person_id, starts_on as edge_on from episode
    union
    select person_id, until_on from episode
),
stretch as (
    select person_id, edge_on as starts_on, lead(edge_on) over (partition by person_id order by edge_on) as until_on
    from edge
),
taken as (
    select
        stretch.person_id,
        stretch.starts_on,
        stretch.until_on,
        bool_or(episode.role_code = 'inhibitor') as is_on_inhibitor,
        bool_or(episode.role_code = 'testosterone') as is_on_testosterone,
        bool_or(episode.role_code = 'tamoxifen') as is_on_tamoxifen,
        bool_or(episode.role_code = 'ovulation_inducer') as is_on_ovulation_inducer,
        bool_or(episode.role_code = 'gonadotropin') as is_on_gonadotropin,
        bool_or(episode.has_pellet) as has_pellet
    from stretch
    join episode
        on episode.person_id = stretch.person_id
        and episode.starts_on < stretch.until_on
        and episode.until_on > stretch.starts_on
    group by stretch.person_id, stretch.starts_on, stretch.until_on
),
testosterone as (
    select taken.person_id, taken.starts_on, max(episode.until_on) as testosterone_ended_on
    from taken
    join episode
        on episode.person_id = taken.person_id
        and episode.role_code = 'testosterone'
        and episode.until_on <= taken.starts_on
    group by taken.person_id, taken.starts_on
),
cancer as (
    select person_id, min(recorded_on) as cancer_on
    from staging.condition
    where is_present
        and vocabulary_code = 'icd10cm'
        and (condition_code like 'C50%' or condition_code like 'D05%' or condition_code = 'Z85.3')
    group by person_id
)
select
    taken.person_id,
    row_number() over (partition by taken.person_id order by taken.starts_on) as interval_number,
    taken.starts_on,
    taken.until_on - 1 as ends_on,
    case
        when cancer.cancer_on <= taken.starts_on + limits.cancer_lag_days
            and (taken.is_on_inhibitor or taken.is_on_tamoxifen)
            then 'adjuvant'
        when taken.is_on_testosterone and person.sex_code = 'male' and taken.is_on_inhibitor then 'male_testosterone_ai'
        when taken.is_on_testosterone and person.sex_code = 'male' then 'male_testosterone'
        when taken.is_on_testosterone and person.sex_code = 'female' and taken.is_on_inhibitor
            then 'female_testosterone_ai'
        when taken.is_on_testosterone and person.sex_code = 'female' then 'female_testosterone'
        when person.sex_code = 'male'
            and (taken.is_on_ovulation_inducer or taken.is_on_gonadotropin or taken.is_on_tamoxifen)
            then case
                when date_diff('day', testosterone.testosterone_ended_on, taken.starts_on) <= limits.restart_days
                    then 'restart'
                else 'fertility'
            end
        else 'other'
    end as protocol_code,
    taken.is_on_inhibitor,
    taken.is_on_testosterone,
    taken.is_on_tamoxifen,
    taken.is_on_ovulation_inducer,
    taken.is_on_gonadotropin,
    taken.has_pellet,
    date_diff('day', testosterone.testosterone_ended_on, taken.starts_on) as days_since_testosterone
from taken
cross join limits
join staging.person as person on person.person_id = taken.person_id
left join testosterone on testosterone.person_id = taken.person_id and testosterone.starts_on = taken.starts_on
left join cancer on cancer.person_id = taken.person_id
