"""Frozen run from files to risks: an inhibitor that does nothing to the heart is told from tamoxifen that protects it."""

import json
import math
import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOUND = json.loads((HERE / "event_gate.json").read_text())
AGAINST_NONE = "aromatase_inhibitor vs none, 60 months, cohort surgery"
TAMOXIFEN_AGAINST_NONE = "tamoxifen vs none, 60 months, cohort surgery"
CLONED_AGAINST_TAMOXIFEN = "aromatase_inhibitor vs tamoxifen, 60 months, cohort surgery"
AGAINST_TAMOXIFEN = "aromatase_inhibitor vs tamoxifen, 60 months, cohort active_comparator"


def ratios() -> list[dict]:
    return [row for row in FOUND["estimates"] if row["estimator"] == "log_risk_ratio"]


def ratio(contrast: str, outcome: str) -> dict:
    (row,) = [each for each in ratios() if (each["contrast"], each["outcome"]) == (contrast, outcome)]
    return row


def true_log_ratio(row: dict) -> float:
    return math.log(FOUND["truth"][row["contrast"].split(",")[0]][row["outcome"]]["risk_ratio"]["value"])


def test_the_file_is_of_the_world_that_the_script_makes() -> None:
    script = runpy.run_path(str(HERE / "event_gate.py"))
    assert FOUND["world"] == script["WORLD"] and FOUND["persons"] == script["PERSONS"] == 30_000
    assert FOUND["seed"] == script["SEED"] and FOUND["truth_persons"] == script["TRUTH_PERSONS"]


def test_which_comparator_decides_what_is_seen() -> None:
    null = ratio(AGAINST_NONE, "heart_failure")
    assert null["ci_low"] < 0 < null["ci_high"] and null["calibrated_ci_low"] < 0 < null["calibrated_ci_high"]
    assert abs(true_log_ratio(null)) < 0.03
    for contrast in (AGAINST_TAMOXIFEN, CLONED_AGAINST_TAMOXIFEN):
        harm = ratio(contrast, "heart_failure")
        assert harm["ci_low"] > 0 and harm["calibrated_ci_low"] > 0 and true_log_ratio(harm) > 0.3
    help_ = ratio(TAMOXIFEN_AGAINST_NONE, "heart_failure")
    assert help_["ci_high"] < 0 and true_log_ratio(help_) < -0.3


def test_every_gate_is_open() -> None:
    assert {row["gate_status"] for row in FOUND["estimates"]} == {"open"} and len(ratios()) == 16


def test_the_positive_control_is_seen() -> None:
    assert ratio(AGAINST_TAMOXIFEN, "venous_thromboembolism")["ci_high"] < 0


@pytest.mark.parametrize("row", ratios(), ids=lambda row: f"{row['contrast'].split(',')[0]}: {row['outcome']}")
def test_calibrated_intervals_hold_the_truth(row) -> None:
    assert row["calibrated_ci_low"] <= true_log_ratio(row) <= row["calibrated_ci_high"]


def test_calibration_moves_the_estimates_with_an_effect_towards_the_truth() -> None:
    """Frailty, which no record holds, raises events under the inhibitor: controls tell, and the bias is taken off."""
    for outcome in ("heart_failure", "venous_thromboembolism"):
        row = ratio(AGAINST_TAMOXIFEN, outcome)
        truth = true_log_ratio(row)
        assert abs(row["calibrated_estimate"] - truth) < abs(row["estimate"] - truth)


def test_controls_are_covered_once_each_is_calibrated_by_the_others() -> None:
    told = {row["contrast"]: row for row in FOUND["controls"]}
    assert all(row["controls"] >= 30 for row in told.values())
    # Of 40 controls 35 to 40 are covered by 95 % intervals, but for 5 % of chance.
    assert all(row["covered_left_out"] >= 35 / 40 for row in told.values())
    assert told[AGAINST_TAMOXIFEN]["covered"] < told[AGAINST_TAMOXIFEN]["covered_left_out"]
    assert told[AGAINST_TAMOXIFEN]["mean"] > 0.1
