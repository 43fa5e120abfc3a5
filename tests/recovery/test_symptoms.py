"""Incidence by band of estradiol against known truth: weights give it back, plain means and prompted draws do not."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.symptom_frame import symptom_frame
from pipelines.models.symptom_line import along
from pipelines.models.symptom_risk import at_risk, estimate, in_band, prepare

made_up = runpy.run_path(str(Path(__file__).with_name("symptom_world.py")))
STUDY, MEN, EFFECT, world = (made_up[name] for name in ("STUDY", "MEN", "EFFECT", "world"))
REPEATS = 24
TARGET = 2


@pytest.fixture(scope="module")
def repeats() -> dict[str, dict[str, np.ndarray]]:
    """By outcome [repeats, bands]: off by how much, in how many errors; of the naive mean; with prompted draws; and shapes."""
    found: dict[str, dict[str, list]] = {name: {} for name in EFFECT}
    with threadpool_limits(1):
        for number in range(REPEATS):
            made = world(2500, 100 + number, draws_each=2)
            frame = symptom_frame(made.inputs, STUDY, MEN)
            ready, more = prepare(frame), prepare(frame, with_prompted=True)
            for name, truth in made.truth.items():
                place, own = frame.outcome(name), found[name]
                told, prompted, risk = estimate(ready, place), estimate(more, place), at_risk(ready, place)
                others = [band for band in range(5) if band != TARGET]
                gaps = [told[band].difference.estimate - (truth[band] - truth[TARGET]) for band in others]
                errors = [told[band].difference.standard_error for band in others]
                plain = [risk.event[in_band(ready, band) & risk.is_seen].mean() for band in range(5)]
                own.setdefault("gap", []).append(gaps)
                own.setdefault("error", []).append(errors)
                own.setdefault("naive", []).append(
                    [plain[b] - plain[TARGET] - truth[b] + truth[TARGET] for b in others]
                )
                own.setdefault("prompted", []).append(
                    [prompted[b].difference.estimate - truth[b] + truth[TARGET] for b in others]
                )
                ratios = [np.log(told[b].ratio.estimate) - np.log(truth[b] / truth[TARGET]) for b in others]
                own.setdefault("ratio_z", []).append(
                    [gap / told[b].ratio.log_standard_error for gap, b in zip(ratios, others, strict=True)]
                )
    return {name: {key: np.array(rows) for key, rows in own.items()} for name, own in found.items()}


def test_differences_and_ratios_are_given_back_with_honest_errors(repeats) -> None:
    gaps = np.concatenate([own["gap"] for own in repeats.values()], axis=1)
    errors = np.concatenate([own["error"] for own in repeats.values()], axis=1)
    of_mean = np.sqrt((errors**2).mean(axis=0) / REPEATS)
    assert np.abs(gaps.mean(axis=0) / of_mean).max() < 3.5
    for z in (gaps / errors, np.concatenate([own["ratio_z"] for own in repeats.values()], axis=1)):
        assert 0.91 < (np.abs(z) < 1.96).mean() < 0.985
    assert 0.85 < gaps.std(axis=0).mean() / errors.mean() < 1.15


def test_plain_means_are_wrong_in_every_symptom(repeats) -> None:
    for own in repeats.values():
        assert own["naive"].mean(axis=0)[0] > 0.08 > 4 * np.abs(own["gap"].mean(axis=0)[0])


def test_prompted_draws_bring_symptoms_to_the_low_bands(repeats) -> None:
    assert repeats["fatigue"]["prompted"].mean(axis=0)[1] > 0.05


@pytest.fixture(scope="module")
def one() -> tuple:
    made = world(6000, 1, draws_each=2)
    with threadpool_limits(1):
        frame = symptom_frame(made.inputs, STUDY, MEN)
        return frame, prepare(frame)


def test_both_tails_are_found_where_they_are_and_nowhere_else(one) -> None:
    frame, ready = one
    with threadpool_limits(1):
        found = {name: along(ready, frame.outcome(name)) for name in EFFECT}
    shapes = {name: each.lines.shape for name, each in found.items()}
    assert shapes == {"low_libido": "none", "irritability": "u", "fatigue": "none"}
    assert 18 < 2 ** found["irritability"].lines.place < 35
    assert found["low_libido"].slope < 0 and found["low_libido"].p_value < 1e-6
    # A U has no slope that a line could find.
    assert found["irritability"].p_value > 0.01 and found["irritability"].nonlinearity.p_value < 1e-6
    assert found["fatigue"].joint.p_value > 0.01


def test_the_curve_passes_through_its_reference(one) -> None:
    frame, ready = one
    with threadpool_limits(1):
        curve = along(ready, frame.outcome("irritability"))
    at = int(np.argmin(np.abs(curve.exposure - curve.reference)))
    assert abs(curve.difference[at]) < 1e-9 and abs(curve.high[at] - curve.low[at]) < 1e-9
    assert curve.difference[0] > 0.03 and curve.difference[-1] > 0.03
    assert np.all(np.diff(curve.exposure) > 0)


def test_errors_count_persons() -> None:
    """Every draw of a person told twice: the errors of bands stay, those of rows as people would shrink."""
    made = world(1500, 5)
    with threadpool_limits(1):
        frame = symptom_frame(made.inputs, STUDY, MEN)
        once = estimate(prepare(frame), frame.outcome("irritability"))[0].difference
        rows = {
            name: lazy.with_columns(trial_number=pl.col("trial_number") + 1)
            for name, lazy in made.inputs.items()
            if name in ("cohort.trial_person", "features.covariate")
        }
        doubled = made.inputs | {name: pl.concat([made.inputs[name], lazy]) for name, lazy in rows.items()}
        twice_frame = symptom_frame(doubled, STUDY, MEN)
        twice = estimate(prepare(twice_frame), twice_frame.outcome("irritability"))[0].difference
    assert np.isclose(twice.estimate, once.estimate, atol=2e-3)
    assert np.isclose(twice.standard_error, once.standard_error, rtol=0.03)
    assert (twice.n_target, twice.n_comparator) == (once.n_target, once.n_comparator)
