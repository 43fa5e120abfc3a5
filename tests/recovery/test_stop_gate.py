"""Frozen run from files to what stopping an inhibitor does: gates open, recovery is told; the spine holds the truth."""

import json
import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOUND = json.loads((HERE / "stop_gate.json").read_text())
#: comes out nearer to nothing than it is, as docs/methods/point_treatment.md tells
TOLD = {"total_hip_bmd_change_pct"}


def test_the_file_is_of_the_world_that_the_script_makes() -> None:
    script = runpy.run_path(str(HERE / "stop_gate.py"))
    assert FOUND["world"] == script["WORLD"] and FOUND["persons"] == script["PERSONS"]
    assert FOUND["seed"] == script["SEED"] and FOUND["truth_persons"] == script["TRUTH_PERSONS"]
    assert {row["outcome"] for row in FOUND["estimates"]} == set(script["SITES"])


@pytest.mark.parametrize("row", FOUND["estimates"], ids=lambda row: row["outcome"])
def test_recovery_is_told_and_the_spine_holds_the_truth(row) -> None:
    assert row["gate_status"] == "open", row["gate_reason"]
    assert row["ci_low"] > 0 and row["truth"]["value"] > 1
    holds = row["ci_low"] <= row["truth"]["value"] <= row["ci_high"]
    assert holds != (row["outcome"] in TOLD), row
