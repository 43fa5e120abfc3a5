"""What Dagster shows of verdicts: strata with counts, failures first, and which verdicts changed since the run before."""

from pathlib import Path

import duckdb
import polars as pl

from assets.checks import strata_table
from assets.publishing import trend_metadata
from expectations.judge import CheckResult
from pipelines.tables import CONTRACTS


def result(stratum: str, status: str, violated: int | None) -> CheckResult:
    return CheckResult(
        check_id="staging.x.rule", table_name="staging.x", stratum=stratum, category="plausibility", context="validation",
        severity="warning", note="note", n_violated=violated, n_evaluated=100, threshold=0.9, status=status,
    )  # fmt: skip


def test_strata_that_did_not_pass_come_first_with_their_counts() -> None:
    strata = [result("all", "pass", 4), result("b", "fail", 90), result("a", "could_not_evaluate", None)]
    rows = [record.data for record in strata_table(strata).records]
    assert [row["stratum"] for row in rows] == ["b", "a", "all"]
    assert rows[0] == {"stratum": "b", "status": "fail", "n_violated": 90, "n_evaluated": 100}
    assert rows[1]["n_violated"] == -1
    many = [result(f"s{n:03}", "pass", 0) for n in range(150)]
    assert len(strata_table([*many, result("z", "fail", 1)]).records) == 100
    assert strata_table([*many, result("z", "fail", 1)]).records[0].data["stratum"] == "z"


def test_only_verdicts_that_became_another_in_this_build_are_listed(tmp_path: Path) -> None:
    runs = [("b1", "all", None, "pass"), ("b2", "all", "pass", "fail"), ("b2", "lab", "pass", "pass")]
    rows = [
        {"check_id": "c", "table_name": "t", "stratum": stratum, "build_id": build, "previous_status": before,
         "status": now, "cause": "new rows"}
        for build, stratum, before, now in runs
    ]  # fmt: skip
    trend = pl.DataFrame(rows, schema=CONTRACTS["mart.quality_trend"].empty().schema).to_arrow()  # noqa: F841
    path = tmp_path / "release.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema mart")
        connection.execute("create table mart.quality_trend as from trend")
        connection.execute("create table mart.build as select 'b2' as build_id")
    found = trend_metadata(path)
    assert found["verdicts_changed"].value == 1
    (record,) = found["verdicts_changed_since_last_run"].records
    assert record.data == {
        "check_id": "c", "stratum": "all", "previous_status": "pass", "status": "fail", "cause": "new rows"
    }  # fmt: skip
