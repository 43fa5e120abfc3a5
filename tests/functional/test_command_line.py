"""The whole way as a user goes it: run, look, run again, refuse bad input; published data never half changed."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]


def published_state(home: Path) -> tuple[str, str]:
    """What a reader sees: which build, and the bytes of its file."""
    return os.readlink(home / "current"), hashlib.sha256((home / "warehouse.duckdb").read_bytes()).hexdigest()


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


def test_second_run_computes_nothing_and_changes_nothing(finished: Path, call: Call, tmp_path: Path) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    before = {p: p.stat().st_mtime_ns for p in (home / "data").rglob("*.parquet")}
    result = call("nightly", "--home", home)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "landed 0 files" in result.stderr
    tables = [line for line in result.stderr.splitlines() if " rows  " in line]
    computed = [line for line in tables if not line.rstrip().endswith("current")]
    assert len(tables) > 50
    assert computed == []
    assert {p: p.stat().st_mtime_ns for p in (home / "data").rglob("*.parquet")} == before


def test_looking(finished: Path, call: Call) -> None:
    assert "nhanes_e2_bmd" in call("query", "select study_id from ref.study", "--home", finished).stdout
    assert "staging.lab_result" in call("tables", "--home", finished).stdout
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


def spoil_nothing(drop: Path) -> str:
    shutil.rmtree(drop)
    drop.mkdir()
    return "empty"


def spoil_truncate(drop: Path) -> str:
    path = next(drop.rglob("DEMO_H.XPT"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 7])
    return "DEMO_H.XPT"


def spoil_csv(drop: Path) -> str:
    path = next(drop.rglob("OSQ_H.XPT"))
    path.write_text("SEQN,OSQ010A\n1,2\n")
    return "OSQ_H.XPT"


def spoil_key(drop: Path) -> str:
    path = next(drop.rglob("TST_H.parquet"))
    pl.read_parquet(path).drop("SEQN").write_parquet(path)
    return "TST_H.parquet"


def spoil_twin(drop: Path) -> str:
    path = next(drop.rglob("BMX_H.parquet"))
    changed = pl.read_parquet(path).with_columns(pl.col("BMXBMI") + 1)
    changed.write_parquet(path.with_name("bmx_h.parquet"))
    return "bmx_h.parquet"


def spoil_parquet(drop: Path) -> str:
    path = next(drop.rglob("DXXFEM_H.parquet"))
    path.write_bytes(path.read_bytes()[:-20])
    return "DXXFEM_H.parquet"


@pytest.mark.parametrize(
    "spoil", [spoil_nothing, spoil_truncate, spoil_csv, spoil_key, spoil_twin, spoil_parquet], ids=lambda f: f.__name__
)
def test_bad_input_is_refused_by_name(
    spoil: Callable[[Path], str], own_drop: Path, finished: Path, call: Call, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    before = published_state(home)
    named = spoil(own_drop)
    result = call("run", "--source", "nhanes", "--input", own_drop, "--home", home)
    assert result.returncode == 2, result.stderr[-2000:]
    said = [line for line in result.stderr.splitlines() if line.startswith("trabecula:")]
    assert any(named in line for line in said), said
    assert "Traceback" not in result.stderr
    assert published_state(home) == before


def test_same_file_twice_is_a_duplicate_not_an_error(own_drop: Path, call: Call, tmp_path: Path) -> None:
    path = next(own_drop.rglob("BMX_H.parquet"))
    shutil.copy(path, own_drop / "BMX_H.parquet")
    home = tmp_path / "h"
    result = call("run", "--source", "nhanes", "--input", own_drop, "--home", home)
    assert result.returncode == 0, result.stderr[-2000:]
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute(
            "select status_code from mart.source_file where source_file like '%BMX_H.parquet'"
        ).fetchall()
        assert sorted(found) == [("duplicate",), ("landed",)]
        assert warehouse.execute("select count_if(not is_balanced) from staging.conservation").fetchone() == (0,)


def test_a_broken_table_stops_the_run_before_publishing(
    own_drop: Path, finished: Path, call: Call, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    before = published_state(home)
    path = next(own_drop.rglob("TST_H.parquet"))
    hormones = pl.read_parquet(path)
    # A second fill value below the limit: nobody can tell any more which limit holds.
    spoiled = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit(1.5)).otherwise(pl.col("LBXEST"))
    hormones = hormones.with_columns(
        pl.when(pl.col("LBDESTLC") == 1).then(spoiled).otherwise(pl.col("LBXEST")).alias("LBXEST")
    )
    hormones.write_parquet(path)
    result = call("run", "--source", "nhanes", "--input", own_drop, "--home", home)
    assert result.returncode == 1, result.stderr[-2000:]
    assert "nothing was published" in result.stderr
    assert published_state(home) == before


def test_a_cycle_nobody_has_tried_works_unchanged(own_drop: Path, call: Call, tmp_path: Path) -> None:
    for path in [p for p in own_drop.rglob("*_H.*") if p.suffix == ".parquet"]:
        frame = pl.read_parquet(path).with_columns(pl.col("SEQN") + 1_000_000)
        if "SDDSRVYR" in frame.columns:
            frame = frame.with_columns(pl.lit(9.0).alias("SDDSRVYR"))
        target = own_drop / "2015-2016" / path.name.replace("_H.", "_I.")
        target.parent.mkdir(exist_ok=True)
        frame.write_parquet(target)
    from pipelines.sources.nhanes.xpt import read

    demo = read(next(own_drop.rglob("DEMO_H.XPT")))
    demo.with_columns(pl.col("SEQN") + 1_000_000, pl.lit(9.0).alias("SDDSRVYR")).write_parquet(
        own_drop / "2015-2016" / "DEMO_I.parquet"
    )
    home = tmp_path / "h"
    result = call("run", "--source", "nhanes", "--input", own_drop, "--home", home)
    assert result.returncode == 0, result.stderr[-2000:]
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        counts = dict(
            warehouse.execute(
                "select cycle_label, n from mart.measurement_count where measurement = 'estradiol' and sex_code = 'all'"
            ).fetchall()
        )
        assert counts["2015-2016"] == counts["2013-2014"] > 0
        scanners = warehouse.execute("select distinct model from staging.dxa_scan where scan_id like 'I.%'").fetchall()
        assert scanners == [(None,)]


def test_readers_read_while_a_run_writes(finished: Path, drop: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    for path in (home / "data" / "staging").rglob("*.parquet"):
        path.unlink()
    writer = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("trabecula")),
            "run",
            "--source",
            "nhanes",
            "--input",
            str(drop),
            "--home",
            str(home),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    reads = 0
    while writer.poll() is None:
        with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as reader:
            assert reader.execute("select count(*) from mart.effect_estimate").fetchone() != (0,)
        reads += 1
    assert writer.returncode == 0
    assert reads > 10


def test_bad_usage(finished: Path, drop: Path, call: Call) -> None:
    study = call("run", "--source", "nhanes", "--input", drop, "--home", finished, "--study", "no_such_study")
    assert study.returncode == 2
    assert "nhanes_e2_bmd" in study.stderr
    assert call("run", "--source", "nowhere", "--input", drop, "--home", finished).returncode == 2
    assert call("run", "--home", finished).returncode == 2
    assert call("fetch", "nhanes", "--out", finished / "x", "--cycle", "1492").returncode == 2
