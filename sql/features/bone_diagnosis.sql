-- grain: one row per person and diagnosis
-- unit: person
-- Coded: the first code. Measured: the first scan whose T-score at any site lies in the band or below it. A Z-score is no
-- diagnosis. Codes follow scans, and scans follow suspicion: neither is the onset.
with limits as (
    select cast(value as integer) as lookback_days from ref.clinical_limit where limit_code = 'symptom_washout_days'
),
coded as (
    select person_id, phenotype_code as diagnosis_code, min(event_on) as coded_on
    from features.clinical_event
    where phenotype_code in ('osteopenia', 'osteoporosis') and certainty_code in ('definite', 'possible')
    group by person_id, phenotype_code
),
scored as (
    select
        person_id,
        first_scanned_on as scanned_on,
        bool_or(first_band in ('osteopenia', 'osteoporosis')) as is_low,
        bool_or(first_band = 'osteoporosis') as is_very_low
    from features.bmd_change
    where first_scanned_on is not null and first_score_kind = 'T' and first_band is not null
    group by person_id, first_scanned_on
),
measured as (
    select
        person_id,
        min(scanned_on) as first_scored_on,
        min(scanned_on) filter (where is_low) as low_on,
        min(scanned_on) filter (where is_very_low) as very_low_on
    from scored
    group by person_id
),
found as (
    select person_id, 'osteopenia' as diagnosis_code, low_on as measured_on from measured where low_on is not null
    union all
    select person_id, 'osteoporosis', very_low_on from measured where very_low_on is not null
),
entered as (
    select person_id, min(starts_on) as from_on from staging.observation_period group by person_id
)
select
    person_id,
    diagnosis_code,
    coded.coded_on,
    found.measured_on,
    measured.first_scored_on,
    date_diff('day', found.measured_on, coded.coded_on) as code_lag_days,
    found.measured_on > measured.first_scored_on as is_incident_by_scan,
    case when coded.coded_on is not null then date_diff('day', entered.from_on, coded.coded_on) >= limits.lookback_days end
        as is_incident_by_code
from coded
full join found using (person_id, diagnosis_code)
cross join limits
left join measured using (person_id)
left join entered using (person_id)
