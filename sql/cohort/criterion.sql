-- grain: one row per study, person, time zero and eligibility step
-- unit: person
-- Each rule is asked of everybody in the survey cycles of the study; unknown counts as not met, but for pregnancy, which
-- is not asked where it cannot be. Which rules a study asks, in which order, stands in its TOML file (ref.study_criterion).
with facts as (
    select
        person.person_id,
        person.sex_code,
        person.age_years,
        menopausal_status.status_code as menopausal_status,
        hormone_use.is_current_sex_hormone,
        hormone_use.is_current_estrogen_axis_drug,
        hormone_use.is_pregnant,
        exists (
            select 1 from features.e2_exposure as e2
            where e2.person_id = person.person_id and e2.assay_class = 'lc_ms_ms'
        ) as has_e2_lc_ms_ms,
        exists (
            select 1 from features.bmd_change as bmd
            where bmd.person_id = person.person_id
                and bmd.site_code in ('femoral_neck', 'total_hip', 'lumbar_spine')
        ) as has_hip_or_spine,
        exists (
            select 1 from features.bmd_change as bmd
            where bmd.person_id = person.person_id and bmd.site_code = 'femoral_neck'
        ) as has_femoral_neck,
        person.race_ethnicity_code is not null
            and body.has_body_mass_index
            and body.has_smoking as has_covariates
    from staging.person as person
    -- A survey asks once, without a day.
    left join features.menopausal_status as menopausal_status
        on menopausal_status.person_id = person.person_id and menopausal_status.known_on is null
    left join features.hormone_use as hormone_use on hormone_use.person_id = person.person_id
    left join (
        select
            person_id,
            bool_or(observation_code = 'body_mass_index') as has_body_mass_index,
            bool_or(
                (observation_code = 'smoked_100_cigarettes' and value = 2)
                or (observation_code = 'smokes_now' and value in (1, 2, 3))
            ) as has_smoking
        from staging.observation
        group by person_id
    ) as body on body.person_id = person.person_id
),
asked as (
    select
        study.study_id,
        study.minimum_age_years,
        criterion.step_number,
        criterion.criterion_code,
        design.person_id,
        design.is_examined and design.examination_weight > 0 as is_examined
    from ref.study as study
    join ref.study_criterion as criterion on criterion.study_id = study.study_id
    cross join staging.survey_design as design
    where exists (
            select 1 from ref.study_cycle as cycle
            where cycle.study_id = study.study_id and cycle.cycle_label = design.cycle_label
        )
        or not exists (select 1 from ref.study_cycle as cycle where cycle.study_id = study.study_id)
)
select
    asked.study_id,
    asked.person_id,
    1 as trial_number,
    asked.step_number,
    'survey' as cohort_code,
    asked.criterion_code,
    facts.sex_code as group_code,
    coalesce(
        case asked.criterion_code
            when 'examined' then asked.is_examined
            when 'minimum_age' then facts.age_years >= asked.minimum_age_years
            when 'man_or_postmenopausal_woman'
                then facts.sex_code = 'male' or facts.menopausal_status = 'postmenopausal'
            when 'not_pregnant' then facts.is_pregnant is distinct from true
            when 'no_current_sex_hormone' then not facts.is_current_sex_hormone
            when 'no_current_estrogen_axis_drug' then not facts.is_current_estrogen_axis_drug
            when 'no_drug_on_estrogen_axis'
                then not facts.is_current_sex_hormone and not facts.is_current_estrogen_axis_drug
            when 'e2_by_lc_ms_ms' then facts.has_e2_lc_ms_ms
            when 'valid_hip_or_spine_scan' then facts.has_hip_or_spine
            when 'valid_femoral_neck_scan' then facts.has_femoral_neck
            when 'covariates_known' then facts.has_covariates
        end,
        false
    ) as is_met
from asked
join facts on facts.person_id = asked.person_id
