"""Drops that are refused, by the command line: the reason is told by name, and published data stay as they are."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]
StateSeen = Callable[[Path], tuple[str, str]]


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
    spoil: Callable[[Path], str], own_drop: Path, finished: Path, call: Call, state_seen: StateSeen, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    before = state_seen(home)
    named = spoil(own_drop)
    result = call("run", "--source", "nhanes", "--input", own_drop, "--home", home)
    assert result.returncode == 2, result.stderr[-2000:]
    said = [line for line in result.stderr.splitlines() if line.startswith("trabecula:")]
    assert any(named in line for line in said), said
    assert "Traceback" not in result.stderr
    assert state_seen(home) == before


def test_a_broken_table_stops_the_run_before_publishing(
    own_drop: Path, finished: Path, call: Call, state_seen: StateSeen, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    before = state_seen(home)
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
    assert state_seen(home) == before
