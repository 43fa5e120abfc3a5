"""Incidence by dose against known truth: weights give it back, plain means and what tells of the dose do not."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.errors import NotEstimable
from pipelines.models.symptom_frame import symptom_frame
from pipelines.models.symptom_risk import at_risk, diagnose, estimate, in_band, prepare
from pipelines.trials.symptom import SYMPTOM

made_up = runpy.run_path(str(Path(__file__).with_name("symptom_world.py")))
STUDY, DOSED, EFFECT, dosed = (made_up[name] for name in ("STUDY", "DOSED", "EFFECT", "dosed"))
REPEATS = 12


@pytest.fixture(scope="module")
def repeats() -> dict[str, np.ndarray]:
    """[repeats, outcomes, doses] off by how much, and the error told; of plain means, off by how much."""
    found: dict[str, list] = {"gap": [], "error": [], "naive": []}
    with threadpool_limits(1):
        for number in range(REPEATS):
            made = dosed(2500, 300 + number, draws_each=2)
            frame = symptom_frame(made.inputs, STUDY, DOSED)
            ready = prepare(frame)
            rows: dict[str, list] = {name: [] for name in found}
            for name, truth in made.truth.items():
                place = frame.outcome(name)
                told, risk = estimate(ready, place), at_risk(ready, place)
                plain = [risk.event[in_band(ready, dose) & risk.is_seen].mean() for dose in range(5)]
                rows["gap"].append([told[d].difference.estimate - (truth[d] - truth[0]) for d in range(1, 5)])
                rows["error"].append([told[d].difference.standard_error for d in range(1, 5)])
                rows["naive"].append([plain[d] - plain[0] - (truth[d] - truth[0]) for d in range(1, 5)])
            for name, each in rows.items():
                found[name].append(each)
    return {name: np.array(each) for name, each in found.items()}


def test_differences_by_dose_are_given_back_with_honest_errors(repeats) -> None:
    gap, error = repeats["gap"], repeats["error"]
    of_mean = np.sqrt((error**2).mean(axis=0) / REPEATS)
    assert np.abs(gap.mean(axis=0) / of_mean).max() < 3.5
    assert 0.9 < (np.abs(gap / error) < 1.96).mean() < 0.99
    assert np.abs(gap.mean(axis=0)).max() < 0.03


def test_plain_means_by_dose_are_wrong(repeats) -> None:
    assert repeats["naive"].mean(axis=0)[:, 3].min() > 0.1


def test_what_tells_of_the_dose_beside_it_closes_the_gate() -> None:
    made = dosed(2500, 1, draws_each=2)
    every = DOSED.model_copy(update={"exclude": ()})
    bounds = {name: STUDY.diagnostics[name] for name in SYMPTOM}
    shares = []
    with threadpool_limits(1):
        for asked in (DOSED, every):
            frame = symptom_frame(made.inputs, STUDY, asked)
            try:
                findings = diagnose(prepare(frame), frame.outcome("fatigue"), 4, bounds)
            except NotEstimable:
                shares.append(0.0)
                continue
            shares.append(next(each.value for each in findings if each.diagnostic == "chance_share"))
    assert shares[0] > SYMPTOM["minimum_chance_share"] > shares[1]
