"""The page of performance shows the frozen figures."""

import json
import runpy
from pathlib import Path


def test_the_page_holds_the_frozen_figures(root: Path) -> None:
    docs = root / "docs"
    told, text = json.loads((docs / "benchmarks" / "growth.json").read_text()), (docs / "performance.md").read_text()
    assert runpy.run_path(str(docs / "performance.py"))["with_tables"](text, told) == text
    assert len(told["measurements"]) >= 2
    assert all(one["phases"][-1]["name"] == "total" for one in told["measurements"])
