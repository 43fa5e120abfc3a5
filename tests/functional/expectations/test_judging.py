"""Judging through Great Expectations: what cannot be evaluated, what is kept on record, what never leaves DuckDB."""

import logging
import runpy
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from expectations import count, record, tally
from expectations import judge as judging
from expectations.question import question
from expectations.suite import Check, Suite, load
from pipelines.settings import Settings
from pipelines.warehouse.engine import connect
from pipelines.warehouse.parquet import fingerprint_of
from pipelines.warehouse.store import Store

shaping = runpy.run_path(str(Path(__file__).with_name("shaping.py")))
ROWS = "expect_rows_to_hold"
COUNT = count.count


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Three people: two women, one of them without an age, and a man of 95."""
    settings = Settings(home=tmp_path / "home", memory_gb=0.5, threads=1)
    put(settings, [("female", 40.0), ("female", None), ("male", 95.0)])
    return settings


def put(settings: Settings, people: list[tuple[str, float | None]]) -> None:
    frame = pl.DataFrame(people, schema={"sex_code": pl.String, "age_years": pl.Float64}, orient="row")
    frame = shaping["sourced"](frame.with_row_index("person_id"), "demo/DEMO_H")
    shaping["write"](
        shaping["shaped"](frame, "staging.person", is_age_top_coded=False), "staging.person", settings.data
    )


def suite_of(*checks: tuple[str, dict], severity: str = "critical") -> Suite:
    facts = ("staging.person", "conformance", severity, "x", None)
    made = tuple(
        Check(f"staging.person.c{n}", *facts, question(kind, kwargs), kwargs.get("mostly", 1.0), kwargs.get("least", 1))
        for n, (kind, kwargs) in enumerate(checks)
    )  # type: ignore[arg-type]
    return Suite("staging.person", "{batch} as judged", made, str(checks))


def use(monkeypatch: pytest.MonkeyPatch, suite: Suite) -> None:
    monkeypatch.setattr(judging, "load", lambda table: suite)
    monkeypatch.setattr(record, "load", lambda table: suite)


def held(query: str, **more: float) -> tuple[str, dict]:
    return ROWS, {"query": query, **more}


def test_one_check_that_raises_takes_no_other_along(
    home: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    suite = suite_of(
        held("select cast(sex_code as integer) > 0 as holds from {batch}"),
        ("expect_column_values_to_be_between", {"column": "nothing", "min_value": 0}),
        ("expect_the_moon", {}),
        (ROWS, {"holds": "judged.nothing > 0"}),
        held("select sex_code as holds from {batch}"),
        (ROWS, {"holds": "sex_code in ('female', 'male')"}),
        ("expect_column_values_to_be_in_set", {"column": "sex_code", "value_set": ["female", "male"]}),
    )
    use(monkeypatch, suite)
    with caplog.at_level(logging.DEBUG):
        results = judging.judge("staging.person", home)
    assert [r.status for r in results] == [*["could_not_evaluate"] * 5, "pass", "pass"]
    assert all(record.is_blocking(r) for r in results[:5])
    assert "staging.person.c0 could not be evaluated: ConversionException" in caplog.text
    assert "'female'" not in caplog.text, "an error of DuckDB quotes the value; it must not reach a log"


def test_share_threshold_and_rows_evaluated(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    below_90 = "select age_years < 90 as holds from {batch} as person where age_years is not null"
    suite = suite_of(
        held(below_90),
        held(below_90, mostly=0.5),
        held(below_90, mostly=0.51),
        held("select age_years < 90 as holds from {batch} as person"),
        held("select age_years < 90 as holds from {batch} as person where age_years > 200"),
        ("expect_column_values_to_be_between", {"column": "age_years", "max_value": 90}),
        ("expect_column_values_to_be_between", {"column": "age_years", "max_value": 90, "mostly": 0.5}),
    )
    use(monkeypatch, suite)
    found = [(r.n_violated, r.n_evaluated, r.status) for r in judging.judge("staging.person", home)]
    one_of_two = (1, 2)
    assert found == [
        (*one_of_two, "fail"),
        (*one_of_two, "pass"),
        (*one_of_two, "fail"),
        (2, 3, "fail"),  # a missing age does not hold
        (0, 0, "not_applicable"),
        (*one_of_two, "fail"),  # a missing age is not asked
        (*one_of_two, "pass"),
    ]


def test_rows_are_judged_by_stratum_where_there_are_enough(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"holds": "age_years < 90", "where": "age_years is not null"}
    by_query = "select age_years < 90 as holds, sex_code as sex from {batch} where age_years is not null"
    suite = suite_of(
        (ROWS, asked | {"by": ["sex_code"]}),
        held(by_query, by=["sex"]),
        (ROWS, asked | {"by": ["sex_code", "age_years > 50"], "least": 2}),
        (ROWS, asked),
    )
    use(monkeypatch, suite)
    found = {
        (r.check_id[-1], r.stratum): (r.n_violated, r.n_evaluated, r.status)
        for r in judging.judge("staging.person", home)
    }
    assert found == {
        ("0", "all"): (1, 2, "fail"),
        ("0", "female"): (0, 1, "pass"),
        ("0", "male"): (1, 1, "fail"),
        ("1", "all"): (1, 2, "fail"),
        ("1", "female"): (0, 1, "pass"),
        ("1", "male"): (1, 1, "fail"),
        ("2", "all"): (1, 2, "fail"),
        ("2", "female, false"): (0, 1, "not_applicable"),
        ("2", "male, true"): (1, 1, "not_applicable"),
        ("3", "all"): (1, 2, "fail"),
    }


def test_a_threshold_is_judged_anew_and_nothing_is_counted_again(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    monkeypatch.setattr(count, "count", lambda *a: counted.append(a[0].table) or COUNT(*a))
    asked = {"holds": "age_years < 90", "where": "age_years is not null"}
    statuses = []
    for mostly in (1.0, 0.5, 0.6):
        use(monkeypatch, suite_of((ROWS, asked | {"mostly": mostly})))
        statuses += [r.status for r in judging.judge("staging.person", home)]
    assert statuses == ["fail", "pass", "fail"]
    assert counted == ["staging.person"]
    use(monkeypatch, suite_of((ROWS, asked | {"holds": "age_years < 99"})))
    assert judging.judge("staging.person", home)[0].status == "pass"
    assert counted == ["staging.person"] * 2
    put(home, [("male", 99.5)])
    assert judging.judge("staging.person", home)[0].status == "fail"
    assert counted == ["staging.person"] * 3


def test_counts_of_buckets_add_up_and_only_a_changed_bucket_is_counted(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Store(home).folder("staging.person") / "0000-4095.parquet"
    people = pl.read_parquet(whole)
    Store(home).lay_out(home.persons_per_bucket * 3)
    for n, bucket in enumerate(Store(home).buckets()):
        people.slice(n, 2 - n).write_parquet(whole.with_name(f"{bucket.name}.parquet"))
    whole.unlink()
    counted: list[str] = []
    monkeypatch.setattr(count, "count", lambda *a: counted.append(a[3].name) or COUNT(*a))
    monkeypatch.setattr(tally, "_MOST_TOGETHER", 2)
    use(monkeypatch, suite_of((ROWS, {"holds": "age_years is not null", "by": ["sex_code"]})))
    found = {r.stratum: (r.n_violated, r.n_evaluated) for r in judging.judge("staging.person", home)}
    assert found == {"all": (2, 3), "female": (2, 3)}
    people.slice(2, 1).write_parquet(whole.with_name("2048-4095.parquet"))
    found = {r.stratum: (r.n_violated, r.n_evaluated) for r in judging.judge("staging.person", home)}
    assert found == {"all": (1, 3), "female": (1, 2), "male": (0, 1)}
    assert counted == ["0000-2047", "2048-4095", "2048-4095"]


def test_an_empty_or_absent_table_never_passes_but_for_its_columns(home: Settings) -> None:
    for table in ("staging.person", "staging.lab_result"):
        if table == "staging.person":
            put(home, [])
        results = judging.judge(table, home)
        passed = {r.check_id.rpartition(".")[2] for r in results if r.status == "pass"}
        assert passed == {"columns", "types"}
        assert all(r.n_evaluated == 0 for r in results if r.status == "not_applicable")
    blocking = {r.check_id for r in judging.judge("staging.person", home) if record.is_blocking(r)}
    assert blocking == {"staging.person.not_empty"}


def test_an_unreadable_file_leaves_every_question_open(home: Settings, caplog: pytest.LogCaptureFixture) -> None:
    (Store(home).folder("staging.person") / "0000-4095.parquet").write_bytes(b"PAR1 half a file")
    results = judging.judge("staging.person", home)
    assert {r.status for r in results} == {"could_not_evaluate"}
    assert "staging.person, or a table its checks read, cannot be read" in caplog.text


def test_nothing_is_left_behind_and_no_file_stays_open(home: Settings) -> None:
    judging.judge("staging.person", home)
    assert list(home.spill.iterdir()) == []
    opened = [str(link.resolve()) for link in Path("/proc/self/fd").glob("*")]
    assert not [name for name in opened if "judged.duckdb" in name]


def test_millions_of_violations_are_counted_without_being_fetched(home: Settings) -> None:
    with connect(home) as connection:
        path = Store(home).folder("staging.condition") / "0000-4095.parquet"
        path.parent.mkdir(parents=True)
        connection.execute(
            "copy (select 7 as person_id, 'f' as source_file, 1 as source_row, 1 as record_number, 'x' as condition_code, "
            "null::varchar as vocabulary_code, true as is_present, null::date as recorded_on, "
            "'self_report' as record_type, 'unknown' as setting_code, null::boolean as is_primary, true as is_history, "
            f"'X' as source_variable, 'nhanes' as source_id, 'd' as drop_id from range(1000000)) to '{path}' (format parquet)"
        )
    results = {r.check_id.rpartition(".")[2]: r for r in judging.judge("staging.condition", home)}
    assert results["key"].n_violated == 1
    assert (results["person_known"].n_violated, results["person_known"].n_evaluated) == (1_000_000, 1_000_000)


def test_results_that_were_cut_are_refused_in_full() -> None:
    from expectations import engine

    cursor = engine.BufferingCursor.__new__(engine.BufferingCursor)
    cursor._rows, cursor._is_cut = [(n,) for n in range(3)], True
    assert cursor.fetchmany(2) == [(0,), (1,)]
    assert cursor.fetchone() == (2,)
    assert cursor.fetchone() is None
    with pytest.raises(engine.TooManyRowsError):
        cursor.fetchall()


def test_recorded_verdicts_are_read_back_until_something_changes(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[str] = []
    monkeypatch.setattr(record, "judge", lambda table, settings: judged.append(table) or judging.judge(table, settings))
    first = record.judge_and_record("staging.person", home)
    path = Store(home).folder("mart.quality_result") / "all" / "staging.person.parquet"
    assert fingerprint_of(path)
    assert record.judge_and_record("staging.person", home) == first
    assert len(judged) == 1, "nothing changed, so nothing is judged"
    put(home, [("female", 40.0)])
    second = record.judge_and_record("staging.person", home)
    assert len(judged) == 2
    assert second != first
    assert record.judge_and_record("staging.person", home) == second
    shaping["write"](
        shaping["shaped"](pl.DataFrame({"person_id": [0]}), "staging.survey_design"), "staging.survey_design", home.data
    )
    record.judge_and_record("staging.person", home)
    assert len(judged) == 3, "a table that a check reads changed"
    changed = replace(load("staging.person"), fingerprint="another")
    monkeypatch.setattr(record, "load", lambda table: changed)
    record.judge_and_record("staging.person", home)
    assert len(judged) == 4, "the suite changed"


def test_an_open_verdict_is_not_kept_for_good(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, suite_of(held("select nothing as holds from {batch}")))
    judged: list[str] = []
    monkeypatch.setattr(record, "judge", lambda table, settings: judged.append(table) or judging.judge(table, settings))
    for _ in range(2):
        (result,) = record.judge_and_record("staging.person", home)
        assert result.status == "could_not_evaluate"
    assert len(judged) == 2


def test_failures_are_the_blocking_verdicts_on_record(home: Settings) -> None:
    assert record.failures(home).height == 0, "nothing was judged yet"
    results = record.judge_and_record("staging.person", home)
    found = record.failures(home)
    assert set(found["check_id"]) == {r.check_id for r in results if record.is_blocking(r)}
    assert {"staging.person.age_below_90", "staging.person.has_survey_design"} <= set(found["check_id"])
    assert set(found["severity"]) == {"critical"}
    stored = Store(home).scan("mart.quality_result").collect()
    assert stored.height == len(results)
    assert not any("95" in str(value) or "female" in str(value) for value in stored.drop("note").rows())
