-- grain: one row per person, observation and reading
-- unit: person
-- A prescription inventory with a drug CDC could not code is not an answer: the unknown drug may be a hormone.
-- Answer codes keep the source's numbers; refused and do not know are no row. A diastolic of 0 means that the sounds
-- never vanished, not a pressure, and is no row.
with answers as (
    select person_id, source_file, source_row, source_id, drop_id, 'demo' as family, variable, value
    from raw.nhanes_demo
    unpivot (value for variable in (RIDEXPRG))
    where value in (1, 2)
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'rhq', variable, value
    from raw.nhanes_rhq
    unpivot (value for variable in (
        RHQ030, RHQ031, RHQ040, RHD042, RHD043, RHD143, RHD280, RHQ300, RHQ305, RHQ540
    ))
    where value in (1, 2) or (variable in ('RHQ040', 'RHD042', 'RHD043') and value < 77)
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'smq', variable, value
    from raw.nhanes_smq
    unpivot (value for variable in (SMQ020, SMQ040))
    where value in (1, 2, 3)
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'bmx', variable, value
    from raw.nhanes_bmx
    unpivot (value for variable in (BMXBMI, BMXWT, BMXHT, BMXWAIST))
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'bpx', variable, value
    from raw.nhanes_bpx
    unpivot (value for variable in (BPXSY1, BPXSY2, BPXSY3, BPXSY4, BPXDI1, BPXDI2, BPXDI3, BPXDI4))
    where value > 0
),
prescription_question as (
    select person_id, min(source_row) as source_row, any_value(source_file) as source_file,
        any_value(source_id) as source_id, any_value(drop_id) as drop_id,
        min(coalesce(RXDUSE, RXD030)) as value
    from raw.nhanes_rxq_rx
    where coalesce(RXDUSE, RXD030) in (1, 2)
    group by person_id
    having bool_and(
        coalesce(nullif(trim(RXDDRUG), ''), nullif(trim(RXD240B), ''), '') not in ('55555', '77777', '99999')
    )
),
observed as (
    select
        answers.person_id, variable.code as observation_code,
        case answers.family when 'bpx' then right(answers.variable, 1)::bigint else 1 end as reading_number,
        answers.value * coalesce(variable.factor, 1) as value,
        variable.canonical_unit as unit_code, answers.variable as source_variable,
        answers.source_file, answers.source_row, answers.source_id, answers.drop_id
    from answers
    join ref.nhanes_variable as variable using (family, variable)
    union all
    select person_id, 'takes_prescription', 1, value, null, 'RXDUSE', source_file, source_row, source_id, drop_id
    from prescription_question
)
select
    observed.person_id,
    observed.observation_code,
    observed.reading_number,
    observed.value,
    observed.unit_code,
    cast(null as date) as observed_on,
    'not_released' as date_reason,
    observed.source_variable,
    observed.source_file,
    observed.source_row,
    observed.source_id,
    observed.drop_id
from observed
join staging.person as person on person.person_id = observed.person_id
