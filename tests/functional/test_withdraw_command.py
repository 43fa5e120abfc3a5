"""`trabecula withdraw` as a user calls it: people leave a finished home, readers get a build without them, a proof stays."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.warehouse.identity import PUBLIC_KEY, person_id

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))


def some_people(drop: Path, count: int) -> list[str]:
    path = next(drop.rglob("DXXFEM_H.parquet"))
    return [str(int(one)) for one in pl.read_parquet(path)["SEQN"].head(count)]


def test_people_leave_and_the_next_night_does_not_bring_them_back(
    home: Path, drop: Path, call: Call, tmp_path: Path
) -> None:
    people = some_people(drop, 3)
    before = os.readlink(home / "current")
    listed = tmp_path / "withdrawn.txt"
    listed.write_text("\n".join([*people, ""]))
    result = call("withdraw", "--source", "nhanes", "--ids", listed, "--verify", "--home", home)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "3 ids given, 0 on the list before, 3 people found" in result.stdout
    assert "none of them is left" in result.stdout
    assert os.readlink(home / "current") != before
    assert not (home / before).exists()
    ids = [person_id(PUBLIC_KEY, "nhanes", one) for one in people]
    with duckdb.connect(str((home / "warehouse.duckdb").resolve()), read_only=True) as warehouse:
        assert warehouse.execute("select count(*) from staging.person").fetchone() == (797,)
        assert warehouse.execute("select count(*) from raw.nhanes_demo where person_id in ?", [ids]).fetchone() == (0,)
    (proof,) = (home / "withdrawals").iterdir()
    told = json.loads(proof.read_text())
    assert told["rows_before"]["staging"] > 0
    assert set(told["rows_after"].values()) == {0}
    said = result.stdout + result.stderr + proof.read_text()
    assert not any(str(one) in said for one in ids)
    assert not any(one in said for one in people)

    night = call("nightly", "--home", home)
    assert night.returncode == 0, night.stderr[-3000:]
    assert call("withdraw", "--verify", "--home", home).returncode == 0
    assert call("rollback", "--home", home).returncode == 0


def test_bad_requests_change_nothing(home: Path, drop: Path, call: Call) -> None:
    before = os.readlink(home / "current")
    (one,) = some_people(drop, 1)
    for arguments, says in (
        (("--ids", one), "--source"),
        (("--source", "nhanes"), "--ids"),
        (("--source", "omop", "--ids", one), "source nhanes, not omop"),
        (("--source", "nowhere", "--ids", one), "nowhere"),
        (("--source", "nhanes", "--ids", "NA"), "no ids"),
        (("--verify",), "nobody withdrew here"),
    ):
        result = call("withdraw", *arguments, "--home", home)
        assert result.returncode == 2, (arguments, result.stderr)
        assert says in result.stderr
        assert one not in result.stderr
        assert "Traceback" not in result.stderr
    assert os.readlink(home / "current") == before
    assert not (home / "withdrawals").exists()
