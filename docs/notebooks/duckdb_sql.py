# %% [markdown]
# # Estradiol and bone in SQL
# People, estradiol as bounds, bands, and scans of one device: the person-level views, which stay on this machine.
# What you take out of them is yours to check: no cell under 11 people leaves.

# %%
import os

import duckdb

HOME = os.environ.get("TRABECULA_HOME", "trabecula_home")
warehouse = duckdb.connect(f"{HOME}/warehouse.duckdb", read_only=True)


def show(sql: str) -> None:
    print(warehouse.sql(sql))


# %% [markdown]
# ## Estradiol is an interval
# A result below the limit of its assay lies between 0 and that limit. Assay classes are never put together.

# %%
show("""
    select
        e2.assay_class,
        person.sex_code,
        count(distinct e2.person_id) as people,
        round(100 * avg(e2.censored_share), 1) as censored_pct,
        round(median(e2.e2_lo_pg_ml), 1) as median_from_pg_ml,
        round(median(coalesce(e2.e2_hi_pg_ml, 'infinity'::double)), 1) as median_to_pg_ml
    from features.e2_exposure as e2
    join staging.person as person on person.person_id = e2.person_id
    where e2.n_draws > 0
    group by e2.assay_class, person.sex_code
    having count(distinct e2.person_id) >= 11
    order by e2.assay_class, person.sex_code
""")

# %% [markdown]
# ## Bands
# `e2_band` reads `ref.e2_band`. An interval is in a band if both its ends are.

# %%
show("""
    with bounded as (
        select
            e2.person_id,
            person.sex_code,
            e2_band(person.sex_code, e2.e2_lo_pg_ml, status := menopause.status_code) as lower,
            e2_band(person.sex_code, e2.e2_hi_pg_ml, status := menopause.status_code) as upper
        from features.e2_exposure as e2
        join staging.person as person on person.person_id = e2.person_id
        left join features.menopausal_status as menopause
            on menopause.person_id = e2.person_id and menopause.known_until_on is null
        where e2.n_draws > 0
    )
    select sex_code, case when lower = upper then lower else 'not known' end as band, count(distinct person_id) as people
    from bounded
    group by all
    having count(distinct person_id) >= 11
    order by all
""")

# %% [markdown]
# ## Bone under an inhibitor
# Change between two scans of one device, by weekly dose. A survey scans people once, and then there is no row.

# %%
show("from bmd_change_by_dose('lumbar_spine')")

# %% [markdown]
# ## Bone by age
# Valid measured scans of the femoral neck. Unweighted: in a survey weigh before you speak of a population.

# %%
show("""
    select
        person.sex_code,
        10 * floor(person.age_years / 10)::integer as from_age,
        count(*) as people,
        round(avg(bmd.bmd_g_cm2), 3) as mean_g_cm2
    from (
        select person_id, avg(bmd_g_cm2) as bmd_g_cm2
        from staging.dxa_scan
        where site_code = 'femoral_neck' and is_valid and imputation_number = 0
        group by person_id
    ) as bmd
    join staging.person as person on person.person_id = bmd.person_id
    group by all
    having count(*) >= 11
    order by all
""")

# %%
warehouse.close()
