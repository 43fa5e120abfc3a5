-- grain: one row per person
-- unit: person
-- Current use is what the prescription inventory of the past 30 days holds. Where the inventory was not answered, 'never
-- used female hormones' (RHQ540 = 2) rules out an estrogen or progestin; anything else stays unknown.
with prescribed as (
    select
        person_id,
        bool_or(drug_class in ('estrogen', 'progestin', 'androgen')) as has_sex_hormone,
        bool_or(drug_class in (
            'aromatase_inhibitor', 'serm', 'serd', 'gnrh_analogue', 'antiandrogen', 'ovulation_inducer'
        )) as has_estrogen_axis_drug
    from staging.drug_exposure
    group by person_id
),
answers as (
    select
        person_id,
        bool_or(observation_code = 'takes_prescription') as answered_inventory,
        max(value) filter (where observation_code = 'ever_female_hormones') as ever_female_hormones,
        bool_or(observation_code in ('pregnant', 'reports_pregnant') and value = 1) as is_pregnant,
        bool_or(observation_code in ('pregnant', 'reports_pregnant')) as answered_pregnancy
    from staging.observation
    group by person_id
)
select
    person.person_id,
    case
        when prescribed.has_sex_hormone then true
        when answers.answered_inventory then false
        when person.sex_code = 'female' and answers.ever_female_hormones = 2 then false
    end as is_current_sex_hormone,
    case
        when prescribed.has_estrogen_axis_drug then true
        when answers.answered_inventory then false
    end as is_current_estrogen_axis_drug,
    case answers.ever_female_hormones when 1 then true when 2 then false end as is_ever_female_hormone,
    case
        when person.sex_code = 'male' then false
        when answers.answered_pregnancy then answers.is_pregnant
    end as is_pregnant
from staging.person as person
left join prescribed on prescribed.person_id = person.person_id
left join answers on answers.person_id = person.person_id
