-- grain: one row per study, person, time zero and covariate
-- unit: person
-- As known at time zero. For surveys everything was asked or drawn at the one examination, whose date is not released.
-- Clinical studies: what each covariate looks at, and how far back, stands in ref.covariate; a study that names none gets all.
-- On the day of time zero bone density, results, diagnoses and procedures count, starts of drugs and visits do not.
-- Presence and counts are 0 where nothing was recorded but the person was under observation; else they are missing. A last
-- result beyond a limit is missing, not the limit; estradiol with bounds stands in features.e2_exposure.
with smoking as (
    select
        person_id,
        max(value) filter (where observation_code = 'smoked_100_cigarettes') as smoked_100,
        max(value) filter (where observation_code = 'smokes_now') as smokes_now
    from staging.observation
    group by person_id
),
race as (
    select
        person_id,
        case race_ethnicity_code
            when 'mexican_american' then 1 when 'other_hispanic' then 2 when 'non_hispanic_white' then 3
            when 'non_hispanic_black' then 4 when 'other_or_multiracial' then 5
            when 'hispanic' then 2 when 'white' then 3 when 'black' then 4
            when 'asian' then 5 when 'native_american' then 5 when 'pacific_islander' then 5 when 'other' then 5
        end as race_ethnicity
    from staging.person
),
measured as (
    select person_id, 'age_years' as covariate_code, age_years as value, 'not_recorded' as reason from staging.person
    union all
    select person_id, 'race_ethnicity', race_ethnicity, 'not_recorded' from race
    union all
    select person_id, 'body_mass_index', max(value), 'not_recorded'
    from staging.observation
    where observation_code = 'body_mass_index'
    group by person_id
    union all
    select
        person_id, 'current_smoker',
        case when smoked_100 = 2 then 0 when smokes_now in (1, 2) then 1 when smokes_now = 3 then 0 end, 'not_recorded'
    from smoking
    union all
    select
        person_id, 'testosterone_ng_dl', max(value) filter (where not is_censored),
        case when bool_or(is_censored) then 'censored' else 'not_recorded' end
    from staging.lab_result
    where analyte_code = 'testosterone'
    group by person_id
),
asked as (
    select study_id, covariate_code from ref.study_covariate
    union all
    select study.study_id, definition.covariate_code
    from (select distinct study_id from cohort.trial_person where index_on is not null) as study
    anti join ref.study_covariate as named using (study_id)
    cross join ref.covariate as definition
),
wanted as (
    select definition.*
    from ref.covariate as definition
    semi join (
        select covariate_code
        from asked
        semi join (select study_id from cohort.trial_person where index_on is not null) as clinical using (study_id)
    ) as named using (covariate_code)
),
-- A person has one set of covariates on a day, however many studies and trials begin on it.
moment as (
    select distinct person_id, index_on from cohort.trial_person where index_on is not null
),
observed as (
    select
        moment.person_id, moment.index_on,
        max(date_diff('day', period.starts_on, moment.index_on)) filter (where period.ends_on >= moment.index_on)
            as observed_days
    from moment
    join staging.observation_period as period
        on period.person_id = moment.person_id and period.starts_on <= moment.index_on
    group by moment.person_id, moment.index_on
),
personal as (
    select
        moment.person_id, moment.index_on, wanted.covariate_code,
        case wanted.kind_code
            when 'age' then person.age_years + date_diff('day', person.entered_on, moment.index_on) / 365.25e0
            when 'calendar_year' then year(moment.index_on)
            when 'female' then case person.sex_code when 'female' then 1 else 0 end
            when 'race_ethnicity' then race.race_ethnicity
            when 'observed_days' then observed.observed_days
            when 'postmenopausal' then case menopausal_status.status_code
                when 'postmenopausal' then 1 when 'premenopausal' then 0 when 'suppressed' then 0
            end
        end as value,
        case
            when wanted.kind_code = 'postmenopausal' and person.sex_code = 'male' then 'not_applicable'
            when wanted.kind_code = 'observed_days' then 'not_observed'
            else 'not_recorded'
        end as reason
    from moment
    join wanted
        on wanted.kind_code in ('age', 'calendar_year', 'female', 'race_ethnicity', 'observed_days', 'postmenopausal')
    join staging.person as person on person.person_id = moment.person_id
    join race on race.person_id = moment.person_id
    left join observed on observed.person_id = moment.person_id and observed.index_on = moment.index_on
    left join features.menopausal_status as menopausal_status
        on menopausal_status.person_id = moment.person_id
        and coalesce(menopausal_status.known_on <= moment.index_on, true)
        and coalesce(menopausal_status.known_until_on >= moment.index_on, true)
),
past as (
    select moment.person_id, moment.index_on, event.phenotype_code, event.event_on, event.is_new_event
    from moment
    join features.clinical_event as event on event.person_id = moment.person_id and event.event_on <= moment.index_on
),
diagnosed as (
    select
        past.person_id, past.index_on, wanted.covariate_code,
        case any_value(wanted.kind_code) when 'phenotype' then 1 else count_if(past.is_new_event) end as value
    from past
    join wanted
        on wanted.kind_code in ('phenotype', 'phenotype_count')
        and wanted.subject_code = past.phenotype_code
        and coalesce(past.event_on >= past.index_on - cast(wanted.window_days as integer), true)
    group by past.person_id, past.index_on, wanted.covariate_code
),
charlson as (
    select distinct past.person_id, past.index_on, phenotype.phenotype_code, phenotype.charlson_weight,
        phenotype.charlson_superseded_by
    from past
    join ref.phenotype as phenotype
        on phenotype.phenotype_code = past.phenotype_code and phenotype.charlson_weight is not null
),
scored as (
    select charlson.person_id, charlson.index_on, wanted.covariate_code, sum(charlson.charlson_weight) as value
    from charlson
    join wanted on wanted.kind_code = 'charlson'
    left join charlson as graver
        on graver.person_id = charlson.person_id
        and graver.index_on = charlson.index_on
        and graver.phenotype_code = charlson.charlson_superseded_by
    where graver.phenotype_code is null
    group by charlson.person_id, charlson.index_on, wanted.covariate_code
),
complained as (
    select moment.person_id, moment.index_on, wanted.covariate_code, 1 as value
    from moment
    join staging.symptom as symptom on symptom.person_id = moment.person_id and symptom.recorded_on <= moment.index_on
    join wanted
        on wanted.kind_code = 'symptom'
        and wanted.subject_code = symptom.symptom_code
        and coalesce(symptom.recorded_on >= moment.index_on - cast(wanted.window_days as integer), true)
    group by moment.person_id, moment.index_on, wanted.covariate_code
),
-- As supply: an order counts only where the source holds no fill of the drug.
dispensed as (
    select distinct drug.person_id, drug.started_on, drug.ingredient, drug.drug_class, drug.route_code
    from staging.drug_exposure as drug
    join features.dispensing_source as evidence
        on evidence.source_id = drug.source_id
        and evidence.ingredient = drug.ingredient
        and evidence.is_compounded = coalesce(drug.is_compounded, false)
    where drug.started_on is not null
        and coalesce(drug.status_code, 'completed') not in ('cancelled', 'not_filled', 'returned')
        and coalesce(drug.quantity, 1) > 0
        and (drug.record_type in ('fill', 'administered') or evidence.evidence_code = 'order')
),
-- Which groups a drug belongs to, decided once for each drug and route.
grouped as (
    select distinct drug.ingredient, drug.drug_class, drug.route_code, member.group_code
    from (select distinct ingredient, drug_class, route_code from dispensed) as drug
    join ref.drug_group as member
        on (
            member.member_kind = 'class' and member.member_code = drug.drug_class
            or member.member_kind = 'ingredient' and member.member_code = drug.ingredient
        )
        and case member.route_rule
            when 'any' then true
            when 'systemic' then drug.route_code in ('oral', 'intramuscular', 'intravenous', 'subcutaneous')
            else drug.route_code = member.route_rule
        end
),
medicated as (
    select moment.person_id, moment.index_on, wanted.covariate_code, 1 as value
    from moment
    join dispensed on dispensed.person_id = moment.person_id and dispensed.started_on < moment.index_on
    join grouped
        on grouped.ingredient = dispensed.ingredient
        and grouped.drug_class is not distinct from dispensed.drug_class
        and grouped.route_code is not distinct from dispensed.route_code
    join wanted
        on wanted.kind_code = 'drug'
        and wanted.subject_code = grouped.group_code
        and coalesce(dispensed.started_on >= moment.index_on - cast(wanted.window_days as integer), true)
    group by moment.person_id, moment.index_on, wanted.covariate_code
),
-- Results of a day are averaged once, not again for each time zero that looks back on them.
result_of_day as (
    select
        person_id, analyte_code, drawn_on,
        avg(value) filter (where not is_censored) as value,
        bool_or(is_censored) as is_censored
    from staging.lab_result
    where value is not null
        and analyte_code in (select subject_code from wanted where kind_code = 'lab')
    group by person_id, analyte_code, drawn_on
),
statement_of_day as (
    select
        observation.person_id, wanted.covariate_code, wanted.window_days, observation.observed_on,
        avg(
            case wanted.kind_code
                when 'smoker' then case observation.value when 2 then 1 when 1 then 0 when 0 then 0 end
                else observation.value
            end
        ) as value
    from staging.observation as observation
    join wanted
        on wanted.kind_code in ('observation', 'smoker') and wanted.subject_code = observation.observation_code
    where observation.value is not null
    group by observation.person_id, wanted.covariate_code, wanted.window_days, observation.observed_on
),
score_of_day as (
    select person_id, site_code, scanned_on, avg(t_score) as value
    from source.scored_scan
    where t_score is not null
    group by person_id, site_code, scanned_on
),
reading as (
    select moment.person_id, moment.index_on, wanted.covariate_code, lab.drawn_on as read_on, lab.value, lab.is_censored
    from moment
    join result_of_day as lab on lab.person_id = moment.person_id and lab.drawn_on <= moment.index_on
    join wanted
        on wanted.kind_code = 'lab'
        and wanted.subject_code = lab.analyte_code
        and lab.drawn_on >= moment.index_on - cast(wanted.window_days as integer)
    union all
    select moment.person_id, moment.index_on, said.covariate_code, said.observed_on, said.value, false
    from moment
    join statement_of_day as said
        on said.person_id = moment.person_id
        and said.observed_on <= moment.index_on
        and said.observed_on >= moment.index_on - cast(said.window_days as integer)
    union all
    select moment.person_id, moment.index_on, wanted.covariate_code, scan.scanned_on, scan.value, false
    from moment
    join score_of_day as scan on scan.person_id = moment.person_id and scan.scanned_on <= moment.index_on
    join wanted
        on wanted.kind_code = 't_score'
        and wanted.subject_code = scan.site_code
        and scan.scanned_on >= moment.index_on - cast(wanted.window_days as integer)
),
last_reading as (
    select
        person_id, index_on, covariate_code, last.value,
        case when last.is_censored then 'censored' else 'not_recorded' end as reason
    from (
        select
            person_id, index_on, covariate_code,
            -- A pair, since a value that is missing would be passed over.
            arg_max(struct_pack(value := value, is_censored := is_censored), read_on) as last
        from reading
        group by person_id, index_on, covariate_code
    )
),
-- Joins here are of equal codes only: a join by a case of texts ends DuckDB 2.0 with an internal error, where the texts are
-- dictionaries of Parquet files.
contact as (
    select person_id, visit_code as what_code, starts_on as contact_on, count(*) as contacts
    from staging.visit
    group by person_id, visit_code, starts_on
    union all
    select distinct person_id, 'lab_days', drawn_on, 1 from staging.lab_result where drawn_on is not null
    union all
    select distinct person_id, 'e2_draws', drawn_on, 1
    from staging.lab_result
    where analyte_code = 'estradiol' and drawn_on is not null
    union all
    select distinct person_id, 'dxa_scans', scanned_on, 1
    from staging.dxa_scan
    where is_valid and imputation_number = 0 and scanned_on is not null
),
counted as (
    select
        covariate_code, window_days,
        kind_code = 'utilisation' as is_count,
        case when kind_code = 'utilisation' then subject_code when subject_code = 'e2' then 'e2_draws' else 'dxa_scans' end
            as what_code
    from wanted
    where kind_code in ('utilisation', 'days_since')
),
contacted as (
    select
        moment.person_id, moment.index_on, counted.covariate_code,
        case
            when bool_or(counted.is_count)
                then coalesce(sum(contact.contacts) filter (where contact.contact_on < moment.index_on), 0)
            else min(date_diff('day', contact.contact_on, moment.index_on))
        end as value
    from moment
    join contact on contact.person_id = moment.person_id and contact.contact_on <= moment.index_on
    join counted
        on counted.what_code = contact.what_code
        and coalesce(contact.contact_on >= moment.index_on - cast(counted.window_days as integer), true)
    group by moment.person_id, moment.index_on, counted.covariate_code
),
supplied as (
    select moment.person_id, moment.index_on, counted.covariate_code, count(distinct drug.ingredient) as value
    from moment
    join (select distinct person_id, started_on, ingredient from dispensed) as drug
        on drug.person_id = moment.person_id and drug.started_on < moment.index_on
    join counted
        on counted.what_code = 'drugs'
        and coalesce(drug.started_on >= moment.index_on - cast(counted.window_days as integer), true)
    group by moment.person_id, moment.index_on, counted.covariate_code
),
found as (
    select * from personal
    union all
    select *, 'not_observed' from diagnosed
    union all
    select *, 'not_observed' from scored
    union all
    select *, 'not_observed' from complained
    union all
    select *, 'not_observed' from medicated
    union all
    select * from last_reading
    union all
    select *, 'not_observed' from contacted
    union all
    select *, 'not_observed' from supplied
),
-- What stands where nothing was found is decided once for each covariate, and whether anybody looked once for each time zero.
otherwise as (
    select
        asked.study_id, asked.covariate_code,
        coalesce(
            definition.kind_code in ('phenotype', 'phenotype_count', 'charlson', 'symptom', 'drug', 'utilisation'), false
        ) as is_none_told,
        case
            when definition.kind_code is null then 'not_defined'
            when definition.kind_code in ('phenotype', 'phenotype_count', 'charlson', 'symptom', 'drug', 'utilisation')
                then 'not_observed'
            else 'not_recorded'
        end as reason
    from asked
    left join ref.covariate as definition on definition.covariate_code = asked.covariate_code
),
looked_at as (
    select
        trial.study_id, trial.person_id, trial.trial_number, trial.index_on, observed.person_id is not null as is_observed
    from cohort.trial_person as trial
    left join observed on observed.person_id = trial.person_id and observed.index_on = trial.index_on
    where trial.index_on is not null
),
valued as (
    select
        trial.study_id, trial.person_id, trial.trial_number, asked.covariate_code,
        measured.value,
        coalesce(measured.reason, 'not_recorded') as reason
    from cohort.trial_person as trial
    join asked on asked.study_id = trial.study_id
    left join measured
        on measured.person_id = trial.person_id and measured.covariate_code = asked.covariate_code
    where trial.index_on is null
    union all
    select
        looked_at.study_id, looked_at.person_id, looked_at.trial_number, otherwise.covariate_code,
        coalesce(found.value, case when looked_at.is_observed and otherwise.is_none_told then 0 end),
        coalesce(found.reason, otherwise.reason)
    from looked_at
    join otherwise on otherwise.study_id = looked_at.study_id
    left join found
        on found.person_id = looked_at.person_id
        and found.index_on = looked_at.index_on
        and found.covariate_code = otherwise.covariate_code
)
select
    study_id,
    person_id,
    trial_number,
    covariate_code,
    cast(value as double) as value,
    value is null as is_missing,
    case when value is null then reason end as missing_reason
from valued
