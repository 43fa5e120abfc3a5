-- grain: one row per person and day with LH, FSH or testosterone
-- unit: person
-- The pituitary and gonads on one day, and how LH and FSH moved since before the first aromatase inhibitor. States of men by
-- Tajar 2010 (testosterone 10.5 nmol/L, LH 9.4 IU/L); on testosterone the axis is judged by LH alone. Below a limit a result
-- is an interval: a state stands only where both ends agree. GnRH pulses are not to be seen in single draws.
with limits as (
    select
        max(value) filter (where limit_code = 'testosterone_low_ng_dl') as testosterone_low,
        max(value) filter (where limit_code = 'lh_high_iu_l') as lh_high,
        max(value) filter (where limit_code = 'lh_suppressed_iu_l') as lh_suppressed
    from ref.clinical_limit
),
result as (
    select
        person_id,
        drawn_on,
        analyte_code,
        avg(case when operator = '<' then 0 else value end) as lo,
        -- One result of the day above a limit: no upper bound, whatever the others say.
        case when count(*) filter (where operator = '>') = 0 then avg(value) end as hi
    from staging.lab_result
    where drawn_on is not null
        and value is not null
        and analyte_code in ('lh', 'fsh', 'testosterone', 'shbg')
    group by person_id, drawn_on, analyte_code
),
panel as (
    select
        person_id,
        drawn_on,
        max(lo) filter (where analyte_code = 'lh') as lh_lo,
        max(hi) filter (where analyte_code = 'lh') as lh_hi,
        max(lo) filter (where analyte_code = 'fsh') as fsh_lo,
        max(hi) filter (where analyte_code = 'fsh') as fsh_hi,
        max(lo) filter (where analyte_code = 'testosterone') as testosterone_lo,
        max(hi) filter (where analyte_code = 'testosterone') as testosterone_hi,
        max(hi) filter (where analyte_code = 'shbg') as shbg
    from result
    group by person_id, drawn_on
    having count(*) filter (where analyte_code <> 'shbg') > 0
),
baseline as (
    select
        panel.person_id,
        arg_max(panel.lh_lo, panel.drawn_on) filter (where panel.lh_lo > 0) as lh_before,
        arg_max(panel.fsh_lo, panel.drawn_on) filter (where panel.fsh_lo > 0) as fsh_before
    from panel
    join features.first_inhibitor as started on started.person_id = panel.person_id
    where panel.drawn_on between started.baseline_from_on and started.inhibitor_from_on
    group by panel.person_id
),
taken as (
    select
        panel.person_id,
        panel.drawn_on,
        bool_or(episode.ingredient = 'testosterone') as is_on_testosterone,
        bool_or(episode.drug_class = 'aromatase_inhibitor') as is_on_inhibitor,
        bool_or(episode.drug_class in ('gonadorelin', 'gonadotropin', 'ovulation_inducer')) as is_on_stimulation
    from panel
    join features.dosing_episode as episode
        on episode.person_id = panel.person_id
        and episode.is_primary
        and panel.drawn_on between episode.starts_on and episode.supply_ends_on
    group by panel.person_id, panel.drawn_on
),
joined as (
    select
        panel.*,
        person.sex_code,
        coalesce(taken.is_on_testosterone, false) as is_on_testosterone,
        coalesce(taken.is_on_inhibitor, false) as is_on_inhibitor,
        coalesce(taken.is_on_stimulation, false) as is_on_stimulation,
        started.inhibitor_from_on,
        baseline.lh_before,
        baseline.fsh_before,
        limits.*
    from panel
    cross join limits
    join staging.person as person on person.person_id = panel.person_id
    left join taken on taken.person_id = panel.person_id and taken.drawn_on = panel.drawn_on
    left join features.first_inhibitor as started on started.person_id = panel.person_id
    left join baseline on baseline.person_id = panel.person_id
)
select
    person_id,
    drawn_on,
    lh_lo as lh_lo_iu_l,
    lh_hi as lh_hi_iu_l,
    fsh_lo as fsh_lo_iu_l,
    fsh_hi as fsh_hi_iu_l,
    testosterone_lo as testosterone_lo_ng_dl,
    testosterone_hi as testosterone_hi_ng_dl,
    shbg as shbg_nmol_l,
    is_on_testosterone,
    is_on_inhibitor,
    is_on_stimulation,
    case
        when sex_code <> 'male' then null
        when is_on_testosterone and lh_hi < lh_suppressed then 'suppressed'
        when is_on_testosterone and lh_lo >= lh_suppressed then 'not_suppressed'
        when is_on_testosterone or is_on_stimulation then null
        when testosterone_lo >= testosterone_low and lh_hi <= lh_high then 'eugonadal'
        when testosterone_lo >= testosterone_low and lh_lo > lh_high then 'compensated'
        when testosterone_hi < testosterone_low and lh_lo > lh_high then 'primary'
        when testosterone_hi < testosterone_low and lh_hi <= lh_high then 'secondary'
    end as axis_code,
    date_diff('day', inhibitor_from_on, drawn_on) as days_since_inhibitor_start,
    case when drawn_on > inhibitor_from_on and lh_lo > 0 then ln(lh_lo / lh_before) end as lh_log_ratio,
    case when drawn_on > inhibitor_from_on and fsh_lo > 0 then ln(fsh_lo / fsh_before) end as fsh_log_ratio
from joined
