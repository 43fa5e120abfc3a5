-- grain: one row per quantity, item, kind of place, place and quarter
-- unit: population
-- adds up: pairs are within persons, and what is told of them are counts and sums.
-- What changed from before a calendar quarter to after it, within persons: the last quarter of a person with results before
-- it against the first one after it, so that who is measured moves nothing, nor the day of the quarter on which a method
-- changed. Not further apart than two years, scans three. Results beyond a limit say how much nobody knows, and are left
-- out. A care site keeps its people when its laboratory or densitometer is replaced, and shows that as well.
with measured as (
    select
        person_id, 'lab' as quantity, analyte_code as item_code, '' as side_code, 8 as most_quarters, drawn_on as measured_on,
        ln(value) as level, coalesce(lab_id, 'not_recorded') as place_code, assay_class as method_code,
        source_variable as code_text, lower(source_unit) as unit_text, lloq
    from staging.lab_result
    where operator = '=' and value > 0 and drawn_on is not null
    union all
    select
        person_id, 'bmd', site_code, side_code, 12, scanned_on,
        ln(bmd_g_cm2), coalesce(device_id, 'not_recorded'), concat_ws(' ', manufacturer, model),
        software, null, null
    from staging.dxa_scan
    where is_valid and imputation_number = 0 and bmd_g_cm2 > 0 and scanned_on is not null
),
quarterly as (
    select
        person_id, quantity, item_code, side_code, most_quarters,
        4 * year(measured_on) + quarter(measured_on) - 1 as quarter_number,
        avg(level) as level, max(place_code) as place_code, max(method_code) as method_code, max(code_text) as code_text,
        max(unit_text) as unit_text, max(lloq) as lloq
    from measured
    group by all
),
own as (
    select
        person_id, quantity, item_code, side_code, most_quarters, quarter_number,
        struct_pack(quarter_number := quarter_number, level := level, place_code := place_code,
            method_code := method_code, code_text := code_text, unit_text := unit_text, lloq := lloq) as found
    from quarterly
),
neighbour as (
    select
        person_id, quantity, item_code, most_quarters, quarter_number, found,
        lag(found) over in_time as earlier,
        lead(found) over in_time as later
    from own
    window in_time as (partition by person_id, quantity, item_code, side_code order by quarter_number)
),
-- A quarter without a result of the person lies between two neighbours; one with a result between its own neighbours.
pair as (
    select
        person_id, quantity, item_code, earlier as before, found as after,
        unnest(range(earlier.quarter_number + 1, quarter_number)) as quarter_number
    from neighbour
    where quarter_number - earlier.quarter_number between 2 and most_quarters
    union all
    select person_id, quantity, item_code, earlier, later, quarter_number
    from neighbour
    where later.quarter_number - earlier.quarter_number <= most_quarters
),
change as (
    select
        person_id, quantity, item_code, quarter_number,
        after.level - before.level as log_change,
        after.quarter_number - before.quarter_number as quarters_apart,
        before.place_code as place_before,
        after.place_code as place_after,
        before.place_code <> after.place_code as is_other_place,
        before.method_code <> after.method_code as is_other_method,
        before.code_text <> after.code_text as is_other_code,
        before.unit_text <> after.unit_text as is_other_unit,
        before.lloq <> after.lloq as is_other_limit
    from pair
),
placed as (
    select
        change.* exclude (person_id, place_before, place_after),
        case quantity when 'lab' then 'laboratory' else 'densitometer' end as place_kind,
        place_after as place_code
    from change
    where place_before = place_after
    union all
    select change.* exclude (person_id, place_before, place_after), 'care_site', site.care_site_code
    from change
    join source.care_site as site on site.person_id = change.person_id
)
select
    quantity,
    item_code,
    place_kind,
    place_code,
    cast(quarter_number as bigint) as quarter_number,
    count(*) as n_pairs,
    sum(log_change) as sum_log_change,
    sum(log_change * log_change) as sum_square,
    cast(sum(quarters_apart) as bigint) as sum_quarters_apart,
    count(*) filter (where is_other_place) as n_other_place,
    count(*) filter (where is_other_method) as n_other_method,
    count(*) filter (where is_other_code) as n_other_code,
    count(*) filter (where is_other_unit) as n_other_unit,
    count(*) filter (where is_other_limit) as n_other_limit
from placed
group by quantity, item_code, place_kind, place_code, quarter_number
