-- grain: one row per source, laboratory and analyte
-- unit: population
-- The lower limit a laboratory states, and what it writes in place of it. The limit is a habit: 30 statements, 95 % alike.
-- A fill value is half the limit or the limit over the square root of two, written at least 5 times and making up at
-- least nine in ten of all plain results below the limit: a substitute is a pile, a measurement is not.
with counted as (
    select
        source_id, lab_key, analyte_code,
        coalesce(text_operator, operator_text, '=') in ('<', '<=') as is_below,
        case when word_meaning is null then canonical_number end as number,
        stated_limit,
        count(*) as n
    from source.lab_converted
    where analyte_code is not null and unit_reason is null and text_reason is null
        and (canonical_number < plausible_maximum / 4 or stated_limit is not null)
    group by all
),
stated as (
    select source_id, lab_key, analyte_code, limit_value, sum(n) as n
    from (
        select source_id, lab_key, analyte_code, stated_limit as limit_value, n from counted where stated_limit > 0
        union all
        select source_id, lab_key, analyte_code, number, n
        from counted
        where is_below and number > 0 and stated_limit is null
    )
    group by all
),
habit as (
    select source_id, lab_key, analyte_code, max_by(limit_value, (n, limit_value)) as lloq, max(n) as n, sum(n) as total
    from stated
    group by source_id, lab_key, analyte_code
),
settled as (
    select source_id, lab_key, analyte_code, lloq, cast(total as bigint) as n_stated
    from habit
    where total >= 30 and n >= 0.95e0 * total
),
below as (
    select settled.source_id, settled.lab_key, settled.analyte_code, settled.lloq, settled.n_stated, counted.number,
        counted.n,
        case
            when counted.number between settled.lloq / 2e0 * 0.995e0 and settled.lloq / 2e0 * 1.005e0 then 'half'
            when counted.number between settled.lloq / sqrt(2e0) * 0.995e0 and settled.lloq / sqrt(2e0) * 1.005e0
                then 'over_square_root_of_two'
        end as fill_rule
    from settled
    left join counted
        on counted.source_id = settled.source_id and counted.lab_key = settled.lab_key
        and counted.analyte_code = settled.analyte_code
        and not counted.is_below and counted.number < settled.lloq
),
piled as (
    select source_id, lab_key, analyte_code, lloq, n_stated,
        max_by(number, n) filter (where fill_rule = 'half') as half_value,
        coalesce(sum(n) filter (where fill_rule = 'half'), 0) as n_half,
        max_by(number, n) filter (where fill_rule = 'over_square_root_of_two') as root_value,
        coalesce(sum(n) filter (where fill_rule = 'over_square_root_of_two'), 0) as n_root,
        coalesce(sum(n), 0) as n_below
    from below
    group by source_id, lab_key, analyte_code, lloq, n_stated
)
select
    source_id,
    lab_key,
    analyte_code,
    lloq,
    n_stated,
    case
        when n_half >= 5 and n_half >= 0.9e0 * n_below then half_value
        when n_root >= 5 and n_root >= 0.9e0 * n_below then root_value
    end as fill_value,
    case
        when n_half >= 5 and n_half >= 0.9e0 * n_below then 'half'
        when n_root >= 5 and n_root >= 0.9e0 * n_below then 'over_square_root_of_two'
    end as fill_rule,
    cast(greatest(
        case when n_half >= 5 and n_half >= 0.9e0 * n_below then n_half else 0 end,
        case when n_root >= 5 and n_root >= 0.9e0 * n_below then n_root else 0 end
    ) as bigint) as n_filled
from piled
