"""Each column of each feature table, changed as the step makes it, fails a test of that table."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.tables import CONTRACTS

DRIVER = Path(__file__).parent / "changed_column.py"
ROOT = Path(__file__).parents[3]
TABLES = runpy.run_path(str(DRIVER))["tables"]()


def test_every_feature_table_has_tests_of_its_own():
    assert set(TABLES) == {table for table in CONTRACTS if table.startswith("features.")}


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_no_column_changes_unnoticed(table):
    ran = subprocess.run(
        [sys.executable, str(DRIVER), table],
        capture_output=True,
        text=True,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert json.loads(ran.stdout.strip().splitlines()[-1]) == []
