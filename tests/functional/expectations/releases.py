"""Lists, counts, results and what leaves, as rows of the population of all faults: whole, or with one rule broken.

What belongs to a study of the tests is made known here, too: a study that no list knows would break rules of its own.
"""

import runpy
from functools import lru_cache
from pathlib import Path

import duckdb
import polars as pl

HERE = Path(__file__).parent
UNIT = HERE.parents[1] / "unit" / "expectations"
Frames = dict[str, pl.DataFrame]
of_lists = runpy.run_path(str(UNIT / "test_list_suites.py"))
of_releases = runpy.run_path(str(UNIT / "release_violations.py"))
lists, LISTS_BROKEN, BREAKS = of_lists["lists"], of_lists["BREAKS"], of_releases["BREAKS"]
#: told by the rest of the population, so that only a violation brings rows of its own
TOLD_ELSEWHERE = (
    *("raw.manifest", "raw.rejected_row", "cohort.sig_count", "mart.sig_coverage", "mart.source_file"),
    "features.first_inhibitor",
)
#: read beside the judged tables, and there already
BESIDE = ("ref.run_setting", "ref.drug", "ref.study_arm", "staging.drug_exposure", "features.drug_supply")
#: joined by name to rows of the population: no name of their own
NAMED_ALIKE = ("features.dispensing_source", "models.value_histogram", "raw.previous_histogram")
OF_WHOLE = ("ref.study_cohort", "ref.study_arm")
SMALL_STUDY = (
    "'made for a test' as title, 'target_trial' as design, 18.0e0 as minimum_age_years, "
    "'abcdef0123456789' as protocol_hash"
)


def rows(change: str | None) -> Frames:
    """The small warehouse of the unit tests, whole, or after one change; without a change less what the population tells."""
    connection = _warehouse()
    connection.begin()
    try:
        if change:
            connection.execute(change)
        names = connection.sql("select table_schema || '.' || table_name from information_schema.tables").fetchall()
        left_out = (*BESIDE, *(() if change else TOLD_ELSEWHERE))
        return {name: connection.sql(f"from {name}").pl() for (name,) in names if name not in left_out}
    finally:
        connection.rollback()


@lru_cache(maxsize=1)
def _warehouse() -> duckdb.DuckDBPyConnection:
    """Whole; what changes it is taken back."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(of_releases["WHOLE"])
    return connection


def renamed(table: str, found: pl.DataFrame, key: str, suffix: str) -> pl.DataFrame:
    """Rows under a name of their own, in the first column of their key."""
    is_text = found.schema[key] == pl.String and table not in NAMED_ALIKE
    return found.with_columns(pl.col(key) + suffix) if is_text else found


def known(suffix: str, is_whole: bool) -> Frames:
    """What lists and releases must say of a study of the tests; with `is_whole` also its cohort, arms and outcome."""
    study = pl.lit(f"s{suffix}").alias("study_id")
    return {table: told.with_columns(study) for table, told in _known().items() if is_whole or table not in OF_WHOLE}


@lru_cache(maxsize=1)
def _known() -> Frames:
    query = {
        "ref.study": f"select 's' as study_id, {SMALL_STUDY}, 'cohort' as arm_rule",
        "ref.study_outcome": "select 's' as study_id, 'bone' as outcome_code, true as is_primary",
        "mart.attrition": "select 's' as study_id, 'told' as cohort_code, 'a' as arm_code, 0 as step_number, "
        "100 as n_before, 100 as n_after, false as is_suppressed",
        "mart.effect_estimate": "select 's' as study_id, 'told' as contrast, 'simulated' as evidence_source, "
        "'closed' as gate_status, 'too few' as gate_reason",
        "ref.study_cohort": "select 's' as study_id, 'c' as cohort_code, 'drug.a' as set_code, 365 as follow_up_days, "
        "0 as follow_up_from_days",
        "ref.study_arm": "select 's' as study_id, 'c' as cohort_code, unnest([1, 2]) as arm_number, "
        "unnest(['a', 'b']) as arm_code, 'everybody' as rule_code",
    }
    with duckdb.connect() as connection:
        return {table: connection.sql(text).pl() for table, text in query.items()}


def of_catalogue(studies: pl.DataFrame) -> Frames:
    """Attrition and a closed gate of each study that the lists hold."""
    counts = {"n_before": 100, "n_after": 100, "step_number": 0}
    told = studies.select("study_id", *(pl.lit(n).alias(name) for name, n in counts.items()), is_suppressed=False)
    gate = studies.select(
        "study_id", evidence_source=pl.lit("simulated"), gate_status=pl.lit("closed"), gate_reason=pl.lit("-")
    )
    return {"mart.attrition": told, "mart.effect_estimate": gate}


def of_population(frames: Frames) -> Frames:
    """What counts and releases say of files, instructions and inhibitors that the population holds."""
    drugs = frames["staging.drug_exposure"].group_by("source_id").agg(n_rows=pl.len().cast(pl.Int64))
    cell = {"language": pl.lit("en"), "outcome": pl.lit("read"), "reason": pl.lit("none"), "n_sigs": pl.col("n_rows")}
    supplied = (
        frames["features.drug_supply"].filter(pl.col("drug_class") == "aromatase_inhibitor").group_by("person_id")
    )
    first = supplied.agg(inhibitor_from_on=pl.col("supplied_on").min())
    return {
        "cohort.sig_count": drugs.with_columns(n_people=pl.lit(1), **cell),
        "mart.sig_coverage": drugs.with_columns(is_suppressed=pl.lit(False), **cell),
        "mart.source_file": frames["raw.manifest"].select(
            "source_file", "table_name", "rows_in", is_suppressed=pl.lit(False)
        ),
        "features.first_inhibitor": first.with_columns(
            baseline_from_on=pl.col("inhibitor_from_on").dt.offset_by("-1y")
        ),
    }


def lists_spoiled(frames: Frames, further: dict[str, str]) -> Frames:
    """Every list with every one of its rules broken, those of `further` last."""
    with duckdb.connect() as connection:
        connection.execute("create schema ref")
        names = [name for name in frames if name.startswith("ref.")]
        for name in names:
            connection.register("listing", frames[name].to_arrow())
            connection.execute(f"create table {name} as select * from listing")
            connection.unregister("listing")
        for change in (*LISTS_BROKEN.values(), *further.values()):
            connection.execute(change)
        return {name: connection.sql(f"from {name}").pl() for name in names}
