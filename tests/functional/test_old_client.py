"""A client of DuckDB 1.4 in an environment of its own reads what is published as this one does.

`TRABECULA_OLD_PYTHON` names a Python that has such a client; without it one is made, which takes a package index.
"""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

CLIENT = "1.4.4"
guide = runpy.run_path(str(Path(__file__).with_name("analyst_guide.py")))
QUESTIONS = {
    f"{name} {number}": sql for name in ("FIRST", "SURVEY") for number, sql in guide["statements"](guide[name]).items()
}
QUESTIONS["people"] = "select count(*), min(person_id), max(person_id) from staging.person"
QUESTIONS["bands"] = "select e2_band('male', 18), dose_band(1.5), dose_band(18, edges := [17.5])"
QUESTIONS["comments"] = """
    select 'table', count(*), count(comment) from duckdb_tables() where not internal
    union all select 'view', count(*), count(comment) from duckdb_views() where not internal
    union all select 'column', count(*), count(comment) from duckdb_columns() where not internal
    union all select 'macro', count(*), count(comment) from duckdb_functions() where not internal
"""
READ = """
import duckdb, json, sys
file, questions = json.load(sys.stdin)
with duckdb.connect(file, read_only=True) as connection:
    connection.execute("set threads = 1")
    rows = {name: sorted(map(repr, connection.execute(sql).fetchall())) for name, sql in questions.items()}
print(json.dumps([duckdb.__version__, rows]))
"""


@pytest.fixture(scope="module")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the old client."""
    if given := os.environ.get("TRABECULA_OLD_PYTHON"):
        return Path(given)
    folder = tmp_path_factory.mktemp("old")
    python = folder / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", f"duckdb=={CLIENT}"],
    ):
        made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        if made.returncode != 0:
            pytest.skip(f"no environment with duckdb {CLIENT} could be made here: {made.stderr.strip()[-200:]}")
    return python


@pytest.mark.slow
def test_an_old_client_reads_the_same(finished: Path, old_python: Path) -> None:
    file = str((finished / "warehouse.duckdb").resolve())
    answer = subprocess.run(
        [str(old_python), "-c", READ], input=json.dumps([file, QUESTIONS]), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    version, rows = json.loads(answer.stdout)
    assert version.startswith("1.4.") and not duckdb.__version__.startswith("1.4.")
    with duckdb.connect(file, read_only=True) as connection:
        connection.execute("set threads = 1")  # sums of doubles in one order
        for name, sql in QUESTIONS.items():
            own = sorted(map(repr, connection.execute(sql).fetchall()))
            assert rows[name] == own, name
    assert "('macro', 15, 15)" in rows["comments"]
