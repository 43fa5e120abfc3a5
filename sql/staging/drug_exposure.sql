-- grain: one row per person, source row, record and ingredient
-- unit: person
-- Instruction, quantity, strength and days' supply are put together row by row. The rate the instruction states is the
-- dose; a supply that differs by more than a quarter is flagged, and never changes it, but for one slip of the pen: an
-- instruction by the day, more often than the label, beside a supply that says the same by the week ('twice daily' for
-- twice weekly), has the supply's rate. Where the instruction is missing or points to the label ('as directed'), the
-- supply gives the rate. The same slip of a drug that may be taken so often is flagged only. An instruction that refuses a rate (a range, PRN, steps) is not filled by the supply. Orders
-- are kept beside fills: an order is not a fill.
with record as (
    select * from source.drug_record where disposition = 'staged'
),
limits as (
    select
        max(value) filter (where limit_code = 'supply_conflict_pct') / 100 as conflict_share,
        max(value) filter (where limit_code = 'ai_with_testosterone_mg_per_week') as ai_with_testosterone,
        max(value) filter (where limit_code = 'label_daily_per_week') as daily_intakes,
        max(value) filter (where limit_code = 'label_weekly_per_week') as weekly_intakes,
        max(value) filter (where limit_code = 'weekly_bisphosphonate_mg') as weekly_bisphosphonate_mg,
        cast(max(value) filter (where limit_code = 'prior_testosterone_days') as integer) as prior_days
    from ref.clinical_limit
),
label as (
    select ingredient, max(label_dose_mg_per_day) * 7 as label_mg_per_week from ref.drug group by ingredient
),
held as (
    select
        record.*,
        product.ingredient,
        product.drug_name,
        product.drug_class,
        product.n_ingredients,
        product.strength_mg,
        product.concentration_mg_per_ml,
        product.volume_ml,
        product.form_code,
        product.is_compounded,
        coalesce(record.route_code, product.route_code) as route,
        case when record.sig_text is not null then
            md5(lower(record.sig_text) || '|' || product.ingredient || '|' || coalesce(product.strength_text, ''))
        end as sig_id
    from record
    join staging.drug_product as product on product.product_id = record.product_id
    join staging.person as person on person.person_id = record.person_id
    where product.ingredient <> ''
),
testosterone as (
    select person_id, started_on from held where ingredient = 'testosterone'
),
beside as (
    select distinct held.source_file, held.source_row, held.record_number
    from held
    cross join limits
    join testosterone
        on testosterone.person_id = held.person_id
        and testosterone.started_on between held.started_on - limits.prior_days and held.started_on
    where held.drug_class = 'aromatase_inhibitor'
),
supplied as (
    select
        held.*,
        sig.amount,
        sig.amount_unit,
        sig.times_per_week,
        sig.is_prn,
        sig.mg_per_week as sig_mg_per_week,
        coalesce(sig.confidence, 0) as sig_confidence,
        coalesce(string_split(nullif(sig.flags, ''), ','), cast([] as varchar[])) as sig_flags,
        case
            when held.sig_text is null then true
            when sig.sig_id is null then false
            else list_has_any(string_split(coalesce(sig.flags, ''), ','), ['no_sig', 'as_directed'])
                and not list_has_any(
                    string_split(coalesce(sig.flags, ''), ','), ['prn', 'stop', 'steps', 'conditional_use']
                )
        end as is_left_to_supply,
        beside.source_row is not null as has_testosterone,
        case
            when held.quantity_unit = 'milligram' then held.quantity
            when held.quantity_unit in ('ml', 'gram') then held.quantity * held.concentration_mg_per_ml
            when held.quantity_unit = 'ampule' then held.quantity * coalesce(
                held.concentration_mg_per_ml * coalesce(held.volume_ml, 1), held.strength_mg
            )
            when held.quantity_unit in ('vial', 'syringe') then held.quantity * coalesce(
                held.concentration_mg_per_ml * held.volume_ml, held.strength_mg
            )
            when held.quantity_unit in ('tablet', 'capsule', 'patch', 'pellet', 'troche', 'each')
                then held.quantity * held.strength_mg
            when held.quantity_unit is null and held.strength_mg is not null then held.quantity * held.strength_mg
            when held.quantity_unit is null then held.quantity * held.concentration_mg_per_ml
        end as supplied_mg
    from held
    left join staging.sig as sig on sig.sig_id = held.sig_id
    left join beside using (source_file, source_row, record_number)
),
weighed as (
    select
        supplied.*,
        -- A pellet releases for months, whatever days' supply was put down.
        case
            when supplied.form_code = 'pellet' then null
            else supplied.supplied_mg * 7 / supplied.days_supply
        end as supplied_mg_per_week,
        limits.conflict_share,
        limits.daily_intakes,
        limits.ai_with_testosterone,
        label.label_mg_per_week,
        coalesce(
            supplied.times_per_week >= 7 and supplied.times_per_week > case
                when supplied.drug_class = 'aromatase_inhibitor' then limits.daily_intakes
                when supplied.ingredient = 'estradiol' and supplied.route = 'vaginal' then limits.daily_intakes
                when supplied.ingredient in ('alendronate', 'risedronate')
                    and supplied.strength_mg >= limits.weekly_bisphosphonate_mg then limits.weekly_intakes
                when supplied.ingredient = 'testosterone' and (
                    supplied.form_code = 'injection' or supplied.route in ('intramuscular', 'subcutaneous')
                    or (supplied.form_code is null and supplied.concentration_mg_per_ml is not null)
                ) then limits.weekly_intakes
            end,
            false
        ) as is_more_often
    from supplied
    cross join limits
    left join label on label.ingredient = supplied.ingredient
),
compared as (
    select
        *,
        coalesce(abs(supplied_mg_per_week - sig_mg_per_week) > conflict_share * sig_mg_per_week, false) as is_conflict,
        is_more_often and coalesce(
            abs(7 * supplied_mg_per_week - sig_mg_per_week) <= conflict_share * sig_mg_per_week, false
        ) as is_daily_for_weekly,
        not is_more_often and times_per_week > daily_intakes and coalesce(
            abs(7 * supplied_mg_per_week - sig_mg_per_week) <= conflict_share * sig_mg_per_week, false
        ) as is_perhaps_daily_for_weekly
    from weighed
),
reconciled as (
    select
        *,
        case
            when is_daily_for_weekly then supplied_mg_per_week
            when sig_mg_per_week is not null then sig_mg_per_week
            when is_left_to_supply then supplied_mg_per_week
        end as dose_mg_per_week,
        is_more_often and (is_conflict or supplied_mg_per_week is null) and not is_daily_for_weekly
            as is_doubtfully_often
    from compared
),
judged as (
    select
        *,
        case
            when dose_mg_per_week is null then 'not_recorded'
            when sig_mg_per_week is not null and not is_daily_for_weekly then 'sig'
            else 'quantity'
        end as dose_source,
        case
            when dose_mg_per_week is null then null
            when sig_mg_per_week is null or is_daily_for_weekly then 0.3e0
            when is_conflict or is_doubtfully_often then least(sig_confidence, 0.6e0)
            else sig_confidence
        end as dose_confidence,
        coalesce(dose_mg_per_week > 1.01e0 * label_mg_per_week, false) as is_above_label,
        coalesce(
            has_testosterone and ingredient = 'anastrozole' and dose_mg_per_week > 1.01e0 * ai_with_testosterone, false
        ) as is_above_with_testosterone
    from reconciled
),
clinical as (
    select
        person_id,
        source_file,
        source_row,
        record_number,
        ingredient,
        drug_name,
        drug_class,
        case when regexp_full_match(indication_code, '[A-Z][0-9][0-9A-Z](\.[0-9A-Z]+)?') then indication_code end
            as indication_code,
        started_on,
        case when ended_on >= started_on then ended_on end as ended_on,
        coalesce(strength_mg, concentration_mg_per_ml * volume_ml) as strength_mg,
        concentration_mg_per_ml,
        dose_mg_per_week / 7 as dose_mg_per_day,
        dose_mg_per_week,
        dose_source,
        dose_confidence,
        sig_id,
        amount,
        amount_unit,
        times_per_week,
        is_prn,
        sig_mg_per_week,
        supplied_mg_per_week,
        route as route_code,
        form_code,
        record_type,
        status_code,
        quantity,
        quantity_unit,
        case
            when sig_mg_per_week > 0 and supplied_mg is not null
                and (days_supply is null or is_conflict and not is_daily_for_weekly)
                then supplied_mg * 7 / sig_mg_per_week
            else days_supply
        end as days_supply,
        case
            when sig_mg_per_week > 0 and supplied_mg is not null
                and (days_supply is null or is_conflict and not is_daily_for_weekly)
                then 'recomputed'
            when days_supply is not null then 'given'
            else 'none'
        end as days_supply_basis,
        refills,
        is_compounded,
        n_ingredients > 1 as is_combined,
        is_above_label or is_above_with_testosterone or list_contains(sig_flags, 'implausible_dose') as is_implausible,
        nullif(array_to_string(
            list_sort(list_distinct(list_concat(
                sig_flags,
                list_filter(
                    [
                        case when sig_text is null then 'no_sig' end,
                        case when sig_text is not null and sig_confidence = 0 and len(sig_flags) = 0
                            then 'sig_not_read' end,
                        case when is_conflict then 'supply_conflict' end,
                        case when is_daily_for_weekly then 'daily_for_weekly' end,
                        case when is_more_often and not is_daily_for_weekly then 'more_often_than_label' end,
                        case when is_perhaps_daily_for_weekly then 'perhaps_daily_for_weekly' end,
                        case when dose_source = 'quantity' then 'from_supply' end,
                        case when is_above_label then 'above_label' end,
                        case when is_above_with_testosterone then 'above_rate_with_testosterone' end,
                        case when strength_mg is null and concentration_mg_per_ml is null then 'strength_unknown' end,
                        case when ended_on < started_on then 'ends_before_start' end
                    ],
                    lambda flag: flag is not null
                )
            ))),
            ','
        ), '') as dose_flags,
        source_id,
        drop_id
    from judged
)
select
    *,
    cast(null as double) as concentration_mg_per_ml,
    1 as record_number,
    cast(null as date) as ended_on,
    cast(null as double) as dose_mg_per_week,
    cast(null as varchar) as sig_id,
    cast(null as double) as amount,
    cast(null as varchar) as amount_unit,
    cast(null as double) as times_per_week,
    cast(null as boolean) as is_prn,
    cast(null as double) as sig_mg_per_week,
    cast(null as double) as supplied_mg_per_week,
    cast(null as varchar) as route_code,
    cast(null as varchar) as form_code,
    'survey' as record_type,
    'unknown' as status_code,
    cast(null as double) as quantity,
    cast(null as varchar) as quantity_unit,
    cast(null as double) as days_supply,
    'none' as days_supply_basis,
    cast(null as double) as refills,
    false as is_compounded,
    false as is_combined,
    false as is_implausible,
    cast(null as varchar) as dose_flags
from source.nhanes_drug
union all by name
select
    *,
    cast(null as double) as days_on,
    'recorded' as date_reason
from clinical
