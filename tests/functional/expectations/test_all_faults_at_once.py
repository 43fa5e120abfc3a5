"""A mutation test of the rules: one population holds a violation of each, and no rule stays silent."""

import runpy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from expectations.count import count, of_bucket
from expectations.question import QueryQuestion, Question, RowQuestion, TableQuestion
from expectations.scan import Scan, split
from expectations.suite import JOINED, Suite, all_tables, load
from expectations.tally import counts
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
faults = runpy.run_path(str(HERE / "all_faults.py"))
write = runpy.run_path(str(HERE / "shaping.py"))["write"]
TABLES = all_tables()
#: tables without a number, so that no column can be narrowed; raw ones are read in their contract's types, whatever they hold
OF_TEXT = tuple(
    table
    for table in TABLES
    if not table.startswith("raw.")
    and all(
        c.duckdb_type not in ("BIGINT", "DOUBLE", "BOOLEAN") or c.name == "person_id" for c in CONTRACTS[table].columns
    )
)
#: rules that cannot be broken in this population, and why
SILENT = {
    "staging.person.not_empty": "it asks whether there is anybody, and a population of nobody holds no other fault",
} | {
    f"{table}.types": "text or days stored as anything else cannot be compared, which takes other rules of the table along"
    for table in OF_TEXT
}
# Columns, in order, are asked of the table by Great Expectations: no rows are counted.
COUNTED = {c.id for t in TABLES for c in load(t).checks if not isinstance(c.question, TableQuestion)}
#: rules of many rows together, of which one person would be lost among the valid
OF_MANY_ROWS = frozenset(
    (
        "features.ai_at_draw.estradiol_falls",
        "features.bone_norm.old_below_young",
        "features.hpg_axis.axis_suppressed_by_testosterone",
        "staging.condition.breast_cancer_in_men",
        "staging.condition.breast_cancer_prevalence",
        "staging.condition.heart_attack_rises_with_age",
        "staging.condition.osteoporosis_by_sex",
        "staging.condition.prevalence",
        "staging.death.leading_causes",
        "staging.death.share_of_followed",
        "staging.drug_exposure.antiandrogen_men",
        "staging.drug_exposure.drugs_per_person",
        "staging.dxa_scan.men_denser",
        "staging.dxa_scan.neck_falls_with_age",
        "staging.dxa_scan.valid_share_hip",
        "staging.dxa_scan.valid_share_spine",
        "staging.dxa_scan.young_adult_hip",
        "staging.lab_result.e2_censored_share",
        "staging.lab_result.e2_median",
        "staging.lab_result.measured_above_limit",
        "staging.lab_result.no_hidden_limit",
        "staging.lab_result.testosterone_by_sex",
        "staging.observation.men_taller",
        "staging.observation_period.median_follow_up",
        "staging.person.sex_balance",
        "staging.person.top_coded_share",
        "staging.survey_design.examined_share",
        "staging.survey_design.fasting_weight_total",
        "staging.survey_design.four_year_weight_total",
        "staging.survey_design.interview_weight_total",
        "staging.survey_design.largest_weight",
        "staging.survey_design.two_examined_units_per_stratum",
        "staging.survey_design.two_units_per_stratum",
        "staging.survey_design.weight_totals_agree",
    )
)


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return faults["clean"]()


