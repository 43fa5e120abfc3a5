-- grain: one row per person, ingredient, permissible gap and episode
-- unit: person
-- An episode goes on as long as the next supply comes within gap_days after the stock ran out; three gaps in one pass, the
-- drug's own one flagged. Covered days are days with stock at hand, each counted once (PDC, not MPR). Milligrams of
-- different drugs are never added: label_dose_pct compares agents. Unknown supply or dose makes what needs it NULL.
with rule as (
    select distinct
        supply.ingredient,
        rule.gap_days,
        rule.is_primary = 'yes' as is_primary
    from features.drug_supply as supply
    join ref.episode_rule as rule
        on rule.ingredient = case
            when supply.ingredient in (select ingredient from ref.episode_rule) then supply.ingredient else '*'
        end
),
label as (
    select ingredient, max(label_dose_mg_per_day) as label_dose_mg_per_day from ref.drug group by ingredient
),
followed as (
    select person_id, max(ends_on) as followed_until_on from staging.observation_period group by person_id
),
spaced as (
    select
        *,
        cover_from_on + cast(cover_days as integer) as cover_until_on,
        max(cover_from_on + cast(cover_days as integer)) over (
            partition by person_id, ingredient order by supplied_on rows between unbounded preceding and 1 preceding
        ) as shelf_empty_on,
        lag(dose_number) over (partition by person_id, ingredient order by supplied_on) as previous_dose_number
    from features.drug_supply
),
-- Windows carry few columns: what a row has beside them costs several times the window, and three gaps make three of each row.
numbered as (
    select
        *,
        sum(cast(is_first as integer)) over (
            partition by person_id, ingredient, gap_days order by supplied_on rows unbounded preceding
        ) as episode_number
    from (
        select
            spaced.person_id,
            spaced.ingredient,
            spaced.supplied_on,
            rule.gap_days,
            rule.is_primary,
            coalesce(date_diff('day', spaced.shelf_empty_on, spaced.supplied_on) > rule.gap_days, true) as is_first
        from spaced
        join rule on rule.ingredient = spaced.ingredient
    )
),
split as (
    select
        spaced.*,
        numbered.gap_days,
        numbered.is_primary,
        numbered.episode_number,
        numbered.is_first,
        greatest(date_diff('day', spaced.shelf_empty_on, spaced.supplied_on), 0) as days_without
    from numbered
    join spaced
        on spaced.person_id = numbered.person_id
        and spaced.ingredient = numbered.ingredient
        and spaced.supplied_on = numbered.supplied_on
),
episode as (
    select
        person_id,
        ingredient,
        gap_days,
        episode_number,
        bool_or(is_primary) as is_primary,
        max(drug_class) as drug_class,
        max(evidence_code) as evidence_code,
        min(supplied_on) as starts_on,
        max(supplied_on) as last_supplied_on,
        max(cover_until_on) as shelf_empty_on,
        cast(sum(n_records) as bigint) as n_records,
        cast(sum(n_unknown_supply) as bigint) as n_unknown_supply,
        cast(sum(cover_days) as bigint) as covered_days,
        cast(sum(case when dose_mg_per_week is not null then cover_days else 0 end) as bigint) as dosed_days,
        sum(cover_days * dose_mg_per_week) as dosed_mg_days_per_week,
        count(*) filter (where days_without > 0 and not is_first) as n_gaps,
        coalesce(max(days_without) filter (where not is_first), 0) as longest_gap_days,
        max(stock_days) as largest_stock_days,
        max(dose_mg_per_week) filter (where is_first) as first_dose_mg_per_week,
        arg_max_null(dose_mg_per_week, supplied_on) as last_dose_mg_per_week,
        count(*) filter (where dose_number > previous_dose_number and not is_first) as n_dose_changes,
        min(dose_confidence) as dose_confidence,
        bool_or(is_compounded) as is_compounded,
        bool_or(has_pellet) as has_pellet,
        arg_max_null(stopped_on, supplied_on) as stopped_on
    from split
    group by person_id, ingredient, gap_days, episode_number
),
followed_by as (
    select
        episode.*,
        lead(episode.starts_on) over (
            partition by episode.person_id, episode.ingredient, episode.gap_days order by episode.episode_number
        ) as next_starts_on,
        followed.followed_until_on,
        death.died_on
    from episode
    left join followed on followed.person_id = episode.person_id
    left join staging.death as death on death.person_id = episode.person_id
),
relieved as (
    -- Another drug of the class begins after this one and before its permissible gap is over: a switch.
    select
        ending.person_id, ending.ingredient, ending.gap_days, ending.episode_number,
        min(other.starts_on) as switched_on
    from followed_by as ending
    join episode as other
        on other.person_id = ending.person_id
        and other.gap_days = ending.gap_days
        and other.drug_class = ending.drug_class
        and other.ingredient <> ending.ingredient
        and other.starts_on > ending.starts_on
        and other.starts_on >= ending.last_supplied_on
        and date_diff('day', ending.shelf_empty_on, other.starts_on) <= ending.gap_days
    group by ending.person_id, ending.ingredient, ending.gap_days, ending.episode_number
),
judged as (
    select
        followed_by.*,
        relieved.switched_on,
        case
            when relieved.switched_on is not null then 'switch'
            when followed_by.stopped_on is not null and followed_by.next_starts_on is not null then 'recorded_stop'
            -- No record says how long it lasted: when it ended is not known, and is not guessed to be its first day.
            when followed_by.shelf_empty_on <= followed_by.starts_on and followed_by.stopped_on is null
                then 'supply_unknown'
            when followed_by.next_starts_on is not null then 'supply_ran_out'
            when date_diff('day', followed_by.shelf_empty_on, followed_by.died_on) <= followed_by.gap_days then 'death'
            when followed_by.stopped_on is not null then 'recorded_stop'
            when followed_by.followed_until_on is null then 'follow_up_unknown'
            when date_diff('day', followed_by.shelf_empty_on, followed_by.followed_until_on) < followed_by.gap_days
                then 'follow_up_ended'
            else 'supply_ran_out'
        end as end_reason
    from followed_by
    left join relieved using (person_id, ingredient, gap_days, episode_number)
)
select
    judged.person_id,
    judged.ingredient,
    judged.gap_days,
    judged.episode_number,
    judged.is_primary,
    judged.drug_class,
    judged.evidence_code,
    judged.starts_on,
    greatest(judged.shelf_empty_on - 1, judged.starts_on) as supply_ends_on,
    case
        when judged.end_reason = 'switch' then judged.switched_on
        when judged.end_reason in ('supply_ran_out', 'recorded_stop') then judged.shelf_empty_on
    end as discontinued_on,
    judged.end_reason,
    judged.n_records,
    judged.n_unknown_supply,
    date_diff('day', judged.starts_on, judged.shelf_empty_on) as length_days,
    judged.covered_days,
    case
        when judged.n_unknown_supply = 0 and judged.shelf_empty_on > judged.starts_on
            then 100e0 * judged.covered_days / date_diff('day', judged.starts_on, judged.shelf_empty_on)
    end as covered_pct,
    judged.n_gaps,
    judged.longest_gap_days,
    judged.largest_stock_days,
    case when judged.covered_days > 0 then 100e0 * judged.dosed_days / judged.covered_days end as dose_known_pct,
    judged.dosed_mg_days_per_week / nullif(judged.dosed_days, 0) / 7 as dose_mg_per_day,
    judged.dosed_mg_days_per_week / nullif(judged.dosed_days, 0) as dose_mg_per_week,
    100 * judged.dosed_mg_days_per_week / nullif(judged.dosed_days, 0) / 7 / label.label_dose_mg_per_day
        as label_dose_pct,
    judged.first_dose_mg_per_week,
    judged.last_dose_mg_per_week,
    case
        when judged.n_unknown_supply = 0 and judged.dosed_days = judged.covered_days
            then judged.dosed_mg_days_per_week / 7
    end as cumulative_mg,
    judged.n_dose_changes,
    judged.dose_confidence,
    judged.is_compounded,
    judged.has_pellet
from judged
left join label on label.ingredient = judged.ingredient
