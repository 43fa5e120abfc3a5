"""The search for what was planted, in a home of enough people that gates open and numbers are told: minutes, so slow."""

import runpy
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from pipelines.export_files import PERSONAL

planted = runpy.run_path(str(Path(__file__).with_name("planted_omop.py")))
PERSONS = 4000


@pytest.mark.slow
def test_nothing_planted_leaves_where_estimates_are_told(call: Callable, tmp_path: Path) -> None:
    planted["run"](tmp_path, call, PERSONS)
    said = planted["said"](tmp_path)
    assert said.returncode == 0, said.stderr[-600:]
    home = tmp_path / "home"
    with duckdb.connect(str((home / "release.duckdb").resolve()), read_only=True) as release:
        ((told,),) = release.sql("select count(*) from mart.effect_estimate where estimate is not null").fetchall()
    assert told > 10, "gates are open"
    found, looked_at = planted["search"](home, said.stdout + said.stderr)
    assert {"builds", "dagster", "data", "landing", "state", "said"} <= looked_at
    assert found == []
    assert planted["exported"](home, tmp_path / "exports") == set(PERSONAL)
