"""The page of verdicts shows the frozen figures, and they add up."""

import json
import runpy
from pathlib import Path

import pytest

PAGE = "quality-verdicts.md"


@pytest.mark.parametrize(
    ("script", "frozen", "put"),
    [
        ("quality_verdicts.py", "quality-verdicts.json", "with_tables"),
        ("trap_recall.py", "trap-recall.json", "with_table"),
    ],
)
def test_the_page_holds_the_frozen_figures(root: Path, script: str, frozen: str, put: str) -> None:
    docs = root / "docs"
    told, text = json.loads((docs / frozen).read_text()), (docs / PAGE).read_text()
    assert runpy.run_path(str(docs / script))[put](text, told) == text


def test_verdicts_add_up_and_no_small_count_is_told(root: Path) -> None:
    for found in json.loads((root / "docs" / "quality-verdicts.json").read_text()).values():
        assert found["rules_not_asked"] < found["rules"] <= found["verdicts"]
        assert 0 < found["passed"] <= found["evaluable"] <= found["verdicts"]
        asked = [row["n_evaluated"] for row in found["not_passed"] if row["n_evaluated"] is not None]
        assert all(n >= 11 for n in asked)


def test_every_planted_row_is_marked_or_told_what_became_of_it(root: Path) -> None:
    told = json.loads((root / "docs" / "trap-recall.json").read_text())
    assert {name: found for name, found in told.items() if not found["planted"]} == {}
    assert all(found["marked"] + sum(found["others"].values()) == found["planted"] for found in told.values())
    assert sum(found["marked"] >= 0.99 * found["planted"] for found in told.values()) == 17
    assert set(told) == set(runpy.run_path(str(root / "docs" / "trap_recall.py"))["MARKS"])
