-- grain: one row per rejected source row
-- unit: population
-- Rows that could not be given to a person come from landing; the rest from staging.source_row. Never a value.
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
    any_value(source_row.person_id) as person_id,
    source_row.source_file,
    source_row.source_row,
    source_row.reason as rule_code,
    coalesce(any_value(reason.meaning), any_value(source_row.reason)) as reason,
    any_value(source_row.source_id) as source_id,
    any_value(source_row.drop_id) as drop_id
from staging.source_row as source_row
left join ref.disposition_reason as reason on reason.reason_code = source_row.reason
where source_row.disposition = 'quarantined'
group by source_row.source_file, source_row.source_row, source_row.reason
