"""The frozen figures of the counting of checks are of the size, and within the limits, that are promised."""

import json
from pathlib import Path

import pytest

MOST_RATIO, MOST_JUDGING_S, MOST_MEMORY_GIB, LEAST_ROWS = 3, 60, 2, 49_900_000


@pytest.fixture(scope="module")
def frozen(root: Path) -> dict:
    path = root / "docs" / "benchmarks" / "counting.json"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there: run docs/benchmarks/counting.py --rows 50000000 --freeze")
    return json.loads(path.read_text())


def test_fifty_million_rows_were_counted(frozen: dict) -> None:
    assert frozen["rows"] >= LEAST_ROWS
    assert 0 < frozen["row_questions"] < frozen["questions"] < frozen["verdicts"]


def test_the_pass_judging_and_memory_are_within_the_promise(frozen: dict) -> None:
    """The pass counts every question of a row."""
    assert 0 < frozen["row_questions_over_scan"] <= MOST_RATIO
    assert 0 < frozen["judging_s"] <= MOST_JUDGING_S
    assert 0 < frozen["peak_memory_gib"] <= MOST_MEMORY_GIB


def test_all_counting_is_within_the_promise(frozen: dict) -> None:
    """The pass, and keys, medians and other questions of groups, which read again; median of rounds between two scans each."""
    assert 0 < frozen["row_questions_over_scan"] < frozen["counting_over_scan"] <= MOST_RATIO
    assert len(frozen["scan_s"]) == len(frozen["counting_s"]) + 1 >= 4
