"""The frozen benchmark of features names every table and stays below its limit of memory; peaks are of one stage."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines import plan
from pipelines.bench import forget_peak, measure, peak_mib, tables_of
from pipelines.errors import BadInput

LIMIT_MIB = 8 * 1024


#: tables that came after the million people were measured
SINCE = {"features.bmd_by_year"}


def test_frozen_benchmark_of_features_names_every_table_within_its_memory(root: Path) -> None:
    found = json.loads((root / "docs" / "benchmarks" / "features.json").read_text())
    stages = {stage["name"]: stage for stage in found["stages"]}
    tables = {step.table for step in plan.steps() if step.contract.layer == "features"} - SINCE
    assert not SINCE & set(stages), "measured now: take it from the list"

    assert tables <= set(stages), (
        "run `trabecula bench --source omop --input FOLDER --layer features` and freeze it anew"
    )
    assert all(stages[table]["ratio_to_scan"] > 0 for table in tables)
    assert max(stage["peak_memory_mib"] for stage in found["stages"]) < LIMIT_MIB
    assert found["persons"] == 1_000_000


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the kernel does not count peaks anew here")
def test_a_peak_is_that_of_its_stage() -> None:
    held = np.ones(40_000_000)  # 305 MiB, touched
    high = peak_mib()
    del held
    forget_peak()
    assert high > 305
    assert peak_mib() < high - 200


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the kernel does not count peaks anew here")
def test_memory_of_workers_counts() -> None:
    alone = peak_mib()
    hold = "import sys; held = bytearray(200 * 2**20); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        worker.stdout.readline()
        together = peak_mib()
        worker.communicate()
    assert together > alone + 190


def test_one_layer_is_measured_with_what_it_is_made_of_and_no_more() -> None:
    asked = tables_of("features")
    everything = [step.table for step in plan.steps()]
    assert {table for table in everything if table.startswith("features.")} <= set(asked)
    assert all(plan.upstream(table) & set(everything) <= set(asked) for table in asked)
    assert not any(table.startswith(("mart.", "models.")) for table in asked)
    assert asked == [table for table in everything if table in asked]
    assert tables_of(None) == everything


def test_a_layer_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="name one of cohort, features"):
        measure(100, layer="feature")
