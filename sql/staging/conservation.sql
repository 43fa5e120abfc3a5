-- grain: one row per source file
-- unit: population
-- rows_staged counts rows that are found in the staging tables; the other three are what became of the rest, and rows
-- that landing rejected. A file whose table staging does not read is out of scope as a whole.
with disposed as (
    select
        source_file,
        count(*) as n,
        count_if(is_found) as n_staged,
        count_if(disposition = 'duplicate') as n_duplicate,
        count_if(disposition = 'quarantined') as n_quarantined,
        count_if(disposition = 'out_of_scope') as n_out_of_scope
    from staging.source_row
    where record_number = 1
    group by source_file
),
rejected as (
    select rejected.source_file, count(*) as n
    from (select source_file, source_row from raw.rejected_row group by source_file, source_row) as rejected
    anti join staging.source_row as source_row
        on source_row.source_file = rejected.source_file and source_row.source_row = rejected.source_row
    group by rejected.source_file
),
counted as (
    select
        manifest.source_file,
        coalesce(manifest.table_name, 'none') as table_name,
        manifest.cycle_label,
        manifest.rows_in,
        coalesce(disposed.n_staged, 0) as rows_staged,
        case when manifest.status_code = 'duplicate' then manifest.rows_in else coalesce(disposed.n_duplicate, 0) end
            as rows_duplicate,
        coalesce(disposed.n_quarantined, 0) + coalesce(rejected.n, 0) as rows_quarantined,
        case
            when manifest.status_code = 'out_of_scope' then manifest.rows_in
            when manifest.status_code = 'landed' and disposed.n is null then manifest.rows_in - coalesce(rejected.n, 0)
            else coalesce(disposed.n_out_of_scope, 0)
        end as rows_out_of_scope,
        manifest.source_id,
        manifest.drop_id
    from raw.manifest as manifest
    left join disposed using (source_file)
    left join rejected using (source_file)
    where manifest.rows_in is not null and manifest.status_code in ('landed', 'duplicate', 'out_of_scope')
)
select
    counted.*,
    counted.rows_in
        = counted.rows_staged + counted.rows_duplicate + counted.rows_quarantined + counted.rows_out_of_scope
        as is_balanced
from counted
