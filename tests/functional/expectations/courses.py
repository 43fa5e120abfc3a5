"""Bone density over time as rows of the population of all faults: whole, or with one rule of it broken, a study each."""

import runpy
from pathlib import Path

import duckdb
import polars as pl

HERE = Path(__file__).parent
Frames = dict[str, pl.DataFrame]
of_courses = runpy.run_path(str(HERE.parents[1] / "unit" / "expectations" / "test_trajectory_suites.py"))
known = runpy.run_path(str(HERE / "releases.py"))["known"]
sourced = runpy.run_path(str(HERE / "shaping.py"))["sourced"]
ESTIMATES = ("models.effect_estimate", "mart.effect_estimate")
INPUTS = ("ref.study_contrast", "features.outcome_value")
PERSON = "staging.person"


def rows(change: str | None, start: int, suffix: str) -> Frames:
    """The courses of the unit tests with what they are computed from, whole or after one change, for people from `start` on."""
    bone = f"bone{suffix}"
    found = dict(known(suffix, is_whole=True))
    found["ref.study_cohort"] = found["ref.study_cohort"].with_columns(follow_up_days=730)
    found["ref.continuous_outcome"] = pl.DataFrame(
        {"outcome_code": bone, "scale_code": "change_pct", "kind_code": "dxa", "subject_code": "total_hip"}
    ).with_columns(detectable_difference=pl.lit(1.0))
    with duckdb.connect() as connection:
        for statement in (of_courses["WHOLE"], change):
            if statement:
                connection.execute(statement)
        for table in (*of_courses["TABLES"], *ESTIMATES, *INPUTS):
            told = connection.sql(f"from {table}").pl().with_columns(pl.col("study_id") + suffix)
            if "person_id" in told.columns:
                told = told.with_columns(pl.col("person_id") + start)
            if table in ESTIMATES:
                reason = pl.when(pl.col("gate_status") == "closed").then(pl.lit("too few"))
                told = told.with_columns(gate_reason=reason, evidence_source=pl.lit("simulated"))
            if table == "ref.study_contrast":
                told = told.with_columns(
                    cohort_code=pl.lit("c"),
                    target_code=pl.lit("a"),
                    comparator_code=pl.lit("b"),
                    outcome_code=pl.lit(bone),
                )
            found[table] = pl.concat([*([found[table]] if table in found else []), told], how="diagonal_relaxed")
        people = connection.sql("select distinct person_id from features.outcome_value order by 1").pl()
    people = people.select(
        pl.col("person_id") + start, sex_code=pl.lit("female"), age_years=pl.lit(50.0), is_age_top_coded=False
    )
    return found | {PERSON: sourced(people, "omop/person", "omop")}
