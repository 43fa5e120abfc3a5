# %% [markdown]
# # The first hour
# From nothing to an answer, in DuckDB alone. Everything here is read from the published file; nothing is written.
# Which home: `TRABECULA_HOME`, or `trabecula_home` beside you. Run it whole (`python first_hour.py`) or cell by cell.

# %%
import os

import duckdb

HOME = os.environ.get("TRABECULA_HOME", "trabecula_home")
warehouse = duckdb.connect(f"{HOME}/warehouse.duckdb", read_only=True)


def show(sql: str) -> None:
    print(warehouse.sql(sql))


# %% [markdown]
# ## Which build is this?
# `evidence_source` comes first: `simulated` people are no evidence. A critical check that fails is never published.

# %%
show("""
    select build_id, source_id, evidence_source, n_gates, n_gates_closed,
        (select count(*) from quality_failures()) as checks_failed
    from mart.build
""")

# %% [markdown]
# ## What is in it?
# Every table, column and macro has a comment. Here the tables that may leave this machine, and what a row of each is.

# %%
show("""
    select table_name, estimated_size as n_rows, split_part(comment, ' Grain: ', 2) as grain
    from duckdb_tables()
    where schema_name = 'mart'
    order by table_name
""")

# %% [markdown]
# ## What is asked, and what may be answered?
# A gate is closed until its diagnostics pass. A closed gate is a result: too little stood behind the estimate.

# %%
show("""
    select study_id, gate_status, count(distinct (contrast, outcome, population)) as questions
    from mart.effect_estimate
    group by study_id, gate_status
    order by study_id, gate_status
""")

# %% [markdown]
# ## One answer, and what stands behind it
# The study with most estimates: its numbers, who was left out, and what is not as it should be.

# %%
studies = "select study_id from mart.effect_estimate group by study_id order by count(estimate) desc, study_id"
study = warehouse.sql(studies).fetchall()[0][0]
print(study)
show(f"""
    select outcome, estimator, round(estimate, 3) as estimate, round(ci_low, 3) as low, round(ci_high, 3) as high, gate_status
    from effects('{study}')
    limit 10
""")

# %%
show(f"select cohort_code, arm_code, step_number, label, n_before, n_after from attrition('{study}') limit 10")

# %%
show(f"select population, diagnostic, value, threshold, status from gates('{study}') where status <> 'pass' limit 10")

# %% [markdown]
# ## May the data be trusted?
# Checks that failed, the gravest first. NULL stands for few rows: a small count is not told.

# %%
show("select severity, check_id, stratum, n_violated, n_evaluated from quality_failures() limit 10")

# %% [markdown]
# ## Every row accounted for
# What came in is staged, a duplicate, set aside with a reason, or out of scope.

# %%
show("""
    select sum(rows_in) as rows_in, sum(rows_staged) as staged, sum(rows_duplicate) as duplicate,
        sum(rows_quarantined) as quarantined, sum(rows_out_of_scope) as out_of_scope, bool_and(is_balanced) as is_balanced
    from staging.conservation
""")

# %% [markdown]
# ## Next
# The [analyst guide](../analyst-guide.md) has ten questions with their statements, and what to mind before you compute
# anything: weights, censored estradiol, assay classes, small cells.

# %%
warehouse.close()