@pytest.fixture(scope="module")
def clean(frames: dict[str, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return _home(frames, tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def spoiled(frames: dict[str, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = _home(faults["spoiled"](frames, OF_MANY_ROWS), tmp_path_factory.mktemp("spoiled"))
    for table in TABLES:
        for path in Store(settings).files(table):
            if (otherwise := faults["retyped"](pl.read_parquet(path))) is not None:
                otherwise.write_parquet(path)
    return settings


def _home(frames: dict[str, pl.DataFrame], folder: Path) -> Settings:
    settings = Settings(home=folder, memory_gb=1.0, threads=1)
    for table, frame in frames.items():
        write(frame, table, settings.data)
    return settings


def found(settings: Settings, suites: list[Suite]) -> dict[str, tuple[int | None, int]]:
    """Rows that break a rule and rows asked, of every counted rule."""
    whole = pl.concat([counts(suite, settings) for suite in suites]).filter(pl.col("stratum") == "all")
    return {row[0]: (row[2], row[3]) for row in whole.iter_rows()}


def silent(settings: Settings, suites: list[Suite]) -> set[str]:
    """Rules that object to nothing, or could not be asked."""
    return {name for name, (violated, _) in found(settings, suites).items() if not violated}


def test_no_rule_objects_to_the_valid_population(clean: Settings) -> None:
    tolerated = {check.id: 1 - check.threshold for table in TABLES for check in load(table).checks}
    result = found(clean, [load(table) for table in TABLES])
    assert set(result) == COUNTED
    assert {
        n for n, (violated, asked) in result.items() if violated is None or violated > tolerated[n] * asked
    } == set()


def test_no_rule_stays_silent_where_every_rule_is_broken(spoiled: Settings) -> None:
    assert len(COUNTED) >= 150
    result = found(spoiled, [load(table) for table in TABLES])
    assert set(result) == COUNTED
    assert {name for name, (violated, _) in result.items() if not violated} == set(SILENT)


def test_questions_of_codes_are_counted_alike_row_by_row_and_by_combination(spoiled: Settings, tmp_path: Path) -> None:
    """In every stratum, with every rule broken: of few rows all are asked, of many the codes are counted first."""
    home = replace(spoiled, home=tmp_path / "home")
    shutil.copytree(spoiled.data, home.data)
    for table in JOINED:
        # A person who stands there twice meets a row twice, where the join is needed and where it is not.
        for path in Store(home).files(table):
            pl.read_parquet(path).unique(CONTRACTS[table].key, keep="first").write_parquet(path)
    by_codes = 0
    for suite in map(load, TABLES):
        asked = replace(of_bucket(suite), queries=())
        parts = split(Scan(asked.table, asked.source, asked.rows)) if asked.rows else ()
        if any(part.codes for part in parts):
            assert sorted(row for part in parts for row in part.rows) == sorted(asked.rows)
            with pytest.MonkeyPatch.context() as patch:
                whole = count(asked, suite.reads, home)
                patch.setattr("expectations.count._MANY_ROWS", 0)
                apart = count(asked, suite.reads, home)
            order = ["check_id", "stratum"]
            assert whole.null_count().sum_horizontal().item() == 0
            assert apart.sort(order).equals(whole.sort(order)), suite.table
            by_codes += sum(len(part.rows) for part in parts if part.codes)
    assert by_codes > 100


@pytest.mark.parametrize("table", OF_TEXT)
def test_text_of_another_type_is_found_by_its_rule(frames: dict[str, pl.DataFrame], tmp_path: Path, table: str) -> None:
    settings = _home({table: frames[table]}, tmp_path)
    (check,) = (check for check in load(table).checks if check.id == f"{table}.types")
    suite = replace(load(table), checks=(check,))
    assert silent(settings, [suite]) == {check.id}
    (path,) = Store(settings).files(table)
    rows = pl.read_parquet(path)
    last = rows.columns[-1]
    rows.with_columns(pl.col(last).cast(pl.Datetime if rows.schema[last] == pl.Date else pl.Binary)).write_parquet(path)
    assert silent(settings, [suite]) == set()


def _never(question: Question) -> Question:
    """The same rows are asked, and nothing is held against them."""
    if isinstance(question, RowQuestion):
        return replace(question, holds="true")
    assert isinstance(question, QueryQuestion)
    return replace(question, query=f"select * replace (true as holds) from ({question.query})")


def _nobody(question: Question) -> Question:
    """The same is held, of no row."""
    if isinstance(question, RowQuestion):
        return replace(question, where="false")
    assert isinstance(question, QueryQuestion)
    return replace(question, query=f"select * from ({question.query}) where false")


@pytest.mark.parametrize("table", ["staging.lab_result", "staging.survey_design", "features.dosing_episode"])
@pytest.mark.parametrize("inert", [_never, _nobody])
def test_a_rule_that_cannot_fail_any_more_is_named(
    spoiled: Settings, table: str, inert: Callable[[Question], Question]
) -> None:
    """Every rule of the table in turn takes the place of one that is inert: all of them at once, named one by one."""
    suite = load(table)
    assert silent(spoiled, [suite]) == set()
    counted = [check for check in suite.checks if check.id in COUNTED]
    checks = tuple(replace(check, question=inert(check.question)) for check in counted)
    assert silent(spoiled, [replace(suite, checks=checks)]) == {check.id for check in counted}
    alone = (replace(counted[-1], question=inert(counted[-1].question)), *counted[:-1])
    assert silent(spoiled, [replace(suite, checks=alone)]) == {counted[-1].id}
