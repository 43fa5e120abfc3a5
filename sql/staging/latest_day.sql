-- grain: one row per source
-- unit: population
-- Last day a record of a source can be about: the end of the month in which the drop was last examined. A month and not a
-- day, so that a nightly delivery changes nothing for people whose rows did not change; last examined and not first landed,
-- so that a night with a wrong clock is put right by the next one.
select source_id, max(coalesce(latest_on, last_day(cast(landed_at as date)))) as latest_on
from raw.manifest
where source_id is not null
group by source_id
