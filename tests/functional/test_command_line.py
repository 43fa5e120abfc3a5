"""The whole way as a user goes it: run, look, run again."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb

Call = Callable[..., subprocess.CompletedProcess[str]]
#: tables that tell of the night before, so they are others in the second
COMPARED = ("previous_evidence", "evidence_drift")
COMPARED_TABLES = {"models.evidence_drift", "mart.evidence_drift"}


def test_first_run_says_what_it_did(first_run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, result = first_run
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.startswith("done: build ")
    assert "gates closed" in result.stdout
    assert "rows quarantined" in result.stdout
    assert "staging.lab_result" in result.stderr


def test_published_files_are_whole(finished: Path) -> None:
    page = (finished / "report" / "index.html").read_text()
    assert "SIMULATED" in page
    assert "<script src" not in page
    with duckdb.connect(str(finished / "warehouse.duckdb"), read_only=True) as warehouse:
        bare = warehouse.execute(
            "select count(*) from (select comment from duckdb_columns() where not internal union all "
            "select comment from duckdb_tables() where not internal union all "
            "select comment from duckdb_views() where not internal) where comment is null"
        ).fetchone()
        assert bare == (0,)
        source = warehouse.execute("select distinct evidence_source from mart.effect_estimate").fetchall()
        assert source == [("simulated",)]
        assert warehouse.execute("select count(*) from staging.person").fetchone() == (800,)
        assert warehouse.execute("select count_if(not is_balanced) from staging.conservation").fetchone() == (0,)
        assert warehouse.execute("from effects('nhanes_e2_bmd')").fetchall()
    with duckdb.connect(str(finished / "release.duckdb"), read_only=True) as release:
        schemas = release.execute("select distinct schema_name from duckdb_tables() where not internal").fetchall()
        assert schemas == [("mart",)]
        assert release.execute("select count(*) from duckdb_views() where not internal").fetchone() == (0,)


def test_second_run_computes_nothing_but_that_nothing_changed(finished: Path, call: Call, tmp_path: Path) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))

    def files() -> dict[Path, int]:
        found = [
            p for p in (home / "data").rglob("*.parquet") if not set(COMPARED) & {p.parent.name, p.stem.split(".")[-1]}
        ]
        return {p: p.stat().st_mtime_ns for p in found}

    everything = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    plan = call("nightly", "--dry-run", "--home", home)
    assert plan.returncode == 0, plan.stderr[-3000:]
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()} == everything
    said = plan.stdout.splitlines()
    assert said[0] == "0 files would be landed"
    assert said[1].startswith("0 tables would be computed, 2 more if")
    assert {line.split()[0] for line in said if " perhaps, about " in line} == COMPARED_TABLES
    assert said[-2].startswith("time: ") and said[-1].startswith("disk: ") and said[-1].endswith(": enough")

    before = files()
    result = call("nightly", "--home", home)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "landed 0 files" in result.stderr
    tables = [line for line in result.stderr.splitlines() if " rows  " in line]
    computed = [line for line in tables if not line.rstrip().endswith("current")]
    assert len(tables) > 50
    assert {line.split()[1] for line in computed} == COMPARED_TABLES
    assert files() == before
    with duckdb.connect(str(home / "release.duckdb"), read_only=True) as release:
        found = release.execute(
            "select count(*), count(estimate_change_se), count_if(cause <> 'none' or coalesce(n_change, 0) <> 0 or "
            "coalesce(estimate_change_se, 0) <> 0) from mart.evidence_drift"
        ).fetchone()
    assert found is not None and found[0] > found[1] > 0 == found[2], "gates are open and closed, and nothing moved"


def test_looking(finished: Path, call: Call) -> None:
    assert "nhanes_e2_bmd" in call("query", "select study_id from ref.study", "--home", finished).stdout
    assert "staging.lab_result" in call("tables", "--home", finished).stdout
    columns = call("tables", "features.bmd_change").stdout
    assert "of features.bone_norm: mean_g_cm2, sd_g_cm2; staging.dxa_scan: bmd_g_cm2" in columns
    near = call("tables", "features.bmd_chang")
    assert near.returncode == 2 and "is it features.bmd_change" in near.stderr
    assert "evaluable checks pass" in call("check", "--home", finished).stdout
    assert call("doctor", "--home", finished).returncode == 0
    wrong = call("query", "select * from mart.nothing", "--home", finished)
    assert wrong.returncode == 2
    assert "Table with name nothing does not exist" in wrong.stderr


def test_looking_at_an_empty_home(call: Call, tmp_path: Path) -> None:
    for command in (("tables",), ("query", "select 1"), ("check",), ("report",), ("nightly",), ("rollback",)):
        result = call(*command, "--home", tmp_path / "nowhere")
        assert result.returncode == 2, command
        assert "Traceback" not in result.stderr, command


def test_bad_usage(finished: Path, drop: Path, call: Call) -> None:
    study = call("run", "--source", "nhanes", "--input", drop, "--home", finished, "--study", "no_such_study")
    assert study.returncode == 2
    assert "nhanes_e2_bmd" in study.stderr
    assert call("run", "--source", "nowhere", "--input", drop, "--home", finished).returncode == 2
    assert call("run", "--home", finished).returncode == 2
    assert call("fetch", "nhanes", "--out", finished / "x", "--cycle", "1492").returncode == 2
