"""The trend of checks: what is kept of each run, why a verdict changed, and what disclosure control leaves of it."""

import runpy
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse import quality_trend
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.publish import complete_builds, publish
from pipelines.warehouse.quality_trend import CAUSES, READS, RESULTS, SUITE
from pipelines.warehouse.step import CsvProducer, SqlProducer
from pipelines.warehouse.store import Store

built_home = runpy.run_path(str(Path(__file__).with_name("built_home.py")))
TABLE, CHECK = "staging.lab_result", "staging.lab_result.rule"
Counts = dict[str, tuple[int | None, int | None, str]]
SAME = dict.fromkeys(CAUSES, "same")


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def results(counts: Counts, threshold: float = 0.9) -> pl.DataFrame:
    rows = [
        {
            "check_id": CHECK, "table_name": TABLE, "stratum": stratum, "category": "plausibility",
            "context": "validation", "severity": "warning", "note": "note", "n_violated": violated, "n_evaluated": n,
            "threshold": threshold, "status": status,
        }
        for stratum, (violated, n, status) in counts.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=CONTRACTS[RESULTS].empty().schema)


def night(home: Settings, number: int, counts: Counts, threshold: float = 0.9, **changed: str) -> pl.DataFrame:
    """The trend of a run that is then kept; `changed` are hashes other than those of every other run."""
    rest_on = pl.DataFrame([{"table_name": TABLE, **SAME, **changed}])
    build = f"build{number:03}"
    record = quality_trend.record(results(counts, threshold), rest_on, build, f"2025-01-{number:02}")
    found = quality_trend.trend(home, record, min_cell=11)
    quality_trend.keep(home, record, build)
    return found


def last(trend: pl.DataFrame, column: str, stratum: str = "all") -> object:
    return trend.filter(pl.col("stratum") == stratum).sort("build_id")[column].to_list()[-1]


def shown(trend: pl.DataFrame, column: str, stratum: str = "all") -> list[object]:
    return trend.filter(pl.col("stratum") == stratum).sort("build_id")[column].to_list()


def test_the_first_run_has_nothing_before_it(home: Settings) -> None:
    found = night(home, 1, {"all": (50, 1000, "pass")})
    assert last(found, "cause") == "first run"
    assert last(found, "rate") == 0.05
    assert last(found, "rate_change") is None
    assert last(found, "previous_status") is None


def test_the_same_counts_are_no_change_whatever_else_changed(home: Settings) -> None:
    night(home, 1, {"all": (50, 1000, "pass")})
    found = night(home, 2, {"all": (50, 1000, "pass")}, code_version="other")
    assert (last(found, "cause"), last(found, "rate_change")) == ("none", 0.0)


@pytest.mark.parametrize(("column", "cause"), sorted(CAUSES.items()))
def test_a_change_has_the_cause_whose_hash_changed(home: Settings, column: str, cause: str) -> None:
    night(home, 1, {"all": (50, 1000, "pass")})
    found = night(home, 2, {"all": (200, 1000, "fail")}, **{column: "other"})
    assert last(found, "cause") == cause
    assert last(found, "previous_status") == "pass"
    assert last(found, "rate_change") == pytest.approx(0.15)


def test_another_threshold_and_no_other_count_is_a_change_of_the_threshold(home: Settings) -> None:
    night(home, 1, {"all": (50, 1000, "pass")})
    found = night(home, 2, {"all": (50, 1000, "fail")}, threshold=0.99)
    assert (last(found, "cause"), last(found, "rate_change")) == ("threshold", 0.0)


def test_several_causes_are_all_named_and_none_is_said_to_be_unexplained(home: Settings) -> None:
    night(home, 1, {"all": (50, 1000, "pass")})
    both = night(home, 2, {"all": (80, 1200, "pass")}, input_version="b", reference_version="b")
    assert last(both, "cause") == "new rows, reference table"
    unknown = night(home, 3, {"all": (120, 1200, "pass")}, input_version="b", reference_version="b")
    assert last(unknown, "cause") == "unexplained"


def test_a_difference_of_few_rows_between_runs_is_hidden(home: Settings) -> None:
    night(home, 1, {"all": (50, 1000, "pass")})
    found = night(home, 2, {"all": (50, 1004, "pass")}, input_version="other")
    assert shown(found, "n_evaluated") == [None, 1004]
    assert shown(found, "n_violated") == [None, 50]
    assert last(found, "cause") == "new rows"
    far = night(home, 3, {"all": (50, 1100, "pass")}, input_version="third")
    assert shown(far, "n_evaluated") == [None, 1004, 1100]


