-- grain: one row per person, window and assay class
-- unit: person
-- Bounds, not guesses: a censored draw lies between 0 and its limit. Assay classes are never mixed.
-- Records without dates form one window over all draws; `single_draw` where there is only one.
with draws as (
    select
        e2.person_id,
        e2.assay_class,
        e2.specimen_id,
        e2.is_censored,
        case when e2.is_censored then 0 else e2.value end as e2_lo_pg_ml,
        e2.value as e2_hi_pg_ml,
        case when e2.is_censored then e2.value / sqrt(2e0) else e2.value end as e2_fill_pg_ml,
        e2.lloq,
        e2.drawn_on
    from staging.lab_result as e2
    where e2.analyte_code = 'estradiol'
        and e2.value is not null
),
companions as (
    select
        person_id,
        specimen_id,
        max(value) filter (where analyte_code = 'testosterone' and not is_censored) as testosterone_ng_dl,
        max(value) filter (where analyte_code = 'shbg' and not is_censored) as shbg_nmol_l
    from staging.lab_result
    where analyte_code in ('testosterone', 'shbg')
    group by person_id, specimen_id
)
select
    draws.person_id,
    case when count(*) = 1 then 'single_draw' else 'episode' end as window_code,
    draws.assay_class,
    min(draws.drawn_on) as starts_on,
    max(draws.drawn_on) as ends_on,
    count(*) as n_draws,
    count_if(not draws.is_censored) as n_uncensored,
    avg(draws.is_censored::integer) as censored_share,
    avg(draws.e2_lo_pg_ml) as e2_lo_pg_ml,
    avg(draws.e2_hi_pg_ml) as e2_hi_pg_ml,
    avg(draws.e2_fill_pg_ml) as e2_fill_pg_ml,
    max(draws.lloq) as lloq_pg_ml,
    avg(companions.testosterone_ng_dl) as testosterone_ng_dl,
    avg(companions.shbg_nmol_l) as shbg_nmol_l,
    case
        when bool_and(not draws.is_censored) and count(companions.testosterone_ng_dl) = count(*)
            then avg(companions.testosterone_ng_dl / draws.e2_hi_pg_ml)
    end as t_e2_ratio
from draws
left join companions on companions.person_id = draws.person_id and companions.specimen_id = draws.specimen_id
group by draws.person_id, draws.assay_class
