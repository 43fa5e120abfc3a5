-- grain: one row per person, ingredient and day with a supply
-- unit: person
-- Records that bring drug into the house. Two records of one strength on one day are one supply after the other, two
-- strengths are taken side by side: milligrams are kept in both cases, and a fill written as two halves is the same fill.
-- Stock is carried over in closed form. Without a cap, supply i starts at S(i-1) + max over j <= i of (d(j) - S(j-1)), d the
-- days and S the running sum of supplies: the running maximum says how many days were ever lost to an empty shelf. With a
-- cap C the stock at hand is A(i) - min over j <= i of max(A(j), max of A(j+1..i) - C), A(i) = S(i-1) - d(i): a queue between
-- two barriers. Pairs are formed only in the few series where the cap was reached.
-- Stock is not carried over a change of dose or a recorded stop. Days are whole, from 1970-01-01, so comparisons are exact.
with record as (
    select
        drug.person_id,
        drug.ingredient,
        drug.drug_class,
        drug.strength_mg,
        date_diff('day', date '1970-01-01', drug.started_on) as day,
        nullif(coalesce(drug.dose_mg_per_week, 7 * drug.dose_mg_per_day), 0) as dose_mg_per_week,
        case when drug.times_per_week > 0 then drug.times_per_week end as times_per_week,
        case
            when evidence.evidence_code = 'order' and drug.record_type in ('order', 'statement')
                then drug.days_supply * (1 + coalesce(drug.refills, 0))
            when drug.record_type = 'administered' and coalesce(drug.days_supply, 1) <= 1
                then coalesce(lasting.duration_days, drug.days_supply)
            else coalesce(drug.days_supply, lasting.duration_days)
        end as given_days,
        case when drug.status_code = 'stopped' then date_diff('day', date '1970-01-01', drug.ended_on) end as stopped_day,
        drug.ended_on,
        drug.started_on,
        drug.dose_confidence,
        -- The weaker source of two stands: 1 instruction, 2 quantity, 3 strength, 4 none.
        case drug.dose_source when 'sig' then 1 when 'quantity' then 2 when 'strength' then 3 else 4 end as source_rank,
        drug.form_code = 'pellet' as is_pellet,
        drug.is_compounded,
        evidence.evidence_code
    from staging.drug_exposure as drug
    join features.dispensing_source as evidence
        on evidence.source_id = drug.source_id
        and evidence.ingredient = drug.ingredient
        and evidence.is_compounded = coalesce(drug.is_compounded, false)
    left join ref.supply_duration as lasting
        on lasting.ingredient = drug.ingredient and lasting.form_code = drug.form_code
    where drug.started_on is not null
        and drug.drug_class is not null
        and coalesce(drug.status_code, 'completed') not in ('cancelled', 'not_filled', 'returned', 'entered_in_error')
        and coalesce(drug.quantity, 1) > 0
        and (drug.record_type in ('fill', 'administered') or evidence.evidence_code = 'order')
),
lasting as (
    select
        record.*,
        -- An end after the first day says how long it lasted where nothing else does.
        coalesce(given_days, case when ended_on > started_on then date_diff('day', started_on, ended_on) + 1 end)
            as supply_days
    from record
),
strength as (
    select
        person_id, ingredient, day, strength_mg,
        max(drug_class) as drug_class,
        sum(supply_days) as supply_days,
        count(*) as n_records,
        count(*) - count(supply_days) as n_unknown_supply,
        case
            when count(dose_mg_per_week) < count(*) then null
            when sum(supply_days) > 0 then sum(dose_mg_per_week * coalesce(supply_days, 0)) / sum(supply_days)
            else avg(dose_mg_per_week)
        end as dose_mg_per_week,
        case when min(times_per_week) = max(times_per_week) then max(times_per_week) end as times_per_week,
        max(stopped_day) as stopped_day,
        min(dose_confidence) as dose_confidence,
        max(source_rank) as source_rank,
        bool_or(coalesce(is_pellet, false)) as has_pellet,
        bool_or(coalesce(is_compounded, false)) as is_compounded,
        max(evidence_code) as evidence_code
    from lasting
    group by person_id, ingredient, day, strength_mg
),
dispensed as materialized (
    select
        person_id, ingredient, day,
        max(drug_class) as drug_class,
        -- Half a day more or less is rounding of quantities; whole days make every later comparison exact.
        coalesce(cast(floor(max(supply_days) + 0.5e0) as bigint), 0) as supply_days,
        cast(sum(n_records) as bigint) as n_records,
        cast(sum(n_unknown_supply) as bigint) as n_unknown_supply,
        case
            when count(*) = 1 then max(dose_mg_per_week)
            when count(dose_mg_per_week) = count(*) and max(supply_days) > 0
                then sum(dose_mg_per_week * coalesce(supply_days, 0)) / max(supply_days)
        end as dose_mg_per_week,
        case when count(*) = 1 then max(times_per_week) end as times_per_week,
        max(stopped_day) as stopped_day,
        min(dose_confidence) as dose_confidence,
        case max(source_rank) when 1 then 'sig' when 2 then 'quantity' when 3 then 'strength' else 'not_recorded' end
            as dose_source,
        bool_or(has_pellet) as has_pellet,
        bool_or(is_compounded) as is_compounded,
        max(evidence_code) as evidence_code
    from strength
    group by person_id, ingredient, day
),
rule as (
    select ingredient, max(carry_cap_days) as carry_cap_days from ref.episode_rule group by ingredient
),
tolerance as (
    select value as dose_change from ref.clinical_limit where limit_code = 'dose_change_tolerance'
),
-- Windows carry few columns: what a row has beside them costs several times the window. The rest is joined at the end.
compared as (
    select
        dispensed.person_id, dispensed.ingredient, dispensed.day, dispensed.supply_days, dispensed.dose_mg_per_week,
        dispensed.times_per_week, dispensed.stopped_day,
        lag(dispensed.day) over series is not null and (
            (dispensed.dose_mg_per_week is null) <> (lag(dispensed.dose_mg_per_week) over series is null)
            or abs(ln(dispensed.dose_mg_per_week / lag(dispensed.dose_mg_per_week) over series))
                > ln(1 + tolerance.dose_change)
        ) as is_new_dose,
        lag(dispensed.stopped_day) over series is not null as is_after_stop
    from dispensed
    cross join tolerance
    window series as (partition by dispensed.person_id, dispensed.ingredient order by dispensed.day)
),
numbered as (
    select
        * exclude (is_new_dose, is_after_stop),
        cast(sum(cast(coalesce(is_new_dose, false) as integer)) over series as bigint) as dose_number,
        cast(sum(cast(coalesce(is_new_dose, false) or is_after_stop as integer)) over series as bigint) as stock_number
    from compared
    window series as (partition by person_id, ingredient order by day rows unbounded preceding)
),
dosed as (
    select
        person_id, ingredient, day, dose_number,
        first_value(dose_mg_per_week) over dose as regimen_mg_per_week,
        -- A fill without instruction goes by the last one of the same dose.
        last_value(times_per_week ignore nulls) over dose as regimen_times_per_week
    from numbered
    window dose as (partition by person_id, ingredient, dose_number order by day rows unbounded preceding)
),
shelf as (
    select
        person_id, ingredient, day, supply_days, stock_number, stopped_day,
        cast(sum(supply_days) over stock as bigint) - supply_days - day as level,
        row_number() over stock as stock_row
    from numbered
    window stock as (partition by person_id, ingredient, stock_number order by day rows unbounded preceding)
),
uncapped as (
    select
        shelf.*,
        coalesce(own_rule.carry_cap_days, any_rule.carry_cap_days) as carry_cap_days,
        level - min(level) over (
            partition by shelf.person_id, shelf.ingredient, shelf.stock_number order by shelf.day rows unbounded preceding
        ) as stock_days
    from shelf
    left join rule as own_rule on own_rule.ingredient = shelf.ingredient
    left join rule as any_rule on any_rule.ingredient = '*'
),
overfull as (
    select person_id, ingredient, stock_number
    from uncapped
    group by person_id, ingredient, stock_number
    having max(stock_days - carry_cap_days) > 0
),
barred as (
    select
        earlier.person_id, earlier.ingredient, earlier.stock_number, later.stock_row, later.level,
        greatest(
            earlier.level,
            max(case when later.stock_row > earlier.stock_row then later.level end) over (
                partition by earlier.person_id, earlier.ingredient, earlier.stock_number, earlier.stock_row
                order by later.stock_row rows unbounded preceding
            ) - later.carry_cap_days
        ) as barrier
    from uncapped as earlier
    join overfull using (person_id, ingredient, stock_number)
    join uncapped as later
        on later.person_id = earlier.person_id
        and later.ingredient = earlier.ingredient
        and later.stock_number = earlier.stock_number
        and later.stock_row >= earlier.stock_row
),
capped as (
    select person_id, ingredient, stock_number, stock_row, max(level) - min(barrier) as stock_days
    from barred
    group by person_id, ingredient, stock_number, stock_row
),
-- What is left of a stock is put away when the dose changes, treatment is stopped or the person dies.
stock_end as (
    select
        stock.person_id, stock.ingredient, stock.stock_number,
        least(
            lead(stock.starts_day) over (partition by stock.person_id, stock.ingredient order by stock.stock_number),
            stock.stopped_day + 1,
            date_diff('day', date '1970-01-01', death.died_on) + 1
        ) as stock_ends_day
    from (
        select person_id, ingredient, stock_number, min(day) as starts_day, min(stopped_day) as stopped_day
        from shelf
        group by person_id, ingredient, stock_number
    ) as stock
    left join staging.death as death on death.person_id = stock.person_id
),
covered as (
    select
        *,
        greatest(day, least(day + stock_days, coalesce(stock_ends_day, day + stock_days))) as cover_from_day
    from (
        select
            uncapped.person_id, uncapped.ingredient, uncapped.day, uncapped.supply_days, stock_end.stock_ends_day,
            cast(coalesce(capped.stock_days, uncapped.stock_days) as bigint) as stock_days
        from uncapped
        join stock_end using (person_id, ingredient, stock_number)
        left join capped using (person_id, ingredient, stock_number, stock_row)
    )
),
followed as (
    select
        *,
        lead(cover_from_day) over (partition by person_id, ingredient order by day) as next_cover_from_day
    from covered
)
select
    dispensed.person_id,
    dispensed.ingredient,
    date '1970-01-01' + cast(dispensed.day as integer) as supplied_on,
    dispensed.drug_class,
    dispensed.evidence_code,
    dispensed.n_records,
    dispensed.n_unknown_supply,
    dispensed.supply_days,
    followed.stock_days,
    date '1970-01-01' + cast(followed.cover_from_day as integer) as cover_from_on,
    greatest(
        0,
        least(
            followed.cover_from_day + followed.supply_days,
            coalesce(followed.stock_ends_day, followed.cover_from_day + followed.supply_days),
            coalesce(followed.next_cover_from_day, followed.cover_from_day + followed.supply_days)
        ) - followed.cover_from_day
    ) as cover_days,
    dosed.dose_number + 1 as dose_number,
    dosed.regimen_mg_per_week as dose_mg_per_week,
    dosed.regimen_times_per_week as times_per_week,
    dispensed.dose_source,
    dispensed.dose_confidence,
    dispensed.has_pellet,
    dispensed.is_compounded,
    case when dispensed.stopped_day is not null then date '1970-01-01' + cast(dispensed.stopped_day as integer) end
        as stopped_on
from dispensed
join followed using (person_id, ingredient, day)
join dosed using (person_id, ingredient, day)
