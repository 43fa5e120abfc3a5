"""Courses over time as rows of the population of all faults: whole, or with one rule of them broken, a study each."""

import runpy
from pathlib import Path

import duckdb
import polars as pl

HERE = Path(__file__).parent
Frames = dict[str, pl.DataFrame]
of_curves = runpy.run_path(str(HERE.parents[1] / "unit" / "expectations" / "test_curve_suites.py"))
known = runpy.run_path(str(HERE / "releases.py"))["known"]
ESTIMATES = ("models.effect_estimate", "mart.effect_estimate")


def rows(change: str | None, suffix: str) -> Frames:
    """The curves of the unit tests and their estimates, whole or after one change, as a study that lists know."""
    found = dict(known(suffix, is_whole=True))
    with duckdb.connect() as connection:
        for statement in (of_curves["WHOLE"], change):
            if statement:
                connection.execute(statement)
        for table in (*of_curves["TABLES"], *ESTIMATES):
            told = connection.sql(f"from {table}").pl().with_columns(pl.col("study_id") + suffix)
            if table in ESTIMATES:
                reason = pl.when(pl.col("gate_status") == "closed").then(pl.lit("too few"))
                told = told.with_columns(gate_reason=reason, evidence_source=pl.lit("simulated"))
            found[table] = pl.concat([*([found[table]] if table in found else []), told], how="diagonal_relaxed")
    return found


def spoiled() -> Frames:
    """A study for each rule, which it breaks."""
    parts = [rows(change, f"~curve{number}") for number, change in enumerate(of_curves["BREAKS"].values())]
    return {table: pl.concat([part[table] for part in parts], how="diagonal_relaxed") for table in parts[0]}
