-- grain: one row per source, language, outcome and reason
-- unit: population
-- How the instructions of all prescriptions were read. The reason is the gravest that the reader gives; the cells partition rows.
with read_rows as (
    select
        exposure.source_id,
        exposure.person_id,
        exposure.sig_id,
        coalesce(sig.language, 'unknown') as language,
        case
            when exposure.sig_id is null then 'no_instruction'
            when sig.confidence_code = 'none' then 'refused'
            when sig.mg_per_week is null and sig.confidence_code = 'high' then 'no_strength'
            when sig.mg_per_week is null then 'blank'
            when sig.confidence_code = 'high' then 'read'
            else 'read_with_doubt'
        end as outcome,
        coalesce(string_split(sig.flags, ',')[-1], 'none') as reason
    from staging.drug_exposure as exposure
    left join staging.sig as sig on sig.sig_id = exposure.sig_id
)
select
    source_id,
    language,
    outcome,
    reason,
    count(distinct sig_id) as n_sigs,
    count(*) as n_rows,
    count(distinct person_id) as n_people
from read_rows
group by source_id, language, outcome, reason
