-- grain: one row per person and condition
-- unit: person
-- Self-report: 1 is yes, 2 is no; refused and do not know are no row. Breast cancer is kind 14 of up to three cancers;
-- where a kind was not told (77, 99 or none), its absence is not known and is no row.
with answers as (
    select person_id, source_file, source_row, source_id, drop_id, 'mcq' as family, variable, answer
    from raw.nhanes_mcq
    unpivot (answer for variable in (MCQ160B, MCQ160C, MCQ160D, MCQ160E, MCQ160F, MCQ220))
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'osq', variable, answer
    from raw.nhanes_osq
    unpivot (answer for variable in (OSQ010A, OSQ010B, OSQ010C, OSQ060))
),
told as (
    select answers.person_id, variable.code as condition_code, answers.answer = 1 as is_present,
        answers.variable as source_variable, answers.source_file, answers.source_row, answers.source_id, answers.drop_id
    from answers
    join ref.nhanes_variable as variable using (family, variable)
    where answers.answer in (1, 2)
    union all
    select person_id, 'breast_cancer', coalesce(14 in (MCQ230A, MCQ230B, MCQ230C), false),
        'MCQ230A', source_file, source_row, source_id, drop_id
    from raw.nhanes_mcq
    where MCQ220 = 2
        or 14 in (MCQ230A, MCQ230B, MCQ230C)
        or (
            MCQ220 = 1 and MCQ230A not in (77, 99)
            and coalesce(MCQ230B, 0) not in (77, 99) and coalesce(MCQ230C, 0) not in (77, 99)
        )
)
select
    told.person_id,
    told.condition_code,
    told.is_present,
    cast(null as date) as recorded_on,
    'self_report' as record_type,
    told.source_variable,
    told.source_file,
    told.source_row,
    told.source_id,
    told.drop_id
from told
join staging.person as person on person.person_id = told.person_id
