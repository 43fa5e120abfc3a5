-- grain: one row per source
-- unit: population
-- Last day a record of a source can be about: the end of the month in which it was last delivered. A month and not a
-- day, so that a nightly delivery changes nothing for people whose rows did not change.
select source_id, last_day(cast(max(landed_at) as date)) as latest_on
from raw.manifest
where source_id is not null
group by source_id
