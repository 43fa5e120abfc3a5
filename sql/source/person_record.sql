-- grain: one row per delivered person row
-- unit: person
-- One row a person is staged: of the latest delivery. Rows of one delivery that disagree about sex or birth say
-- nothing. Entry is the first day under observation, else the day the age was stated; age is whole years between
-- calendar years. Nobody is told to be over 89: that and more is 89, and the year of birth is left out.
with given as (
    select * from source.omop_person
    union all by name
    select * from source.flat_person
),
entered as (
    select person_id, min(starts_on) as entered_on
    from (
        select person_id, observation_period_start_date as starts_on from raw.omop_observation_period
        union all
        select person_id, starts_on from raw.flat_period
    )
    group by person_id
),
placed as (
    select
        *,
        max(drop_sequence) over (partition by person_id) as latest,
        row_number() over (partition by person_id, drop_sequence order by source_file, source_row) as place,
        coalesce(min(sex_code) over same <> max(sex_code) over same, false)
            or coalesce(min(birth_year) over same <> max(birth_year) over same, false) as is_conflicting
    from given
    window same as (partition by person_id, drop_sequence)
),
aged as (
    select
        placed.*,
        coalesce(entered.entered_on, placed.stated_age_on) as entered_on,
        case
            when coalesce(entered.entered_on, placed.stated_age_on) is null then floor(placed.stated_age_years)
            else year(coalesce(entered.entered_on, placed.stated_age_on)) - placed.birth_year
        end as age
    from placed
    left join entered on entered.person_id = placed.person_id
)
select
    person_id,
    source_id,
    drop_id,
    drop_sequence,
    source_file,
    source_row,
    'person' as family,
    sex_code,
    case when age >= 0 then cast(least(age, 89) as double) end as age_years,
    coalesce(age > 89, false) as is_age_top_coded,
    race_ethnicity_code,
    case when age between 0 and 89 or age is null then birth_year end as birth_year,
    entered_on,
    case
        when drop_sequence < latest then 'duplicate'
        when is_conflicting then 'quarantined'
        when place > 1 then 'duplicate'
        when sex_code is null then 'quarantined'
        else 'staged'
    end as disposition,
    case
        when drop_sequence < latest then 'superseded'
        when is_conflicting then 'conflicting_person'
        when place > 1 then 'repeated_row'
        when sex_code is null then 'no_sex'
    end as reason
from aged
