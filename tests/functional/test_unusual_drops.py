"""A drop with a cycle nobody has tried and a file that lies there twice: it lands unchanged, every row accounted for.

It comes to a home that has published before, whose readers read on while the run writes.
"""

import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.sources.nhanes.xpt import read

Call = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True, slots=True)
class Night:
    """A home after a run on such a drop, and what readers saw meanwhile: the build, and how many estimates it had."""

    home: Path
    seen: list[tuple[str, int]]


@pytest.fixture(scope="module")
def night(finished: Path, drop: Path, call: Call, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """The night on which that drop came, in a home that has published before."""
    base = tmp_path_factory.mktemp("unusual")
    folder = Path(shutil.copytree(drop, base / "drop"))
    add_cycle(folder)
    shutil.copy(next(folder.rglob("BMX_H.parquet")), folder / "BMX_H.parquet")
    home = Path(shutil.copytree(finished, base / "h", symlinks=True))
    seen: list[tuple[str, int]] = []
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call, "run", "--source", "nhanes", "--input", folder, "--home", home)
        while not running.done():
            with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as reader:
                seen += reader.execute(
                    "select build_id, (select count(*) from mart.effect_estimate) from mart.build"
                ).fetchall()
            time.sleep(0.5)
    result = running.result()
    assert result.returncode == 0, result.stderr[-2000:]
    return Night(home, seen)


@pytest.fixture
def home(night: Night) -> Path:
    return night.home


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


def test_readers_read_while_a_run_writes(night: Night, finished: Path) -> None:
    before = (finished / "current").resolve().name
    assert len(night.seen) > 10
    assert {build for build, _ in night.seen} <= {before, (night.home / "current").resolve().name}
    assert night.seen[0][0] == before
    assert all(estimates > 0 for _, estimates in night.seen)
