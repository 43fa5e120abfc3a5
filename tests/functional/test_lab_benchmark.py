"""The frozen figures of laboratory harmonisation are of the size, and within the limits, that are promised."""

import json
from pathlib import Path

import pytest

MOST_RATIO, MOST_MEMORY_GIB, LEAST_ROWS = 6, 4, 49_900_000


@pytest.fixture(scope="module")
def frozen(root: Path) -> dict:
    path = root / "docs" / "benchmarks" / "lab_harmonisation.json"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there: run docs/benchmarks/lab_harmonisation.py --rows 50000000 --freeze")
    return json.loads(path.read_text())


def test_fifty_million_rows_were_harmonised_and_every_row_accounted_for(frozen: dict) -> None:
    assert frozen["rows"] >= LEAST_ROWS
    account = frozen["account"]
    assert account["rows_in"] == account["rows_accounted"] == sum(account["dispositions"].values())
    staged = account["dispositions"]["staged"] / account["rows_in"]
    assert frozen["rows_made"]["staging.lab_result"] / frozen["rows"] == pytest.approx(staged, abs=0.01)
    assert {name.split()[0] for name in account["dispositions"]} == {
        "staged", "duplicate", "quarantined", "out_of_scope",
    }  # fmt: skip


def test_memory_is_within_the_promise(frozen: dict) -> None:
    assert 0 < frozen["peak_memory_gib"] <= MOST_MEMORY_GIB
    assert {"machine", "duckdb", "python", "measured_on", "sql_sha256"} <= set(frozen)


def test_time_is_within_the_promise(frozen: dict) -> None:
    assert 0 < frozen["harmonising_over_reading_into_memory"]["wall_s"] <= MOST_RATIO
