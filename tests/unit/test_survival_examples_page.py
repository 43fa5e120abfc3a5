"""The page of examples of time to event shows the frozen numbers and its pictures, tells no small cell, and refuses by name."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.models.arm_risk import arm_value
from pipelines.models.survival_curve import follow_up


@pytest.fixture(scope="module")
def script(root: Path) -> ModuleType:
    sys.path.insert(0, str(root / "docs"))
    try:
        import survival_examples
    finally:
        sys.path.remove(str(root / "docs"))
    return survival_examples


@pytest.fixture(scope="module")
def told(root: Path) -> dict[str, Any]:
    return json.loads((root / "docs" / "survival-examples.json").read_text())


def test_the_page_holds_the_frozen_tables(root: Path, script: ModuleType, told: dict[str, Any]) -> None:
    text = (root / "docs" / "survival-examples.md").read_text()
    assert script.with_tables(text, told) == text
    assert set(told) == set(script.EXAMPLES)


def test_every_picture_is_there_and_shown(root: Path, told: dict[str, Any]) -> None:
    shown = re.findall(r"\]\((images/[^)]*)\)", (root / "docs" / "survival-examples.md").read_text())
    assert shown == [f"images/survival-{name}.png" for name in told]
    assert all((root / "docs" / name).read_bytes()[:4] == b"\x89PNG" for name in shown)


def counts(found: Any) -> list[int]:
    if isinstance(found, dict):
        return [each for part in found.values() for each in counts(part)]
    if isinstance(found, list):
        return [each for part in found for each in counts(part)]
    return [found] if isinstance(found, int) else []


def test_no_cell_has_fewer_than_eleven(script: ModuleType, told: dict[str, Any]) -> None:
    horizons = {1, 3, 5, 7, 12, 24}
    assert [each for each in counts(told) if each < script.SMALLEST and each not in horizons] == []
    nhanes = told["nhanes"]
    groups = [*nhanes["by_age"], *nhanes["smoking"], *(row for rows in nhanes["hormones"].values() for row in rows)]
    assert all(row["people"] >= script.SMALLEST for row in groups)
    assert all(row["deaths"] is None or row["deaths"] >= script.SMALLEST for row in groups)


def test_few_deaths_are_not_told(script: ModuleType) -> None:
    from survival_nhanes import group_row
    from survival_parts import by_person

    time = np.r_[np.full(10, 5.0), np.full(90, 70.0)]
    rows = follow_up(time, (time < 60).astype(int))
    told = group_row("few", rows, 60.0, by_person)
    assert (told["people"], told["deaths"]) == (100, None)
    assert told["risk"][0] == pytest.approx(0.1)
    assert "under 11" in script.group_table([told], "group")


def test_an_absent_data_set_is_named(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nhanes").mkdir()
    monkeypatch.setattr(sys, "argv", ["survival_examples.py", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match="does not hold breast_cancer_survival, framingham:"):
        script.main()


def test_intervals_of_risks_are_those_of_arms(script: ModuleType) -> None:
    from survival_parts import by_person

    influence = np.random.default_rng(3).normal(size=50) / 50
    expected = arm_value(0.3, influence * 50, None)
    error = by_person(influence)
    assert script.interval(0.3, error) == pytest.approx((0.3, expected.ci_low, expected.ci_high))
    assert np.isnan(script.interval(0.0, 0.1)[1])


def test_standard_weights_give_every_group_the_ages_of_all(script: ModuleType) -> None:
    from survival_nhanes import of_standard

    frame = pl.DataFrame(
        {"weight": [1.0, 2.0, 3.0, 4.0, 5.0], "old": [0, 0, 1, 1, 1], "group": ["a", "b", "a", "b", "b"]}
    ).with_columns(of_standard([pl.col("old")], "group").alias("standard"))
    shares = frame.group_by("group", "old").agg(pl.col("standard").sum()).sort("group", "old")
    assert shares["standard"].to_list() == pytest.approx([3.0, 12.0, 3.0, 12.0])


def test_a_ratio_in_parts_finds_where_the_hazard_changes(script: ModuleType) -> None:
    from survival_parts import YEAR, ratios_in_parts

    rng = np.random.default_rng(11)
    treated = rng.random(4000) < 0.5
    early = rng.exponential(np.where(treated, 8.0, 4.0))
    time = np.where(early < 2, early, 2 + rng.exponential(4.0, 4000))
    rows = follow_up(np.minimum(time, 6.0) * YEAR, (time < 6).astype(int))
    first, later = ratios_in_parts(rows, treated, rng.normal(size=(4000, 1)), 2 * YEAR, "arm")
    assert first["ratio"][1] < 0.5 < first["ratio"][2]
    assert later["ratio"][1] < 1.0 < later["ratio"][2]
    assert first["ratio"][2] < 0.7 and later["ratio"][1] > 0.8


def test_counts_at_risk_are_drawn_in_tens_and_small_ones_hidden(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr(script, "write_below", lambda axes, at, down, text, color, **how: written.append(text))
    monkeypatch.setattr(script, "IMAGES", tmp_path)
    time = np.r_[np.full(84, 0.5), np.full(33, 1.5), np.full(9, 3.0)]
    line = script.Line("some", follow_up(time, np.ones(time.size, dtype=int)), "#000000")
    script.draw(
        "made", [script.Panel("made", [line], (0, 1, 2), lambda influence: float(np.sqrt(np.sum(influence**2))))]
    )
    assert written[2:] == ["130", "40", "<11"]
    assert (tmp_path / "survival-made.png").stat().st_size > 1000
