-- grain: one row per woman and period
-- unit: person
-- What was known of menopause on each day, from what had been recorded by that day and nothing later.
-- Sure and lasting: 60 or over, both ovaries removed. A GnRH analogue silences the ovaries for as long as it acts. Else the
-- latest evidence decides: told state, codes, a last period a year ago, FSH with estradiol. That the ovaries work says little
-- after two years, once a woman is 45. An aromatase inhibitor decides nothing, nor does N95.1, the code of hot flushes under
-- treatment. A hysterectomy alone tells nothing about the ovaries. Surveys give no days: what they ask holds from the start.
with limits as (
    select
        cast(max(value) filter (where limit_code = 'postmenopausal_age') as bigint) as old_age,
        cast(max(value) filter (where limit_code = 'menopause_youngest_age') as bigint) as young_age,
        cast(max(value) filter (where limit_code = 'premenopausal_lasts_days') as integer) as lasts_days,
        cast(max(value) filter (where limit_code = 'ovarian_suppression_days') as integer) as suppression_days,
        cast(max(value) filter (where limit_code = 'amenorrhea_days') as integer) as amenorrhea_days,
        max(value) filter (where limit_code = 'fsh_postmenopausal_iu_l') as fsh_from,
        max(value) filter (where limit_code = 'e2_postmenopausal_pg_ml') as e2_to
    from ref.clinical_limit
),
woman as (
    -- Age is whole calendar years, so it changes with the year.
    select
        person.person_id,
        person.age_years,
        person.entered_on,
        make_date(year(person.entered_on) + limits.old_age - cast(floor(person.age_years) as bigint), 1, 1) as sixty_on,
        make_date(year(person.entered_on) + limits.young_age - cast(floor(person.age_years) as bigint), 1, 1) as forty_five_on
    from staging.person as person
    cross join limits
    where person.sex_code = 'female'
),
answers as (
    select
        person_id,
        max(value) filter (where observation_code = 'menses_past_year') as menses_past_year,
        max(value) filter (where observation_code = 'no_menses_reason') as no_menses_reason,
        max(value) filter (where observation_code = 'hysterectomy') as hysterectomy,
        max(value) filter (where observation_code = 'both_ovaries_removed') as both_ovaries_removed
    from staging.observation
    where observed_on is null
    group by person_id
),
asked as (
    select
        woman.person_id,
        case
            when woman.entered_on is null and woman.age_years >= limits.old_age then 'age_60'
            when answers.both_ovaries_removed = 1 then 'both_ovaries_removed'
            when answers.no_menses_reason = 7 then 'natural_menopause'
            when answers.menses_past_year = 1 then 'menses_past_year'
            when answers.no_menses_reason in (1, 2) then 'pregnant_or_breast_feeding'
            when answers.no_menses_reason = 3 or answers.hysterectomy = 1 then 'hysterectomy_alone'
            else 'no_answer'
        end as rule_code
    from woman
    cross join limits
    left join answers on answers.person_id = woman.person_id
),
code as (
    select distinct vocabulary_code, condition_code from staging.condition where vocabulary_code is not null
),
meant as (
    select distinct code.vocabulary_code, code.condition_code, listed.evidence_code
    from code
    join ref.menopause_code as listed
        on listed.vocabulary_code = code.vocabulary_code
        and case
            when listed.vocabulary_code = 'snomed' then listed.code = code.condition_code
            else starts_with(code.condition_code, listed.code)
        end
),
coded as (
    select condition.person_id, condition.recorded_on, listed.evidence_code
    from staging.condition as condition
    join meant as listed
        on listed.vocabulary_code = condition.vocabulary_code and listed.condition_code = condition.condition_code
    where condition.is_present
        and condition.recorded_on is not null
        and (not condition.is_history or listed.evidence_code <> 'ovaries_work')
),
operated as (
    select
        procedure.person_id,
        procedure.performed_on,
        procedure.procedure_code,
        exists (
            select 1 from ref.menopause_code as listed
            where listed.vocabulary_code = procedure.vocabulary_code
                and starts_with(replace(procedure.source_code, '.', ''), replace(listed.code, '.', ''))
        ) as is_both_sides
    from staging.procedure as procedure
    where procedure.procedure_code in ('oophorectomy', 'hysterectomy', 'chemotherapy')
),
at_risk as (
    -- CPT does not say which side. For breast cancer, or a gene behind it, both ovaries go.
    select person_id, min(recorded_on) as risk_on
    from staging.condition
    where is_present
        and vocabulary_code = 'icd10cm'
        and regexp_matches(condition_code, '^(C50|D05|Z85[.]3|Z15[.]0|Z40[.]02)')
    group by person_id
),
removed as (
    select person_id, min(removed_on) as removed_on
    from (
        select person_id, recorded_on as removed_on from coded where evidence_code = 'both_ovaries_removed'
        union all
        select operated.person_id, operated.performed_on
        from operated
        left join at_risk on at_risk.person_id = operated.person_id
        where operated.procedure_code = 'oophorectomy'
            and (operated.is_both_sides or at_risk.risk_on <= operated.performed_on)
    )
    group by person_id
),
without_uterus as (
    select person_id, min(removed_on) as removed_on
    from (
        select person_id, performed_on as removed_on from operated where procedure_code = 'hysterectomy'
        union all
        select person_id, recorded_on
        from staging.condition
        where is_present and vocabulary_code = 'icd10cm' and condition_code in ('Z90.710', 'Z90.712')
    )
    where removed_on is not null
    group by person_id
),
hormonal as (
    -- Under these, and for a year after, neither cycle nor FSH nor estradiol tell what the ovaries would do.
    select person_id, supplied_on as given_on
    from features.drug_supply
    where drug_class in (
        'aromatase_inhibitor', 'serm', 'serd', 'gnrh_analogue', 'estrogen', 'progestin', 'androgen', 'gonadotropin',
        'gonadorelin', 'ovulation_inducer'
    )
    union
    select person_id, performed_on from operated where procedure_code = 'chemotherapy'
),
drawn as (
    select
        person_id,
        drawn_on,
        min(value) filter (where analyte_code = 'fsh' and operator <> '<') as fsh_lo,
        max(case when operator = '>' then null else value end) filter (where analyte_code = 'estradiol') as e2_hi
    from staging.lab_result
    where analyte_code in ('fsh', 'estradiol') and drawn_on is not null and value is not null
    group by person_id, drawn_on
),
told as (
    select
        person_id,
        observed_on,
        observation_code,
        value,
        date '1970-01-01' + cast(case when observation_code = 'last_period' then value end as integer) as last_period_on
    from staging.observation
    where observed_on is not null
        and observation_code in ('menopausal_state', 'last_period', 'pregnancy_status')
),
clue as (
    -- Asked further below: under no hormonal drug (is_cloudable), 45 or over (has_least_age), with a uterus (needs_uterus).
    select person_id, observed_on as known_on, cast(null as date) as since_on, 'after' as verdict,
        'menopausal_state' as rule_code, false as is_cloudable, false as has_least_age, false as needs_uterus
    from told where observation_code = 'menopausal_state' and value = 2
    union all
    select person_id, observed_on, null, 'before',
        case value when 1 then 'perimenopausal_state' else 'premenopausal_state' end, false, false, false
    from told where observation_code = 'menopausal_state' and value in (0, 1)
    union all
    select person_id, observed_on, null, 'before', 'pregnant_or_breast_feeding', false, false, false
    from told where observation_code = 'pregnancy_status' and value = 1
    union all
    select told.person_id, told.observed_on, told.last_period_on + limits.amenorrhea_days, 'after', 'no_period_for_a_year',
        true, true, true
    from told
    cross join limits
    where told.observed_on - told.last_period_on >= limits.amenorrhea_days
    union all
    select told.person_id, told.observed_on, null, 'before', 'menses_past_year', false, false, true
    from told
    cross join limits
    where told.observed_on - told.last_period_on between 0 and limits.amenorrhea_days - 1
    union all
    select person_id, recorded_on, null, case evidence_code when 'ovaries_work' then 'before' else 'after' end,
        case evidence_code
            when 'ovaries_work' then 'ovaries_work_code' when 'menopause' then 'menopause_code' else evidence_code
        end,
        evidence_code = 'menopause', evidence_code = 'menopause', false
    from coded where evidence_code in ('ovaries_work', 'menopause', 'ovarian_failure')
    union all
    select drawn.person_id, drawn.drawn_on, null, 'after', 'fsh_and_estradiol', true, true, false
    from drawn
    cross join limits
    where drawn.fsh_lo >= limits.fsh_from and drawn.e2_hi <= limits.e2_to
),
clouded as (
    select distinct clue.person_id, clue.known_on
    from clue
    cross join limits
    join hormonal
        on hormonal.person_id = clue.person_id
        and hormonal.given_on between clue.known_on - limits.amenorrhea_days and clue.known_on
    where clue.is_cloudable
),
evidence as (
    select
        clue.person_id,
        clue.known_on,
        case when count(distinct clue.verdict) > 1 then 'conflict' else min(clue.verdict) end as verdict,
        min(clue.rule_code) as rule_code,
        min(coalesce(clue.since_on, clue.known_on)) as since_on
    from clue
    join woman on woman.person_id = clue.person_id
    left join clouded on clouded.person_id = clue.person_id and clouded.known_on = clue.known_on
    left join without_uterus on without_uterus.person_id = clue.person_id
    where not (clue.is_cloudable and clouded.person_id is not null)
        and (not clue.has_least_age or coalesce(clue.known_on >= woman.forty_five_on, false))
        and not (clue.needs_uterus and coalesce(without_uterus.removed_on <= clue.known_on, false))
    group by clue.person_id, clue.known_on
),
latest as (
    -- Repeated evidence for menopause adds nothing; that the ovaries work is fresh again each time.
    select
        evidence.*,
        greatest(evidence.known_on + limits.lasts_days, woman.forty_five_on) as fades_on
    from evidence
    cross join limits
    join woman on woman.person_id = evidence.person_id
    qualify evidence.verdict = 'before'
        or evidence.verdict is distinct from
            lag(evidence.verdict) over (partition by evidence.person_id order by evidence.known_on)
),
silenced as (
    -- By supply, not by episode: a day in a gap is part of an episode only because of a supply that comes later.
    select
        supply.person_id,
        greatest(supply.cover_from_on, episode.starts_on + limits.suppression_days) as from_on,
        supply.cover_from_on + cast(supply.cover_days as integer) - 1 as until_on
    from features.drug_supply as supply
    cross join limits
    join features.dosing_episode as episode
        on episode.person_id = supply.person_id
        and episode.ingredient = supply.ingredient
        and episode.is_primary
        and supply.supplied_on between episode.starts_on and episode.supply_ends_on
    where supply.drug_class = 'gnrh_analogue'
        and supply.cover_from_on + cast(supply.cover_days as integer) > episode.starts_on + limits.suppression_days
        and supply.cover_days > 0
),
followed as (
    select person_id, max(ends_on) as followed_until_on from staging.observation_period group by person_id
),
due as (
    -- What comes of itself comes only while somebody is followed.
    select person_id, sixty_on as edge_on from woman where sixty_on is not null
    union all
    select person_id, fades_on from latest where verdict = 'before'
    union all
    select person_id, from_on from silenced
    union all
    select person_id, until_on + 1 from silenced
),
edge as (
    select person_id, date '1000-01-01' as edge_on from woman
    union
    select person_id, removed_on from removed
    union
    select person_id, removed_on from without_uterus
    union
    select person_id, known_on from latest
    union
    select due.person_id, due.edge_on
    from due
    left join followed on followed.person_id = due.person_id
    where coalesce(due.edge_on <= followed.followed_until_on, true)
),
beside as (
    select edge.person_id, edge.edge_on, latest.verdict, latest.rule_code, latest.since_on, latest.fades_on
    from edge
    asof left join latest on latest.person_id = edge.person_id and latest.known_on <= edge.edge_on
),
silent as (
    select edge.person_id, edge.edge_on, min(silenced.from_on) as from_on
    from edge
    join silenced on silenced.person_id = edge.person_id and edge.edge_on between silenced.from_on and silenced.until_on
    group by edge.person_id, edge.edge_on
),
ruled as (
    select
        woman.person_id,
        beside.edge_on,
        case
            when beside.edge_on >= woman.sixty_on then 'age_60'
            when beside.edge_on >= removed.removed_on then 'both_ovaries_removed'
            when silent.from_on is not null then 'ovarian_suppression'
            when beside.verdict = 'conflict' then 'conflicting_evidence'
            when beside.verdict = 'after' or beside.edge_on < beside.fades_on then beside.rule_code
            when asked.rule_code not in ('hysterectomy_alone', 'no_answer') then asked.rule_code
            when beside.verdict = 'before' then 'evidence_too_old'
            when beside.edge_on >= without_uterus.removed_on then 'hysterectomy_alone'
            else asked.rule_code
        end as rule_code,
        woman.sixty_on,
        removed.removed_on,
        silent.from_on,
        case when beside.verdict = 'after' then beside.since_on end as since_on
    from beside
    join woman on woman.person_id = beside.person_id
    join asked on asked.person_id = beside.person_id
    left join removed on removed.person_id = beside.person_id
    left join without_uterus on without_uterus.person_id = beside.person_id
    left join silent on silent.person_id = beside.person_id and silent.edge_on = beside.edge_on
),
period as (
    select * from ruled
    qualify rule_code is distinct from lag(rule_code) over (partition by person_id order by edge_on)
)
select
    person_id,
    row_number() over woman_days as period_number,
    nullif(edge_on, date '1000-01-01') as known_on,
    lead(edge_on) over woman_days - 1 as known_until_on,
    case
        when rule_code = 'ovarian_suppression' then 'suppressed'
        when rule_code in (
            'age_60', 'both_ovaries_removed', 'ovarian_failure', 'natural_menopause', 'menopausal_state', 'menopause_code',
            'no_period_for_a_year', 'fsh_and_estradiol'
        ) then 'postmenopausal'
        when rule_code in (
            'menses_past_year', 'premenopausal_state', 'perimenopausal_state', 'ovaries_work_code',
            'pregnant_or_breast_feeding'
        ) then 'premenopausal'
        else 'unknown'
    end as status_code,
    rule_code,
    case
        when rule_code = 'age_60' then sixty_on
        when rule_code = 'both_ovaries_removed' then removed_on
        when rule_code = 'ovarian_suppression' then from_on
        else since_on
    end as since_on
from period
window woman_days as (partition by person_id order by edge_on)
