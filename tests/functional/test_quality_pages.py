"""The page of verdicts shows the frozen figures, and they add up."""

import json
import runpy
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

PAGE = "quality-verdicts.md"


@pytest.mark.parametrize(
    ("script", "frozen", "put"),
    [
        ("quality_verdicts.py", "quality-verdicts.json", "with_tables"),
        ("trap_recall.py", "trap-recall.json", "with_table"),
        ("clean_seeds.py", "clean-seeds.json", "with_table"),
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


def test_the_simulated_load_is_asked_by_150_rules_and_answers_2500_times(root: Path) -> None:
    told = json.loads((root / "docs" / "quality-verdicts.json").read_text())
    found = told["simulated, 4,000 people"]
    assert found["rules"] - found["rules_not_asked"] >= 150
    assert found["evaluable"] >= 2500
    assert found["critical_not_passed"] == 0
    assert len(told) >= 4


def test_every_planted_row_is_marked_or_told_what_became_of_it(root: Path) -> None:
    told = json.loads((root / "docs" / "trap-recall.json").read_text())
    assert {name: found for name, found in told.items() if not found["planted"]} == {}
    assert all(found["marked"] + sum(found["others"].values()) == found["asked"] for found in told.values())
    assert all(found["asked"] + found["masked"] + found["blind"] == found["planted"] for found in told.values())
    assert set(told) == set(runpy.run_path(str(root / "docs" / "trap_recall.py"))["MARKS"])


def test_recall_of_planted_faults_is_99_percent_but_for_areas(root: Path) -> None:
    told = json.loads((root / "docs" / "trap-recall.json").read_text())
    assert {name for name, found in told.items() if found["marked"] < 0.99 * found["asked"]} == {"area_shift"}
    assert told["area_shift"]["marked"] >= 0.9 * told["area_shift"]["asked"]
    assert {name for name, found in told.items() if found["asked"] < 100} == {"sig_daily_for_weekly"}


def test_no_limit_on_areas_reaches_the_aim_without_many_false_marks(root: Path) -> None:
    """What the page says of them follows from the shift and the spread that it states."""
    said = " ".join((root / "docs" / "quality-verdicts.md").read_text().split())
    change = NormalDist(0, 1.7)
    limit = 6 + change.inv_cdf(0.01)
    assert f"99 % need a limit of {limit:.2f} %" in said
    assert f"chance alone passes in {2 * change.cdf(-limit):.0%}".replace("%", " % of the pairs") in said
    assert f"and {2 * change.cdf(-3):.0%}".replace("%", " % of pairs of which none was shifted") in said
    told = json.loads((root / "docs" / "trap-recall.json").read_text())["area_shift"]
    share = f"{100 * told['marked'] / told['asked']:.1f} %"
    assert f"{told['marked']} of {told['asked']}, {share}" in said


def test_faults_not_to_be_seen_are_told_with_their_reason(root: Path) -> None:
    told = json.loads((root / "docs" / "trap-recall.json").read_text())
    blind = {name for name, found in told.items() if found["blind"]}
    assert blind == set(runpy.run_path(str(root / "docs" / "trap_recall.py"))["BLIND"])
    assert all(told[name]["blind_where"] for name in blind)


@pytest.fixture(scope="module")
def clean(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "docs" / "clean_seeds.py"))


def test_no_critical_rule_fails_on_clean_people(root: Path) -> None:
    told = json.loads((root / "docs" / "clean-seeds.json").read_text())
    assert told["mess"] == "none" and told["persons"] >= 300
    assert {
        seed: found["critical_not_passed"] for seed, found in told["seeds"].items() if found["critical_not_passed"]
    } == {}
    assert all(found["critical_evaluable"] > 900 for found in told["seeds"].values())


def test_clean_people_were_judged_by_these_suites(root: Path, clean: dict[str, Any]) -> None:
    """All but a tenth of them: where more have changed, the seeds are to be judged again."""
    judged_by = json.loads((root / "docs" / "clean-seeds.json").read_text())["suites"]
    now = clean["suites"]()
    changed = [table for table, fingerprint in now.items() if judged_by.get(table) != fingerprint]
    assert len(changed) <= 0.1 * len(now), changed


@pytest.mark.slow
def test_no_critical_rule_fails_on_clean_people_of_another_seed(clean: dict[str, Any], tmp_path: Path) -> None:
    found = clean["summary"](clean["judged"](101, 300, tmp_path / "work"))
    assert found["critical_evaluable"] > 900
    assert found["critical_not_passed"] == []
