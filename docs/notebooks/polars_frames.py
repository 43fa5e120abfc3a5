# %% [markdown]
# # The same warehouse in Polars
# DuckDB hands a result over as a frame; person-level views are Parquet files that Polars can also scan by itself.

# %%
import os
from pathlib import Path

import duckdb
import polars as pl

HOME = Path(os.environ.get("TRABECULA_HOME", "trabecula_home"))
warehouse = duckdb.connect(str(HOME / "warehouse.duckdb"), read_only=True)
pl.Config.set_tbl_rows(12).set_tbl_hide_dataframe_shape(True).set_fmt_str_lengths(60)

# %% [markdown]
# ## Estimates as a frame
# `effects` and the other macros are tables like any other.

# %%
estimates = warehouse.sql("from mart.effect_estimate").pl()
print(estimates.group_by("study_id", "gate_status").len("rows").sort("study_id", "gate_status"))

# %% [markdown]
# ## Files of the build
# Scan the files of the build that is published, not of `HOME/data`: a run may be writing there. Resolve the link once, and
# everything you read is of one build.

# %%
build = (HOME / "current").resolve()


def scan(table: str) -> pl.LazyFrame:
    return pl.scan_parquet(build / "data" / table.replace(".", "/") / "**" / "*.parquet")


people = scan("staging.person").select("person_id", "sex_code", "age_years")
scans = scan("staging.dxa_scan").filter(
    (pl.col("site_code") == "femoral_neck") & pl.col("is_valid") & (pl.col("imputation_number") == 0)
)
by_age = (
    scans.group_by("person_id")
    .agg(pl.col("bmd_g_cm2").mean())
    .join(people, on="person_id")
    .group_by("sex_code", from_age=(pl.col("age_years") // 10 * 10).cast(pl.Int64))
    .agg(people=pl.len(), mean_g_cm2=pl.col("bmd_g_cm2").mean().round(3))
    .filter(pl.col("people") >= 11)
    .sort("sex_code", "from_age")
    .collect()
)
print(by_age)

# %% [markdown]
# ## Estradiol as bounds
# Both ends go through the whole calculation; a median of lower ends and one of upper ends hold the median between them.

# %%
bounds = (
    scan("features.e2_exposure")
    .filter(pl.col("n_draws") > 0)
    .join(people, on="person_id")
    .group_by("assay_class", "sex_code")
    .agg(
        people=pl.col("person_id").n_unique(),
        median_from=pl.col("e2_lo_pg_ml").median(),
        median_to=pl.col("e2_hi_pg_ml").fill_null(float("inf")).median(),
    )
    .filter(pl.col("people") >= 11)
    .sort("assay_class", "sex_code")
    .collect()
)
print(bounds)

# %%
warehouse.close()
