-- grain: one row per person and specimen with a sex steroid
-- unit: person
-- Ratios only where both are measured: a limit in a ratio is no number. Of two results of estradiol that by the better class
-- of assay stands. Aromatisation is the product over its substrate: E2/T in men, E1/A4 after menopause. A band stands only
-- where both bounds agree; menopause is what was known on the day. "Estrogen dominance" has no code: a level above what is
-- usual before or after menopause is told instead.
with limits as (
    select
        max(value) filter (where limit_code = 'e2_high_premenopausal_pg_ml') as high_before,
        max(value) filter (where limit_code = 'e2_postmenopausal_pg_ml') as high_after
    from ref.clinical_limit
),
mass as (
    select
        max(grams_per_mole) filter (where analyte_code = 'estradiol') as estradiol,
        max(grams_per_mole) filter (where analyte_code = 'testosterone') as testosterone,
        max(grams_per_mole) filter (where analyte_code = 'estrone') as estrone,
        max(grams_per_mole) filter (where analyte_code = 'androstenedione') as androstenedione
    from ref.analyte
),
result as (
    select
        person_id, specimen_id, drawn_on, analyte_code, assay_class, operator, value,
        case assay_class
            when 'lc_ms_ms' then 1 when 'lc_ms_ms_equivalent' then 2 when 'immunoassay' then 3 else 4
        end as class_rank
    from staging.lab_result
    where value is not null
        and analyte_code in (
            'estradiol', 'estrone', 'estriol', 'testosterone', 'androstenedione', 'progesterone'
        )
),
best as (
    select *
    from result
    qualify class_rank = min(class_rank) over (partition by person_id, specimen_id, analyte_code)
),
panel as (
    select
        person_id,
        specimen_id,
        max(drawn_on) as drawn_on,
        max(assay_class) filter (where analyte_code = 'estradiol') as e2_assay_class,
        avg(case when operator = '<' then 0 else value end) filter (where analyte_code = 'estradiol') as e2_lo,
        case when bool_or(operator = '>') filter (where analyte_code = 'estradiol') then null
            else avg(value) filter (where analyte_code = 'estradiol')
        end as e2_hi,
        case when bool_and(operator = '=') filter (where analyte_code = 'estradiol')
            then nullif(avg(value) filter (where analyte_code = 'estradiol'), 0)
        end as e2,
        nullif(avg(value) filter (where analyte_code = 'estrone' and operator = '='), 0) as estrone,
        avg(value) filter (where analyte_code = 'estriol' and operator = '=') as estriol,
        nullif(avg(value) filter (where analyte_code = 'testosterone' and operator = '='), 0) as testosterone,
        nullif(avg(value) filter (where analyte_code = 'androstenedione' and operator = '='), 0) as androstenedione,
        nullif(avg(value) filter (where analyte_code = 'progesterone' and operator = '='), 0) as progesterone
    from best
    group by person_id, specimen_id
),
taken as (
    select
        panel.person_id,
        panel.specimen_id,
        bool_or(episode.drug_class = 'progestin') as is_on_progestin,
        bool_or(episode.drug_class = 'aromatase_inhibitor') as is_on_inhibitor,
        bool_or(episode.ingredient = 'testosterone') as is_on_testosterone
    from panel
    join features.dosing_episode as episode
        on episode.person_id = panel.person_id
        and episode.is_primary
        and panel.drawn_on between episode.starts_on and episode.supply_ends_on
    where episode.drug_class in ('progestin', 'aromatase_inhibitor') or episode.ingredient = 'testosterone'
    group by panel.person_id, panel.specimen_id
),
label as (
    select ingredient, 7 * max(label_dose_mg_per_day) as label_mg_per_week from ref.drug group by ingredient
),
dosed as (
    select
        panel.person_id,
        panel.specimen_id,
        -- Two inhibitors at once compare by label; an unknown dose hides the sum.
        case when count(regimen.dose_mg_per_week) = count(*)
            then 100 * sum(regimen.dose_mg_per_week / label.label_mg_per_week)
        end as label_dose_pct
    from panel
    join features.ai_regimen as regimen
        on regimen.person_id = panel.person_id
        and panel.drawn_on between regimen.starts_on and regimen.ends_on
    left join label on label.ingredient = regimen.ingredient
    group by panel.person_id, panel.specimen_id
),
cycle as (
    select person_id, observed_on, min(value) as cycle_day
    from staging.observation
    where observation_code = 'cycle_day' and observed_on is not null
    group by person_id, observed_on
    having min(value) = max(value)
),
placed as (
    select
        panel.*,
        person.sex_code,
        case when person.sex_code = 'female' then menopausal_status.status_code end as status_code,
        band.band_code,
        case when panel.drawn_on is not null then coalesce(taken.is_on_progestin, false) end as is_on_progestin,
        case when panel.drawn_on is not null then coalesce(taken.is_on_inhibitor, false) end as is_on_inhibitor,
        case when panel.drawn_on is not null then coalesce(taken.is_on_testosterone, false) end as is_on_testosterone,
        dosed.label_dose_pct,
        cast(round(cycle.cycle_day) as bigint) as cycle_day
    from panel
    join staging.person as person on person.person_id = panel.person_id
    left join features.menopausal_status as menopausal_status
        on menopausal_status.person_id = panel.person_id
        and coalesce(menopausal_status.known_on <= panel.drawn_on, menopausal_status.known_on is null)
        and coalesce(menopausal_status.known_until_on >= panel.drawn_on, true)
        -- An undated specimen may be of any period, unless there is but one.
        and (panel.drawn_on is not null or menopausal_status.known_until_on is null)
    left join ref.e2_band as band
        on band.sex_code = person.sex_code
        and band.status_code = case when person.sex_code = 'male' then 'any' else menopausal_status.status_code end
        and panel.e2_lo >= band.from_pg_ml
        -- Below a limit that is the end of the band lies in the band.
        and coalesce(
            panel.e2_hi < band.below_pg_ml or (panel.e2_hi = band.below_pg_ml and panel.e2_lo < panel.e2_hi),
            band.below_pg_ml is null
        )
    left join taken on taken.person_id = panel.person_id and taken.specimen_id = panel.specimen_id
    left join dosed on dosed.person_id = panel.person_id and dosed.specimen_id = panel.specimen_id
    left join cycle on cycle.person_id = panel.person_id and cycle.observed_on = panel.drawn_on
)
select
    placed.person_id,
    placed.specimen_id,
    placed.drawn_on,
    placed.e2_assay_class,
    placed.e2_lo as e2_lo_pg_ml,
    placed.e2_hi as e2_hi_pg_ml,
    placed.estrone as estrone_pg_ml,
    placed.estriol as estriol_ng_ml,
    placed.testosterone as testosterone_ng_dl,
    placed.androstenedione as androstenedione_ng_dl,
    placed.progesterone as progesterone_ng_ml,
    placed.testosterone / placed.e2 as t_e2_ratio,
    ln(placed.testosterone / placed.e2) as log_t_e2_ratio,
    -- 1 pg/mL is 1000/M pmol/L, 1 ng/dL is 10/M nmol/L.
    100 * placed.e2 / mass.estradiol / (placed.testosterone / mass.testosterone) as aromatisation_index,
    placed.estrone / placed.e2 as e1_e2_ratio,
    100 * placed.estrone / mass.estrone / (placed.androstenedione / mass.androstenedione) as e1_a4_ratio,
    placed.estrone + placed.e2 as estrogen_sum_pg_ml,
    placed.e2 / placed.progesterone as e2_p4_ratio,
    placed.status_code,
    placed.band_code as e2_band_code,
    case
        when placed.status_code = 'premenopausal' and placed.e2_lo > limits.high_before then true
        when placed.status_code = 'premenopausal' and placed.e2_hi <= limits.high_before then false
        when placed.status_code in ('postmenopausal', 'suppressed') and placed.e2_lo > limits.high_after then true
        when placed.status_code in ('postmenopausal', 'suppressed') and placed.e2_hi <= limits.high_after then false
    end as is_estrogen_high,
    placed.is_on_progestin,
    placed.is_on_inhibitor,
    placed.is_on_testosterone,
    placed.label_dose_pct,
    case
        when placed.sex_code <> 'male' or not coalesce(placed.is_on_inhibitor, false) then null
        when placed.band_code in ('severe', 'low') then 'over'
        when placed.band_code = 'target' then 'correct'
        when placed.band_code in ('raised', 'high') then 'under'
        -- A limit on one side of the target tells as much as a band.
        when placed.e2_hi <= target.from_pg_ml and placed.e2_lo < placed.e2_hi then 'over'
        when placed.e2_lo >= target.below_pg_ml then 'under'
    end as dosing_state_code,
    placed.cycle_day
from placed
cross join limits
cross join mass
cross join (
    select max(from_pg_ml) as from_pg_ml, max(below_pg_ml) as below_pg_ml
    from ref.e2_band
    where sex_code = 'male' and band_code = 'target'
) as target
