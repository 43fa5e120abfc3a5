"""The page of performance shows the frozen figures."""

import json
import runpy
from pathlib import Path

import pytest


def test_the_page_holds_the_frozen_figures(root: Path) -> None:
    docs = root / "docs"
    told, text = json.loads((docs / "benchmarks" / "growth.json").read_text()), (docs / "performance.md").read_text()
    assert runpy.run_path(str(docs / "performance.py"))["with_tables"](text, told) == text
    assert len(told["measurements"]) >= 2
    assert all(one["phases"][-1]["name"] == "total" for one in told["measurements"])


def test_it_tells_what_start_up_costs(root: Path) -> None:
    docs = root / "docs"
    told, text = json.loads((docs / "benchmarks" / "start_up.json").read_text()), (docs / "performance.md").read_text()
    assert runpy.run_path(str(docs / "performance.py"))["with_start_up"](text, told) == text
    processes = {name: each["cpu_s"] for name, each in told["processes"].items()}
    whole, bare = processes["second run, nothing changed"], processes["the same without Dagster"]
    shared = whole - bare - processes["import the definitions"]
    assert abs(shared - told["overhead_s"]) < 0.1
    assert told["overhead_ms_per_asset_or_check"] * (told["assets"] + told["checks"]) / 1000 == pytest.approx(
        shared, rel=0.05
    )
