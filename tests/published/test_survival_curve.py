"""Curves against R survival: its own data sets, and made rows with late entry, weights and persons. Oracle: survival.R."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.arm_risk import risk_contrasts
from pipelines.models.inference import clustered_standard_error
from pipelines.models.survival_curve import FollowUp, curve_point, fit_curve, follow_up

ORACLES = Path(__file__).with_name("oracles")
EXPECTED = json.loads((ORACLES / "survival.json").read_text())["curve"]


def columns(frame: pl.DataFrame, *names: str) -> list[np.ndarray]:
    return [frame[name].cast(pl.Float64).to_numpy() for name in names]


def told(rows: FollowUp, quantity, at, cause=1, person=None) -> tuple[list[float], list[float]]:
    curve = fit_curve(rows)
    points = [curve_point(rows, curve, quantity, moment, cause) for moment in at]
    errors = [clustered_standard_error(p.influence * p.influence.size, person) for p in points]
    return [p.value for p in points], errors


def same(ours, theirs) -> None:
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_lung(published) -> None:
    """S(365) = 0.4092 (0.0358), median 310 days: the numbers of every introduction to the package."""
    time, status = columns(pl.read_csv(published / "lung.csv", null_values="NA"), "time", "status")
    rows = follow_up(time, status - 1)
    values, errors = told(rows, "survival", (100, 365, 730))
    same([*values, *errors], EXPECTED["lung"]["survival"] + EXPECTED["lung"]["se"])
    assert (round(values[1], 4), round(errors[1], 4)) == (0.4092, 0.0358)
    curve = fit_curve(rows)
    assert curve.times[np.argmax(curve.survival <= 0.5)] == EXPECTED["lung"]["median"] == 310
    mean, error = told(rows, "time_lived", [365.25])
    same([*mean, *error], [EXPECTED["lung"]["rmean"], EXPECTED["lung"]["se(rmean)"]])


def test_veteran_by_arm(published) -> None:
    frame = pl.read_csv(published / "veteran.csv")
    time, status, arm = columns(frame, "time", "status", "trt")
    at = (30, 90, 180, 365)
    for number in (1, 2):
        values, errors = told(follow_up(time[arm == number], status[arm == number]), "survival", at)
        same([*values, *errors], EXPECTED[f"veteran_{number}"]["survival"] + EXPECTED[f"veteran_{number}"]["se"])
    contrasts = risk_contrasts(follow_up(time, status), arm == 2, at)
    one, two = EXPECTED["veteran_1"], EXPECTED["veteran_2"]
    same([c.difference.estimate for c in contrasts], np.subtract(one["survival"], two["survival"]))
    same([c.difference.standard_error for c in contrasts], np.hypot(one["se"], two["se"]))


def test_heart_with_a_person_in_two_rows(published) -> None:
    frame = pl.read_csv(published / "heart.csv")
    start, stop, event, person = columns(frame, "start", "stop", "event", "id")
    values, errors = told(follow_up(stop, event, start), "survival", (30, 90, 365, 730), person=person)
    same([*values, *errors], EXPECTED["heart"]["survival"] + EXPECTED["heart"]["se"])


def same_states(rows: FollowUp, at, expected, person=None) -> None:
    for place, (quantity, cause) in enumerate([("survival", 1), ("risk", 1), ("risk", 2)]):
        values, errors = told(rows, quantity, at, cause, person)
        same(values, [row[place] for row in expected["pstate"]])
        same(errors, [row[place] for row in expected["se"]])


def test_pbc_transplant_and_death_compete(published) -> None:
    time, status = columns(pl.read_csv(published / "pbc.csv", null_values="NA"), "time", "status")
    same_states(follow_up(time, status), (365, 1826, 3652), EXPECTED["pbc"])


@pytest.mark.parametrize("is_man", [0, 1])
def test_mgus_progression_and_death_compete(is_man) -> None:
    """Women at 120 months: 0.073886 with a plasma cell malignancy, 0.480490 dead without (no jitter of ties)."""
    months, event = columns(pl.read_csv(ORACLES / "mgus2.csv").filter(is_man=is_man), "months", "event")
    rows = follow_up(months, event)
    same_states(rows, (60, 120, 240), EXPECTED["mgus2_M" if is_man else "mgus2_F"])
    if not is_man:
        found = [told(rows, "risk", [120], cause)[0][0] for cause in (1, 2)]
        assert found == pytest.approx([0.073886, 0.480490], abs=5e-7)


@pytest.mark.parametrize("name", ["small", "middle", "strata"])
def test_late_entry_weights_and_persons(name) -> None:
    frame = pl.read_csv(ORACLES / "survival_input.csv").filter(set=name)
    stop, event, start, weight, person = columns(frame, "stop", "event", "start", "weight", "person")
    at = (6, 12, 20)
    values, errors = told(follow_up(stop, event, start, weight), "survival", at, person=person)
    same([*values, *errors], EXPECTED[name]["km"]["survival"] + EXPECTED[name]["km"]["se"])
    # Competing curves of R know one weight a person.
    own = frame.select(pl.col("weight").first().over("person"))["weight"].to_numpy()
    same_states(follow_up(stop, event, start, own), at, EXPECTED[name]["aj"], person)
