-- grain: one row per source file
-- unit: population
-- rows_staged counts rows that are found in the staging tables; the other three come from staging.source_row and landing.
-- A file whose table staging does not read is out of scope as a whole.
with found as (
    select source_file, source_row from staging.person
    union
    select source_file, source_row from staging.observation_period
    union
    select source_file, source_row from staging.lab_result
    union
    select source_file, source_row from staging.dxa_scan
    union
    select source_file, source_row from staging.drug_exposure
    union
    select source_file, source_row from staging.condition
    union
    select source_file, source_row from staging.observation
),
staged as (
    select source_file, count(*) as n from found group by source_file
),
disposed as (
    select
        source_file,
        count(*) as n,
        count_if(disposition = 'duplicate') as n_duplicate,
        count_if(disposition = 'quarantined') as n_quarantined,
        count_if(disposition = 'out_of_scope') as n_out_of_scope
    from staging.source_row
    group by source_file
),
rejected as (
    select source_file, count(*) as n from raw.rejected_row group by source_file
),
counted as (
    select
        manifest.source_file,
        manifest.table_name,
        manifest.cycle_label,
        manifest.rows_in,
        coalesce(staged.n, 0) as rows_staged,
        case when manifest.status_code = 'duplicate' then manifest.rows_in else coalesce(disposed.n_duplicate, 0) end
            as rows_duplicate,
        coalesce(disposed.n_quarantined, 0) + coalesce(rejected.n, 0) as rows_quarantined,
        case
            when manifest.status_code = 'landed' and disposed.n is null then manifest.rows_in - coalesce(rejected.n, 0)
            else coalesce(disposed.n_out_of_scope, 0)
        end as rows_out_of_scope,
        manifest.source_id,
        manifest.drop_id
    from raw.manifest as manifest
    left join staged using (source_file)
    left join disposed using (source_file)
    left join rejected using (source_file)
    where manifest.rows_in is not null and manifest.status_code in ('landed', 'duplicate')
)
select
    counted.*,
    counted.rows_in
        = counted.rows_staged + counted.rows_duplicate + counted.rows_quarantined + counted.rows_out_of_scope
        as is_balanced
from counted