def test_what_one_run_hides_is_hidden_in_all(home: Settings) -> None:
    night(home, 1, {"all": (0, 900, "pass"), "a": (0, 600, "pass"), "b": (0, 300, "pass")})
    found = night(home, 2, {"all": (0, 904, "pass"), "a": (0, 600, "pass"), "b": (0, 300, "pass"), "c": (0, 4, "pass")})
    assert shown(found, "n_evaluated", "b") == shown(found, "rate", "b") == [None, None]
    assert shown(found, "n_evaluated", "c") == [None]
    assert shown(found, "n_evaluated", "a") == [600, 600]
    assert shown(found, "n_evaluated") == [None, 904]


def test_what_could_not_be_evaluated_has_no_counts_and_a_change_of_status(home: Settings) -> None:
    night(home, 1, {"all": (None, None, "could_not_evaluate")})
    found = night(home, 2, {"all": (0, 500, "pass")}, code_version="mended")
    assert shown(found, "status") == ["could_not_evaluate", "pass"]
    assert last(found, "cause") == "code"


def test_only_the_latest_runs_are_kept_and_they_can_be_forgotten(home: Settings) -> None:
    for number in range(1, quality_trend.KEPT_RUNS + 4):
        found = night(home, number, {"all": (0, 1000 * number, "pass")}, input_version=str(number))
    assert found["build_id"].n_unique() == quality_trend.KEPT_RUNS
    assert len(list((home.home / "state" / "trend").iterdir())) == quality_trend.KEPT_RUNS
    quality_trend.forget(home)
    assert not list((home.home / "state" / "trend").iterdir())


def test_without_a_verdict_the_trend_is_empty(home: Settings) -> None:
    assert night(home, 1, {}).is_empty()


@pytest.fixture
def judged(built, tmp_path: Path) -> Settings:
    """A built home with a verdict on staging.person, made up."""
    settings = built_home["copy"](built, tmp_path)
    verdict = results({"all": (0, 400, "pass")}).with_columns(table_name=pl.lit("staging.person"))
    path = Store(settings).folder(RESULTS) / "all" / "staging.person.parquet"
    plain = verdict.cast({name: pl.String for name, kind in verdict.schema.items() if kind == pl.Enum})
    write_frame(plain.lazy(), path, "verdict", facts={SUITE: "suite-1", READS: "ref.assessment"})
    return settings


def told(settings: Settings, steps=None, **facts) -> dict[str, str]:
    run = replace(Run(settings, run_id="r").facts, **facts)
    (row,) = quality_trend.versions(Store(settings), steps or plan.steps(), run).to_dicts()
    return row


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_each_kind_of_change_moves_its_own_hash(judged: Settings, tmp_path: Path) -> None:
    before = told(judged)
    assert before["suite_version"] == "suite-1"
    assert told(judged, run_id="another") == before
    listing = tmp_path / "list.csv"
    listing.write_text("x\n")
    steps = plan.steps()
    other_list = [replace(s, producer=CsvProducer(listing)) if s.table == "ref.assessment" else s for s in steps]
    assert changed(before, told(judged, other_list)) == {"reference_version"}
    query = tmp_path / "person.sql"
    query.write_text("select 1")
    other_code = [replace(s, producer=SqlProducer(query)) if s.table == "staging.person" else s for s in steps]
    assert changed(before, told(judged, other_code)) == {"code_version"}
    unrelated = [replace(s, producer=SqlProducer(query)) if s.table == "features.body_measure" else s for s in steps]
    assert told(judged, unrelated) == before
    raw = next(path for path in Store(judged).files("raw.nhanes_demo"))
    write_frame(pl.read_parquet(raw).head(5).lazy(), raw, "other rows")
    assert changed(before, told(judged)) == {"input_version"}


def test_a_publication_keeps_its_record_when_its_build_is_gone(judged: Settings) -> None:
    settings = replace(judged, keep_builds=1)
    for _ in range(3):
        facts = Run(settings, run_id="r").facts
        publish(settings, facts, "drop", "code", built_home["write_page"])
    assert len(complete_builds(settings)) == 1
    found = pl.concat([pl.read_parquet(p) for p in (settings.home / "state" / "trend").iterdir()])
    assert found["build_id"].n_unique() == 3
