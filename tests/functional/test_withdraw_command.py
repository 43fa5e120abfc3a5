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

from pipelines.tables import CONTRACTS
from pipelines.tables.telling import TELLINGS
from pipelines.warehouse.identity import PUBLIC_KEY, person_id

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))


def some_people(drop: Path, count: int) -> list[str]:
    path = next(drop.rglob("DXXFEM_H.parquet"))
    return [str(int(one)) for one in pl.read_parquet(path)["SEQN"].head(count)]


def counts(home: Path) -> dict[tuple[object, ...], int]:
    """Every count of people in the release of a home: by table, key and column."""
    found = {}
    with duckdb.connect(str((home / "release.duckdb").resolve()), read_only=True) as release:
        for table, telling in TELLINGS.items():
            for row in release.sql(f"from {table}").pl().iter_rows(named=True) if telling.people else ():
                key = tuple(row[name] for name in CONTRACTS[table].key)
                found |= {(table, key, name): row[name] for name in telling.people if row[name] is not None}
    return found


def exact_attrition(home: Path) -> dict[tuple[object, ...], int]:
    """The same of one table, as it lies in the home and does not leave."""
    steps = pl.read_parquet(home / "data" / "cohort" / "attrition" / "all.parquet")
    return {
        row[:4]: row[4] for row in steps.select("study_id", "cohort_code", "arm_code", "step_number", "n_after").rows()
    }


def small(one: dict, other: dict) -> list[object]:
    return [cell for cell in one.keys() & other.keys() if 1 <= abs(one[cell] - other[cell]) < 11]


def require_nothing_told(before: dict, home: Path) -> None:
    """Tonight less the night before, of any count of people, is nobody or enough; the true counts do differ by a few."""
    now = counts(home)
    assert len(now) > 100 and {cell[0] for cell in now} >= {"mart.attrition", "mart.source_file", "mart.table_one"}
    people = {cell: n for cell, n in now.items() if cell[0] != "mart.quality_result"}
    assert all(n % 11 == 0 for n in people.values())
    assert small(before, now) == []


def test_people_leave_and_the_next_night_does_not_bring_them_back(
    home: Path, drop: Path, call: Call, tmp_path: Path
) -> None:
    people = some_people(drop, 3)
    before, told, exact = os.readlink(home / "current"), counts(home), exact_attrition(home)
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

    require_nothing_told(told, home)
    assert small(exact, exact_attrition(home)), "three people left"
    held = [pl.read_parquet(path) for path in (home / "state" / "release").glob("held.*.parquet")]
    assert held and (home / "state" / "release" / "cells.parquet").exists()

    query = tmp_path / "query.sql"
    query.write_text("select sex_code, count(distinct person_id) as n from staging.person group by sex_code")
    released = call("release", query, "--home", home, "--out", tmp_path / "rows.csv")
    assert released.returncode == 0, released.stderr
    rows = pl.read_csv(tmp_path / "rows.csv")
    assert rows["sex_code"].to_list() == ["female", "male"] and all(n % 11 == 0 and n > 300 for n in rows["n"])
    query.write_text("select person_id, birth_year from staging.person")
    refused = call("release", query, "--home", home)
    assert refused.returncode == 2 and "neither a column of GROUP BY" in refused.stderr and not refused.stdout

    night = call("nightly", "--home", home)
    assert night.returncode == 0, night.stderr[-3000:]
    assert call("withdraw", "--verify", "--home", home).returncode == 0
    require_nothing_told(told, home)
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
