"""A drop with a cycle nobody has tried and a file that lies there twice: it lands unchanged, every row accounted for."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.sources.nhanes.xpt import read

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(drop: Path, call: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of one run on that drop."""
    base = tmp_path_factory.mktemp("unusual")
    folder = Path(shutil.copytree(drop, base / "drop"))
    add_cycle(folder)
    shutil.copy(next(folder.rglob("BMX_H.parquet")), folder / "BMX_H.parquet")
    result = call("run", "--source", "nhanes", "--input", folder, "--home", base / "h")
    assert result.returncode == 0, result.stderr[-2000:]
    return base / "h"


def add_cycle(folder: Path) -> None:
    """The same people once more, as other people of the next cycle."""
    for path in [p for p in folder.rglob("*_H.*") if p.suffix == ".parquet"]:
        frame = pl.read_parquet(path).with_columns(pl.col("SEQN") + 1_000_000)
        if "SDDSRVYR" in frame.columns:
            frame = frame.with_columns(pl.lit(9.0).alias("SDDSRVYR"))
        target = folder / "2015-2016" / path.name.replace("_H.", "_I.")
        target.parent.mkdir(exist_ok=True)
        frame.write_parquet(target)
    demo = read(next(folder.rglob("DEMO_H.XPT")))
    demo.with_columns(pl.col("SEQN") + 1_000_000, pl.lit(9.0).alias("SDDSRVYR")).write_parquet(
        folder / "2015-2016" / "DEMO_I.parquet"
    )


def test_a_cycle_nobody_has_tried_works_unchanged(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        counts = dict(
            warehouse.execute(
                "select cycle_label, n from mart.measurement_count where measurement = 'estradiol' and sex_code = 'all'"
            ).fetchall()
        )
        assert counts["2015-2016"] == counts["2013-2014"] > 0
        scanners = warehouse.execute("select distinct model from staging.dxa_scan where scan_id like 'I.%'").fetchall()
        assert scanners == [(None,)]


def test_same_file_twice_is_a_duplicate_not_an_error(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute(
            "select status_code from mart.source_file where source_file like '%BMX_H.parquet'"
        ).fetchall()
        assert sorted(found) == [("duplicate",), ("landed",)]
        assert warehouse.execute("select count_if(not is_balanced) from staging.conservation").fetchone() == (0,)
