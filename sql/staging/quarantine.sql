-- grain: one row per rejected source row
-- unit: population
-- Rows that could not be given to a person come from landing; the rest from staging.source_row.
select
    cast(null as bigint) as person_id,
    rejected.source_file,
    rejected.source_row,
    rejected.rule_code,
    rejected.reason,
    rejected.source_id,
    rejected.drop_id
from raw.rejected_row as rejected
union all
select
    source_row.person_id,
    source_row.source_file,
    source_row.source_row,
    source_row.reason as rule_code,
    case source_row.reason
        when 'no_sex' then 'DEMO row without a sex of 1 or 2: nothing about this person can be staged'
        when 'respondent_not_in_demo' then 'No usable DEMO row for this person: land the DEMO file of the same cycle'
        when 'drug_name_unknown' then 'CDC could not code the drug name (55555, 77777 or 99999)'
    end as reason,
    source_row.source_id,
    source_row.drop_id
from staging.source_row as source_row
where source_row.disposition = 'quarantined'
