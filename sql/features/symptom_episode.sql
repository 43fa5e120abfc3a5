-- grain: one row per person, system, basis and episode
-- unit: person
-- Records of one system on one basis; a year without any begins a new episode. Coded symptoms, first supplies of drugs that may
-- stand for one, and weight taken on within weeks are kept apart: a drug has other reasons, and a code has others still. An
-- episode is incident where a year before it was seen. Estradiol is that of the last draw before the first day.
with limits as (
    select
        cast(max(value) filter (where limit_code = 'symptom_washout_days') as integer) as washout_days,
        max(value) filter (where limit_code = 'weight_gain_kg') as gain_kg,
        cast(max(value) filter (where limit_code = 'symptom_e2_days') as integer) as e2_days
    from ref.clinical_limit
),
supplied as (
    select
        drug.person_id,
        proxy.system_code,
        drug.started_on as recorded_on
    from staging.drug_exposure as drug
    join ref.symptom_proxy as proxy
        on proxy.drug_class = drug.drug_class
        and (proxy.ingredient = '*' or proxy.ingredient = drug.ingredient)
        and (proxy.route_code = '*' or proxy.route_code = drug.route_code)
    join staging.person as person
        on person.person_id = drug.person_id and (proxy.sex_code = 'any' or proxy.sex_code = person.sex_code)
    where drug.started_on is not null
        and coalesce(drug.status_code, 'completed') not in ('cancelled', 'not_filled', 'returned')
        and not (
            proxy.system_code = 'gynecomastia'
            and exists (
                select 1 from staging.condition as cancer
                where cancer.person_id = drug.person_id
                    and cancer.is_present
                    and cancer.vocabulary_code = 'icd10cm'
                    and cancer.recorded_on <= drug.started_on
                    and regexp_matches(cancer.condition_code, '^(C50|D05|Z85[.]3)')
            )
        )
),
record as (
    select distinct symptom.person_id, listed.system_code, 'diagnosis' as basis_code, symptom.recorded_on
    from staging.symptom as symptom
    join ref.symptom_system as listed on listed.symptom_code = symptom.symptom_code
    union
    select person_id, system_code, 'drug_start', recorded_on from supplied
    union
    select body.person_id, 'fluid', 'weight_gain', body.measured_on
    from features.body_measure as body
    cross join limits
    where body.weight_gain_kg >= limits.gain_kg
),
parted as (
    select
        record.*,
        coalesce(date_diff('day', lag(record.recorded_on) over series, record.recorded_on) > limits.washout_days, true)
            as is_first
    from record
    cross join limits
    window series as (
        partition by record.person_id, record.system_code, record.basis_code order by record.recorded_on
    )
),
numbered as (
    select
        *,
        sum(cast(is_first as bigint)) over (
            partition by person_id, system_code, basis_code order by recorded_on rows unbounded preceding
        ) as episode_number
    from parted
),
episode as (
    select
        person_id, system_code, basis_code,
        cast(episode_number as bigint) as episode_number,
        min(recorded_on) as starts_on,
        max(recorded_on) as last_on,
        count(*) as n_records
    from numbered
    group by person_id, system_code, basis_code, episode_number
),
entered as (
    select person_id, min(starts_on) as from_on from staging.observation_period group by person_id
),
taken as (
    select
        person_day.person_id,
        person_day.starts_on,
        bool_or(dosing.drug_class = 'aromatase_inhibitor') as is_on_inhibitor,
        bool_or(dosing.ingredient = 'testosterone') as is_on_testosterone
    from (select distinct person_id, starts_on from episode) as person_day
    join features.dosing_episode as dosing
        on dosing.person_id = person_day.person_id
        and dosing.is_primary
        and person_day.starts_on between dosing.starts_on and dosing.supply_ends_on
    where dosing.drug_class = 'aromatase_inhibitor' or dosing.ingredient = 'testosterone'
    group by person_day.person_id, person_day.starts_on
),
draw as (
    select
        person_id,
        drawn_on,
        case when min(e2_band_code) = max(e2_band_code) and count(e2_band_code) = count(*) then min(e2_band_code) end
            as e2_band_code
    from features.steroid_panel
    where e2_lo_pg_ml is not null and drawn_on is not null
    group by person_id, drawn_on
),
drawn as (
    select episode.person_id, episode.system_code, episode.basis_code, episode.episode_number, draw.drawn_on, draw.e2_band_code
    from episode
    asof join draw on draw.person_id = episode.person_id and draw.drawn_on < episode.starts_on
)
select
    episode.person_id,
    episode.system_code,
    episode.basis_code,
    episode.episode_number,
    episode.starts_on,
    episode.last_on,
    episode.n_records,
    case when episode.starts_on >= entered.from_on then date_diff('day', entered.from_on, episode.starts_on) end
        as lookback_days,
    date_diff('day', entered.from_on, episode.starts_on) >= limits.washout_days as is_incident,
    coalesce(taken.is_on_inhibitor, false) as is_on_inhibitor,
    coalesce(taken.is_on_testosterone, false) as is_on_testosterone,
    date_diff('day', started.inhibitor_from_on, episode.starts_on) as days_since_inhibitor_start,
    case when drawn.drawn_on >= episode.starts_on - limits.e2_days
        then date_diff('day', drawn.drawn_on, episode.starts_on)
    end as days_since_e2,
    case when drawn.drawn_on >= episode.starts_on - limits.e2_days then drawn.e2_band_code end as e2_band_code
from episode
cross join limits
left join entered on entered.person_id = episode.person_id
left join features.first_inhibitor as started on started.person_id = episode.person_id
left join taken on taken.person_id = episode.person_id and taken.starts_on = episode.starts_on
left join drawn
    on drawn.person_id = episode.person_id
    and drawn.system_code = episode.system_code
    and drawn.basis_code = episode.basis_code
    and drawn.episode_number = episode.episode_number
