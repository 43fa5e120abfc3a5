"""Frozen runs from files to intervals in forty worlds whose answers were drawn: in each study 34 of 40 or more hold the truth."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
FOUND = json.loads((HERE / "drawn_worlds.json").read_text())
script = runpy.run_path(str(HERE / "drawn_worlds.py"))
#: 34 of 40, as was asked: the lower end of the 99.8 % binomial band of 95 % is 33
LEAST = 34 / 40
STUDIES = script["STUDIES"]


def answers(study: str) -> list[dict]:
    return [row for seed in FOUND["seeds"] for row in seed["answers"] if row["study_id"] == study]


def holding(rows: list[dict], truths: list[float]) -> int:
    """Open answers whose interval holds its truth; a closed gate holds nothing."""
    return sum(
        row["gate_status"] == "open" and row["ci_low"] <= truth <= row["ci_high"]
        for row, truth in zip(rows, truths, strict=True)
    )


def test_the_file_is_of_the_worlds_that_the_script_draws() -> None:
    assert FOUND["world"] == script["WORLD"]
    assert (FOUND["persons"], FOUND["truth_persons"]) == (script["PERSONS"], script["TRUTH_PERSONS"])
    for seed in FOUND["seeds"]:
        assert script["world"](seed["seed"]) == FOUND["world"] | seed["drawn"]
        assert [(row["study_id"], row["outcome"]) for row in seed["answers"]] == [
            asked[:2] for asked in script["ASKED"]
        ]


def test_all_forty_are_made() -> None:
    assert [seed["seed"] for seed in FOUND["seeds"]] == list(range(script["SEEDS"]))


@pytest.mark.parametrize("study", STUDIES)
def test_intervals_hold_the_truth_of_their_own_world(study: str) -> None:
    rows = answers(study)
    assert holding(rows, [row["truth"] for row in rows]) >= LEAST * len(rows)


@pytest.mark.parametrize("study", STUDIES)
def test_kill_the_truth_of_another_world(study: str) -> None:
    """Were intervals wide enough to hold anything, they would hold this."""
    rows = answers(study)
    others = np.roll([row["truth"] for row in rows], 1)
    assert holding(rows, others.tolist()) < LEAST * len(rows)


@pytest.mark.slow
def test_a_seed_comes_out_the_same_again(tmp_path: Path) -> None:
    script["run"](tmp_path, 0)
    again = json.loads((tmp_path / "00.json").read_text())["answers"]
    for now, then in zip(again, FOUND["seeds"][0]["answers"], strict=True):
        for name in ("estimate", "ci_low", "ci_high", "truth"):
            assert now[name] == pytest.approx(then[name], rel=1e-6), (now["study_id"], name)
