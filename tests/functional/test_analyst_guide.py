"""The statements of the analyst guide, asked of two published homes: of a survey, and of simulated records."""

import json
import runpy
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

guide = runpy.run_path(str(Path(__file__).with_name("analyst_guide.py")))
FIRST, SURVEY = guide["statements"](guide["FIRST"]), guide["statements"](guide["SURVEY"])
Call = Callable[..., subprocess.CompletedProcess[str]]
#: questions a survey has nothing to say to: doses, and studies that follow people
CLINICAL = (3, 5, 6, 7, 8)


def reader(home: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str((home / "warehouse.duckdb").resolve()), read_only=True)


@pytest.fixture(scope="module")
def survey(finished: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with reader(finished) as connection:
        yield connection


@pytest.fixture(scope="module")
def records(omop_base: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with reader(omop_base / "home") as connection:
        yield connection


def test_there_are_ten_of_each_and_each_is_one_select() -> None:
    for statements in (FIRST, SURVEY):
        assert list(statements) == list(range(1, 11))
        for sql in statements.values():
            (parsed,) = duckdb.extract_statements(sql)
            assert parsed.type == duckdb.StatementType.SELECT


@pytest.mark.parametrize("number", FIRST)
def test_every_first_question_is_answered_in_both_homes(survey, records, number: int) -> None:
    assert bool(survey.execute(FIRST[number]).fetchall()) == (number not in CLINICAL)
    assert records.execute(FIRST[number]).fetchall()


@pytest.mark.parametrize("number", SURVEY)
def test_every_query_of_a_survey_has_rows(survey, number: int) -> None:
    assert survey.execute(SURVEY[number]).fetchall()


@pytest.mark.parametrize("home", ["survey", "records"])
def test_the_build_and_its_gates_add_up(home: str, request: pytest.FixtureRequest) -> None:
    """Questions open and closed, over all studies, are the gates that the build counts."""
    connection = request.getfixturevalue(home)
    (build,) = connection.sql(FIRST[1]).pl().to_dicts()
    assert build["critical_failures"] == 0
    assert build["evidence_source"] == "simulated"
    studies = connection.sql(FIRST[2]).pl()
    assert studies["study_id"].to_list() == sorted(studies["study_id"])
    assert studies["closed_questions"].sum() == build["n_gates_closed"] > 0
    assert studies["open_questions"].sum() + studies["closed_questions"].sum() == build["n_gates"]
    warnings = connection.sql("from mart.quality_result").pl().filter(severity="warning")["status"]
    assert build["warnings"] == warnings.is_in(["fail", "could_not_evaluate"]).sum()


@pytest.mark.parametrize("home", ["survey", "records"])
def test_bands_are_counted_as_polars_counts_them(home: str, request: pytest.FixtureRequest) -> None:
    connection = request.getfixturevalue(home)
    people = connection.sql("from staging.person").pl().select("person_id", "sex_code")
    panel = connection.sql("from features.steroid_panel").pl().join(people, on="person_id")
    by = ["sex_code", "is_on_inhibitor", "band"]
    counted = (
        panel.with_columns(band=pl.col("e2_band_code").cast(pl.String).fill_null("no band"))
        .group_by(by)
        .agg(people=pl.col("person_id").n_unique())
        .filter(pl.col("people") >= 11)
    )
    found = connection.sql(FIRST[4]).pl()
    assert sorted(map(repr, found.rows())) == sorted(map(repr, counted.select(found.columns).rows()))


def test_estradiol_by_dose_is_the_latest_steady_draw_of_each(records) -> None:
    """People by the dose on the day, in Polars; with so few most bands are hidden, and hidden is all of a row."""
    draws = records.sql("from features.ai_at_draw").pl().filter(ingredient="anastrozole", at_steady_state=True)
    edges = pl.col("dose_mg_per_week").cut(
        [1, 2, 3.5], labels=["up to 1", "over 1 up to 2", "over 2 up to 3.5", "over 3.5"]
    )
    band = pl.when(pl.col("dose_mg_per_week") == 0).then(pl.lit("none")).otherwise(edges.cast(pl.String))
    latest = (
        draws.filter(pl.col("remaining_lo_pct").is_not_null())
        .with_columns(band.fill_null("not known").alias("dose_band"))
        .sort("drawn_on", "specimen_id", "assay_class", descending=[True, False, False])
        .unique(["person_id", "comparison_code", "dose_band"], keep="first")
    )
    counted = latest.group_by("comparison_code", "dose_band").agg(n=pl.len(), low=pl.col("remaining_lo_pct").median())
    found = records.sql(FIRST[3]).pl()
    both = found.join(counted, on=["comparison_code", "dose_band"], how="full", coalesce=True)
    assert both.height == found.height == counted.height > 2
    shown = both.filter(~pl.col("is_suppressed"))
    assert shown["n_people"].equals(shown["n"], check_names=False)
    assert shown["median_remaining_from_pct"].to_list() == pytest.approx(shown["low"].to_list())
    hidden = both.filter("is_suppressed")
    assert hidden.height and (hidden["n"] < 11).all()
    told = ("n_people", "mean_dose_mg_per_week", "median_remaining_from_pct", "median_remaining_to_pct")
    assert all(hidden[name].is_null().all() for name in told)


def test_bone_by_dose_has_every_pair_once(records) -> None:
    """Nobody is lost: people with a pair of scans and no other inhibitor stand in one of the bands."""
    found = records.sql(FIRST[5]).pl()
    assert {"none"} <= set(found["dose_band"])
    hidden = found.filter("is_suppressed")
    assert hidden["mean_change_pct_per_year"].is_null().all()
    pairs = records.sql("from features.bmd_change").pl().filter(pl.col("annualised_pct").is_not_null())
    spine = pairs.filter(site_code="lumbar_spine").select(
        "person_id", "first_scanned_on", "second_scanned_on", "annualised_pct"
    )
    used = records.sql("from features.ai_exposure").pl().select("person_id", "starts_on", "ends_on")
    meets = (pl.col("starts_on") < pl.col("second_scanned_on")) & (pl.col("ends_on") >= pl.col("first_scanned_on"))
    treated = spine.join(used, on="person_id").filter(meets).select(spine.columns).unique()
    sexes = records.sql("select person_id, sex_code from staging.person").pl()
    never = spine.join(treated, on=spine.columns, how="anti").join(sexes, on="person_id")
    days = (pl.col("second_scanned_on") - pl.col("first_scanned_on")).dt.total_days()
    each = never.group_by("person_id", "sex_code").agg(change=(pl.col("annualised_pct") * days).sum() / days.sum())
    counted = each.group_by("sex_code").agg(n=pl.len(), mean=pl.col("change").mean()).filter(pl.col("n") >= 11)
    shown = found.filter(~pl.col("is_suppressed"), dose_band="none").join(counted, on="sex_code")
    assert shown.height == counted.height > 0
    assert shown["n_people"].to_list() == shown["n"].to_list()
    assert shown["mean_change_pct_per_year"].to_list() == pytest.approx(shown["mean"].to_list())


def test_eighty_people_answer_nothing(records) -> None:
    """Effects on bone, change-points and risks of the heart: gates are closed and every number is missing."""
    bone, threshold, heart = (records.sql(FIRST[number]).pl() for number in (6, 7, 8))
    assert set(bone["study_id"]) == {"ai_vs_tamoxifen", "trt_ai_addon", "ai_dose_response"}
    for found in (bone, heart):
        assert set(found["gate_status"]) == {"closed"}
        assert found["gate_reason"].is_not_null().all()
    assert set(threshold["answer"]) == {"not_answerable"}
    assert threshold["why"].is_not_null().all()
    assert set(heart["outcome"]) >= {"myocardial_infarction", "heart_failure", "cardiovascular_death"}
    for found in (bone, threshold, heart):
        numbers = [name for name, kind in found.schema.items() if kind.is_numeric()]
        assert len(numbers) >= 5
        assert all(found[name].is_null().all() for name in numbers)


@pytest.mark.parametrize("home", ["survey", "records"])
def test_why_there_is_no_answer(home: str, request: pytest.FixtureRequest) -> None:
    connection = request.getfixturevalue(home)
    found = connection.sql(FIRST[9]).pl()
    closing = connection.sql("from mart.diagnostic").pl().filter(pl.col("status").is_in(["fail", "not_evaluated"]))
    assert found["questions"].sum() == closing.filter(pl.col("waiver").is_null()).height > 0
    assert found["questions"].to_list() == sorted(found["questions"], reverse=True)


@pytest.mark.parametrize("home", ["survey", "records"])
def test_claims_have_no_verdict_on_simulated_people(home: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(home).sql(FIRST[10]).pl()
    assert found["claim_id"].unique(maintain_order=True).to_list() == [f"H{number}" for number in range(1, 29)]
    assert found["verdict"].is_null().all()
    assert found["why"].is_not_null().all()


def test_the_table_of_macros_is_whole(survey) -> None:
    listed = guide["GUIDE"].read_text().split("\n## Macros\n")[1].split("\n## ")[0]
    stored = {
        name for (name,) in survey.execute("select function_name from duckdb_functions() where not internal").fetchall()
    }
    rows = [line for line in listed.splitlines() if line.startswith("| `")]
    called = {part.split("(")[0] for row in rows for part in row.split("|")[1].split("`") if "(" in part}
    assert called == stored
    assert survey.execute(
        "select e2_band('male', 18), e2_band('female', 18, status := 'premenopausal')"
    ).fetchone() == (
        "low",
        None,
    )


def test_the_command_line_asks_them_as_well(finished: Path, call: Call) -> None:
    asked = call("query", FIRST[1], "--home", finished)
    build = json.loads((finished / "current" / "build.json").read_text())
    assert asked.returncode == 0, asked.stderr
    assert build["build_id"] in asked.stdout
