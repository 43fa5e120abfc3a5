-- Questions of codes and people: only in warehouse.duckdb, since release.duckdb holds `mart` alone. Run once, when it is built.
-- What is given may be a column named like one inside: columns inside a macro of one value have names nobody else uses.
create macro e2_band(sex, value, status := 'postmenopausal') as (
    select e2_band_found
    from (
        select
            sex_code as e2_band_sex,
            status_code as e2_band_status,
            band_code as e2_band_found,
            from_pg_ml as e2_band_from,
            below_pg_ml as e2_band_below
        from ref.e2_band
    )
    where e2_band_sex = sex
        and (e2_band_status = 'any' or e2_band_status = status)
        and isfinite(cast(value as double))
        and cast(value as double) >= e2_band_from
        and (e2_band_below is null or cast(value as double) < e2_band_below)
);
comment on macro e2_band is
    'Band of an estradiol in pg/mL by sex (ref.e2_band): severe, low, target, raised, high. Women have bands after menopause only: give status := their status_code, else they are taken as postmenopausal. A censored draw has two bounds: it is in a band only if both are.';

create macro dose_band(mg_per_week, edges := [1, 2, 3.5]) as
    case
        when mg_per_week is null or not isfinite(cast(mg_per_week as double)) or mg_per_week < 0 then null
        when mg_per_week = 0 then 'none'
        when mg_per_week > list_max(cast(edges as double[])) then format('over {:g}', list_max(cast(edges as double[])))
        when mg_per_week <= list_min(cast(edges as double[])) then format('up to {:g}', list_min(cast(edges as double[])))
        else format(
            'over {:g} up to {:g}',
            list_max(list_filter(cast(edges as double[]), lambda edge: edge < mg_per_week)),
            list_min(list_filter(cast(edges as double[]), lambda edge: edge >= mg_per_week))
        )
    end;
comment on macro dose_band is
    'Band of a weekly dose in mg: none, up to the first edge, between edges, over the last. The edges are yours; those given are of anastrozole in ai_dose_response. NULL where the dose is not known.';

create macro bmd_change_by_dose(site, drug := 'anastrozole', edges := [1, 2, 3.5]) as table
    with smallest as (
        select cast(value_text as bigint) as min_cell from ref.run_setting where setting_code = 'min_cell'
    ),
    pair as (
        select
            change.person_id, change.scan_id, change.side_code, change.device_id, person.sex_code, change.first_scanned_on,
            change.second_scanned_on, change.interval_days, change.annualised_pct
        from features.bmd_change as change
        join staging.person as person on person.person_id = change.person_id
        where change.site_code = site and change.annualised_pct is not null
    ),
    taken as (
        select
            pair.person_id, pair.scan_id, pair.side_code, pair.device_id,
            -- Milligrams of different drugs are never added: a pair with another inhibitor says nothing of this one.
            bool_or(coalesce(used.ingredient <> drug, false)) as is_other,
            bool_or(used.ingredient = drug and used.dose_mg_per_week is null) as is_unknown,
            sum(
                used.dose_mg_per_week * date_diff(
                    'day',
                    greatest(used.starts_on, pair.first_scanned_on),
                    least(used.ends_on + 1, pair.second_scanned_on)
                )
            ) filter (where used.ingredient = drug) as dose_days
        from pair
        left join features.ai_exposure as used
            on used.person_id = pair.person_id
            and used.starts_on < pair.second_scanned_on
            and used.ends_on >= pair.first_scanned_on
        group by all
    ),
    dosed as (
        select
            pair.person_id,
            pair.sex_code,
            case
                when taken.is_unknown then null else coalesce(taken.dose_days, 0) / pair.interval_days
            end as dose_mg_per_week,
            pair.interval_days,
            pair.annualised_pct
        from pair
        join taken using (person_id, scan_id, side_code, device_id)
        where not taken.is_other
    ),
    by_person as (
        select
            person_id,
            sex_code,
            coalesce(dose_band(dose_mg_per_week, edges := edges), 'not known') as dose_band,
            count(*) as n_pairs,
            sum(dose_mg_per_week * interval_days) / sum(interval_days) as dose_mg_per_week,
            sum(annualised_pct * interval_days) / sum(interval_days) as annualised_pct
        from dosed
        group by all
    )
    select
        sex_code,
        dose_band,
        case when count(*) >= min_cell then count(*) end as n_people,
        case when count(*) >= min_cell then cast(sum(n_pairs) as bigint) end as n_pairs,
        case when count(*) >= min_cell then avg(dose_mg_per_week) end as mean_dose_mg_per_week,
        case when count(*) >= min_cell then avg(annualised_pct) end as mean_change_pct_per_year,
        case when count(*) >= min_cell then stddev_samp(annualised_pct) end as sd_pct_per_year,
        count(*) < min_cell as is_suppressed
    from by_person
    cross join smallest
    group by sex_code, dose_band, min_cell
    order by sex_code, coalesce(min(dose_mg_per_week), 1e9);
comment on macro table bmd_change_by_dose is
    'Bone between two scans of one site and device by the mean weekly dose between them (days without stock count as none), each person once a band. Pairs with another inhibitor are left out. It describes: doses are given for reasons; for effects ask effects(). Bands of few people are hidden, but not safe to publish.';

create macro e2_change_by_dose(drug := 'anastrozole', edges := [1, 2, 3.5]) as table
    with smallest as (
        select cast(value_text as bigint) as min_cell from ref.run_setting where setting_code = 'min_cell'
    ),
    latest as (
        select
            person_id,
            comparison_code,
            coalesce(dose_band(dose_mg_per_week, edges := edges), 'not known') as dose_band,
            dose_mg_per_week,
            remaining_lo_pct,
            coalesce(remaining_hi_pct, 'infinity'::double) as remaining_hi_pct,
            remaining_predicted_pct
        from features.ai_at_draw
        where ingredient = drug and at_steady_state and remaining_lo_pct is not null
        -- The latest draw in a band, so that nobody counts twice in it.
        qualify row_number() over (
            partition by person_id, comparison_code, dose_band order by drawn_on desc, specimen_id, assay_class
        ) = 1
    ),
    counted as (
        select
            comparison_code,
            dose_band,
            count(*) as n,
            min(dose_mg_per_week) as least_dose,
            avg(dose_mg_per_week) as mean_dose_mg_per_week,
            median(remaining_lo_pct) as remaining_lo_pct,
            quantile_disc(remaining_hi_pct, 0.5) as remaining_hi_pct,
            median(remaining_predicted_pct) as remaining_predicted_pct
        from latest
        group by all
    )
    select
        comparison_code,
        dose_band,
        case when n >= min_cell then n end as n_people,
        case when n >= min_cell then mean_dose_mg_per_week end as mean_dose_mg_per_week,
        case when n >= min_cell then remaining_lo_pct end as median_remaining_from_pct,
        case when n >= min_cell and isfinite(remaining_hi_pct) then remaining_hi_pct end as median_remaining_to_pct,
        case when n >= min_cell then remaining_predicted_pct end as median_predicted_pct,
        n < min_cell as is_suppressed
    from counted
    cross join smallest
    order by comparison_code, coalesce(least_dose, 1e9);
comment on macro table e2_change_by_dose is
    'Estradiol left under a drug at steady state, as a share of before, by weekly dose; in men over testosterone. The median lies between the two bounds, since censored draws have two. Predicted: from dose alone. Bands of few people are hidden, but not safe to publish.';
